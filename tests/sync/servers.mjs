// Servers over time: emptied, restored, recreated, replaced, two at once; and servers that want to be left alone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Device, lists, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";
import { answer, kintoError, NEVER, Proxy } from "./proxy.mjs";
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

describe("a server that wants to be left alone", SIDE_BY_SIDE, () => {
  const backoff = (proxy, seconds) => proxy.rule("GET /records", async (request, pass) => {
    const given = await pass();
    return { ...given, headers: { ...given.headers, Backoff: String(seconds) } };
  }, { times: 1 });

  test("with Backoff it is, unless the app insists", async (t) => {
    const { here, proxy } = await stage(t);
    // Nothing follows the listing, whose answer says it.
    backoff(proxy, 60);
    assert.equal((await here.sync()).ok, true);
    proxy.requests = [];
    await here.createAll(["a"]);
    const error = await here.failure();
    assert.equal(error.code, "backoff");
    assert.ok(error.data.retryAfterMs > 50_000 && error.data.retryAfterMs <= 60_000);
    assert.match(error.message, /^Server is asking clients to back off; retry in \d+s or use the ignoreBackoff option\.$/);
    assert.deepEqual([proxy.requests, await here.unsynced()], [[], ["a"]]);
    assert.equal((await here.sync({ ignoreBackoff: true })).ok, true);
    assert.equal((await here.sync()).ok, true);
  });

  for (const [what, pattern] of [["the metadata", "GET /tasks"], ["the listing", "GET /records"], ["a batch", "POST /batch"], ["the hello", "GET /v1/"]]) {
    test(`with Retry-After on ${what} it is asked again when it says`, async (t) => {
      const { here, proxy, server } = await stage(t);
      await here.createAll(["a"]);
      proxy.rule(pattern, () => kintoError(503, 201, "busy", { "Retry-After": "1" }), { times: 1 });
      const begun = performance.now();
      const result = await here.sync({ retry: 1 });
      assert.ok(performance.now() - begun >= 1000);
      assert.deepEqual([result.ok, await server.titles()], [true, ["a"]]);
    });
  }

  test("with Retry-After and no retry left the sync fails, and nothing is lost", async (t) => {
    const { here, proxy } = await stage(t);
    await here.createAll(["a"]);
    proxy.rule("GET /records", () => kintoError(503, 201, "busy", { "Retry-After": "60" }));
    const error = await here.failure({ retry: 0 });
    assert.deepEqual([error.code, error.data.status, error.data.errno], ["server", 503, 201]);
    assert.deepEqual([proxy.take("GET /records").length, await here.unsynced()], [1, ["a"]]);
  });
});

describe("a server that does not answer", SIDE_BY_SIDE, () => {
  /** The same collection, for an app that is in a hurry. */
  const hasty = ({ account, proxy }, timeout) => Device.open(pages.phone, { ...account, remote: proxy.url, timeout });

  test("is given up after the timeout, and the request with it", async (t) => {
    const scene = await stage(t);
    const { here, proxy } = scene;
    await here.createAll(["a"]);
    proxy.rule("GET /tasks", () => NEVER);
    const error = await (await hasty(scene, 300)).failure();
    assert.deepEqual([error.name, error.code, error.data.timeoutMs], ["NetworkTimeoutError", "timeout", 300]);
    const [request] = proxy.take("GET /tasks");
    await request.closed;
    assert.deepEqual([request.aborted, await here.unsynced()], [true, ["a"]]);
    proxy.behave();
    assert.equal((await here.sync()).ok, true);
  });

  test("in the middle of a push is given up too, and what it wrote is not written twice", async (t) => {
    const scene = await stage(t);
    const { here, proxy, server } = scene;
    await here.createAll(["a", "b"]);
    let written;
    proxy.rule("POST /batch", async (request, pass) => {
      await pass();
      written = await server.records();
      return NEVER;
    }, { times: 1 });
    assert.equal((await (await hasty(scene, 1500)).failure()).code, "timeout");
    assert.deepEqual([(await here.sync()).ok, await server.records(), await here.records()], [true, written, written.map(synced)]);
  });
});

describe("events", SIDE_BY_SIDE, () => {
  test("tell of a sync that was done, with its result and the names on the server, and of no record", async (t) => {
    const { here, server } = await stage(t);
    await server.put("a", { title: "a" });
    const result = await here.sync({ strategy: "server_wins", collection: "tasks" });
    assert.deepEqual(await here.events(), [["sync:success", { strategy: "server_wins", bucket: "default", collection: "tasks", result, error: undefined }]]);
  });

  test("tell of a sync that failed, with its error", async (t) => {
    const { here, proxy } = await stage(t);
    proxy.rule("GET /records", () => answer(500, "{}"));
    const error = await here.failure();
    const [[event, payload], ...others] = await here.events();
    assert.deepEqual([event, payload.bucket, payload.collection, payload.error.code, payload.error.message, others], ["sync:error", "default", "tasks", "server", error.message, []]);
  });

  test("tell of a conflict as of a sync that was done", async (t) => {
    const { here, server } = await stage(t);
    await here.create({ id: "a", title: "mine" });
    await server.put("a", { title: "theirs" });
    await here.events();
    await here.sync();
    assert.deepEqual((await here.events()).map(([event, { result }]) => [event, result.ok, result.conflicts.length]), [["sync:success", false, 1]]);
  });
});

describe("two syncs at once", SIDE_BY_SIDE, () => {
  test("of one collection join", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a", "b"]);
    const [one, two] = await Promise.all([here.sync(), here.sync()]);
    assert.deepEqual([one, one.ok, ids(one.published)], [two, true, ["a", "b"]]);
    assert.deepEqual([proxy.take("POST /batch").length, proxy.take("GET /tasks").length, await server.titles()], [1, 1, ["a", "b"]]);
  });

  test("of two objects on one collection agree, and conflict with nobody", async (t) => {
    const { here, proxy, account, server } = await stage(t);
    const again = await Device.open(pages.phone, { remote: proxy.url, ...account });
    await here.createAll(["a", "b", "c"]);
    const results = await Promise.all([here.sync(), again.sync()]);
    assert.deepEqual(results.map(({ ok, conflicts }) => [ok, conflicts]), [[true, []], [true, []]]);
    assert.deepEqual([ids(results.flatMap(({ published }) => published)), await again.titles(), await server.titles()], [["a", "b", "c"], ["a", "b", "c"], ["a", "b", "c"]]);
  });

  test("of two profiles lose nothing and agree in the end", async (t) => {
    const { here, there, server } = await stage(t);
    await here.createAll(["a", "b", "c"]);
    await there.createAll(["d", "e", "f"]);
    const results = await Promise.all([here.sync(), there.sync()]);
    assert.deepEqual(results.map(({ ok }) => ok), [true, true]);
    await here.sync();
    await there.sync();
    const all = ["a", "b", "c", "d", "e", "f"];
    assert.deepEqual([await here.titles(), await there.titles(), await server.titles()], [all, all, all]);
  });

  test("resetSyncStatus() in one object is known to the other", async (t) => {
    const { here, proxy, account } = await stage(t);
    const again = await Device.open(pages.phone, { remote: proxy.url, ...account });
    await here.createAll(["a", "b"]);
    await here.sync();
    await again.sync();
    await here.call("resetSyncStatus");
    const result = await again.sync();
    assert.deepEqual([result.ok, result.conflicts, await again.unsynced()], [true, [], []]);
  });
});
