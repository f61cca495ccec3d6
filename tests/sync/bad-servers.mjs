// Servers that misbehave: each invalid answer is a typed error that says what to do. Local data is kept, and can be synced later.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { forgedError } from "../evil/lies/answers.mjs";
import { Device, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";
import { answer, BREAK, kintoError, NEVER } from "./proxy.mjs";

/** The requests of a first sync, in their order. */
const QUESTIONS = { metadata: "GET /tasks", listing: "GET /records", hello: "GET /v1/", batch: "POST /batch" };

/** Starts a server on another origin, to which the page must send no request. It allows all origins (CORS), so that the browser itself blocks nothing. */
async function otherOrigin(t) {
  const heard = [];
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    const cors = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*, Authorization", "Access-Control-Expose-Headers": "*" };
    response.writeHead(200, { ...cors, "Content-Type": "application/json" }).end(`{"data":[{"id":"evil","last_modified":1}],"responses":[]}`);
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { heard, url: `http://localhost:${server.address().port}` };
}

const html = (status) => answer(status, "<!doctype html><title>Welcome</title>", { "Content-Type": "text/html" });
const kinto = (status, errno) => () => kintoError(status, errno, "so it says");

/** Answers of a server, and the errors that the sync must then fail with. */
const ANSWERS = [
  ["401", kinto(401, 104), { code: "unauthorized", name: "ServerResponse", errno: 104, message: /^HTTP 401 Error: Missing Authorization Token \(so it says\).*Log in again/ }],
  ["403", kinto(403, 121), { code: "forbidden", name: "ServerResponse", errno: 121, message: /^HTTP 403 Error: .*\(so it says\).*ask the owner/ }],
  ["410", kinto(410, 202), { code: "gone", name: "ServerResponse", errno: 202, message: /^HTTP 410 Error: .*\(so it says\).*retired.*another/ }],
  ["500", kinto(500, 999), { code: "server", name: "ServerResponse", status: 500, errno: 999, message: /^HTTP 500 Error: .*\(so it says\)/ }],
  ["503", kinto(503, 201), { code: "server", name: "ServerResponse", status: 503, errno: 201, message: /^HTTP 503 Error: .*\(so it says\)/ }],
  ["502 of a front server", () => html(502), { code: "server", status: 502, message: /^HTTP 502/ }],
  ["a web page", () => html(200), { code: "bad_response", name: "UnparseableResponseError", status: 200, message: /Check that the remote/ }],
  ["truncated JSON", () => answer(200, `{"data":[{"id":"theirs","last_mod`), { code: "bad_response", status: 200, message: /unparseable/ }],
  ["an empty body", () => answer(200, ""), { code: "bad_response", status: 200, message: /unparseable/ }],
  ["JSON of another kind", () => answer(200, `{"hello":"world"}`), { code: "bad_response", status: 200, message: /Check that the remote/ }],
  ["a connection that breaks off", () => BREAK, { code: "network", message: /Local data is intact; sync again when online/ }],
  ["a body that breaks off", () => ({ ...answer(200, `{"data":[`, { "Content-Length": "1000" }), breaksOff: true }), { code: "network", message: /Local data is intact/ }],
  ["a redirect to the same origin", (request) => answer(308, "", { Location: `${request.url}?again` }), { code: "redirected", message: /final URL/ }],
];

for (const [question, pattern] of Object.entries(QUESTIONS)) {
  // The hello is requested only once, and has tests of its own.
  if (question === "hello") continue;
  test(`to the ${question}`, async (t) => {
    const { server, proxy, here, account } = await stage(t);
    await server.putAll(["old", "older"]);
    await here.sync();
    await here.create({ id: "mine", title: "mine" });
    await here.update({ id: "old", title: "edited" });
    await server.put("theirs", { title: "theirs" });
    const hasty = await Device.open(pages.phone, { ...account, remote: proxy.url, timeout: 300 });

    const assertFails = async (rule, { message, name, code, status, errno }, device = here) => {
      proxy.rule(pattern, rule);
      const error = await device.failure({ retry: 0, ignoreBackoff: true });
      proxy.behave();
      assert.deepEqual([error.isKintoError, error.code, error.name], [true, code, name ?? error.name], JSON.stringify(error));
      assert.match(error.message, message);
      assert.deepEqual([error.data.status, error.data.errno], [status ?? error.data.status, errno ?? error.data.errno]);
      assert.ok(error.data.url?.startsWith(proxy.url), JSON.stringify(error.data));
      assert.deepEqual(await here.unsynced(), ["mine", "old"]);
      assert.deepEqual([(await here.record("mine")).title, (await here.record("old")).title], ["mine", "edited"]);
    };

    for (const [title, rule, expected] of ANSWERS) {
      // A 403 for the metadata is no error, because a user may have access to the records but not to the collection itself.
      if (question === "metadata" && title === "403") continue;
      await t.test(`${title} is ${expected.code}`, () => assertFails(rule, expected));
    }
    await t.test("no answer is timeout", () => assertFails(() => NEVER, { code: "timeout", name: "NetworkTimeoutError", message: /Timeout/ }, hasty));
    await t.test("a redirect to another origin is redirected, and nobody there hears of it", async (t) => {
      const other = await otherOrigin(t);
      await assertFails(() => answer(307, "", { Location: `${other.url}/v1/` }), { code: "redirected", message: /final URL/ });
      assert.deepEqual(other.heard, []);
    });
    await t.test("and when all is well again, so is the next sync", async () => {
      assert.equal((await here.sync({ ignoreBackoff: true })).ok, true);
      const titles = ["mine", "edited", "older", "theirs"];
      assert.deepEqual([await here.titles(), await server.titles()], [titles, titles]);
    });
  });
}

describe("to the hello", SIDE_BY_SIDE, () => {
  for (const [title, rule, code] of [["410", () => kintoError(410, 202, "closed"), "gone"], ["a web page", () => html(200), "bad_response"], ["a broken connection", () => BREAK, "network"]]) {
    test(`${title} is ${code}, and nothing is sent blindly`, async (t) => {
      const { here, server, proxy } = await stage(t);
      await here.create({ id: "mine", title: "mine" });
      proxy.rule(QUESTIONS.hello, rule);
      assert.equal((await here.failure()).code, code);
      assert.deepEqual([proxy.take(QUESTIONS.batch), await here.unsynced()], [[], ["mine"]]);
      proxy.behave();
      assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, ["mine"]]);
    });
  }
});

