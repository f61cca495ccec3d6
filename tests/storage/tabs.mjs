// Tabs of one browser profile on disk, each a page with the package loaded.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTENT_SECURITY_POLICY } from "../demo/serve.mjs";
import { launchProfile, serve } from "../package/browser.mjs";

const PAGES = join(import.meta.dirname, "pages");
const PACKAGE = join(import.meta.dirname, "../../pkg");

/** A browser and a server of pages. On disk, because a profile in memory has another IndexedDB behind it. */
export class Profile {
  static async start() {
    const profile = new Profile();
    profile.folder = await mkdtemp(join(tmpdir(), "essaim-profile-"));
    profile.server = await serve({ "/": PAGES, "/essaim/": PACKAGE }, { "Content-Security-Policy": CONTENT_SECURITY_POLICY });
    await profile.launch();
    return profile;
  }

  /** Also after the browser's end: what it had on disk is still there. */
  async launch() {
    this.context = await launchProfile(this.folder);
    this.context.setDefaultTimeout(60_000);
  }

  /**
   * A tab in which `essaim`, `kinto` and `tasks` are globals, on the database of this name. `prepare` runs before the
   * package is loaded. Tabs of different `host`s never share a process.
   */
  async open({ db = randomUUID(), host = "localhost", prepare, prepareWith } = {}) {
    const page = await this.context.newPage();
    if (prepare) await page.addInitScript(prepare, prepareWith);
    await page.goto(`${this.server.url.replace("localhost", host)}tab.html?${new URLSearchParams({ db })}`);
    await page.waitForFunction(() => "tasks" in globalThis);
    return page;
  }

  async close() {
    await this.context.close();
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
