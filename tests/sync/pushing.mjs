// Pushing local changes: what is sent, what each answer does, and what happens meanwhile.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Device, lists, pages, SIDE_BY_SIDE, stage, withRecord } from "./devices.mjs";
import { answer, BREAK, kintoError } from "./proxy.mjs";
import { KINTO_URL } from "./server.mjs";

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();

/** The answer that Kinto with PostgreSQL gives to all but one of the clients that write at the same moment. */
const collided = () => kintoError(409, 122, "Integrity constraint violated, please retry.", { "Retry-After": "300" });

/** Returns the requests in the batches that were sent. */
const parts = (proxy) => proxy.take("POST /batch").flatMap(({ body }) => JSON.parse(body).requests);

/** Replaces the part of Kinto's answer to a batch that is about `id`. */
function answerFor(proxy, id, status, body) {
  proxy.rule("POST /batch", async (request, pass) => {
    const given = await pass();
    const { responses } = JSON.parse(given.body);
    const { requests } = JSON.parse(request.body);
    const changed = responses.map((response, i) => (requests[i].path.endsWith(`/${id}`) ? { ...response, status, body } : response));
    return { ...given, body: JSON.stringify({ responses: changed }) };
  }, { times: 1 });
}

/** Answers the request for `id` in a batch instead of Kinto, and passes the rest of the batch on to Kinto. */
function refuse(proxy, id, status, body, options) {
  proxy.rule("POST /batch", async (request, pass) => {
    const { requests } = JSON.parse(request.body);
    const refused = requests.findIndex(({ path }) => path.endsWith(`/${id}`));
    if (refused < 0) return pass();
    const given = await pass({ body: JSON.stringify({ requests: requests.toSpliced(refused, 1) }) });
    const { responses } = JSON.parse(given.body);
    const answers = responses.toSpliced(refused, 0, { status, path: requests[refused].path, headers: {}, body });
    return { ...given, body: JSON.stringify({ responses: answers }) };
  }, options);
}

