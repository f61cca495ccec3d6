// Servers that were emptied, restored or created again, and two servers for one collection.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { rewrite, withHeaders } from "../evil/lie.mjs";
import { Device, lists, pages, stage } from "./devices.mjs";
import { Proxy } from "./proxy.mjs";
import { startKinto } from "./second-kinto.mjs";
import { Server } from "./server.mjs";

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();

let second;

/** As `stage`, but with the second Kinto server. */
async function elsewhere(t) {
  const server = new Server({ root: second.url });
  const proxy = await Proxy.start(second.url);
  t.after(() => proxy.close());
  const options = { headers: server.headers, adapterOptions: { dbName: server.user }, remote: proxy.url };
  return { server, proxy, here: await Device.open(pages.phone, options), there: await Device.open(pages.laptop, options) };
}

/** Asserts that repair() uploads everything that is here, and downloads what is new on the server, so that both have the records `expected` (ids). */
async function assertRecovers({ here, server }, expected) {
  assert.equal((await here.call("repair")).ok, true);
  assert.deepEqual([ids(await here.records()), ids(await server.records()), await here.unsynced()], [expected, expected, []]);
  assert.deepEqual(await here.records(), (await server.records()).map(synced));
}

const TOLD = {
  flushed: /^Server has been flushed\. Client Side Timestamp: (\d+) Server Side Timestamp: (\d+)\..*repair\(\)/,
  restored: /^Server has been restored to an older state\. Client Side Timestamp: (\d+) Server Side Timestamp: (\d+)\..*repair\(\)/,
  another: /^This server, or this account on it, has none of the records.*repair\(\).*another user/,
};

/** Asserts that the sync fails with the same error as in Kinto.js, and that no local record is lost. */
async function assertNoticed({ here }, found = "flushed") {
  const before = await here.records();
  const error = await here.failure();
  assert.deepEqual([error.name, error.code], ["ServerWasFlushedError", "server_flushed"]);
  const { clientTimestamp, serverTimestamp } = error.data;
  assert.equal(error.data.found, found);
  assert.match(error.message, TOLD[found]);
  assert.ok(clientTimestamp > 0 && Number.isInteger(serverTimestamp));
  const known = new Set(ids(before));
  assert.deepEqual((await here.records()).filter(({ id }) => known.has(id)), before);
}

