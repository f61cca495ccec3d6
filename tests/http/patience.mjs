// Retry policy: timeouts, retries, backoff, and announcements of the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, kintoError, NEVER } from "../sync/proxy.mjs";
import { newAccount, startProxy, withCollection } from "./places.mjs";

/** The shortest waiting time: one second. */
const LATER = { "Retry-After": "1" };
const busy = () => kintoError(503, 201, "busy", LATER);

export function patience(place) {
  test("finding 23: a request that takes too long is aborted", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("GET /buckets", () => NEVER);
    const told = await place.run((account) => refused(connect({ ...account, timeout: 200 }).listBuckets()), newAccount(proxy.url));
    assert.deepEqual([told.name, told.code, told.data.timeoutMs], ["NetworkTimeoutError", "timeout", 200]);
    assert.match(told.message, /^Timeout while trying to access http/);
    assert.deepEqual([told.options.method, told.options.headers.Authorization], ["GET", "**** (suppressed)"]);
    const [request] = proxy.take("GET /buckets");
    await request.closed;
    assert.equal(request.aborted, true);
  });

  test("finding 22: every page of a list is asked for again when the server says when", async (t) => {
    const proxy = await startProxy(t);
    const account = await withCollection(place, newAccount(proxy.url), 15);
    proxy.rule("GET /records", (request, pass) => (request.query.has("_token") ? busy() : pass()), { times: 2 });
    const count = await place.run(async ({ bucket, ...account }) => {
      const list = await connect({ ...account, retry: 1 }).bucket(bucket).collection("c").listRecords({ pages: Infinity });
      return list.data.length;
    }, account);
    assert.equal(count, 15);
    assert.equal(proxy.take("GET /records").length, 3);
  });

  test("a write is sent again, body and all, and no more often than was allowed", async (t) => {
    const proxy = await startProxy(t);
    const account = newAccount(proxy.url);
    proxy.rule("PUT /" + account.bucket, busy, { times: 1 });
    const data = await place.run(async ({ bucket, ...account }) => (await connect(account).createBucket(bucket, { data: { n: 1 }, retry: 1 })).data.n, account);
    assert.equal(data, 1);
    proxy.rule("GET /buckets", busy);
    const told = await place.run((account) => refused(connect({ ...account, retry: 1 }).listBuckets()), account);
    assert.equal(told.status, 503);
    assert.equal(proxy.take("GET /buckets").length, 2);
  });

  test("finding 21: backoff is known without an emitter, and told to one that is there", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("GET /buckets", async (_, pass) => {
      const { headers, ...kintos } = await pass();
      return { ...kintos, headers: { ...headers, backoff: "30", "access-control-expose-headers": "Backoff" } };
    }, { times: 2 });
    const told = await place.run(async (account) => {
      const alone = connect(account);
      const before = alone.backoff;
      await alone.listBuckets();
      const said = [];
      const listening = connect({ ...account, events: { on() {}, off() {}, emit: (name, value) => said.push([name, value]) } });
      await listening.listBuckets();
      const backoff = listening.backoff;
      await listening.fetchUser();
      return { before, alone: alone.backoff, backoff, said, now: Date.now(), after: listening.backoff };
    }, newAccount(proxy.url));
    assert.deepEqual([told.before, told.after], [0, 0]);
    for (const ms of [told.alone, told.backoff]) assert.ok(ms > 20_000 && ms <= 30_000, `${ms} ms`);
    assert.deepEqual(told.said.map(([name, value]) => [name, value === 0]), [["backoff", false], ["backoff", true]]);
    assert.ok(Math.abs(told.said[0][1] - told.now - 30_000) < 10_000);
  });

  test("a listener that throws stops no request", async () => {
    const told = await place.run(async (account) => {
      const { error } = console;
      console.error = () => {};
      try {
        const client = connect({ ...account, fetchFunc: async () => new Response('{"data": {"id": "b"}}', { headers: { Backoff: "30" } }) });
        client.events.on("backoff", () => {
          throw new Error("no");
        });
        return [(await client.bucket("b").getData()).id, client.backoff > 20_000];
      } finally {
        console.error = error;
      }
    }, newAccount());
    assert.deepEqual(told, ["b", true]);
  });

  test("a front server that says Backoff too does not undo it, and no wait is too long", async () => {
    const waits = await place.run(async (account) => {
      const told = [];
      for (const Backoff of ["30, 60", "1e30", "soon"]) {
        const client = connect({ ...account, fetchFunc: async () => new Response("{}", { headers: { Backoff } }) });
        await client.execute({ path: "/x" });
        told.push(Math.round(Math.min(client.backoff, 1e6) / 1e4));
      }
      return told;
    }, newAccount());
    assert.deepEqual(waits, [3, 100, 0]);
  });

  test("when to ask again, and that the server will end, are told", async (t) => {
    const proxy = await startProxy(t);
    const exposed = { "Access-Control-Expose-Headers": "Alert, Retry-After" };
    const alert = { code: "soft-eol", message: "Going away", url: "https://example.com/why" };
    proxy.rule("GET /buckets", () => answer(200, { data: [] }, { ...exposed, Alert: JSON.stringify(alert), "Retry-After": "7" }), { times: 1 });
    const told = await place.run(async (account) => {
      const warnings = [];
      const { warn } = console;
      console.warn = (...words) => warnings.push(words);
      try {
        const client = connect(account);
        const said = {};
        for (const name of ["deprecated", "retry-after"]) client.events.on(name, (value) => (said[name] = value));
        await client.listBuckets();
        return { said, warnings, now: Date.now() };
      } finally {
        console.warn = warn;
      }
    }, newAccount(proxy.url));
    assert.deepEqual(told.said.deprecated, alert);
    assert.ok(Math.abs(told.said["retry-after"] - told.now - 7000) < 5000);
    assert.deepEqual(told.warnings, [["Going away", "https://example.com/why"]]);
  });

  test("an app's own fetch sends the requests, is aborted, and its failures are network errors", async () => {
    const told = await place.run(async (account) => {
      const sent = [];
      const fetchFunc = async (url, options) => {
        sent.push([new URL(url).pathname, options.method, options.cache, options.headers.Authorization !== undefined]);
        return fetch(url, options);
      };
      await connect({ ...account, fetchFunc }).listBuckets();
      const failing = await refused(connect({ ...account, fetchFunc: () => Promise.reject(new TypeError("no line")) }).listBuckets());
      let aborted;
      const stuck = (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => ((aborted = true), reject(signal.reason))));
      const late = await refused(connect({ ...account, fetchFunc: stuck, timeout: 50 }).listBuckets());
      return { sent, failing, late: late.code, aborted };
    }, newAccount());
    assert.deepEqual(told.sent, [["/v1/buckets", "GET", "no-store", true]]);
    assert.deepEqual([told.failing.code, told.late, told.aborted], ["network", "timeout", true]);
    assert.match(told.failing.message, /no line/);
  });
}
