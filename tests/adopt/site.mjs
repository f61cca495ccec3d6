// Pages that can load both essaim and Kinto.js. They have one origin, so both libraries use the same databases. In Chromium and Firefox.

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";
import { kintoJs } from "../sync/kinto-package.mjs";
import { launchFirefox } from "../sealed/webdriver.mjs";

const PAGE = fileURLToPath(new URL("../sync/page", import.meta.url));

/** Serves the page of `tests/sync`, and the npm package `kinto` as an ES module. */
export async function startSite() {
  const www = await mkdtemp(join(tmpdir(), "essaim-adopt-"));
  await cp(PAGE, www, { recursive: true });
  await writeFile(join(www, "kinto-js.js"), await kintoJs());
  const site = await serveDemo({ www });
  return {
    url: site.url,
    close: async () => {
      await site.close();
      await rm(www, { recursive: true, force: true });
    },
  };
}

/** Functions that launch a browser with one page of the site. Each resolves to `{ page, close() }`. */
export const BROWSERS = {
  Chromium: async (url) => {
    const browser = await launchBrowser();
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(url);
    return { page, close: () => browser.close() };
  },
  Firefox: async (url) => {
    const firefox = await launchFirefox();
    return { page: await firefox.open(url), close: () => firefox.close() };
  },
};

/** Loads the page again, as a visitor does who returns: nothing of the earlier visit is in memory. */
export async function visit(page) {
  await page.reload();
  await page.waitForFunction(() => "handles" in globalThis);
}
