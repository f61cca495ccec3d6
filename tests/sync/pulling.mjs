// Pulling what is new on the server: page by page, interrupted and resumed, and while others write.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lists, SIDE_BY_SIDE, stage } from "./devices.mjs";
import { BREAK, kintoError } from "./proxy.mjs";

const PAGE = Number(process.env.KINTO_PAGE_SIZE);
assert.ok(PAGE > 1 && PAGE < 10, "These tests want short pages: start Kinto with --page-size 5.");

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();
/** Makes the app send its requests itself: it replaces a function of the client. */
const sentByTheApp = ({ page, number }) => page.evaluate((number) => {
  const { http } = handles[number].kinto.api;
  http.timedFetch = http.timedFetch.bind(http);
}, number);
const named = (count) => Array.from({ length: count }, (_, n) => `r${10 + n}`);

describe("records made in one profile", SIDE_BY_SIDE, () => {
  test("appear in the other, changes and deletions too", async (t) => {
    const { here, there } = await stage(t);
    await there.createAll(["a", "b", "c"]);
    await there.sync();
    assert.deepEqual(lists(await here.sync()), { created: await there.records() });
    assert.deepEqual(await here.records(), await there.records());
    const before = await here.records();
    await there.update({ id: "a", title: "A" });
    await there.delete("b");
    await there.sync();
    assert.deepEqual(lists(await here.sync()), { updated: [{ old: before[0], new: await there.record("a") }], deleted: [before[1]] });
    assert.deepEqual(await here.records(), await there.records());
  });

  test("cross each other without a conflict", async (t) => {
    const { here, there, server } = await stage(t);
    await here.createAll(["a"]);
    await there.createAll(["b"]);
    for (const device of [there, here, there]) assert.equal((await device.sync()).ok, true);
    assert.deepEqual([await here.titles(), await there.titles(), await server.titles()], [["a", "b"], ["a", "b"], ["a", "b"]]);
  });

  test("hold what JSON can hold", async (t) => {
    const { here, there } = await stage(t);
    const record = { id: "r", text: "é😀\u2028\\\"\n", list: [1, -0.1, 1e21, 0.1 + 0.2, null, true, [], {}], nested: { "a.b": { "": 1 } }, long: "x".repeat(10_000) };
    await here.create(record);
    await here.sync();
    await there.sync();
    const { last_modified, _status, ...pulled } = await there.record("r");
    assert.deepEqual([pulled, _status], [record, "synced"]);
  });
});