describe("what is sent", SIDE_BY_SIDE, () => {
  test("every change is conditional, deletions come first, and the bookkeeping stays here", async (t) => {
    const { server, proxy, here } = await stage(t, { collectionOptions: { localFields: ["open"] } });
    const { edited, removed } = { edited: await server.put("edited", { title: "a" }), removed: await server.put("removed", { title: "b" }) };
    await here.sync();
    await here.create({ id: "new", title: "c", open: true });
    await here.update({ id: "edited", title: "A", open: true });
    await here.delete("removed");
    const result = await here.sync();
    assert.deepEqual(parts(proxy).map(({ method, path, headers, body }) => [method, path.replace(/.*\//, ""), headers, body?.data]).sort(([a], [b]) => a.localeCompare(b)), [
      ["DELETE", "removed", { "If-Match": `"${removed.last_modified}"` }, undefined],
      ["PUT", "edited", { "If-Match": `"${edited.last_modified}"` }, { title: "A" }],
      ["PUT", "new", { "If-None-Match": "*" }, { title: "c" }],
    ]);
    const { published: [first, ...others], ...rest } = lists(result);
    assert.deepEqual([first, rest], [{ id: "removed", deleted: true }, {}]);
    assert.deepEqual(others, await here.records());
    assert.deepEqual(await here.records(), (await server.records()).map((record) => ({ ...synced(record), open: true })));
  });

  test("more than the server takes at once goes in several batches", async (t) => {
    const { server, proxy, here } = await stage(t);
    const all = Array.from({ length: 10 }, (_, n) => `r${n}`);
    await here.createAll(all);
    const result = await here.sync();
    const batches = proxy.take("POST /batch").map(({ body }) => JSON.parse(body).requests.length);
    assert.deepEqual(batches, [4, 4, 2]);
    assert.deepEqual([ids(result.published), await server.titles(), await here.unsynced()], [all, all, []]);
  });

  test("an idle sync asks twice and changes nothing", async (t) => {
    const { proxy, here } = await stage(t);
    await here.createAll(["a", "b"]);
    const { lastModified } = await here.sync();
    proxy.requests = [];
    const idle = await here.sync();
    assert.deepEqual([lists(idle), idle.ok, idle.lastModified], [{}, true, lastModified]);
    assert.equal(proxy.requests.length, 2);
  });
});

describe("a record that the server refuses", SIDE_BY_SIDE, () => {
  test("a deletion of what is not there any more is skipped, and done here", async (t) => {
    const { here, proxy } = await withRecord(t);
    await here.delete("r");
    const body = { code: 404, errno: 110, error: "Not Found", message: "gone" };
    answerFor(proxy, "r", 404, body);
    const result = await here.sync();
    assert.equal(result.ok, true);
    const { skipped: [{ path, ...skipped }], ...others } = lists(result);
    assert.deepEqual([skipped, others], [{ id: "r", error: body }, {}]);
    assert.match(path, /\/records\/r$/);
    assert.equal(await here.record("r"), undefined);
  });

  for (const [status, errno, why] of [[400, 107, "invalid"], [403, 121, "forbidden"], [500, 999, "failure"], [503, 201, "overload"]]) {
    test(`an answer of ${status} to one record is one error; the others are published, and it is sent again next time`, async (t) => {
      const { here, proxy, server } = await stage(t);
      await here.createAll(["a", "b", "c"]);
      const body = { code: status, errno, error: "Error", message: why };
      refuse(proxy, "b", status, body);
      const result = await here.sync();
      const { errors: [{ path, ...error }], published, ...others } = lists(result);
      assert.deepEqual([result.ok, others, ids(published)], [false, {}, ["a", "c"]]);
      assert.deepEqual([error.type, error.id, error.sent.body.data.title, error.error], ["outgoing", "b", "b", body]);
      assert.match(path, /\/records\/b$/);
      assert.deepEqual([await here.unsynced(), await server.titles()], [["b"], ["a", "c"]]);
      proxy.behave();
      const next = await here.sync();
      assert.deepEqual([next.ok, ids(next.published), await server.titles()], [true, ["b"], ["a", "b", "c"]]);
    });
  }

  test("what the server answers after it took them rejects no sync", async (t) => {
    const { here, proxy, server } = await stage(t);
    const failures = [
      kintoError(401, 104, "Please authenticate yourself to use this endpoint."),
      kintoError(403, 121, "This user cannot access this resource."),
      kintoError(404, 111, "There is no such collection."),
      kintoError(410, 202, "This version of the API was closed."),
      kintoError(429, 117, "Too many requests."),
      answer(307, "", { Location: "http://elsewhere.invalid/v1/" }),
      answer(200, "<!doctype html><title>Welcome</title>", { "Content-Type": "text/html" }),
    ];
    for (const [i, failure] of failures.entries()) {
      await here.createAll([`default-${i}`]);
      let isTaken = false, failed = 0;
      proxy.rule("* ", async ({ method }, pass) => {
        if (method === "GET" && isTaken) return (failed += 1), failure;
        const given = await pass();
        isTaken ||= method !== "GET" && method !== "HEAD" && given.status < 300;
        return given;
      });
      const result = await here.sync();
      proxy.behave();
      assert.deepEqual([result.ok, result.errors, ids(result.published), failed > 0], [true, [], [`default-${i}`], true], `${failure.status}`);
    }
    await here.sync();
    assert.deepEqual([await here.titles(), await here.unsynced()], [await server.titles(), []]);
  });

  test("an answer about another record is one error, and nothing of it comes here", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a", "default-b", "c"]);
    await here.sync();
    await here.update({ id: "a", title: "A" });
    await here.delete("c");
    const other = { status: 200, path: "", headers: {}, body: { data: { id: "other", last_modified: 5 } } };
    proxy.rule("POST /batch", ({ body }) => answer(200, { responses: JSON.parse(body).requests.map(() => other) }));
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.errors), await here.unsynced()], [false, ["a", "c"], ["a", "c"]]);
    assert.deepEqual([await here.titles(), await server.titles()], [["A", "default-b"], ["a", "c", "default-b"]]);
    proxy.behave();
    assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, ["A", "default-b"]]);
  });

  test("an answer of 409, which others writing at the same moment cause, is asked again at once", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a", "b", "c"]);
    refuse(proxy, "b", 409, { code: 409, errno: 122, error: "Conflict", message: "simultaneous" }, { times: 1 });
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.published), await server.titles()], [true, ["a", "b", "c"], ["a", "b", "c"]]);
  });

  // Kinto writes the history of the bucket last. With PostgreSQL this can collide too; then the whole batch gets an error.
  for (const ids of [["a"], ["a", "b", "c"]]) {
    test(`an answer of 409 to a whole batch of ${ids.length} is asked again`, async (t) => {
      const { here, proxy, server } = await stage(t);
      await here.createAll(ids);
      proxy.rule("POST /batch", () => collided(), { times: 3 });
      const result = await here.sync();
      assert.deepEqual([lists(result), await server.titles()], [{ published: await here.records() }, ids], JSON.stringify(result));
      assert.equal(proxy.take("POST /batch").length, 4);
    });
  }

  test("a 409 to whole batches that stays ends the sync soon, and nothing is taken for refused", async (t) => {
    const { here, proxy, server } = await stage(t);
    const all = Array.from({ length: 12 }, (_, n) => `r${10 + n}`);
    await here.createAll(all);
    proxy.rule("POST /batch", () => collided());
    assert.equal((await here.failure()).code, "server");
    assert.ok(proxy.take("POST /batch").length < 40);
    proxy.behave();
    const next = await here.sync();
    assert.deepEqual([next.ok, await server.titles(), await here.unsynced()], [true, all, []]);
  });

  test("a record that makes every batch a 409 does not stop the others", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a", "b", "c", "d", "e"]);
    proxy.rule("POST /batch", ({ body }, pass) => (body.includes("/records/c") ? collided() : pass()));
    const result = await here.sync();
    assert.deepEqual([result.errors.map(({ id }) => id), await server.titles(), await here.unsynced()], [["c"], ["a", "b", "d", "e"], ["c"]]);
  });

  test("a new user's devices come at the same moment", async (t) => {
    const { account, server } = await stage(t);
    const names = Array.from({ length: 16 }, (_, n) => `device${10 + n}`);
    const open = (name, n) => Device.open(n % 2 ? pages.phone : pages.laptop, { ...account, remote: KINTO_URL, adapterOptions: { dbName: `${server.user} ${name}` } });
    const devices = await Promise.all(names.map(open));
    await Promise.all(devices.map((device, n) => device.createAll([names[n]])));
    const results = await Promise.all(devices.map((device) => device.sync()));
    assert.deepEqual([results.flatMap(({ errors, conflicts }) => [...errors, ...conflicts]), await server.titles()], [[], names]);
  });

  test("an answer of 409 to a read, which devices coming at the same moment cause, is asked again", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a"]);
    proxy.rule("GET /records", () => collided(), { times: 2 });
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.published), await server.titles()], [true, ["a"], ["a"]]);
  });

  // Kinto with PostgreSQL gives this answer to one of two clients that list a new collection at the same moment.
  test("an answer of 500 to a read is asked again, and soon an error", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a"]);
    const failed = () => kintoError(500, 999, "A programmatic error occurred, developers have been informed.");
    proxy.rule("GET /records", failed);
    assert.equal((await here.failure()).data.status, 500);
    assert.equal(proxy.take("GET /records").length, 3);
    proxy.rule("GET /records", (request, pass) => pass());
    proxy.rule("GET /records", failed, { times: 2 });
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.published), await server.titles()], [true, ["a"], ["a"]]);
  });

  test("a 409 to a read that stays is an error", async (t) => {
    const { here, proxy } = await stage(t);
    proxy.rule("GET /records", () => answer(409, { code: 409, errno: 122, error: "Conflict", message: "simultaneous" }));
    await assert.rejects(here.sync(), /409 Conflict/);
    assert.ok(proxy.take("GET /records").length <= 8);
  });

  test("an answer of 409 that stays is an error", async (t) => {
    const { here, proxy, server } = await stage(t);
    await here.createAll(["a", "b", "c"]);
    refuse(proxy, "a", 409, { code: 409, errno: 122, error: "Conflict", message: "simultaneous" });
    const result = await here.sync();
    assert.deepEqual([result.errors.map(({ type, id }) => [type, id]), await server.titles(), await here.unsynced()], [[["outgoing", "a"]], ["b", "c"], ["a"]]);
  });

  test("a record that Kinto itself cannot store does not stop the others, nor the next syncs", async (t) => {
    const { here, server } = await stage(t);
    // A text that the server cannot store: PostgreSQL cannot store a NUL, and the memory backend cannot store a lone surrogate.
    const title = process.env.KINTO_BACKEND === "postgresql" ? "\u0000" : "\ud800";
    // With PostgreSQL the answer is "503, retry later"; without these options the sync would wait.
    const now = { retry: 0, ignoreBackoff: true };
    await here.create({ id: "bad", title });
    await here.createAll(["a", "b", "c", "d", "e", "f"]);
    const result = await here.sync(now);
    assert.deepEqual(ids(result.published), ["a", "b", "c", "d", "e", "f"], JSON.stringify(result));
    assert.deepEqual(result.errors.map(({ id, type }) => [id, type]), [["bad", "outgoing"]]);
    assert.deepEqual([await here.unsynced(), (await here.record("bad")).title], [["bad"], title]);
    await server.put("later", { title: "later" });
    const next = await here.sync(now);
    assert.deepEqual([next.ok, ids(next.created), next.published], [false, ["later"], []]);
    await here.update({ id: "bad", title: "good" });
    assert.deepEqual([(await here.sync(now)).ok, (await server.record("bad")).title], [true, "good"]);
  });

  test("a record that is too large for the server does not stop the others", async (t) => {
    const { here, proxy, server } = await stage(t);
    proxy.rule("POST /batch", (request, pass) => (request.body.length > 20_000 ? answer(413, "<html>too large</html>", { "Content-Type": "text/html" }) : pass()));
    await here.create({ id: "large", title: "x".repeat(30_000) });
    await here.createAll(["a", "b", "c", "d", "e", "f"]);
    const result = await here.sync();
    assert.deepEqual(result.errors.map(({ id, type }) => [id, type]), [["large", "outgoing"]], JSON.stringify(lists(result)));
    assert.deepEqual([ids(result.published), await here.unsynced()], [["a", "b", "c", "d", "e", "f"], ["large"]]);
    assert.equal((await server.records()).length, 6);
  });
});

