// Functions that send the requests, which an app can replace.

import assert from "node:assert/strict";
import { test } from "node:test";
import { kintoError } from "../sync/proxy.mjs";
import { newAccount, startProxy } from "./places.mjs";

const soon = () => kintoError(503, 201, "busy", { "Retry-After": "1", "Access-Control-Expose-Headers": "Retry-After" });

export function sending(place) {
  test("an app in the place of timedFetch sees every request: retries, pages, batches", async (t) => {
    const proxy = await startProxy(t);
    const account = newAccount(proxy.url);
    proxy.rule(`PUT /${account.bucket}`, soon, { times: 1 });
    const seen = await place.run(async ({ bucket, ...account }) => {
      const client = connect({ ...account, retry: 1 });
      const { http } = client;
      const send = http.timedFetch.bind(http);
      const seen = [];
      http.timedFetch = (url, options) => {
        seen.push([options.method, new URL(url).pathname.replace(bucket, "b"), options.mode, options.signal.aborted, options.headers["Content-Type"]]);
        return send(url, options);
      };
      await client.createBucket(bucket);
      await client.bucket(bucket).createCollection("c");
      await client.bucket(bucket).collection("c").batch((batch) => {
        for (let n = 1; n <= 15; n++) batch.createRecord({ n });
      });
      await client.bucket(bucket).collection("c").listRecords({ pages: Infinity });
      return seen;
    }, account);
    const records = ["GET", "/v1/buckets/b/collections/c/records"];
    // The client asks for the number of objects, because the header `Next-Page` may be hidden: it checks that the list is complete.
    const count = ["HEAD", records[1]];
    const expected = [["PUT", "/v1/buckets/b"], ["PUT", "/v1/buckets/b"], ["PUT", "/v1/buckets/b/collections/c"], ["GET", "/v1/"], ["POST", "/v1/batch"], records, records, count];
    assert.deepEqual(seen, expected.map((request) => [...request, "cors", false, "application/json"]));
    assert.equal(proxy.requests.filter(({ method }) => method !== "OPTIONS").length, seen.length);
  });

  test("what it answers is taken, by the same rules", async () => {
    const told = await place.run(async (account) => {
      const client = connect({ ...account, timeout: 50 });
      const answers = [
        () => new Response('{"data": [{"id": "made up"}]}', { headers: { ETag: '"12"', Backoff: "30" } }),
        () => new Response('{"errno": 110, "message": "nothing here"}', { status: 404 }),
        () => new Response("<html>", { status: 200 }),
        () => {
          throw new RangeError("out of paper");
        },
        (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ];
      client.http.timedFetch = async (_, { signal }) => answers.shift()(signal);
      const { data, last_modified } = await client.listBuckets();
      const { backoff } = client;
      const codes = [];
      for (let n = 0; n < 4; n++) codes.push((await refused(client.listBuckets())).code);
      return { ids: data.map(({ id }) => id), last_modified, waits: backoff > 20_000, codes };
    }, newAccount("http://nobody.invalid/v1"));
    assert.deepEqual(told, { ids: ["made up"], last_modified: "12", waits: true, codes: ["remote_not_found", "bad_response", "network", "timeout"] });
  });

  test("an answer needs no more than a status, headers to ask, and a text; the app gets its own headers", async () => {
    const told = await place.run(async (account) => {
      const headers = new Map([["ETag", '"12"'], ["X-Own", "1"]]);
      const fetchFunc = async () => ({ status: 200, text: async () => '{"data": []}', headers });
      const client = connect({ ...account, fetchFunc });
      const raw = await client.execute({ path: "/x" }, { raw: true });
      const { last_modified } = await client.listBuckets();
      const missing = await refused(connect({ ...account, fetchFunc: async () => ({ ...(await fetchFunc()), status: 404 }) }).listBuckets());
      return { last_modified, own: raw.headers === headers, json: raw.json, missing: missing.message };
    }, newAccount());
    assert.deepEqual(told, { last_modified: "12", own: true, json: { data: [] }, missing: "HTTP 404" });
  });

  test("a browser's own fetch can be given as it is", async () => {
    const count = await place.run(async (account) => (await connect({ ...account, fetchFunc: fetch }).listBuckets()).data.length, newAccount());
    assert.equal(count, 0);
  });

  test("what is set on it holds from the next request on", async () => {
    const told = await place.run(async (account) => {
      const client = connect(account);
      const seen = [];
      client.http.requestMode = "same-origin";
      client.http.fetchFunc = async (_, { mode }) => (seen.push(mode), new Response("{}", { headers: { Backoff: "30" } }));
      const said = [];
      client.http.events = { on() {}, off() {}, emit: (event) => said.push(event) };
      await client.execute({ path: "/one" });
      client.http.events = undefined;
      await client.execute({ path: "/two" });
      client.http.timeout = 50;
      client.http.fetchFunc = () => new Promise(() => {});
      const late = await refused(client.execute({ path: "/three" }));
      const wrong = await refused((async () => (client.http.timeout = -1))());
      const { timeout } = client.http;
      client.http.timeout = undefined;
      return { seen, said, late: late.code, wrong: wrong.code, timeout, none: client.http.timeout, backoff: client.backoff > 20_000 };
    }, newAccount("http://nobody.invalid/v1"));
    assert.deepEqual(told, { seen: ["same-origin", "same-origin"], said: ["backoff"], late: "timeout", wrong: "invalid_option", timeout: 50, none: null, backoff: true });
  });

  test("every batch goes through _batchRequests, which an app can replace", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      class Client extends http.KintoClient {
        asked = [];
        async _batchRequests(requests, options) {
          this.asked.push([requests.map(({ method }) => method), options.safe, options.headers["X-Batch"]]);
          return super._batchRequests(requests, options);
        }
      }
      const client = new Client(account.url, { headers: authorization(account.user) });
      const options = { safe: true, headers: { "X-Batch": "1" } };
      const write = (batch) => {
        batch.createBucket(bucket);
        batch.bucket(bucket).createCollection("c");
      };
      const statuses = (await client.batch(write, options)).map(({ status }) => status);
      const again = await client.bucket(bucket).batch((batch) => batch.createCollection("c"), { ...options, aggregate: true });
      const nothing = await client.bucket(bucket).collection("c").batch(() => {}, options);
      const byHand = await client._batchRequests([{ method: "GET", path: `/buckets/${bucket}` }], { safe: false, headers: { "X-Batch": "2" } });
      client._batchRequests = async (requests) => requests.map(({ path }) => ({ status: 201, path, body: { data: "made up" } }));
      const [{ body }] = await client.batch((batch) => batch.createBucket("x"));
      return { asked: client.asked, statuses, conflicts: again.conflicts.length, nothing, byHand: byHand[0].body.data.id === bucket, body };
    }, newAccount());
    assert.deepEqual(told.asked, [[["PUT", "PUT"], true, "1"], [["PUT"], true, "1"], [[], true, "1"], [["GET"], false, "2"]]);
    const { asked, ...rest } = told;
    assert.deepEqual(rest, { statuses: [201, 201], conflicts: 1, nothing: [], byHand: true, body: { data: "made up" } });
  });

  test("a sync goes through what an app put in the place of its client's timedFetch", async () => {
    const told = await place.run(async ({ url, user, bucket }) => {
      const seen = [];
      const sync = async (kinto, replace) => {
        const tasks = kinto.collection("tasks");
        await tasks.create({ title: "one" });
        const { http } = kinto.api;
        const send = http.timedFetch.bind(http);
        if (replace) http.timedFetch = (address, options) => (seen.push(new URL(address).pathname.split("/").at(-1)), send(address, options));
        const { ok, published } = await tasks.sync();
        kinto.close();
        return [ok, published.length];
      };
      const kinto = () => new essaim.Kinto({ remote: url, bucket, headers: authorization(user), adapter: "memory" });
      const { api } = kinto();
      await api.createBucket(bucket);
      await api.bucket(bucket).createCollection("tasks");
      return { plain: await sync(kinto(), false), before: seen.length, replaced: await sync(kinto(), true), seen };
    }, newAccount());
    assert.deepEqual(told, { plain: [true, 1], before: 0, replaced: [true, 1], seen: ["tasks", "records", "", "batch", "records"] });
  });
}
