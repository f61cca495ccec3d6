// Findings that can only be observed with a proxy in front of the browser: what the browser's cache stores, and what happens to a request.
//
// Playwright's own request interception is not used, because it disables the cache.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchBrowser } from "../demo/demo-page.mjs";
import { kintoError, NEVER, Proxy } from "../sync/proxy.mjs";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { serveFindings } from "./site.mjs";

let browser;
let site;
before(async () => {
  site = await serveFindings();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

/** Opens a page with a collection, behind a proxy. */
async function open(t, library, options = {}) {
  const proxy = await Proxy.start(KINTO_URL);
  const context = await browser.newContext();
  t.after(() => Promise.all([proxy.close(), context.close()]));
  const page = await context.newPage();
  await page.goto(`${site.url}bare.html`);
  await page.waitForFunction(() => "openCollection" in globalThis);
  const { headers, user } = new Server();
  await page.evaluate((args) => openCollection(...args), [library, { remote: proxy.url, headers, adapterOptions: { dbName: user }, ...options }]);
  return { proxy, sync: () => page.evaluate(() => syncCollection()) };
}

/** Adds the tests of a finding, one for each library. `expected` holds the expected observation by library. */
function finding(number, title, play, expected) {
  test(`finding ${number}: ${title}`, async (t) => assert.deepEqual(await play(t, "essaim"), expected["essaim"]));
  test(`finding ${number}, on Kinto.js: it goes wrong`, async (t) => assert.deepEqual(await play(t, "Kinto.js"), expected["Kinto.js"]));
}

describe("in Chromium", () => {
  finding(
    15,
    "a server that was closed and came back is not remembered as gone by the browser's cache",
    async (t, library) => {
      const { proxy, sync } = await open(t, library);
      // Kinto's 410 has no header about caching, so Chromium caches it.
      proxy.rule("* ", () => kintoError(410, 202, "closed"));
      const closed = await sync();
      proxy.behave();
      return [closed, await sync()].map((told) => told.slice(0, 8));
    },
    { "essaim": ["HTTP 410", "ok"], "Kinto.js": ["HTTP 410", "HTTP 410"] },
  );

  finding(
    23,
    "a timeout gives the request up too",
    async (t, library) => {
      const { proxy, sync } = await open(t, library, { timeout: 300 });
      proxy.rule("GET /tasks", () => NEVER, { times: 1 });
      const late = (await sync()).slice(0, 7);
      const [request] = proxy.take("GET /tasks");
      // In Chromium a request waits while another request for the same URL is open. So with Kinto.js the next sync is late too.
      const next = (await sync()).slice(0, 7);
      const fate = await Promise.race([request.closed.then(() => "given up"), new Promise((resolve) => setImmediate(resolve, "still open"))]);
      return [late, next, fate];
    },
    { "essaim": ["Timeout", "ok", "given up"], "Kinto.js": ["Timeout", "Timeout", "still open"] },
  );
});
