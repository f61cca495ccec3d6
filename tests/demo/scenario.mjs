// The environment of the demo's tests: a server of the demo, a browser, a profile and an account for each test, and the real Kinto server, whose URL
// is in KINTO_URL.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";
import Kinto, { init } from "../../pkg/index.js";
import { DemoPage, launchBrowser } from "./demo-page.mjs";
import { serveDemo } from "./serve.mjs";

export const KINTO = process.env.KINTO_URL;
/** The folder of the screenshots: those for people to look at, and those of failed tests. */
export const PICTURES = fileURLToPath(new URL("../../target/demo/", import.meta.url));

let site;
let browser;

before(async () => {
  assert.ok(KINTO, "KINTO_URL is not set: run this by tests/kinto/serve.py, or give it the address of a Kinto");
  await mkdir(PICTURES, { recursive: true });
  await init(await readFile(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url)));
  site = await serveDemo();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await site?.close();
});

/** Adds a test. It runs in a new profile, with a new page and a new account. Errors of scripts make it fail. */
export function scenario(name, run, options = {}) {
  it(name, { timeout: 120_000 }, async () => {
    const demo = await DemoPage.open(browser, site.url, KINTO, options);
    try {
      await run(demo);
      assert.deepEqual(demo.faults, []);
    } catch (error) {
      await demo.page.screenshot({ path: `${PICTURES}failed-${name.replaceAll(/\W+/g, "-")}.png` });
      throw error;
    } finally {
      await demo.close();
    }
  });
}

/** Resolves to the tasks of an account, as a new device with the key reads them. */
export async function onServer({ user, password, key }) {
  const adapterOptions = { dbName: crypto.randomUUID() };
  const device = new Kinto({ remote: KINTO, headers: authorization({ user, password }), adapter: "memory", adapterOptions });
  const tasks = device.collection("tasks", { key });
  await tasks.sync();
  const { data } = await tasks.list();
  device.close();
  return data;
}

/** Resolves to all collections of an account as Kinto has them, `{id, records}`. */
export async function dump(account) {
  const collections = await ask(account, "/buckets/default/collections");
  return Promise.all(collections.map(async ({ id }) => ({ id, records: await ask(account, `/buckets/default/collections/${id}/records`) })));
}

/** Deletes everything that an account has. */
export async function flush(account) {
  await ask(account, "/buckets/default", "DELETE");
}

async function ask(account, path, method = "GET") {
  const response = await fetch(KINTO + path, { method, headers: authorization(account) });
  assert.ok(response.ok, `${method} ${path}: HTTP ${response.status}`);
  return (await response.json()).data;
}

function authorization({ user, password }) {
  return { Authorization: `Basic ${btoa(`${user}:${password}`)}` };
}