describe("a listing of several pages", SIDE_BY_SIDE, () => {
  test("is read to its end, and its tombstones too", async (t) => {
    const { here, server, proxy } = await stage(t);
    const all = named(3 * PAGE + 1);
    await server.putAll(all);
    assert.deepEqual(ids((await here.sync()).created), all);
    assert.ok(proxy.take("GET /records").length >= 4);
    for (const id of all) await server.remove(id);
    assert.deepEqual([ids((await here.sync()).deleted), await here.records()], [all, []]);
  });

  for (const network of ["the network", "the server"]) {
    test(`that ${network} cuts after the first page resumes with what it had`, async (t) => {
      const { here, server, proxy } = await stage(t);
      const all = named(3 * PAGE);
      await server.putAll(all);
      const isLater = (url) => url.includes("_token=") || url.includes("_before=");
      const cut = (route) => (isLater(route.request().url()) ? route.abort("internetdisconnected") : route.continue());
      if (network === "the network") await here.page.route(`${proxy.origin}/**`, cut);
      else proxy.rule("GET /records", (request, pass) => (isLater(request.url) ? BREAK : pass()));
      const error = await here.failure();
      assert.equal(error.code, "network");
      assert.match(error.message, /sync again when online/);
      const had = await here.records();
      assert.deepEqual([had.length, had.every((record) => record._status === "synced")], [PAGE, true]);
      await here.page.unroute(`${proxy.origin}/**`, cut);
      proxy.behave();
      proxy.requests = [];
      const result = await here.sync();
      const left = all.filter((id) => !ids(had).includes(id));
      assert.deepEqual([ids(result.created), ids(await here.records()), result.errors], [left, all, []]);
      const [first] = proxy.take("GET /records");
      assert.ok(Number(first.query.get("_since").replaceAll('"', "")) > 0, first.url);
      assert.deepEqual(lists(await here.sync()), {});
    });
  }

  for (const [how, prepare] of [["", async () => {}], [", sent by the app too", sentByTheApp]]) {
    test(`shows a record that was written between two of its pages${how}`, async (t) => {
      const { here, server, proxy } = await stage(t);
      await server.putAll(named(2 * PAGE));
      await prepare(here);
      let pulled = 0;
      proxy.rule("GET /records", async (request, pass) => {
        pulled += 1;
        if (pulled === 2) await server.put("between", { title: "between" });
        return pass();
      });
      await here.sync();
      await here.sync();
      assert.deepEqual([(await here.records()).length, (await here.record("between"))?.title], [2 * PAGE + 1, "between"]);
    });

    test(`shows a deletion that was made between two of its pages${how}`, async (t) => {
      const { here, server, proxy } = await stage(t);
      const all = named(2 * PAGE);
      await server.putAll(all);
      await prepare(here);
      let pulled = 0;
      proxy.rule("GET /records", async (request, pass) => {
        pulled += 1;
        if (pulled === 2) await server.remove(all[0]);
        return pass();
      });
      await here.sync();
      await here.sync();
      assert.deepEqual(ids(await here.records()), all.slice(1));
    });
  }

  test("goes on after a record whose time was forced more than a day ahead", async (t) => {
    const { here, there, server } = await stage(t);
    const ahead = Date.now() + 3 * 24 * 3600 * 1000;
    await server.put("ahead", { title: "ahead" }, { lastModified: ahead });
    await here.sync();
    await server.put("after", { title: "after" });
    assert.deepEqual(lists(await here.sync()), { created: [synced(await server.record("after"))] });
    await here.update({ id: "ahead", title: "edited" });
    assert.deepEqual(ids((await here.sync()).published), ["ahead"]);
    await there.sync();
    await server.remove("after");
    for (const device of [here, there]) {
      assert.deepEqual(ids((await device.sync()).deleted), ["after"]);
      assert.deepEqual(lists(await device.sync()), {});
      assert.deepEqual(await device.records(), (await server.records()).map(synced));
    }
  });

  test("goes on after such a record where the app sends the requests itself", async (t) => {
    const { here, server } = await stage(t);
    await here.page.evaluate((number) => {
      const { http } = handles[number].kinto.api;
      http.timedFetch = http.timedFetch.bind(http);
    }, here.number);
    const all = [...named(PAGE + 1), "s-ahead"];
    await server.putAll(named(PAGE + 1));
    await server.put("s-ahead", { title: "ahead" }, { lastModified: Date.now() + 3 * 24 * 3600 * 1000 });
    await here.sync();
    for (const id of ["t-after", "u-later"]) {
      await server.put(id, { title: id });
      await here.create({ id: `${id}-mine`, title: "mine" });
      const result = await here.sync();
      assert.deepEqual([result.ok, ids(result.created), ids(result.published)], [true, [id], [`${id}-mine`]]);
      all.push(id, `${id}-mine`);
      assert.deepEqual([ids(await here.records()), await here.unsynced()], [all, []]);
    }
  });

  test("begins anew where the server does not take the time it had reached", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(named(2 * PAGE));
    await here.sync();
    await server.put("new", { title: "new" });
    const since = ({ query }) => Number((query.get("_since") ?? "0").replaceAll('"', ""));
    proxy.rule("GET /records", (request, pass) => (since(request) > 0 ? kintoError(400, 107, "_since should be at most a day ahead") : pass()));
    assert.deepEqual(ids((await here.sync()).created), ["new"]);
    await here.create({ id: "mine", title: "mine" });
    assert.deepEqual(ids((await here.sync()).published), ["mine"]);
  });

  test("and a push of several batches fit in one sync, and the next one is idle", async (t) => {
    const { here, server } = await stage(t);
    await server.putAll(named(2 * PAGE));
    const mine = Array.from({ length: 9 }, (_, n) => `s${n}`);
    await here.createAll(mine);
    const result = await here.sync();
    assert.deepEqual([result.created.length, ids(result.published), result.ok], [2 * PAGE, mine, true]);
    assert.deepEqual(lists(await here.sync()), {});
    assert.deepEqual(await here.records(), (await server.records()).map(synced));
  });

  test("a conflict on its first page holds nothing else back", async (t) => {
    const { here, server } = await stage(t);
    await server.put("r00", { title: "theirs" });
    await server.putAll(named(2 * PAGE));
    await here.create({ id: "r00", title: "mine" });
    await here.create({ id: "new", title: "new" });
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.conflicts.map(({ local }) => local)), result.created.length, ids(result.published)], [false, ["r00"], 2 * PAGE, ["new"]]);
    await server.put("late", { title: "late" });
    const next = await here.sync();
    assert.deepEqual([next.conflicts.length, ids(next.created)], [1, ["late"]]);
    await here.resolve(next.conflicts[0], next.conflicts[0].remote);
    const last = await here.sync();
    assert.deepEqual([last.ok, await here.records()], [true, (await server.records()).map(synced)]);
  });
});

