// Tabs of one browser profile on disk, each a page with the package loaded.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchProfile } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";

/** A browser with a profile, and a server of pages. The profile is on disk, because a profile in memory uses a different implementation of IndexedDB. */
export class Profile {
  /** Starts the browser; `options` are those of Playwright. The browser may keep the pages in its back/forward cache, but not in its HTTP cache. */
  static async start(options) {
    const profile = new Profile();
    profile.options = options;
    profile.folder = await mkdtemp(join(tmpdir(), "essaim-profile-"));
    profile.server = await serveDemo({ www: join(import.meta.dirname, "pages"), cacheControl: "max-age=3600" });
    await profile.launch();
    return profile;
  }

  /** Launches the browser, also again after it has ended. Its profile is still on disk. */
  async launch() {
    this.context = await launchProfile(this.folder, this.options);
    this.context.setDefaultTimeout(60_000);
  }

  /**
   * Opens a tab in which `essaim`, `kinto` and `tasks` are globals, with the database of this name. `prepare` runs in the page before the package is
   * loaded. Tabs with different `host`s never share a process.
   */
  async open({ db = randomUUID(), host = "localhost", prepare } = {}) {
    const page = await this.context.newPage();
    if (prepare) await page.addInitScript(prepare);
    await page.goto(`${this.server.url.replace("localhost", host)}tab.html?${new URLSearchParams({ db })}`);
    return page;
  }

  async close() {
    await this.context.close();
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Kills the process of a tab, even if it no longer responds. The `session` (CDP) must have been opened while it still responded. */
export async function crash(tab, session) {
  const crashed = new Promise((resolve) => tab.once("crash", resolve));
  // This command is never answered, because the process that would answer is killed.
  session.send("Page.crash").catch(() => {});
  await crashed;
  await tab.close();
}
