// The places where the client runs: Node, Chromium, Firefox. A step of a test is a function that is called there. Its argument and its result are
// JSON.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launch, openPage, serve } from "../package/browser.mjs";
import { launchFirefox } from "../sealed/webdriver.mjs";
import { Proxy } from "../sync/proxy.mjs";
import { setGlobals } from "./page/globals.mjs";

const PKG = new URL("../../pkg/", import.meta.url);
export const { KINTO_URL, KINTO_VERSION } = process.env;
if (!KINTO_URL) throw new Error("KINTO_URL is not set: `make test-http`, or start this by tests/kinto/serve.py");

const serveFiles = () => serve({ "/": fileURLToPath(new URL("page", import.meta.url)), "/essaim/": fileURLToPath(PKG) });

async function node() {
  const load = (file) => import(new URL(file, PKG));
  const [http, essaim] = await Promise.all([load("http.js"), load("index.js")]);
  await http.init(await readFile(new URL("essaim_wasm_bg.wasm", PKG)));
  setGlobals(http, essaim);
  // Arguments and results are converted to JSON and back, as in browsers, so that all places behave the same.
  const json = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
  return { run: async (step, argument) => json(await step(json(argument))), close: () => {} };
}

async function chromium() {
  const [site, browser] = await Promise.all([serveFiles(), launch()]);
  const { page } = await openPage(browser, site.url);
  await page.waitForFunction(() => "connect" in globalThis);
  return { run: (step, argument) => page.evaluate(step, argument), close: () => Promise.all([browser.close(), site.close()]) };
}

async function firefox() {
  const [site, browser] = await Promise.all([serveFiles(), launchFirefox()]);
  const page = await browser.open(site.url);
  await page.waitForFunction(() => "connect" in globalThis);
  return { run: (step, argument) => page.evaluate(step, argument), close: () => Promise.all([browser.close(), site.close()]) };
}

export const PLACES = { node, chromium, firefox };

/** Returns a new account and a bucket name: `{ url, user, bucket }`. `{ url, user }` are the arguments of `connect`. */
export function newAccount(url = KINTO_URL) {
  return { url, user: `user-${randomUUID()}`, bucket: `b-${randomUUID()}` };
}

/** Creates the account's bucket with a collection `c` of `records` records: `r1` with `n` 1, and so on. Resolves to the account. */
export async function withCollection(place, account, records = 0) {
  const make = async ({ account: { bucket, ...account }, records }) => {
    const client = connect(account);
    await client.createBucket(bucket);
    await client.bucket(bucket).createCollection("c");
    await client.bucket(bucket).collection("c").batch((batch) => {
      for (let n = 1; n <= records; n++) batch.createRecord({ id: `r${n}`, n, odd: n % 2 === 1 });
    });
  };
  await place.run(make, { account, records });
  return account;
}

/** Starts a proxy, which can misbehave by rules. It is closed at the end of the test. */
export async function startProxy(t) {
  const proxy = await Proxy.start(KINTO_URL);
  t.after(() => proxy.close());
  return proxy;
}
