// Findings that only a server in front of the browser can show: what its cache keeps, and what becomes of a request.
//
// In pages of their own: Playwright turns the cache off where it reroutes requests.

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

/** A page with a collection, behind a front server. */
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

/** A finding, played with each library; what is expected of it, by library. */
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
      // Kinto's own 410 says nothing of caches, and Chromium keeps it.
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
      // Chromium lets a request for the same address wait for one that is open: with Kinto.js the next sync is late as well.
      const next = (await sync()).slice(0, 7);
      const fate = await Promise.race([request.closed.then(() => "given up"), new Promise((resolve) => setImmediate(resolve, "still open"))]);
      return [late, next, fate];
    },
    { "essaim": ["Timeout", "ok", "given up"], "Kinto.js": ["Timeout", "Timeout", "still open"] },
  );
});
