// The API contract: every method's shapes, statuses, error texts and events, in Chromium and Firefox.
//
// The tests themselves are in api/ and run in a page. This file only calls them, each with a database of its own.

import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchFirefox } from "../sealed/webdriver.mjs";
import { launch, openPage, serve } from "./browser.mjs";
import { authorization, KINTO_URL, newUser } from "./kinto.mjs";
import { project } from "./projects.mjs";
import { databases } from "./api/databases.mjs";
import { dumps } from "./api/dumps.mjs";
import { events } from "./api/events.mjs";
import { journals } from "./api/journals.mjs";
import { json } from "./api/json.mjs";
import { keys } from "./api/keys.mjs";
import { kinds } from "./api/kinds.mjs";
import { leaving } from "./api/leaving.mjs";
import { options } from "./api/options.mjs";
import { proxies } from "./api/proxies.mjs";
import { queries } from "./api/queries.mjs";
import { records } from "./api/records.mjs";
import { steps } from "./api/steps.mjs";
import { storages } from "./api/storages.mjs";
import { syncing } from "./api/syncing.mjs";
import { transactions } from "./api/transactions.mjs";

const ESSAIM = join(project("plain"), "node_modules/essaim");
const API = fileURLToPath(new URL("api", import.meta.url));

const GROUPS = { records, queries, json, transactions, events, options, databases, storages, steps, dumps, syncing, keys, kinds, journals, leaving, proxies };
/** The storages to test in each browser. All storages are tested in one browser; the differences between browsers need only IndexedDB. */
const BROWSERS = { Chromium: ["indexeddb", "memory", "app"], Firefox: ["indexeddb"] };

let chromium;
let firefox;
let server;
before(async () => {
  chromium = await launch();
  // The same files are served under two addresses, so that a page can load two copies of the package.
  server = await serve({ "/": API, "/essaim/": ESSAIM, "/copy/": ESSAIM });
});
after(async () => {
  await chromium.close();
  await firefox?.close();
  await server.close();
});

/** Opens a URL in the only page of Firefox. */
async function openInFirefox(url) {
  firefox ??= await launchFirefox();
  return { page: await firefox.open(url), said: [], close: () => {} };
}

const open = (browser, url) => (browser === "Firefox" ? openInFirefox(url) : openPage(chromium, url));
const account = () => ({ remote: KINTO_URL, headers: { Authorization: authorization(newUser()) } });

for (const [browser, storages] of Object.entries(BROWSERS)) {
  for (const [storage, [group, tests]] of storages.flatMap((storage) => Object.entries(GROUPS).map((group) => [storage, group]))) {
    describe(`${group} in ${storage}, ${browser}`, () => {
      let opened;
      before(async () => (opened = await open(browser, `${server.url}page.html`)));
      after(() => opened.close());
      for (const name of Object.keys(tests)) {
        test(name.replaceAll("_", " "), async () => {
          const failure = await opened.page.evaluate((call) => globalThis.runTest(call), { group, name, storage, account: account() });
          if (failure) throw new Error(`${failure}\n${opened.said.slice(-5).join("\n")}`);
        });
      }
    });
  }
}