describe("beside edits here", SIDE_BY_SIDE, () => {
  test("an edit made during the pull is met as a conflict, not overwritten", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.put("r", { title: "original" });
    await here.sync();
    await server.put("r", { title: "theirs" });
    proxy.rule("GET /records", async (request, pass) => {
      const given = await pass();
      await here.update({ id: "r", title: "mine" });
      return given;
    }, { times: 1 });
    const { conflicts } = await here.sync();
    assert.deepEqual(conflicts.map(({ local, remote }) => [local.title, remote.title]), [["mine", "theirs"]]);
    assert.equal((await here.record("r")).title, "mine");
  });

  test("clear() forgets the timestamp too: the next sync fetches everything again", async (t) => {
    const { here, server } = await stage(t);
    await server.putAll(["a", "b"]);
    await here.sync();
    await here.call("clear");
    assert.deepEqual([ids((await here.sync()).created), ids(await here.records())], [["a", "b"], ["a", "b"]]);
  });

  test("after importBulk the next sync brings the rest", async (t) => {
    const { here, server } = await stage(t);
    await server.putAll(["a", "b"]);
    await here.call("importBulk", [await server.record("a")]);
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.created), await here.records()], [true, ["b"], (await server.records()).map(synced)]);
  });
});

// Each sync lists the last seconds before the newest change again, as long as a change with an earlier timestamp may still become visible.
describe("what is listed again", SIDE_BY_SIDE, () => {
  for (const strategy of ["manual", "server_wins", "client_wins", "pull_only"]) {
    test(`an old deletion is none of a record that was made since (${strategy})`, async (t) => {
      const { here, server } = await stage(t);
      await server.putAll(["other", "theme"]);
      await server.remove("theme");
      await here.sync();
      await here.create({ id: "theme", title: "light" });
      const result = await here.sync({ strategy });
      const published = strategy === "pull_only" ? [] : ["theme"];
      assert.deepEqual([Object.keys(lists(result)), ids(result.published)], [published.length ? ["published"] : [], published]);
      assert.deepEqual([await here.titles(), (await server.record("theme"))?.title], [["other", "light"], published.length ? "light" : undefined]);
    });
  }

  test("a record that was removed on this device alone stays away, until it changes on the server", async (t) => {
    const { here, server } = await stage(t);
    await server.putAll(["a", "b", "c"]);
    await here.sync();
    await here.call("delete", "a", { virtual: false });
    await here.call("delete", "c", { virtual: false });
    for (let times = 0; times < 3; times += 1) {
      assert.deepEqual([lists(await here.sync()), await here.titles()], [{}, ["b"]]);
    }
    await server.put("c", { title: "news" });
    assert.deepEqual([ids((await here.sync()).created), await here.titles()], [["c"], ["b", "news"]]);
    await here.call("resetSyncStatus");
    await here.sync({ strategy: "server_wins" });
    assert.deepEqual(await here.titles(), ["a", "b", "news"]);
  });

  test("an edit is not overwritten by the version that it was made from", async (t) => {
    const { here, server } = await stage(t);
    await server.putAll(["a", "b"]);
    await here.sync();
    await here.update({ id: "a", title: "edited" });
    assert.deepEqual([lists(await here.sync({ strategy: "pull_only" })), await here.titles()], [{}, ["edited", "b"]]);
  });

  test("what a user decided stays, as long as the server has nothing newer", async (t) => {
    const { here, server } = await stage(t);
    await server.put("a", { title: "original" });
    await here.sync();
    await here.update({ id: "a", title: "mine" });
    await server.put("a", { title: "theirs" });
    const { conflicts: [conflict] } = await here.sync();
    await here.resolve(conflict, conflict.local);
    assert.deepEqual([lists(await here.sync({ strategy: "pull_only" })), await here.titles()], [{}, ["mine"]]);
    const newer = await server.put("a", { title: "newer" });
    await here.sync({ strategy: "pull_only" });
    assert.deepEqual(await here.records(), [synced(newer)]);
  });
});
