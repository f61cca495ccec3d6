// Random filters and orders: compares `list()` with an oracle in plain JavaScript. ESSAIM_SEED=7 runs only the queries of that seed.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import Kinto, { init } from "../../pkg/index.js";
import { launchBrowser } from "../demo/demo-page.mjs";
import { launchFirefox } from "../sealed/webdriver.mjs";
import { fuzz } from "./page/queries/fuzz.js";
import { serveFindings } from "./site.mjs";

const EACH = 20;
const seed = process.env.ESSAIM_SEED;

/** Returns the seeds that make this number of queries. */
const plan = (queries) => (seed ? { first: Number(seed), seeds: 1, each: EACH } : { first: 1, seeds: queries / EACH, each: EACH });

test("10,000 queries in memory are answered as by the oracle", async () => {
  await init(await readFile(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url)));
  const kinto = new Kinto({ adapter: "memory" });
  try {
    assert.equal(await fuzz(kinto, plan(10_000)), undefined);
  } finally {
    // Node does not exit while the channels of this `Kinto` are open.
    kinto.close();
  }
});

describe("on real IndexedDB", () => {
  let site;
  before(async () => (site = await serveFindings()));
  after(() => site?.close());

  /** Runs the queries in several calls, because the browser's driver waits only a minute for each call. */
  async function assertAgrees(page, queries) {
    const { first, seeds, each } = plan(queries);
    const turn = Math.min(seeds, 50);
    for (let begun = first; begun < first + seeds; begun += turn) {
      assert.equal(await page.evaluate((turn) => fuzzQueries(turn), { first: begun, seeds: turn, each }), undefined);
    }
  }

  test("10,000 queries in Chromium are answered as by the oracle", { timeout: 600_000 }, async () => {
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(`${site.url}bare.html`);
      await page.waitForFunction(() => "fuzzQueries" in globalThis);
      await assertAgrees(page, 10_000);
    } finally {
      await browser.close();
    }
  });

  test("1,000 queries in Firefox are answered as by the oracle", { timeout: 600_000 }, async () => {
    const firefox = await launchFirefox();
    try {
      const page = await firefox.open(`${site.url}bare.html`);
      await page.waitForFunction(() => "fuzzQueries" in globalThis);
      await assertAgrees(page, 1_000);
    } finally {
      await firefox.close();
    }
  });
});
