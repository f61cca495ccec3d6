// Tabs of one browser profile on disk, each a page with the package loaded.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchProfile } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";

/** A browser, and a server of pages. On disk, because a profile in memory has another IndexedDB behind it. */
export class Profile {
  /** `options` are Playwright's. The pages may be kept: for "back", not for the next visit. */
  static async start(options) {
    const profile = new Profile();
    profile.options = options;
    profile.folder = await mkdtemp(join(tmpdir(), "essaim-profile-"));
    profile.server = await serveDemo({ www: join(import.meta.dirname, "pages"), cacheControl: "max-age=3600" });
    await profile.launch();
    return profile;
  }

  /** Also after the browser's end: what it had on disk is still there. */
  async launch() {
    this.context = await launchProfile(this.folder, this.options);
    this.context.setDefaultTimeout(60_000);
  }

  /**
   * A tab in which `essaim`, `kinto` and `tasks` are globals, on the database of this name. `prepare` runs before the
   * package is loaded. Tabs of different `host`s never share a process.
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

/** Kills a tab's process, also one that does not answer any more. The `session` (CDP) is from when it did. */
export async function crash(tab, session) {
  const crashed = new Promise((resolve) => tab.once("crash", resolve));
  // It takes its own answer along.
  session.send("Page.crash").catch(() => {});
  await crashed;
  await tab.close();
}