describe("a push that is cut", SIDE_BY_SIDE, () => {
  test("between two batches keeps what was settled, and the next sync sends the rest only", async (t) => {
    const { here, server, proxy } = await stage(t);
    const all = Array.from({ length: 10 }, (_, n) => `r${n}`);
    await here.createAll(all);
    let batches = 0;
    proxy.rule("POST /batch", (request, pass) => ((batches += 1) >= 2 ? BREAK : pass()));
    assert.equal((await here.failure()).code, "network");
    assert.deepEqual([(await here.unsynced()).length, (await server.records()).length], [6, 4]);
    proxy.behave();
    const next = await here.sync();
    assert.deepEqual([next.ok, next.published.length, next.conflicts, await server.titles(), await here.unsynced()], [true, 6, [], all, []]);
  });

  test("after the server wrote but before it could say so loses nothing and writes nothing twice", async (t) => {
    const { here, server, proxy } = await withRecord(t);
    await here.create({ id: "new", title: "new" });
    await here.update({ id: "r", title: "mine" });
    proxy.rule("POST /batch", async (request, pass) => (await pass(), BREAK));
    assert.equal((await here.failure()).code, "network");
    proxy.behave();
    const written = await server.records();
    assert.deepEqual(written.map(({ title }) => title), ["new", "mine"]);
    const next = await here.sync();
    assert.deepEqual([next.ok, next.conflicts, await here.unsynced()], [true, [], []]);
    assert.deepEqual([await server.records(), await here.records()], [written, written.map(synced)]);
  });

  test("by a server that only fails from then on is given up soon, and nothing is taken for refused", async (t) => {
    const { here, server, proxy } = await stage(t);
    const all = Array.from({ length: 40 }, (_, n) => `r${10 + n}`);
    await here.createAll(all);
    let batches = 0;
    proxy.rule("POST /batch", (request, pass) => ((batches += 1) >= 2 ? kintoError(503, 201, "down", { "Retry-After": "60" }) : pass()));
    const outcome = await here.sync({ retry: 0 }).then(({ errors }) => `${errors.length} records refused`, ({ code }) => code);
    assert.ok(outcome === "server" && batches < 15, `${outcome}, ${batches} batches`);
    proxy.behave();
    assert.equal((await here.sync({ ignoreBackoff: true })).ok, true);
    assert.deepEqual(await server.titles(), all);
  });
});