// These tests run one after the other, because a flush empties the server for all tests.
describe("with a second Kinto", () => {
  before(async () => (second = await startKinto()));
  after(() => second.stop());

  describe("a server that lost its data", () => {
    test("flushed and empty, it is noticed, and gets everything again", async (t) => {
      const scene = await elsewhere(t);
      const { here, server } = scene;
      await here.createAll(["a", "b", "c"]);
      await here.sync();
      await server.flush();
      await assertNoticed(scene);
      await assertRecovers(scene, ["a", "b", "c"]);
    });

    test("flushed and already used again, it is noticed", async (t) => {
      const scene = await elsewhere(t);
      const { here, server } = scene;
      await here.createAll(["a", "b"]);
      await here.sync();
      await server.flush();
      await server.put("new", { title: "new" });
      await assertNoticed(scene);
      await assertRecovers(scene, ["a", "b", "new"]);
    });

    test("restored from a backup, it is noticed, whatever it has forgotten", async (t) => {
      const scene = await elsewhere(t);
      const { here, server } = scene;
      await here.createAll(["a", "b"]);
      await here.sync();
      const backup = await server.records();
      await here.create({ id: "c", title: "c" });
      await here.update({ id: "a", title: "A" });
      await here.sync();
      await server.flush();
      for (const { last_modified, ...record } of backup) await server.put(record.id, record, { lastModified: last_modified });
      await assertNoticed(scene, "restored");
      const result = await here.call("repair");
      assert.deepEqual([result.ok, ids(await server.records()), (await server.record("a")).title], [true, ["a", "b", "c"], "A"]);
      assert.deepEqual([lists(await here.sync()), await here.titles()], [{}, ["A", "b", "c"]]);
    });

    test("a backup in a new collection: what it does not have is no deletion, whoever looks", async (t) => {
      const { here, there, server } = await elsewhere(t);
      await here.createAll(["a", "b", "c", "d"]);
      for (const device of [here, there]) await device.sync();
      await server.restore((await server.records()).slice(0, 2));
      for (const device of [here, there]) {
        const { conflicts } = await device.sync();
        assert.deepEqual(conflicts.map(({ local, remote }) => [local.id, remote]), device === here ? [["c", null], ["d", null]] : []);
        for (const conflict of conflicts) await device.resolve(conflict, conflict.local);
        assert.equal((await device.sync()).ok, true);
      }
      for (const device of [here, there, server]) assert.deepEqual(await device.titles(), ["a", "b", "c", "d"]);
    });

    for (const kept of [0, 2]) {
      test(`a backup of ${kept} records, which were edited since, and of the collection itself: repair() uploads all that is missing`, async (t) => {
        const { here, there, server, proxy } = await elsewhere(t);
        const metadata = await server.makeCollection();
        await here.createAll(["a", "b"].slice(0, kept));
        await here.sync();
        const backup = await server.records();
        await here.createAll(["a", "b", "c", "d"].slice(kept));
        for (const { id } of backup) await here.update({ id, title: id.toUpperCase() });
        for (const device of [here, there]) await device.sync();
        await here.create({ id: "mine", title: "mine" });
        await server.flush();
        await server.makeCollection(metadata);
        for (const { last_modified, ...record } of backup) await server.put(record.id, record, { lastModified: last_modified });
        // Kinto gives a collection that is created now the present time as its timestamp. A collection restored from a backup has the timestamp of
        // the backup, until something is written.
        const timestamp = `"${Math.max(metadata.last_modified, ...backup.map(({ last_modified }) => last_modified))}"`;
        rewrite(proxy, "GET /records", (given) => withHeaders(given, { etag: timestamp }));
        proxy.before("POST /batch", () => proxy.behave());
        await assertNoticed({ here }, "restored");
        assert.equal((await here.call("repair")).ok, true);
        const all = [...["A", "B"].slice(0, kept), ...["a", "b", "c", "d"].slice(kept), "mine"];
        for (const device of [here, server]) assert.deepEqual((await device.titles()).sort(), all);
        assert.deepEqual([lists(await here.sync()), await here.unsynced()], [{}, []]);
      });
    }

    test("a collection that was deleted and made again is noticed", async (t) => {
      const scene = await elsewhere(t);
      const { here, server } = scene;
      await here.createAll(["a", "b"]);
      await here.sync();
      await server.removeCollection();
      await server.put("new", { title: "new" });
      await assertNoticed(scene);
      await assertRecovers(scene, ["a", "b", "new"]);
    });

    test("edits that were not sent yet survive it", async (t) => {
      const scene = await elsewhere(t);
      const { here, server } = scene;
      await here.createAll(["a", "b"]);
      await here.sync();
      await here.update({ id: "a", title: "A" });
      await here.create({ id: "c", title: "c" });
      await server.flush();
      await here.delete("b");
      await assertNoticed(scene);
      const result = await here.call("repair");
      assert.deepEqual([result.ok, await server.titles(), await here.titles()], [true, ["A", "c"], ["A", "c"]]);
      assert.deepEqual([lists(await here.sync()), await here.unsynced()], [{}, []]);
    });

    // Apps that were written for Kinto.js call resetSyncStatus() and not repair().
    test("edits that were not sent yet survive resetSyncStatus() too, however conflicts are resolved", async (t) => {
      const scene = await elsewhere(t);
      const { here, there, server } = scene;
      await here.createAll(["a", "b", "c"]);
      for (const device of [here, there]) await device.sync();
      await here.update({ id: "a", title: "A" });
      await here.update({ id: "b", title: "B" });
      await here.delete("c");
      await server.flush();
      await server.put("b", { title: "b" });
      await server.put("c", { title: "c" });
      await assertNoticed(scene);
      await here.call("resetSyncStatus");
      for (let times = 0; times < 2; times += 1) {
        const { conflicts } = await here.sync();
        for (const conflict of conflicts) await here.resolve(conflict, conflict.remote);
      }
      assert.deepEqual([await server.titles(), await here.titles()], [["A", "B"], ["A", "B"]]);
    });

    for (const first of ["here", "there"]) {
      test(`two devices give it everything back, ${first} first, and what was deleted stays deleted`, async (t) => {
        const scene = await elsewhere(t);
        const { here, there, server } = scene;
        await here.createAll(["a", "b", "c"]);
        for (const device of [here, there]) await device.sync();
        await there.create({ id: "d", title: "d" });
        await there.sync();
        await here.update({ id: "a", title: "A" });
        await here.delete("b");
        await here.create({ id: "e", title: "e" });
        await server.flush();
        const order = first === "here" ? [here, there] : [there, here];
        for (const device of order) {
          assert.equal((await device.failure()).data.found, "flushed");
          const { conflicts } = await device.call("repair");
          // A device that did not edit the record cannot tell which of the two versions was made from the other.
          assert.deepEqual(conflicts.map(({ local, remote }) => [local.title, remote.title]), first === "here" && device === there ? [["a", "A"]] : []);
          for (const conflict of conflicts) await device.resolve(conflict, conflict.remote);
        }
        for (const device of [here, there, here]) assert.equal((await device.sync()).ok, true);
        const all = ["A", "c", "d", "e"];
        assert.deepEqual([await server.titles(), await here.titles(), await there.titles()], [all, all, all]);
        assert.deepEqual([await here.unsynced(), await there.unsynced()], [[], []]);
      });
    }

    test("what two devices changed before and after is in conflict, and neither is lost", async (t) => {
      const scene = await elsewhere(t);
      const { here, there, server } = scene;
      await here.createAll(["a", "b", "c", "d"]);
      for (const device of [here, there]) await device.sync();
      // The server acknowledged this edit, but the device that recovers first does not know it.
      await here.update({ id: "b", title: "B" });
      await here.sync();
      await here.update({ id: "a", title: "mine" });
      await server.flush();
      await there.update({ id: "a", title: "theirs" });
      await there.failure();
      await there.call("repair");
      await assertNoticed(scene);
      const { conflicts } = await here.call("repair");
      assert.deepEqual(conflicts.map(({ local, remote }) => [local.title, remote.title]).sort(), [["B", "b"], ["mine", "theirs"]]);
      assert.deepEqual(await here.titles(), ["mine", "B", "c", "d"]);
    });

    test("a collection whose records were all deleted one by one has lost nothing", async (t) => {
      const { here, there } = await elsewhere(t);
      await there.createAll(["a", "b"]);
      await there.sync();
      await here.sync();
      await there.call("deleteAll");
      await there.sync();
      const result = await here.sync();
      assert.deepEqual([result.ok, ids(result.deleted)], [true, ["a", "b"]]);
      assert.equal((await here.sync()).ok, true);
    });
  });

  describe("a server that purged its tombstones", () => {
    /** Both devices have a, b and c. Then the records `deleted` are deleted and their tombstones purged, before `here` syncs again. */
    async function away(t, deleted) {
      const scene = await elsewhere(t);
      await scene.there.createAll(["a", "b", "c"]);
      for (const device of [scene.there, scene.here]) await device.sync();
      for (const id of deleted) await scene.there.delete(id);
      await scene.there.sync();
      await scene.server.purge();
      return scene;
    }

    for (const deleted of [["c"], ["b", "c"], ["a", "b", "c"]]) {
      test(`has deleted ${deleted.join(", ")}, and lost nothing`, async (t) => {
        const { here, there, server } = await away(t, deleted);
        const left = ["a", "b", "c"].filter((id) => !deleted.includes(id));
        const result = await here.sync();
        assert.deepEqual([result.ok, ids(result.deleted), ids(await here.records())], [true, deleted, left]);
        for (const device of [here, there]) assert.deepEqual(lists(await device.sync()), {});
        assert.deepEqual(ids(await server.records()), left);
      });
    }

    test("also where a newer record is known to be there", async (t) => {
      const { here, there, server } = await away(t, ["a"]);
      await there.create({ id: "d", title: "d" });
      await there.delete("c");
      await there.sync();
      await server.purge();
      const result = await here.sync();
      assert.deepEqual([result.errors, ids(result.deleted)], [[], ["a", "c"]]);
    });

    test("an edit of what was deleted is a conflict, and stays", async (t) => {
      const { here, server } = await away(t, ["c"]);
      await here.update({ id: "c", title: "C" });
      const { conflicts } = await here.sync();
      assert.deepEqual([conflicts.map(({ local }) => local.title), await here.titles(), ids(await server.records())], [["C"], ["a", "b", "C"], ["a", "b"]]);
      await here.resolve(conflicts[0], conflicts[0].local);
      assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, ["a", "b", "C"]]);
    });

    for (const keeps of [true, false]) {
      test(`where it may as well have lost the newest record, that is a conflict, and the user ${keeps ? "keeps" : "deletes"} it`, async (t) => {
        const { here, there, server } = await away(t, ["c"]);
        await there.create({ id: "d", title: "d" });
        await there.sync();
        for (let times = 0; times < 2; times += 1) {
          const result = await here.sync();
          assert.deepEqual([result.conflicts.map(({ local, remote }) => [local.id, remote]), ids(await here.records())], [[["c", null]], ["a", "b", "c", "d"]]);
        }
        const { conflicts: [conflict] } = await here.sync({ strategy: "client_wins" });
        assert.deepEqual(ids(await server.records()), ["a", "b", "d"], "nothing comes back by itself");
        await here.resolve(conflict, keeps ? conflict.local : conflict.remote);
        const left = keeps ? ["a", "b", "c", "d"] : ["a", "b", "d"];
        assert.equal((await here.sync()).ok, true);
        assert.deepEqual([ids(await here.records()), ids(await server.records()), lists(await here.sync())], [left, left, {}]);
      });
    }

    test("a sync that the app takes part in notices no flush either", async (t) => {
      const { here, server } = await away(t, ["c"]);
      await here.page.evaluate((number) => {
        const { http } = handles[number].kinto.api;
        http.timedFetch = http.timedFetch.bind(http);
      }, here.number);
      assert.deepEqual([(await here.sync()).ok, ids(await server.records())], [true, ["a", "b"]]);
    });
  });

  describe("another server", () => {
    /** Opens the device again with other options, as a new version of the app: it has the same database. */
    const moved = ({ here, account }, options) => Device.open(here.page, { ...account, ...options });

    test("that is empty gets nothing, and everything once the user says so", async (t) => {
      const scene = await stage(t);
      await scene.here.createAll(["a", "b"]);
      await scene.here.sync();
      await scene.here.update({ id: "a", title: "A" });
      const server = new Server({ root: second.url, user: scene.server.user });
      const here = await moved(scene, { remote: second.url });
      await assertNoticed({ here }, "another");
      assert.deepEqual(await server.records(), []);
      await assertRecovers({ here, server }, ["a", "b"]);
      assert.deepEqual(await server.titles(), ["A", "b"]);
    });

    test("to which another device has moved already gets the rest", async (t) => {
      const scene = await stage(t);
      await scene.here.createAll(["a", "b"]);
      await scene.here.sync();
      const server = new Server({ root: second.url, user: scene.server.user });
      await server.put("a", { title: "a" });
      const here = await moved(scene, { remote: second.url });
      await assertNoticed({ here }, "another");
      await assertRecovers({ here, server }, ["a", "b"]);
    });

    test("or another account on the same one: nothing of the first user's goes there", async (t) => {
      const scene = await stage(t);
      await scene.here.createAll(["a", "b"]);
      await scene.here.sync();
      await scene.here.create({ id: "c", title: "c" });
      const other = new Server();
      const here = await moved(scene, { remote: scene.proxy.url, headers: other.headers });
      await assertNoticed({ here }, "another");
      assert.deepEqual(await other.records(), []);
      assert.deepEqual(ids((await scene.here.sync()).published), ["c"]);
    });

    test("a dump is none: an empty server is believed", async (t) => {
      const { here } = await stage(t);
      await here.call("importBulk", [{ id: "a", title: "a", last_modified: 5 }]);
      assert.deepEqual([(await here.sync()).ok, await here.titles()], [true, ["a"]]);
    });
  });

  describe("two servers and one collection", () => {
    test("each has a cursor of its own", async (t) => {
      const { server, here } = await stage(t);
      const other = new Server({ root: second.url, user: server.user });
      await server.putAll(["a", "b"]);
      await other.putAll(["c", "d"]);
      const remote = second.url;
      assert.deepEqual(ids((await here.sync()).created), ["a", "b"]);
      assert.deepEqual(ids((await here.sync({ remote })).created), ["c", "d"]);
      await server.put("e", { title: "e" });
      await other.put("f", { title: "f" });
      assert.deepEqual(ids((await here.sync()).created), ["e"]);
      assert.deepEqual(ids((await here.sync({ remote })).created), ["f"]);
      assert.deepEqual([lists(await here.sync()), lists(await here.sync({ remote }))], [{}, {}]);
    });

    test("another bucket or collection on the same server has its own cursor too", async (t) => {
      const { server, here } = await stage(t);
      const other = new Server({ user: server.user, collection: "others" });
      await server.put("a", { title: "a" });
      await here.sync();
      await other.put("b", { title: "b" });
      assert.deepEqual(ids((await here.sync({ collection: "others" })).created), ["b"]);
      assert.deepEqual(lists(await here.sync()), {});
    });

    test("a sync with another remote leaves the usual one as it is", async (t) => {
      const { server, here, proxy } = await stage(t);
      await here.sync();
      proxy.requests = [];
      await here.createAll(["a"]);
      await here.sync({ remote: second.url });
      assert.deepEqual(proxy.requests, []);
      await here.createAll(["b"]);
      await here.sync();
      assert.deepEqual(ids(await server.records()), ["b"]);
    });
  });
});
