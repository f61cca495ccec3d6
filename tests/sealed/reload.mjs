// The head and pages that are being sent are stored in IndexedDB: a reload while the server lies changes neither the alarm nor the data.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { launchBrowser } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";
import { BREAK } from "../sync/proxy.mjs";
import { assertAlarm, assertHeals, assertRepairs, assertTogether } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { change, flip, hide, pageId } from "./lies.mjs";
import { PageDevice } from "./pages.mjs";

let browser;
let context;
let site;
/** As `withJournal`, but `here` is in a page of a browser. */
async function inPage(t) {
  const scene = await withJournal(t, [1, 2, 3]);
  const { proxy, server, key, here: other } = scene;
  scene.here = await PageDevice.open(context, site.url, { remote: proxy.url, headers: server.headers, key, dbName: randomUUID() });
  t.after(() => scene.here.page.close());
  await scene.here.sync();
  return { ...scene, others: [other] };
}

describe("across a reload", SIDE_BY_SIDE, () => {
  before(async () => {
    site = await serveDemo({ www: new URL("../sync/page", import.meta.url).pathname });
    browser = await launchBrowser();
    context = await browser.newContext();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });

  test("an alarm stays an alarm, and heals when the lie ends", async (t) => {
    const scene = await inPage(t);
    await scene.there.publish(4, 5);
    await scene.here.edit(1, "Mine was the better half.");
    change(scene.proxy, pageId(4), ({ ct }) => ({ ct: flip(ct, 60) }));
    await assertAlarm(scene, "tampered", { position: 4 });
    scene.here = await scene.here.reload();
    await assertAlarm(scene, "tampered", { position: 4 });
    await assertHeals(scene);
  });

  test("the head is remembered: an earlier state is a rollback to the next page that is opened", async (t) => {
    const scene = await inPage(t);
    const { position, hash } = await scene.here.head();
    await scene.here.create(entry(4));
    scene.here = await scene.here.reload();
    hide(scene.proxy, pageId(position));
    await assertAlarm(scene, "rollback", { position, expected: hash });
    await assertHeals(scene);
  });

  test("a journal that is gone is repaired by a page that has just been opened", async (t) => {
    const scene = await inPage(t);
    await scene.here.create(entry(4));
    await scene.server.removeRecords();
    await assertAlarm(scene, "rollback");
    scene.here = await scene.here.reload();
    const late = [scene.there, ...scene.others].map((device) => [device, ["fork", "rollback"]]);
    await assertRepairs(scene, { alarms: [[scene.here, ["rollback"]], ...late], expected: [1, 2, 3, 4].map((id) => `cake-${id}`) });
  });

  test("a page that was appended, and whose answer never came, is one's own", async (t) => {
    const scene = await inPage(t);
    await scene.here.create(entry(4));
    // Each attempt is broken off, because Chromium itself repeats a request whose connection breaks.
    scene.proxy.rule("PUT ", async (_, pass) => (await pass(), BREAK));
    assert.equal((await scene.here.failure()).code, "network");
    scene.proxy.behave();
    scene.here = await scene.here.reload();
    await scene.here.edit(4, "It was cake number four.");
    const { conflicts, published } = await scene.here.sync();
    assert.deepEqual([conflicts, published.map(({ id }) => id)], [[], ["cake-4"]]);
    await assertTogether(scene);
    assert.equal((await scene.there.record("cake-4")).confession, "It was cake number four.");
  });
});
