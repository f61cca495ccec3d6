// A server that misbehaves: each invalid answer is a typed error that says what to do, and no local data is lost.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, serve } from "./browser.mjs";
import { project } from "./projects.mjs";

const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*", "Access-Control-Expose-Headers": "*" };
const JSON_TYPE = { "Content-Type": "application/json" };

const json = (status, body, headers = {}) => (response) => response.writeHead(status, { ...CORS, ...JSON_TYPE, ...headers }).end(JSON.stringify(body));
const kintoError = (status, errno, message) => json(status, { code: status, errno, error: "Error", message });

/** The answers of a healthy Kinto server with an empty collection, by path. */
const healthy = {
  "/v1/": json(200, { settings: { batch_max_requests: 25 }, capabilities: {} }),
  "/v1/buckets/default/collections/tasks": json(200, { data: { id: "tasks", last_modified: 1 }, permissions: {} }),
  "/v1/buckets/default/collections/tasks/records": json(200, { data: [] }, { ETag: '"10"' }),
  "/v1/batch": json(200, { responses: [] }),
};
const RECORDS = "/v1/buckets/default/collections/tasks/records";

let browser;
let pages;
before(async () => {
  browser = await launch();
  pages = await serve({ "/": join(import.meta.dirname, "api"), "/essaim/": join(project("plain"), "node_modules/essaim") });
});
after(async () => {
  await browser.close();
  await pages.close();
});

/**
 * Calls `work` with a server. `answers` is one answer for every request, or a map from paths to answers; other paths then get the healthy answer.
 */
