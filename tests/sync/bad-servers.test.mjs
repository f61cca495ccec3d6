// Servers that misbehave: each answer is a typed error that says what to do; local data stays, and can be synced later.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import { profiles, stage } from "./devices.mjs";
import { answer, BREAK, kintoError, NEVER } from "./proxy.mjs";

const pages = profiles();

/** Where a device asks, in the order of a first sync. */
const QUESTIONS = { metadata: "GET /tasks", listing: "GET /records", hello: "GET /v1/", batch: "POST /batch" };

/** Another origin, which must never hear from the page. It lets everybody in, so that no browser rule does our work. */
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

/** A device with something synced and something to send, whose server answers like this from now on. */
async function syncing(t, pattern, rule, options) {
  const scene = await stage(t, pages, { options });
  const { server, proxy, here } = scene;
  await server.putAll(["old", "older"]);
  await here.sync();
  await here.create({ id: "mine", title: "mine" });
  await here.update({ id: "old", title: "edited" });
  await server.put("theirs", { title: "theirs" });
  proxy.rule(pattern, rule);
  return scene;
}

/** The sync fails with this, everything unsynced is still there, and all is well once the server is. */
async function assertFails(t, pattern, rule, { options, ...expected }) {
  const { here, server, proxy } = await syncing(t, pattern, rule, options);
  const error = await here.failure({ retry: 0 });
  const { message, status, errno } = expected;
  for (const name of ["name", "code"]) if (expected[name]) assert.equal(error[name], expected[name], JSON.stringify(error));
  assert.equal(error.isKintoError, true);
  assert.match(error.message, message);
  if (status) assert.equal(error.data.status, status);
  if (errno) assert.equal(error.data.errno, errno);
  assert.ok(error.data.url?.startsWith(proxy.url), JSON.stringify(error.data));
  assert.deepEqual(await here.unsynced(), ["mine", "old"]);
  assert.deepEqual([(await here.record("mine")).title, (await here.record("old")).title], ["mine", "edited"]);
  proxy.behave();
  assert.equal((await here.sync({ ignoreBackoff: true })).ok, true);
  const titles = ["mine", "edited", "older", "theirs"];
  assert.deepEqual([await here.titles(), await server.titles()], [titles, titles]);
}

const html = (status) => answer(status, "<!doctype html><title>Welcome</title>", { "Content-Type": "text/html" });
const WHAT_TO_DO = {
  401: { code: "unauthorized", name: "ServerResponse", errno: 104, message: /^HTTP 401 Error: Missing Authorization Token \(so it says\).*Log in again/ },
  403: { code: "forbidden", name: "ServerResponse", errno: 121, message: /^HTTP 403 Error: .*\(so it says\).*ask the owner/ },
  410: { code: "gone", name: "ServerResponse", errno: 202, message: /^HTTP 410 Error: .*\(so it says\).*retired.*another/ },
  500: { code: "server", name: "ServerResponse", status: 500, errno: 999, message: /^HTTP 500 Error: .*\(so it says\)/ },
  503: { code: "server", name: "ServerResponse", status: 503, errno: 201, message: /^HTTP 503 Error: .*\(so it says\)/ },
};

for (const [question, pattern] of Object.entries(QUESTIONS)) {
  // The hello is asked once, by the first push.
  if (question === "hello") continue;
  describe(`to the ${question}`, () => {
    for (const [status, { errno, ...expected }] of Object.entries(WHAT_TO_DO)) {
      // Records can be readable where the collection itself is not.
      if (question === "metadata" && status === "403") continue;
      test(`${status} is ${expected.code}`, (t) => assertFails(t, pattern, () => kintoError(Number(status), errno, "so it says"), { ...expected, errno }));
    }
    test("a web page is no Kinto", (t) => assertFails(t, pattern, () => html(200), { code: "bad_response", name: "UnparseableResponseError", status: 200, message: /Check that the remote/ }));
    test("truncated JSON is no answer", (t) =>
      assertFails(t, pattern, async (request, pass) => {
        const given = await pass();
        return { ...given, body: (given.body || `{"data":[]}`).slice(0, -3) };
      }, { code: "bad_response", message: /unparseable/ }));
    test("an empty body is no answer", (t) => assertFails(t, pattern, () => answer(200, ""), { code: "bad_response", status: 200, message: /unparseable/ }));
    test("JSON of another kind is no answer", (t) => assertFails(t, pattern, () => answer(200, `{"hello":"world"}`), { code: "bad_response", status: 200, message: /Check that the remote/ }));
    test("a connection that breaks off is a network error", (t) => assertFails(t, pattern, () => BREAK, { code: "network", message: /Local data is intact; sync again when online/ }));
    test("a body that breaks off is a network error", (t) =>
      assertFails(t, pattern, () => ({ ...answer(200, `{"data":[`, { "Content-Length": "1000" }), breaksOff: true }), { code: "network", message: /Local data is intact/ }));
    test("no answer is a timeout", (t) => assertFails(t, pattern, () => NEVER, { code: "timeout", name: "NetworkTimeoutError", message: /Timeout/, options: { timeout: 300 } }));
    test("a redirect to another origin is not followed", async (t) => {
      const other = await otherOrigin(t);
      await assertFails(t, pattern, () => answer(307, "", { Location: `${other.url}/v1/` }), { code: "redirected", message: /final URL/ });
      assert.deepEqual(other.heard, []);
    });
    test("nor is one to the same origin", (t) => assertFails(t, pattern, (request) => answer(308, "", { Location: `${request.url}?again` }), { code: "redirected", message: /final URL/ }));
  });
}

