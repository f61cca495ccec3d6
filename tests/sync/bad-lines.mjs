// A connection that breaks after each page of a listing: each page that was received must bring the next attempt further.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BREAK } from "../evil/proxy.mjs";
import { withHeaders } from "../evil/lie.mjs";
import { lists, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";

const PAGE = Number(process.env.KINTO_PAGE_SIZE);
const PAGES = 4;
const all = Array.from({ length: PAGES * PAGE }, (_, n) => `r${100 + n}`);
const ids = (records) => records.map(({ id }) => id).sort();

/**
 * Lets `most` pages of a listing pass and then breaks each connection, until the returned function is called. `names` are headers to remove from
 * the answers.
 */
function dropAfterEachPage(proxy, { most = 1, names = [] } = {}) {
  let passed = 0;
  proxy.rule("GET /records", async (request, pass) => {
    if ((passed += 1) > most) return BREAK;
    return withHeaders(await pass(), Object.fromEntries(names.map((name) => [name, undefined])));
  });
  return () => (passed = 0);
}

/** Repeats a sync until it completes. Returns how many attempts were broken off before, and the result. */
async function tries(device, next, options) {
  for (let cut = 0; ; cut += 1) {
    next();
    const result = await device.sync(options).catch((error) => error);
    if (!(result instanceof Error)) return [cut, result];
    assert.equal(result.code, "network");
    assert.ok(cut < 4 * PAGES, "each try has to move the next one forward");
  }
}

describe("over a line that drops after each page", SIDE_BY_SIDE, () => {
  test("what was written in one burst comes page by page, and the late seconds are read again after it", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(all);
    const next = dropAfterEachPage(proxy);
    const [cut, first] = await tries(here, next);
    // Each attempt begins its listing at the newest version seen, and so makes progress by a page.
    assert.deepEqual([cut <= PAGES, first.ok, ids(await here.records())], [true, true, all]);
    assert.ok((await tries(here, next))[0] <= PAGES);
    const since = proxy.take("GET /records").map(({ query }) => Number(query.get("_since") ?? 0));
    assert.ok(since.some((at) => at > 0 && at < Date.now() - 8000));
  });

  // If no header shows that a list has ended, the device needs one more page to notice it.
  for (const [names, most] of [[["next-page"], 1], [["next-page", "etag"], 2]]) {
    test(`also where ${names.join(" and ")} cannot be seen`, async (t) => {
      const { here, server, proxy } = await stage(t);
      await server.putAll(all);
      const [, result] = await tries(here, dropAfterEachPage(proxy, { most, names }));
      assert.deepEqual([result.ok, ids(await here.records())], [true, all]);
    });
  }

  test("a conflict on the first page is told, and keeps nothing else from coming or being sent", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(all);
    await here.create({ id: all[0], title: "mine" });
    await here.create({ id: "new", title: "new" });
    const [, result] = await tries(here, dropAfterEachPage(proxy));
    assert.deepEqual([result.conflicts.map(({ local }) => local.id), ids(result.published)], [[all[0]], ["new"]]);
    assert.deepEqual(ids(await here.records()), [...all, "new"].sort());
    proxy.behave();
    assert.equal((await here.sync()).conflicts.length, 1);
    assert.equal((await server.record(all[0])).title, all[0]);
  });

  test("what this device wrote in a burst is passed page by page too", async (t) => {
    const { here, there, server, proxy } = await stage(t);
    await here.createAll(all);
    const next = dropAfterEachPage(proxy);
    await tries(here, next);
    await there.sync();
    await server.put("theirs", { title: "theirs" });
    const [, result] = await tries(here, next);
    assert.deepEqual([ids(result.created), ids(await server.records()), ids(await there.records())], [["theirs"], [...all, "theirs"].sort(), all]);
  });

  test("records that are here already, from a dump, are compared page by page", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(all);
    await here.call("importBulk", await server.records());
    await server.put("new", { title: "new" });
    await server.remove(all[3]);
    const [, result] = await tries(here, dropAfterEachPage(proxy));
    assert.deepEqual([result.ok, ids(await here.records())], [true, ids(await server.records())]);
  });

  test("an encrypted collection comes page by page", async (t) => {
    const collectionOptions = { key: await pages.phone.evaluate(() => makeKey()) };
    const { here, there, proxy } = await stage(t, { collectionOptions });
    const some = all.slice(0, 3 * PAGE);
    for (const id of some) {
      await there.create({ id, title: id });
      await there.sync();
    }
    const [, result] = await tries(here, dropAfterEachPage(proxy));
    assert.deepEqual([result.ok, ids(await here.records())], [true, some]);
    proxy.behave();
    assert.deepEqual(lists(await here.sync()), {});
  });
});
