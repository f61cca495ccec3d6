// Servers over time: emptied, restored, recreated; and two servers for one collection.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Device, lists, pages, stage } from "./devices.mjs";
import { Proxy } from "./proxy.mjs";
import { startKinto } from "./second-kinto.mjs";
import { Server } from "./server.mjs";

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();

let second;

/** As `stage`, but on the second Kinto. */
async function elsewhere(t) {
  const server = new Server({ root: second.url });
  const proxy = await Proxy.start(second.url);
  t.after(() => proxy.close());
  const options = { headers: server.headers, adapterOptions: { dbName: server.user }, remote: proxy.url };
  return { server, proxy, here: await Device.open(pages.phone, options), there: await Device.open(pages.laptop, options) };
}

/** resetSyncStatus() and sync() bring everything that is here to the server, and what is new there here. */
async function assertRecovers({ here, server }, expected) {
  const before = (await here.records()).length;
  assert.equal(await here.call("resetSyncStatus"), before);
  assert.equal((await here.sync()).ok, true);
  assert.deepEqual([ids(await here.records()), ids(await server.records()), await here.unsynced()], [expected, expected, []]);
  assert.deepEqual(await here.records(), (await server.records()).map(synced));
}

/** The sync fails as Kinto.js's does, and takes nothing away from what is here. */
async function assertNoticed({ here }) {
  const before = await here.records();
  const error = await here.failure();
  assert.deepEqual([error.name, error.code], ["ServerWasFlushedError", "server_flushed"]);
  const { clientTimestamp, serverTimestamp } = error.data;
  assert.equal(error.message, `Server has been flushed. Client Side Timestamp: ${clientTimestamp} Server Side Timestamp: ${serverTimestamp}`);
  assert.ok(clientTimestamp > 0 && Number.isInteger(serverTimestamp));
  const known = new Set(ids(before));
  assert.deepEqual((await here.records()).filter(({ id }) => known.has(id)), before);
}

// One after the other: a flush empties it for all.
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
      await assertNoticed(scene);
      await here.call("resetSyncStatus");
      const result = await here.sync({ strategy: "client_wins" });
      assert.deepEqual([result.ok, ids(await server.records()), (await server.record("a")).title], [true, ["a", "b", "c"], "A"]);
    });

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
      await assertNoticed(scene);
      await here.call("resetSyncStatus");
      const result = await here.sync({ strategy: "client_wins" });
      assert.deepEqual([result.ok, await server.titles(), await here.titles()], [true, ["A", "b", "c"], ["A", "b", "c"]]);
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
      await here.createAll(["a"]);
      await here.sync({ remote: second.url });
      assert.deepEqual(proxy.requests, []);
      await here.createAll(["b"]);
      await here.sync();
      assert.deepEqual(ids(await server.records()), ["b"]);
    });
  });
});
