// Encrypted collections in Firefox, with its IndexedDB and its WebAssembly; and the basics of plain collections.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serveDemo } from "../demo/serve.mjs";
import { gzipBomb } from "../evil/lies/bodies.mjs";
import { Device } from "../sync/device.mjs";
import { Proxy } from "../sync/proxy.mjs";
import { Server } from "../sync/server.mjs";
import { assertAlarm, assertHeals, assertRepairs } from "./alarms.mjs";
import { entry, KINTO_URLS } from "./devices.mjs";
import { change, flip, pageId } from "./lies.mjs";
import { PageDevice } from "./pages.mjs";
import { launchFirefox } from "./webdriver.mjs";

let firefox;
let site;
let page;
/** Opens two devices in one page. They share only the account and the key. */
async function stage(t) {
  await page.goto(site.url);
  await page.waitForFunction(() => "handles" in globalThis);
  const key = await page.evaluate(() => makeKey());
  const server = new Server();
  const proxy = await Proxy.start(...KINTO_URLS);
  t.after(() => proxy.close());
  let opened = 0;
  const open = () => PageDevice.in(page, { remote: proxy.url, headers: server.headers, key, dbName: `${server.user} ${++opened}` });
  return { key, server, proxy, here: await open(), there: await open(), another: open };
}

async function withJournal(t) {
  const scene = await stage(t);
  for (const id of [1, 2, 3]) await scene.there.create(entry(id));
  await scene.there.sync();
  await scene.here.sync();
  [scene.server.collection] = await scene.server.collections();
  scene.url = `${scene.proxy.url}/buckets/default/collections/${scene.server.collection}`;
  return scene;
}

describe("in Firefox", () => {
  before(async () => {
    site = await serveDemo({ www: new URL("../sync/page", import.meta.url).pathname });
    firefox = await launchFirefox();
    page = await firefox.open(site.url);
  });
  after(async () => {
    await firefox?.close();
    await site?.close();
  });

  test("a key is made, what is written is synced, and all is there after a reload", async (t) => {
    const { here, there, key } = await stage(t);
    assert.match(key, /^essaim1(-[0-9A-HJKMNP-TV-Z]{1,5})+$/);
    await here.create(entry(1));
    await here.executeUpserts(["cake-2", "cake-3"], { confession: "Both at once." });
    assert.deepEqual((await here.sync()).published.map(({ id }) => id).sort(), ["cake-1", "cake-2", "cake-3"]);
    await there.sync();
    const [head, records] = [await here.head(), await here.records()];
    assert.equal(head.words.length, 4);
    assert.deepEqual([await there.head(), await there.records()], [head, records]);
    const reloaded = await here.reload();
    assert.deepEqual([await reloaded.head(), await reloaded.records()], [head, records]);
    assert.equal((await reloaded.sync()).ok, true);
  });

  test("a conflict is met and resolved", async (t) => {
    const { here, there } = await withJournal(t);
    await there.edit(1, "Theirs.");
    await there.sync();
    await here.edit(1, "Mine.");
    const { conflicts } = await here.sync();
    assert.deepEqual(conflicts.map(({ type, local, remote }) => [type, local.confession, remote.confession]), [["incoming", "Mine.", "Theirs."]]);
    await here.resolve(conflicts[0], { ...conflicts[0].local, confession: "Ours." });
    assert.equal((await here.sync()).ok, true);
    await there.sync();
    assert.equal((await there.record("cake-1")).confession, "Ours.");
    assert.deepEqual((await here.head()).words, (await there.head()).words);
  });

  test("a changed page is an alarm, also after a reload, and over when the truth is told", async (t) => {
    const scene = await withJournal(t);
    await scene.there.create(entry(4));
    await scene.there.sync();
    await scene.here.edit(2, "Mine was the better half.");
    scene.here = await scene.here.reload();
    change(scene.proxy, pageId(2), ({ ct }) => ({ ct: flip(ct, 100) }));
    await assertAlarm(scene, "tampered", { position: 2 });
    scene.here = await scene.here.reload();
    scene.there = await PageDevice.in(page, scene.there.account);
    await assertAlarm(scene, "tampered", { position: 2 });
    await assertHeals(scene);
  });

  test("a journal that is gone is repaired", async (t) => {
    const scene = await withJournal(t);
    const { here, there, server } = scene;
    await here.create(entry(4));
    await there.create(entry(5));
    await server.removeRecords();
    await assertAlarm(scene, "rollback");
    await assertRepairs(scene, { alarms: [[here, ["rollback"]], [there, ["fork", "rollback"]]], expected: [1, 2, 3, 4, 5].map((id) => `cake-${id}`) });
  });

  test("a key with a typing error, and none, are refused", async (t) => {
    const { here, key } = await withJournal(t);
    const wrong = key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");
    await assert.rejects(PageDevice.in(page, { ...here.account, key: wrong }).then((device) => device.records()), { code: "invalid_key" });
    await assert.rejects(PageDevice.in(page, { ...here.account, key: undefined }).then((device) => device.records()), { code: "key_required" });
  });

  test("a small body that unpacks to 330 MB is cut off", async (t) => {
    const { here, proxy } = await withJournal(t);
    for (const [status, limit] of [[500, /1 MiB/], [200, /64 MiB/]]) {
      gzipBomb(proxy, { status, start: '{"data":[' });
      const error = await here.failure();
      assert.deepEqual([error.code, error.data.status], ["bad_response", status]);
      assert.match(error.message, limit);
    }
    proxy.behave();
    assert.equal((await here.sync()).ok, true);
  });

  test("a plain collection is created, synced, found after a reload, and deleted", async (t) => {
    const { server, proxy, here } = await stage(t);
    const options = { remote: proxy.url, headers: server.headers, adapterOptions: { dbName: server.user } };
    let tasks = await Device.open(page, options);
    await tasks.createAll(["a", "b"]);
    await tasks.sync();
    await server.put("c", { title: "c" });
    await tasks.sync();
    await here.reload();
    tasks = await Device.open(page, options);
    assert.deepEqual(await tasks.titles(), ["a", "b", "c"]);
    await tasks.delete("b");
    await tasks.update({ id: "a", title: "A" });
    await tasks.sync();
    assert.deepEqual(await server.titles(), ["A", "c"]);
    assert.deepEqual(await tasks.unsynced(), []);
  });
});
