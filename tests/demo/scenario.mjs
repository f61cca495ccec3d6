// What every test of the demo stands on: the demo served, a browser, a profile and an account for each test, and the
// real Kinto, whose address is in KINTO_URL.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";
import { DemoPage, launchBrowser } from "./demo-page.mjs";
import { serveDemo } from "./serve.mjs";

export const KINTO = process.env.KINTO_URL;
/** Where screenshots go: those to be looked at, and those of failed tests. */
export const PICTURES = fileURLToPath(new URL("../../target/demo/", import.meta.url));

let site;
let browser;

before(async () => {
  assert.ok(KINTO, "KINTO_URL is not set: run this by tests/kinto/serve.py, or give it the address of a Kinto");
  await mkdir(PICTURES, { recursive: true });
  site = await serveDemo();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await site?.close();
});

/** A test on a page of its own, in a profile of its own, with an account of its own. No script error passes unseen. */
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

/** What the server holds for an account, asked without the demo. */
export async function onServer({ user, password }, { method = "GET", path = "/buckets/default/collections/tasks/records" } = {}) {
  const headers = { Authorization: `Basic ${btoa(`${user}:${password}`)}` };
  const response = await fetch(KINTO + path, { method, headers });
  assert.ok(response.ok, `${method} ${path}: HTTP ${response.status}`);
  return (await response.json()).data;
}
