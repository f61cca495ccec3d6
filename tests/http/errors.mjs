// Errors: error answers, invalid answers, and no answer at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipBomb } from "../evil/lies/bodies.mjs";
import { answer, BREAK, NEVER } from "../sync/proxy.mjs";
import { newAccount, startProxy } from "./places.mjs";

const listBuckets = (place, account) => place.run((account) => refused(connect(account).listBuckets()), account);

export function errors(place) {
  test("what the server says is in the error, by Kinto.js's names and ours", async () => {
    const told = await place.run(async (account) => {
      const client = connect(account);
      const error = await client.bucket("nobody's").getData().catch((error) => error);
      const { ServerResponse, KintoError } = http;
      const { status, url, headers } = error.response;
      return { classes: [error instanceof ServerResponse, error instanceof KintoError, essaim.ServerResponse === ServerResponse], name: error.name, code: error.code, message: error.message, data: error.data, status, url, type: headers.get("Content-Type") };
    }, newAccount());
    assert.deepEqual(told.classes, [true, true, true]);
    assert.deepEqual([told.name, told.code, told.status, told.data.code, told.data.errno], ["ServerResponse", "forbidden", 403, 403, 121]);
    assert.equal(told.message, "HTTP 403 Forbidden: Resource access is forbidden for this user (This user cannot access this resource.)");
    assert.match(told.url, /\/v1\/buckets\/nobody's$/);
    assert.match(told.type, /^application\/json/);
  });

  test("a refused HEAD has no body, and says its status all the same", async () => {
    const told = await place.run((account) => refused(connect(account).bucket("nobody's").collection("c").getTotalRecords()), newAccount());
    assert.deepEqual([told.status, told.message], [403, "HTTP 403 Forbidden"]);
  });

  for (const [title, status, body, said] of [
    ["an unknown number is told by its message", 400, { errno: 1, error: "Odd", message: "very odd" }, "HTTP 400 Odd: very odd"],
    ["a message that says the same is not repeated", 503, { errno: 201, error: "Busy", message: "Service Temporary unavailable due to high load" }, "HTTP 503 Busy: Service Temporary unavailable due to high load"],
    ["no number, no message", 500, { error: "Broken" }, "HTTP 500 Broken"],
  ]) {
    test(title, async (t) => {
      const proxy = await startProxy(t);
      proxy.rule("GET /buckets", () => answer(status, body));
      assert.equal((await listBuckets(place, newAccount(proxy.url))).message, said);
    });
  }

  test("what is not JSON is unparseable, whatever its status", async (t) => {
    const proxy = await startProxy(t);
    for (const status of [200, 404, 502]) {
      proxy.rule("GET /buckets", () => answer(status, "<html>busy</html>"));
      const told = await listBuckets(place, newAccount(proxy.url));
      assert.deepEqual([told.name, told.code, told.status], ["UnparseableResponseError", "bad_response", status]);
      assert.match(told.message, new RegExp(`^Response from server unparseable \\(HTTP ${status}`));
    }
  });

  test("no answer is a network error, whose cause is what fetch threw", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("GET /buckets", () => BREAK);
    const told = await place.run(async (account) => {
      const error = await connect(account).listBuckets().catch((error) => error);
      return { code: error.code, message: error.message, cause: [error.cause.name, error.cause.message] };
    }, newAccount(proxy.url));
    assert.equal(told.code, "network");
    // The message says nothing about local data, because it was not a sync that failed.
    assert.deepEqual([told.message, told.cause[0]], [`The server could not be reached (${told.cause[1]}).`, "TypeError"]);
  });

  test("a refusal has the server's own words for its status, and headers; its data are what the server said, if that is an object", async () => {
    const told = await place.run(async (account) => {
      const said = ['{"errno":107,"details":[{"name":"a_b"}]}', '"no"', "[1]", "null", ""];
      const fetchFunc = async () => new Response(said.shift(), { status: 400, statusText: "Not so", headers: { "X-Trace": "7" } });
      const errors = [];
      while (said.length > 0) errors.push(await connect({ ...account, fetchFunc }).listBuckets().catch((error) => error));
      const page = await connect({ ...account, fetchFunc: async () => new Response("<html>", { statusText: "Fine" }) }).listBuckets().catch((error) => error);
      return { texts: errors.map(({ response }) => [response.statusText, response.headers.get("X-Trace")]), data: errors.map(({ data: { url, ...data } }) => data), page: page.response.statusText };
    }, newAccount());
    assert.deepEqual(told.texts, Array(5).fill(["Not so", "7"]));
    const nothing = { status: 400, errno: null };
    assert.deepEqual(told.data, [{ status: 400, errno: 107, details: [{ name: "a_b" }] }, nothing, nothing, nothing, nothing]);
    assert.equal(told.page, "Fine");
  });

  test("a small body that unpacks to 330 MB is cut off, and the client goes on", async (t) => {
    const proxy = await startProxy(t);
    for (const [status, limit] of [[500, "1 MiB"], [200, "64 MiB"]]) {
      gzipBomb(proxy, { at: "GET /buckets", status, start: '{"data":[' });
      const told = await listBuckets(place, newAccount(proxy.url));
      assert.deepEqual([told.name, told.code, told.status], ["UnparseableResponseError", "bad_response", status]);
      assert.ok(told.message.includes(limit) && told.everything.length < 10_000, told.message);
      proxy.behave();
      assert.deepEqual(await place.run(async (account) => (await connect(account).listBuckets()).data, newAccount(proxy.url)), []);
    }
  });

  test("what an app's own fetch answers is measured too, with and without a stream", async () => {
    const told = await place.run(async (account) => {
      const streamless = { status: 500, statusText: "", headers: new Headers(), text: async () => "x".repeat((1 << 20) + 1) };
      let cancelled = false;
      const endless = () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)), cancel: () => void (cancelled = true) }));
      const fetchFuncs = [async () => streamless, async () => endless()];
      const errors = [];
      for (const fetchFunc of fetchFuncs) errors.push((await refused(connect({ ...account, fetchFunc }).listBuckets())).code);
      const text = `{"data":[{"id":"${"é\u{1f41d}".repeat(3)}"}]}`;
      const bytes = new TextEncoder().encode(`\ufeff${text}`);
      const dripping = async () => new Response(new ReadableStream({ start: (controller) => (bytes.forEach((byte) => controller.enqueue(new Uint8Array([byte]))), controller.close()) }));
      return [errors, cancelled, (await connect({ ...account, fetchFunc: dripping }).listBuckets()).data[0].id];
    }, newAccount());
    assert.deepEqual(told, [["bad_response", "bad_response"], true, "é\u{1f41d}".repeat(3)]);
  });

  test("only members of Kinto's error format get into an error's data, and into what a batch lists", async () => {
    const told = await place.run(async (account) => {
      const kintos = { errno: 121, error: "Forbidden", message: "no", info: "https://k", details: { existing: { id: "r" } } };
      const body = JSON.stringify({ ...kintos, code: "rollback", evidence: { position: 1 }, destination: "x", cause: "y", url: "z", retryAfterMs: 1 }).replace("{", '{"__proto__":{"evidence":2},');
      const single = await refused(connect({ ...account, fetchFunc: async () => new Response(body, { status: 403 }) }).listBuckets());
      const responses = [403, 404, 500].map((status) => `{"status":${status},"body":${body}}`);
      const answers = { "/v1/": '{"settings":{}}', "/v1/batch": `{"responses":[${responses}]}` };
      const fetchFunc = async (url) => new Response(answers[new URL(url).pathname]);
      const list = await connect({ ...account, fetchFunc }).batch((batch) => ["a", "b", "c"].forEach((id) => batch.createBucket(id)), { aggregate: true });
      const garbage = async (url) => new Response(url.endsWith("/batch") ? '{"responses":[null]}' : "{}");
      const { code } = await refused(connect({ ...account, fetchFunc: garbage }).batch((batch) => batch.createBucket("a"), { aggregate: true }));
      const { url, ...data } = single.data;
      return { kintos, data, own: url.includes("/buckets?"), listed: [...list.errors, ...list.skipped].map(({ error }) => error), code, polluted: {}.evidence };
    }, newAccount());
    assert.deepEqual(told.data, told.kintos);
    assert.deepEqual([told.own, told.listed, told.code, told.polluted], [true, Array(3).fill(told.kintos), "bad_response", undefined]);
  });

  test("a redirect is not followed", async (t) => {
    const proxy = await startProxy(t);
    const elsewhere = await startProxy(t);
    proxy.rule("GET /buckets", () => answer(302, "", { Location: `${elsewhere.url}/buckets` }));
    assert.equal((await listBuckets(place, newAccount(proxy.url))).code, "redirected");
    assert.deepEqual(elsewhere.seen, []);
  });

  test("finding 15: nothing is kept in the browser's cache, not even a 410", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("GET /v1/", () => answer(410, { errno: 202, error: "Gone", code: 410 }, { "Cache-Control": "max-age=3600" }), { times: 1 });
    const account = newAccount(proxy.url);
    const gone = await place.run((account) => refused(connect(account).fetchServerInfo()), account);
    assert.deepEqual([gone.code, gone.message], ["gone", "HTTP 410 Gone: Service deprecated"]);
    const version = await place.run((account) => connect(account).fetchHTTPApiVersion(), account);
    assert.match(version, /^1\./);
  });

  test("no secret gets into an error", async (t) => {
    const proxy = await startProxy(t);
    const account = newAccount(proxy.url);
    const secret = btoa(`${account.user}:secret`);
    const answers = { refused: () => answer(401, { errno: 104, error: "Unauthorized" }), page: () => answer(200, "<html>"), broken: () => BREAK, never: () => NEVER };
    for (const [title, rule] of Object.entries(answers)) {
      proxy.rule("GET /buckets", rule);
      const told = await place.run((account) => refused(connect({ ...account, timeout: 300 }).listBuckets()), account);
      assert.ok(!JSON.stringify(told).includes(secret), title);
    }
  });
}
