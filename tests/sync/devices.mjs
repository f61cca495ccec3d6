// Two browser profiles with one account: a phone, which reaches Kinto through a proxy that a test may meddle with, and a
// laptop. They are opened once; each test has an account and databases of its own in them, so tests may run side by side.

import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";
import { Device } from "./device.mjs";
import { kintoJs } from "./kinto-package.mjs";
import { Proxy } from "./proxy.mjs";
import { KINTO_URL, Server } from "./server.mjs";

export { Device, lists } from "./device.mjs";
export { KINTO_URL };

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** For suites: a sync mostly waits, for one side or the other. */
export const SIDE_BY_SIDE = { concurrency: 4 };

/** The page of each profile. */
export const pages = {};

let browser;
let site;
before(async () => {
  browser = await launchBrowser();
  site = await serveDemo({ www: `${HERE}page` });
  for (const name of ["phone", "laptop"]) pages[name] = await openProfile(site.url);
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function openProfile(url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.route("**/kinto-js.js", async (route) => route.fulfill({ contentType: "text/javascript", body: await kintoJs() }));
  await page.goto(url);
  await page.waitForFunction(() => "handles" in globalThis);
  return page;
}

/** What a test plays with: the account's `server`, the `proxy` before it, its tasks `here` (phone) and `there` (laptop). */
export async function stage(t, { options = {}, collectionOptions } = {}) {
  const server = new Server();
  const proxy = await Proxy.start(KINTO_URL);
  t.after(() => proxy.close());
  const account = { headers: server.headers, adapterOptions: { dbName: server.user } };
  const here = await Device.open(pages.phone, { remote: proxy.url, ...account, ...options }, { collectionOptions });
  const there = await Device.open(pages.laptop, { remote: KINTO_URL, ...account }, { collectionOptions });
  return { server, proxy, account, here, there };
}

/** A stage with the record `r`, the same here and on the server. */
export async function withRecord(t) {
  const scene = await stage(t);
  await scene.server.put("r", { title: "original" });
  await scene.here.sync();
  return scene;
}
