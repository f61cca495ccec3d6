// A page is killed at any moment of a migration: the next page must have all records, once. And two tabs that migrate at the same time must migrate
// each record once. In Chromium, where a test can kill a page.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchProfile } from "../demo/demo-page.mjs";
import { Logbook } from "../storage/logbook.mjs";
import { installStops } from "../storage/stops.mjs";
import { crash } from "../storage/tabs.mjs";
import { startSite } from "./site.mjs";

const RECORDS = 300;

let site;
let logbook;
let folder;
let context;
before(async () => {
  [site, logbook, folder] = await Promise.all([startSite(), Logbook.start(), mkdtemp(join(tmpdir(), "essaim-profile-"))]);
  context = await launchProfile(folder);
});
after(async () => {
  await context.close();
  await Promise.all([site.close(), logbook.close()]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function openTab(prepare) {
  const tab = await context.newPage();
  if (prepare) await tab.addInitScript(prepare);
  await tab.goto(site.url);
  await tab.waitForFunction(() => "handles" in globalThis);
  return tab;
}

/** Makes records with Kinto.js in the database of this name. A third of them are deleted. */
async function fill(tab, dbName) {
  await tab.evaluate(async ([dbName, count]) => {
    const number = await openCollection("Kinto.js", { adapterOptions: { dbName } }, "tasks");
    await handles[number].collection.db.execute((txn) => {
      for (let n = 0; n < count; n += 1) txn.create({ id: `r${n}`, n, _status: ["created", "deleted", "synced"][n % 3], last_modified: n % 3 === 0 ? undefined : n });
    });
  }, [dbName, RECORDS]);
}

/** Resolves to the number of records in each status, and whether this tab migrated them. */
function look(tab, dbName) {
  return tab.evaluate(async (dbName) => {
    const number = await openCollection("essaim", { adapterOptions: { dbName } }, "tasks");
    const { collection } = handles[number];
    const { data } = await collection.list({}, { includeDeleted: true });
    const counts = {};
    for (const { _status } of data) counts[_status] = (counts[_status] ?? 0) + 1;
    const leftovers = await collection.leftovers();
    const told = takeEvents(number).filter(([event]) => event === "storage:adopted").length;
    collection.kinto.close();
    return { counts, told, leftovers: leftovers.length, ids: new Set(data.map(({ id }) => id)).size };
  }, dbName);
}

const ALL = { counts: { created: 100, deleted: 100, synced: 100 }, leftovers: 0, ids: RECORDS };

test("a page killed at any moment of it leaves nothing, or everything", { timeout: 300_000 }, async (t) => {
  const bystander = await openTab();
  const found = { before: 0, after: 0 };
  let moments = 0;
  for (let finished = false; !finished; moments += 1) {
    const dbName = `killed ${moments}`;
    await fill(bystander, dbName);
    const tab = await openTab(installStops);
    const session = await tab.context().newCDPSession(tab);
    const entries = logbook.open(`killed-${moments}`);
    const end = entries.next((line) => line.startsWith("stopped") || line === "finished");
    tab.evaluate(async ([dbName, address, left]) => {
      reportTo(address);
      const number = await openCollection("essaim", { adapterOptions: { dbName } }, "tasks");
      stopAt({ within: "anything", left });
      await handles[number].collection.list();
      report("finished");
    }, [dbName, entries.address, moments + 1]).catch(() => {});
    const where = await end;
    finished = where === "finished";
    await crash(tab, session);
    const { told, ...there } = await look(bystander, dbName);
    assert.deepEqual(there, ALL, `killed at moment ${moments + 1}, "${where}"`);
    found[told ? "before" : "after"] += 1;
  }
  t.diagnostic(`${moments} moments: ${found.before} before its commit, ${found.after} after`);
  assert.ok(found.before >= 10 && found.after >= 1, "it was not killed where it matters");
});

test("two tabs at the same time take it over once", async () => {
  const tabs = await Promise.all([openTab(), openTab()]);
  for (let round = 0; round < 10; round += 1) {
    const dbName = `two ${round}`;
    await fill(tabs[0], dbName);
    const [one, other] = await Promise.all(tabs.map((tab) => look(tab, dbName)));
    assert.equal(one.told + other.told, 1);
    for (const { told: _, ...there } of [one, other]) assert.deepEqual(there, ALL);
  }
});
