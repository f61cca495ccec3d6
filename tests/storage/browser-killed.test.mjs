// The whole browser is killed, as a phone does with apps. No acknowledged write may be lost, because the operating system already has it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Logbook } from "./logbook.mjs";
import { installStops } from "./stops.mjs";
import { Profile } from "./tabs.mjs";

let profile;
let logbook;
before(async () => {
  profile = await Profile.start();
  logbook = await Logbook.start();
});
after(async () => {
  await profile.close();
  await logbook.close();
});

async function killBrowser() {
  const browser = profile.context.browser();
  const session = await browser.newBrowserCDPSession();
  const gone = new Promise((resolve) => browser.once("disconnected", resolve));
  session.send("Browser.crash").catch(() => {});
  await gone;
}

for (const [filling, acknowledgements] of [["nothing", 1], ["bytes", 25], ["segments", 12]]) {
  test(`a browser killed ${acknowledgements} acknowledged writes after a start on ${filling} keeps them all`, async () => {
    const [seed, db] = [acknowledgements, `browser-${filling}`];
    const entries = logbook.open(db);
    const tab = await profile.open({ prepare: installStops });
    let left = acknowledgements;
    const enough = entries.next((line) => line.startsWith("done") && (left -= 1) === 0);
    tab.evaluate(async ({ address, ...given }) => {
      reportTo(address);
      await (await import("./victim.mjs")).work(given);
    }, { address: entries.address, seed, db, filling, steps: Infinity }).catch(() => {});
    await enough;
    await killBrowser();
    await profile.launch();
    const next = await profile.open();
    const facts = { seed, db, filling, lines: entries.lines };
    assert.equal(await next.evaluate(async (facts) => (await import("./afterwards.mjs")).lookOnceOpened(facts), facts), null);
  });
}

/** Locks the databases of a profile, as a browser does that was killed and whose process has not ended yet. Resolves to a function that unlocks them. */
async function holdDatabases(folder) {
  const databases = join(folder, "Default", "IndexedDB");
  const lock = join(databases, readdirSync(databases).find((name) => name.endsWith(".leveldb")), "LOCK");
  const holder = spawn("python3", ["-c", "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.lockf(file, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()", lock]);
  await once(holder.stdout, "data");
  return async () => {
    holder.stdin.end();
    await once(holder, "exit");
  };
}

// The eviction markers in localStorage are lost too, because a browser writes localStorage to disk only after seconds. And while the databases are
// locked, they cannot be listed. So nothing shows that the collection exists.
test("a browser that comes before a killed one is gone shows no empty collection", async () => {
  const tab = await profile.open();
  await tab.evaluate(async () => {
    const tasks = new essaim.Kinto({ adapterOptions: { dbName: "held" } }).collection("tasks");
    for (const id of ["a", "b", "c"]) await tasks.create({ id }, { useRecordId: true });
  });
  await killBrowser();
  const letGo = await holdDatabases(profile.folder);
  await profile.launch();
  const next = await profile.open();
  const look = () => next.evaluate(() => {
    globalThis.held ??= new essaim.Kinto({ adapterOptions: { dbName: "held" } }).collection("tasks");
    return held.list({ order: "id" }).then(({ data }) => data.map(({ id }) => id), ({ code }) => code);
  });
  assert.equal(await look(), "storage");
  await letGo();
  assert.deepEqual(await look(), ["a", "b", "c"]);
});
