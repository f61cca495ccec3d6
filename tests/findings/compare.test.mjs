// The comparison page: it must show the result of every scenario for both libraries.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchBrowser } from "../demo/demo-page.mjs";
import { KINTO_URL } from "../sync/server.mjs";
import { scenarios } from "./page/scenarios/index.js";
import { serveFindings } from "./site.mjs";

describe("the comparison page", () => {
  let site;
  let browser;
  let page;
  const faults = [];
  before(async () => {
    site = await serveFindings();
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    // Errors of scenarios are shown on the page, but violations of the Content-Security-Policy are not, so they are collected here.
    page.on("console", (message) => /Content Security Policy/.test(message.text()) && faults.push(message.text()));
    // Kinto.js throws errors in event handlers of IndexedDB, where they cannot be caught.
    page.on("pageerror", (error) => error.stack.includes("/kinto-js/") || faults.push(error.stack));
    await page.goto(`${site.url}?remote=${encodeURIComponent(KINTO_URL)}`);
    await page.locator("html[data-state=done]").waitFor({ timeout: 200_000 });
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });

  const verdict = (number, library) => page.locator(`[data-finding="${number}"] [data-library="${library}"] .verdict`).textContent();

  for (const { number, title } of scenarios) {
    test(`shows finding ${number}: ${title}`, async () => {
      assert.deepEqual([await verdict(number, "essaim"), await verdict(number, "Kinto.js")], ["right", "wrong"]);
    });
  }

  test("says what came out instead", async () => {
    const lost = page.locator("[data-finding='1'] [data-library='Kinto.js'] dd").first();
    assert.equal(await lost.textContent(), "firstinstead of second");
  });

  test("plays one scenario again", async () => {
    await page.locator("[data-finding='3'] button").click();
    await page.locator("html[data-state=done]").waitFor();
    assert.deepEqual([await verdict(3, "essaim"), await verdict(3, "Kinto.js")], ["right", "wrong"]);
  });

  test("sums up, and breaks no rule of its content security policy", async () => {
    const count = scenarios.length;
    assert.equal(await page.locator(".score").textContent(), `Kinto.js: 0 of ${count} right · essaim: ${count} of ${count} right`);
    assert.deepEqual(faults, []);
    if (process.env.ESSAIM_SCREENSHOT) await page.screenshot({ path: process.env.ESSAIM_SCREENSHOT, fullPage: true });
  });
});
