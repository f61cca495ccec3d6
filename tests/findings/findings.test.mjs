// Runs one scenario per finding with a real Kinto server. It must succeed with essaim. It must fail with Kinto.js; otherwise the scenario would not
// show the finding.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchBrowser } from "../demo/demo-page.mjs";
import { launchFirefox } from "../sealed/webdriver.mjs";
import { KINTO_URL } from "../sync/server.mjs";
import { scenarios } from "./page/scenarios/index.js";
import { serveFindings } from "./site.mjs";

assert.ok(Number(process.env.KINTO_PAGE_SIZE) < 12, "These scenarios want short pages: start Kinto with --page-size 5.");

let site;
before(async () => (site = await serveFindings()));
after(() => site?.close());

/** Adds the tests for one browser, which is launched only for them. */
function inBrowser(name, launch, libraries) {
  describe(`in ${name}`, () => {
    let browser;
    let page;
    before(async () => {
      browser = await launch();
      page = await (browser.open?.(`${site.url}bare.html`) ?? openPage(browser));
      await page.waitForFunction(() => "play" in globalThis);
    });
    after(() => browser?.close());

    const observe = (number, library) => page.evaluate((one) => play(one), { number, library, remote: KINTO_URL });
    // The scenarios run one after the other, because some count what the whole page does.
    for (const { number, title, right, fault } of scenarios) {
      test(`finding ${number}: ${title}`, async () => assert.deepEqual(await observe(number, "essaim"), right));
      if (libraries.includes("Kinto.js")) {
        test(`finding ${number}, on Kinto.js: it goes wrong`, { timeout: 300_000 }, async () => assert.deepEqual(await observe(number, "Kinto.js"), fault));
      }
    }
  });
}

async function openPage(browser) {
  const page = await browser.newPage();
  await page.goto(`${site.url}bare.html`);
  return page;
}

inBrowser("Chromium", launchBrowser, ["essaim", "Kinto.js"]);
inBrowser("Firefox", launchFirefox, ["essaim"]);