async function withServer(answers, work) {
  const asked = [];
  const server = createServer((request, response) => {
    if (request.method === "OPTIONS") return response.writeHead(204, CORS).end();
    const { pathname } = new URL(request.url, "http://localhost");
    asked.push(`${request.method} ${request.url}`);
    const answer = typeof answers === "function" ? answers : (answers[pathname] ?? healthy[pathname] ?? kintoError(404, 111, "not here"));
    return answer(response);
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  try {
    return await work(`http://localhost:${server.address().port}`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Creates a record and syncs with this server. Resolves to the error, and to the records that are here afterwards. */
async function syncWith(remote, options = {}) {
  const { page, close } = await openPage(browser, `${pages.url}empty.html`);
  try {
    return await page.evaluate(async ([remote, options]) => {
      const { default: Kinto, KintoError } = await import("/essaim/index.js");
      const tasks = new Kinto({ remote, ...options }).collection("tasks");
      await tasks.create({ id: "mine", title: "Buy bread" }, { useRecordId: true });
      const error = await tasks.sync().then(
        (result) => ({ resolved: result.toObject() }),
        (error) => ({ name: error.name, code: error.code, message: error.message, data: error.data, status: error.response?.status, typed: KintoError.is(error) }),
      );
      return { error, left: (await tasks.list()).data };
    }, [remote, options]);
  } finally {
    await close();
  }
}

async function checkRefused(answers, expected, options) {
  await withServer(answers, async (origin, asked) => {
    const { error, left } = await syncWith(`${origin}/v1`, options);
    const { message, data = {}, ...rest } = expected;
    assert.ok(error.typed, JSON.stringify(error));
    for (const [key, value] of Object.entries(rest)) assert.deepEqual(error[key], value, `${key} of ${JSON.stringify(error)}`);
    for (const [key, value] of Object.entries(data)) assert.deepEqual(error.data[key], value, `data.${key} of ${JSON.stringify(error)}`);
    if (message) assert.match(error.message, message);
    assert.deepEqual(left, [{ id: "mine", title: "Buy bread", _status: "created" }]);
    assert.ok(asked.length > 0);
  });
}

test("a web page in the place of a Kinto is told from one", async () => {
  const html = (response) => response.writeHead(200, { ...CORS, "Content-Type": "text/html" }).end("<!doctype html><title>Welcome</title>");
  await checkRefused(html, { name: "UnparseableResponseError", code: "bad_response", data: { status: 200 }, message: /Check that the remote/ });
});

test("JSON that was cut short is not taken for an answer", async () => {
  const cut = (response) => response.writeHead(200, { ...CORS, ...JSON_TYPE, ETag: '"10"' }).end('{"data": [{"id": "theirs", "last_mod');
  await checkRefused({ [RECORDS]: cut }, { code: "bad_response", data: { status: 200 } });
});

test("a connection that breaks in the middle of an answer is a network error", async () => {
  const broken = (response) => {
    response.writeHead(200, { ...CORS, ...JSON_TYPE, "Content-Length": 1000 }).write('{"data": [');
    setImmediate(() => response.destroy());
  };
  await checkRefused({ [RECORDS]: broken }, { code: "network" });
});

const ANSWERS = [
  [401, 104, "unauthorized", /Log in again/],
  [403, 121, "forbidden", /ask the owner/],
  [410, 202, "gone", /retired/],
  [500, 999, "server", /./],
];
for (const [status, errno, code, message] of ANSWERS) {
  test(`an answer of ${status} is the error ${code}`, async () => {
    const answer = kintoError(status, errno, "server's own words");
    await checkRefused(answer, { name: "ServerResponse", code, status, data: { errno }, message });
    await checkRefused({ [RECORDS]: answer }, { name: "ServerResponse", code, status, data: { errno }, message: /server's own words/ });
  });
}

test("a redirect is not followed, wherever it leads", async () => {
  await withServer(json(200, {}), async (elsewhere, reached) => {
    await checkRefused((response) => response.writeHead(307, { ...CORS, Location: `${elsewhere}/v1/` }).end(), { code: "redirected", message: /final URL/ });
    assert.deepEqual(reached, []);
  });
});

test("a next page on another origin is not requested", async () => {
  await withServer(json(200, { data: [] }), async (elsewhere, reached) => {
    const next = `${elsewhere}${RECORDS}?_token=x`;
    const page = json(200, { data: [] }, { ETag: '"10"', "Next-Page": next });
    await withServer({ [RECORDS]: page }, async (origin, asked) => {
      await syncWith(`${origin}/v1`);
      assert.equal(asked.filter((request) => request.startsWith(`GET ${RECORDS}`)).length, 1);
    });
    assert.deepEqual(reached, []);
  });
});

test("a server that does not answer in time is given up, and the request with it", async () => {
  let aborted = 0;
  const silent = (response) => response.on("close", () => (aborted += 1));
  await checkRefused({ [RECORDS]: silent }, { name: "NetworkTimeoutError", code: "timeout", data: { timeoutMs: 300 } }, { timeout: 300 });
  assert.equal(aborted, 1);
});

test("a server that nobody listens on is a network error", async () => {
  const gone = await withServer({}, (origin) => origin);
  const { error, left } = await syncWith(`${gone}/v1`);
  assert.deepEqual([error.code, left.length], ["network", 1]);
  assert.match(error.message, /sync again when online/);
});

test("a server that asks clients to wait is left alone until then", async () => {
  const { page, close } = await openPage(browser, `${pages.url}empty.html`);
  try {
    const everywhere = Object.entries(healthy).map(([path, answer]) => [path, (response) => answer(response.setHeader("Backoff", "60"))]);
    await withServer(Object.fromEntries(everywhere), async (origin, asked) => {
      const seen = await page.evaluate(async (remote) => {
        const { default: Kinto } = await import("/essaim/index.js");
        const kinto = new Kinto({ remote });
        const tasks = kinto.collection("tasks");
        const log = [];
        kinto.events.on("sync:error", () => log.push("sync:error"));
        const first = await tasks.sync();
        const { backoff } = kinto.api;
        const { code, message, data } = await tasks.sync().catch((error) => error);
        return { ok: first.ok, backoff, code, message, data, log };
      }, `${origin}/v1`);
      assert.equal(seen.ok, true);
      assert.ok(seen.backoff > 50_000 && seen.backoff <= 60_000, String(seen.backoff));
      assert.equal(seen.code, "backoff");
      assert.match(seen.message, /^Server is asking clients to back off; retry in (59|60)s or use the ignoreBackoff option\.$/);
      assert.ok(seen.data.retryAfterMs > 50_000);
      assert.deepEqual(seen.log, []);
      assert.equal(asked.filter((request) => request.includes("/records")).length, 1);
    });
  } finally {
    await close();
  }
});
