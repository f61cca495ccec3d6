// Pages with essaim and Kinto.js beside it, on one origin and so on the same databases; in Chromium and in Firefox.

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";
import { kintoJs } from "../sync/kinto-package.mjs";
import { launchFirefox } from "../sealed/webdriver.mjs";

const PAGE = fileURLToPath(new URL("../sync/page", import.meta.url));

/** Serves the page of `tests/sync`, and the npm package `kinto` as an ES module beside it. */
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

/** Each starts a browser, with one page of the site, `version` and `close()`. */
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

/** The page as a visitor finds it who comes again: nothing of an earlier visit is in memory. */
export async function visit(page) {
  await page.reload();
  await page.waitForFunction(() => "handles" in globalThis);
}