describe("a next page", SIDE_BY_SIDE, () => {
  for (const [title, next] of [
    ["on another port", (other) => `${other.url}/v1/buckets/default/collections/tasks/records?_token=x`],
    ["on another port, without a protocol", (other) => `${other.url.replace("http:", "")}/v1/records?_token=x`],
    ["on another port, behind credentials that look like the origin", (other, proxy) => `http://${new URL(proxy.url).host}@${new URL(other.url).host}/v1/records`],
    ["on another port, behind a backslash", (other, proxy) => `${other.url}\\@${new URL(proxy.url).host}/v1/records`],
  ]) {
    test(`${title} is not requested, not even asked about`, async (t) => {
      const other = await otherOrigin(t);
      const scene = await stage(t);
      const { here, server, proxy } = scene;
      await server.put("theirs", { title: "theirs" });
      await here.create({ id: "mine", title: "mine" });
      const address = next(other, proxy);
      proxy.rule(QUESTIONS.listing, async (request, pass) => {
        const given = await pass();
        return { ...given, headers: { ...given.headers, "next-page": address } };
      });
      const result = await here.sync();
      assert.deepEqual([result.ok, result.created.length, other.heard, await here.unsynced()], [true, 1, [], []]);
      proxy.behave();
      assert.deepEqual([(await here.sync()).ok, await here.titles(), await server.titles()], [true, ["mine", "theirs"], ["mine", "theirs"]]);
    });
  }
});

