// Servers that ask clients to wait or do not answer, the events of a sync, and several syncs at the same time.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Device, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";
import { busy, retryAfter } from "../evil/lies/waiting.mjs";
import { answer, kintoError, NEVER } from "./proxy.mjs";

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();

describe("a server that wants to be left alone", SIDE_BY_SIDE, () => {
  const backoff = (proxy, seconds) => proxy.rule("GET /records", async (request, pass) => {
    const given = await pass();
    return { ...given, headers: { ...given.headers, Backoff: String(seconds) } };
  }, { times: 1 });

  test("with Backoff it is, unless the app insists", async (t) => {
    const { here, proxy } = await stage(t);
    // The answer with `Backoff` is that of the listing, after which this sync makes no more requests. So the sync succeeds.
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

  test("with Retry-After on success nothing is sent twice, and nobody waits", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a"]);
    retryAfter(proxy, { at: "* ", seconds: 60 });
    const begun = performance.now();
    assert.deepEqual([(await here.sync({ retry: 3 })).ok, await server.titles()], [true, ["a"]]);
    assert.deepEqual([proxy.take("POST /batch").length, proxy.take("GET /tasks").length], [1, 1]);
    assert.ok(performance.now() - begun < 30_000);
  });

  for (const [seconds, retryAfterMs] of [["3600", 3_600_000], ["1e30", 86_400_000], ["Infinity", 86_400_000]]) {
    test(`with a Retry-After of ${seconds} seconds the sync fails at once, and says how long to wait`, async (t) => {
      const { here, proxy } = await stage(t);
      await here.createAll(["a"]);
      busy(proxy, { seconds });
      const error = await here.failure({ retry: 3 });
      assert.deepEqual([error.code, error.data.status, error.data.retryAfterMs, proxy.take("GET /records").length], ["server", 503, retryAfterMs, 1]);
      proxy.behave();
      const later = await here.failure();
      assert.equal(later.code, "backoff");
      assert.ok(later.data.retryAfterMs <= retryAfterMs);
      assert.equal((await here.sync({ ignoreBackoff: true })).ok, true);
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
  /** Opens the same collection with a timeout. */
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
  // The calls reach the page one after the other. The second call shares the sync of the first, unless that has begun: then it gets its own.
  test("of one collection send each record once", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a", "b"]);
    const results = await Promise.all([here.sync(), here.sync()]);
    assert.deepEqual(results.map(({ ok, conflicts }) => [ok, conflicts]), [[true, []], [true, []]]);
    assert.deepEqual([...new Set(ids(results.flatMap(({ published }) => published)))], ["a", "b"]);
    assert.deepEqual([proxy.take("POST /batch").length, proxy.take("GET /tasks").length <= 2, await server.titles()], [1, true, ["a", "b"]]);
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
    await server.records(); // on PostgreSQL two clients at once cannot create the bucket
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
