// Chromium and Firefox for tests that run in both, with pages in a profile on disk.

import { serveDemo } from "../demo/serve.mjs";
import { launchFirefox } from "../sealed/webdriver.mjs";
import { crash, Profile } from "./tabs.mjs";

class Chromium {
  static async start() {
    return Object.assign(new Chromium(), { profile: await Profile.start() });
  }

  get url() {
    return this.profile.server.url;
  }

  async open(address) {
    const page = await this.profile.context.newPage();
    await page.goto(address);
    await page.waitForFunction(() => "start" in globalThis);
    return page;
  }

  /** Kills the page immediately. */
  async kill(page) {
    await crash(page, await page.context().newCDPSession(page));
  }

  close() {
    return this.profile.close();
  }
}

/** Firefox has only one page here, in which all addresses are opened. */
class Firefox {
  static async start() {
    const site = await serveDemo({ www: new URL("pages", import.meta.url).pathname });
    const firefox = await launchFirefox();
    return Object.assign(new Firefox(), { site, firefox, url: site.url, page: await firefox.open(`${site.url}empty.html`) });
  }

  async open(address) {
    await this.page.goto(address);
    await this.page.waitForFunction(() => "start" in globalThis);
    return { evaluate: (...args) => this.page.evaluate(...args), close: () => {} };
  }

  /** Ends the page by navigating away from it. WebDriver cannot kill a single page. */
  async kill() {
    await this.page.goto(`${this.url}empty.html`);
  }

  async close() {
    await this.firefox.close();
    await this.site.close();
  }
}

export const BROWSERS = { Chromium, Firefox };