describe("a forged alarm", SIDE_BY_SIDE, () => {
  for (const [kind, collectionOptions] of [["a plain", async () => ({})], ["an encrypted", async () => ({ key: await pages.phone.evaluate(() => makeKey()) })]]) {
    test(`in the body of an error puts nothing into error.data of ${kind} collection`, async (t) => {
      const { here, proxy } = await stage(t, { collectionOptions: await collectionOptions() });
      for (const status of [400, 401, 403, 404, 410, 500]) {
        // For an encrypted collection a 404 is no error: its journal may not exist yet.
        if (kind === "an encrypted" && status === 404) continue;
        forgedError(proxy, { status, at: "* " });
        const { code, data } = await here.failure({ retry: 0 });
        proxy.behave();
        assert.ok(["server", "unauthorized", "forbidden", "remote_not_found", "gone"].includes(code), code);
        const names = ["url", "errno", "error", "message", ...(code === "server" ? ["status"] : [])];
        assert.deepEqual([Object.keys(data).sort(), data.errno], [names.sort(), 121]);
      }
      assert.equal((await here.sync()).ok, true);
    });
  }

  test("in a part of a batch puts nothing into an entry of `errors` either", async (t) => {
    const { here, proxy } = await stage(t);
    await here.createAll(["a"]);
    const body = { code: 403, errno: 121, message: "no", evidence: { position: 1 }, destination: "x" };
    proxy.rule("POST /batch", () => answer(200, { responses: [{ status: 403, path: "", headers: {}, body }] }));
    const { errors } = await here.sync();
    assert.deepEqual(errors.map(({ id, error }) => [id, error]), [["a", { code: 403, errno: 121, message: "no" }]]);
  });
});

describe("an answer that nothing has changed", SIDE_BY_SIDE, () => {
  for (const pages of [0, 1]) {
    test(`that was not asked for is bad_response, after ${pages} pages`, async (t) => {
      const { here, server, proxy } = await stage(t);
      await server.putAll(Array.from({ length: 2 * Number(process.env.KINTO_PAGE_SIZE) }, (_, number) => `r${10 + number}`));
      let passed = 0;
      proxy.rule("GET /records", (request, pass) => ((passed += 1) > pages ? answer(304, "") : pass()));
      assert.equal((await here.failure()).code, "bad_response");
      proxy.behave();
      assert.deepEqual([(await here.sync()).ok, await here.titles()], [true, await server.titles()]);
    });
  }
});

describe("a listing without an end", SIDE_BY_SIDE, () => {
  test("which shows the same page again and again, ends with the page that shows nothing newer", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.put("r", { title: "r" });
    proxy.rule("GET /records", async (request, pass) => {
      const first = await pass();
      return { ...first, headers: { ...first.headers, "Next-Page": `${proxy.origin}${request.url}` } };
    });
    assert.deepEqual([(await here.sync()).ok, (await here.records()).length], [true, 1]);
    assert.ok(proxy.take("GET /records").length < 5);
    proxy.behave();
    assert.equal((await here.sync()).ok, true);
  });
});

describe("nobody there", SIDE_BY_SIDE, () => {
  test("a connection that is refused is a network error", async (t) => {
    const { here, proxy } = await stage(t);
    await here.create({ id: "mine", title: "mine" });
    // A port that no service uses, that no system assigns as a free port, and that browsers do not block.
    const port = 2;
    const error = await here.failure({ remote: `http://localhost:${port}/v1` });
    assert.deepEqual([error.code, error.isKintoError], ["network", true]);
    assert.match(error.message, /Local data is intact; sync again when online/);
    assert.deepEqual([await here.unsynced(), proxy.seen], [["mine"], []]);
  });

  test("a server without CORS headers is a network error", async (t) => {
    const { here, proxy } = await stage(t);
    await here.create({ id: "mine", title: "mine" });
    proxy.rule(QUESTIONS.metadata, () => ({ status: 200, headers: { "Content-Type": "application/json" }, body: "{}" }));
    assert.equal((await here.failure()).code, "network");
    assert.deepEqual(await here.unsynced(), ["mine"]);
  });
});