describe("to the hello", () => {
  for (const [title, rule, code] of [["410", () => kintoError(410, 202, "closed"), "gone"], ["a web page", () => html(200), "bad_response"], ["a broken connection", () => BREAK, "network"]]) {
    test(`${title} is ${code}, and nothing is sent blindly`, async (t) => {
      const { here, server, proxy } = await stage(t, pages);
      await here.create({ id: "mine", title: "mine" });
      proxy.rule(QUESTIONS.hello, rule);
      assert.equal((await here.failure()).code, code);
      assert.deepEqual([proxy.take(QUESTIONS.batch), await here.unsynced()], [[], ["mine"]]);
      proxy.behave();
      assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, ["mine"]]);
    });
  }
});

describe("a next page", () => {
  for (const [title, next] of [
    ["on another port", (other) => `${other.url}/v1/buckets/default/collections/tasks/records?_token=x`],
    ["on another port, without a protocol", (other) => `${other.url.replace("http:", "")}/v1/records?_token=x`],
    ["on another port, behind credentials that look like the origin", (other, proxy) => `http://${new URL(proxy.url).host}@${new URL(other.url).host}/v1/records`],
    ["on another port, behind a backslash", (other, proxy) => `${other.url}\\@${new URL(proxy.url).host}/v1/records`],
  ]) {
    test(`${title} is not requested, not even asked about`, async (t) => {
      const other = await otherOrigin(t);
      const scene = await stage(t, pages);
      const { here, server, proxy } = scene;
      await server.put("theirs", { title: "theirs" });
      await here.create({ id: "mine", title: "mine" });
      const address = next(other, proxy);
      proxy.rule(QUESTIONS.listing, async (request, pass) => {
        const given = await pass();
        return { ...given, headers: { ...given.headers, "next-page": address } };
      });
      const error = await here.failure();
      assert.deepEqual([error.code, error.isKintoError, error.data.next], ["other_origin", true, address]);
      assert.match(error.message, /was not requested.*administrator/);
      assert.deepEqual([other.heard, await here.unsynced()], [[], ["mine"]]);
      proxy.behave();
      assert.deepEqual([(await here.sync()).ok, await here.titles(), await server.titles()], [true, ["mine", "theirs"], ["mine", "theirs"]]);
    });
  }
});

describe("nobody there", () => {
  test("a connection that is refused is a network error", async (t) => {
    const { here, proxy } = await stage(t, pages);
    await here.create({ id: "mine", title: "mine" });
    const gone = createServer();
    gone.listen(0, "localhost");
    await once(gone, "listening");
    const { port } = gone.address();
    gone.close();
    await once(gone, "close");
    const error = await here.failure({ remote: `http://localhost:${port}/v1` });
    assert.deepEqual([error.code, error.isKintoError], ["network", true]);
    assert.match(error.message, /Local data is intact; sync again when online/);
    assert.deepEqual([await here.unsynced(), proxy.seen], [["mine"], []]);
  });

  test("a server without CORS headers is a network error", async (t) => {
    const { here, proxy } = await stage(t, pages);
    await here.create({ id: "mine", title: "mine" });
    proxy.rule(QUESTIONS.metadata, () => ({ status: 200, headers: { "Content-Type": "application/json" }, body: "{}" }));
    assert.equal((await here.failure()).code, "network");
    assert.deepEqual(await here.unsynced(), ["mine"]);
  });
});

describe("a server that was closed and came back", () => {
  test("is not remembered as gone by the browser", async (t) => {
    const { here, proxy } = await stage(t, pages);
    // Kinto's own 410 says nothing of caches, and Chromium keeps it.
    proxy.rule("* ", () => kintoError(410, 202, "closed"));
    assert.equal((await here.failure()).code, "gone");
    proxy.behave();
    await here.create({ id: "mine", title: "mine" });
    assert.equal((await here.sync()).ok, true);
  });
});
