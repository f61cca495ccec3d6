// Two browser profiles with one account: a phone, which reaches Kinto through a proxy that a test can control, and a laptop. They are opened once.
// Each test has an account and databases of its own in them, so tests can run at the same time.

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

/** For suites whose tests can run at the same time. A sync mostly waits, for the browser or for the server. */
export const SIDE_BY_SIDE = { concurrency: 4 };

/** The pages of the profiles: `phone` and `laptop`. */
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

/** Makes what a test needs: the account's `server`, the `proxy` before it, and the devices `here` (phone) and `there` (laptop) with its tasks. */
export async function stage(t, { options = {}, collectionOptions } = {}) {
  const server = new Server();
  const proxy = await Proxy.start(KINTO_URL);
  t.after(() => proxy.close());
  const account = { headers: server.headers, adapterOptions: { dbName: server.user } };
  const here = await Device.open(pages.phone, { remote: proxy.url, ...account, ...options }, { collectionOptions });
  const there = await Device.open(pages.laptop, { remote: KINTO_URL, ...account }, { collectionOptions });
  return { server, proxy, account, here, there };
}

/** As `stage`, with the record `r`, which is synced here. */
export async function withRecord(t) {
  const scene = await stage(t);
  await scene.server.put("r", { title: "original" });
  await scene.here.sync();
  return scene;
}
