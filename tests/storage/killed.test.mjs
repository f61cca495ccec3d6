// A tab is killed at any point of a commit or of a fold. Whoever opens the database next finds every acknowledged write,
// nothing half-written, and can write.
//
// Every seed is one tab and its death. A failure names it: `ESSAIM_SEED=17 node --test tests/storage/killed.test.mjs`

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Logbook } from "./logbook.mjs";
import { FILLINGS, perform, put, random, Workload } from "./pages/workload.mjs";
import { installStops } from "./stops.mjs";
import { Profile } from "./tabs.mjs";

const SEEDS = process.env.ESSAIM_SEED ? [Number(process.env.ESSAIM_SEED)] : Array.from({ length: Number(process.env.ESSAIM_SEEDS ?? 200) }, (_, n) => n + 1);
/** Tabs at a time. */
const WIDTH = 2;
/** So long works a tab that nothing stops. */
const STEPS = 60;

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

/** How a tab will die. */
function plan(seed) {
  const dice = random(seed ^ 0x5eed);
  const one = (list) => list[Math.floor(dice() * list.length)];
  const filling = one(Object.keys(FILLINGS));
  if (dice() < 0.2) return { filling, death: one(["crash", "close", "leave"]), afterAcknowledged: Math.floor(dice() * 30) + 1 };
  const within = filling === "nothing" || dice() < 0.4 ? "anything" : "fold";
  return { filling, death: "crash", stop: { within, left: 1 + Math.floor(dice() * (within === "fold" ? 18 : 60)) } };
}

/** Runs in the tab, until it dies. */
async function work({ seed, filling, stop, steps }) {
  const { perform, Workload } = await import("./workload.mjs");
  const workload = new Workload(seed);
  for (const operations of workload.fill(filling)) await perform(tasks, operations);
  report("filled");
  if (stop) stopAt(stop);
  let left = steps;
  let step = 0;
  for (const operations of workload.work()) {
    await perform(tasks, operations, (index) => report(`done ${step} ${index}`));
    step += 1;
    left -= 1;
    if (left === 0) break;
  }
  report("finished");
}

const KILL = {
  async crash(tab) {
    const crashed = new Promise((resolve) => tab.once("crash", resolve));
    const session = await tab.context().newCDPSession(tab);
    // It takes its own answer along.
    session.send("Page.crash").catch(() => {});
    await crashed;
  },
  close: (tab) => tab.close({ runBeforeUnload: false }),
  leave: (tab) => tab.goto("about:blank"),
};

/** One tab's life: what it did, as the logbook has it, and where it ended. */
async function killTab(seed, db, host) {
  const { filling, death, stop, afterAcknowledged } = plan(seed);
  const entries = logbook.open(`seed-${seed}`);
  const tab = await profile.open({ db, host, prepare: installStops, prepareWith: entries.address });
  let acknowledged = 0;
  const end = entries.next((line) => {
    if (line.startsWith("done")) acknowledged += 1;
    return line.startsWith("stopped") || line === "finished" || acknowledged === afterAcknowledged;
  });
  const failed = new Promise((_, reject) => {
    tab.evaluate(work, { seed, filling, stop, steps: STEPS }).catch((error) => {
      // Killing it ends this call as well.
      if (!tab.isClosed() && !/crashed|closed|destroyed/.test(error.message)) reject(error);
    });
  });
  const where = await Promise.race([end, failed]);
  await KILL[death](tab);
  if (!tab.isClosed()) await tab.close();
  return { filling, death, where, lines: entries.lines };
}

/** The records that must be there, from what was acknowledged, and the operations that may or may not have been done. */
function expected(seed, filling, lines) {
  const workload = new Workload(seed);
  const records = new Map();
  const apply = ({ writes }) => { for (const [id, record] of Object.entries(writes)) put(records, id, record); };
  for (const operations of workload.fill(filling)) operations.forEach(apply);
  const done = new Set(lines.filter((line) => line.startsWith("done")));
  let step = 0;
  for (const operations of workload.work()) {
    const open = operations.filter((_, index) => !done.has(`done ${step} ${index}`));
    operations.filter((operation) => !open.includes(operation)).forEach(apply);
    if (open.length > 0) return { records, open };
    step += 1;
  }
}

/** What is there: all that was acknowledged, and each open operation as a whole or not at all. */
function check(found, { records, open }) {
  for (const { writes } of open) {
    const isThere = Object.entries(writes).every(([id, record]) => isDeepStrictEqual(found.get(id) ?? null, record));
    if (isThere) for (const [id, record] of Object.entries(writes)) put(records, id, record);
  }
  const wrong = [...new Set([...records.keys(), ...found.keys()])].filter((id) => !isDeepStrictEqual(found.get(id), records.get(id)));
  const short = (record) => JSON.stringify(record)?.replace(/"text":"[^"]*"/, '"text":…') ?? "nothing";
  const lines = wrong.slice(0, 5).map((id) => `${id}: is ${short(found.get(id))}, should be ${short(records.get(id))}`);
  assert.ok(wrong.length === 0, `${wrong.length} of ${records.size} records are wrong:\n${lines.join("\n")}\nopen: ${open.map(({ kind }) => kind)}`);
}

/** Opens the database as the next tab does, writes to it, and gives what was there. And again what is on disk then. */
const look = async () => {
  const all = async (tasks) => (await tasks.list({ order: "" }, { includeDeleted: true })).data;
  const found = await all(tasks);
  await tasks.create({ id: "afterwards" }, { useRecordId: true });
  const again = new essaim.Kinto({ adapterOptions: { dbName: new URL(location.href).searchParams.get("db") } });
  const reread = await all(again.collection("tasks"));
  return { found, reread };
};

async function run(seed, host) {
  const db = `seed-${seed}-${process.pid}`;
  const killed = await killTab(seed, db, host);
  const next = await profile.open({ db, host });
  try {
    const { found, reread } = await next.evaluate(look);
    const byId = (records) => new Map(records.map((record) => [record.id, record]));
    check(byId(found), expected(seed, killed.filling, killed.lines));
    assert.deepEqual(byId(reread), byId([...found, { id: "afterwards", _status: "created" }]));
  } catch (error) {
    throw new Error(`seed ${seed}: ${killed.filling}, ${killed.death} at "${killed.where}"\n${error.message}`, { cause: error });
  } finally {
    await next.close();
  }
  return killed.where;
}

test(`${SEEDS.length} tabs killed at any point of a commit or a fold lose nothing that was acknowledged`, { timeout: 600_000 }, async (context) => {
  const [ends, failures] = [{}, []];
  const queue = [...SEEDS];
  const worker = async (_, index) => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
      try {
        const [verb, where] = (await run(seed, `tab${index}.localhost`)).split(" ");
        const end = verb === "stopped" ? `in a ${where}` : verb === "done" ? "after a write" : "at the end";
        ends[end] = (ends[end] ?? 0) + 1;
      } catch (error) {
        failures.push(`${error.message}\nreplay: ESSAIM_SEED=${seed} node --test tests/storage/killed.test.mjs`);
      }
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  context.diagnostic(`killed ${Object.entries(ends).map(([end, count]) => `${count} ${end}`).join(", ")}`);
  assert.equal(failures.length, 0, `${failures.length} of ${SEEDS.length} seeds failed\n\n${failures.slice(0, 5).join("\n\n")}`);
  if (SEEDS.length >= 200) assert.ok(ends["in a fold"] >= 40 && ends["in a commit"] >= 40, "too few were killed where it matters");
});
