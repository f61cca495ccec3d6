// A tab is killed at any point of a commit or of a compaction ("fold"). The next tab that opens the database must find every acknowledged write and
// no partial write, and must be able to write.
//
// Each seed is one tab that is killed. A failure names the seed: `ESSAIM_SEED=17 node --test tests/storage/killed.test.mjs` repeats it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Logbook } from "./logbook.mjs";
import { random } from "./pages/workload.mjs";
import { installStops } from "./stops.mjs";
import { crash, Profile } from "./tabs.mjs";

const SEEDS = process.env.ESSAIM_SEED ? [Number(process.env.ESSAIM_SEED)] : Array.from({ length: Number(process.env.ESSAIM_SEEDS ?? 200) }, (_, n) => n + 1);
/** How many tabs work at the same time. */
const WIDTH = 3;
/** The number of steps after which a tab ends if it is not stopped before. */
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

/** Returns how the tab of a seed will be killed. */
function plan(seed) {
  const dice = random(seed ^ 0x5eed);
  const one = (list) => list[Math.floor(dice() * list.length)];
  // The filling "rows" is rare, because it takes the longest.
  const filling = one(["nothing", "nothing", "bytes", "bytes", "segments", "segments", "cleared", "rows"]);
  const watched = dice() < 0.3;
  if (dice() < 0.2) return { filling, watched, death: one(["crash", "close", "leave"]), acknowledgements: Math.floor(dice() * 30) + 1 };
  const within = filling === "nothing" || dice() < 0.4 ? "anything" : "fold";
  return { filling, watched, death: "crash", stop: { within, left: 1 + Math.floor(dice() * (within === "fold" ? 18 : 60)) } };
}

const KILL = { crash, close: (tab) => tab.close({ runBeforeUnload: false }), leave: (tab) => tab.goto("about:blank").then(() => tab.close()) };

const openTab = (host) => profile.open({ host, prepare: installStops });

/** Lets a tab work until it is killed. Returns its lines in the logbook, and where it ended. */
async function kill(tab, seed, db, { filling, death, stop, acknowledgements }) {
  const entries = logbook.open(db);
  // The session is opened now, because a stopped page does not answer.
  const session = await tab.context().newCDPSession(tab);
  let acknowledged = 0;
  const end = entries.next((line) => {
    if (line.startsWith("done")) acknowledged += 1;
    return line.startsWith("stopped") || line === "finished" || acknowledged === acknowledgements;
  });
  const working = tab.evaluate(async ({ address, ...given }) => {
    reportTo(address);
    await (await import("./victim.mjs")).work(given);
  }, { address: entries.address, seed, db, filling, stop, steps: STEPS });
  // When the page is killed, this call rejects too; that is not a failure.
  const failed = working.then(() => end, (error) => (entries.lines.some((line) => /^(stopped|done)/.test(line)) ? end : Promise.reject(error)));
  const where = await Promise.race([end, failed]);
  await KILL[death](tab, session);
  return { where, lines: entries.lines };
}

/** Runs seeds one after the other until the queue is empty. The tab that checks the database of one seed is the tab that is killed next. */
async function work(host, queue, told) {
  const bystander = await openTab(host);
  let tab = await openTab(host);
  for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
    const db = `seed-${seed}`;
    const death = plan(seed);
    if (death.watched) await bystander.evaluate((dbName) => (globalThis.watched = new essaim.Kinto({ adapterOptions: { dbName } })).collection("tasks").list(), db);
    const { where, lines } = await kill(tab, seed, db, death);
    const facts = { seed, db, filling: death.filling, lines };
    tab = await openTab(host);
    const look = async (facts) => (await import("./afterwards.mjs")).look(facts, globalThis.watched);
    const wrong = (await tab.evaluate(look, facts)) ?? (death.watched && (await bystander.evaluate(look, facts)));
    if (death.watched) await bystander.evaluate(() => watched.close());
    told({ seed, where, wrong: wrong && `seed ${seed}, ${death.filling}, ${death.death} at "${where}": ${wrong}` });
  }
}

function kindOf(where) {
  const [verb, within] = where.split(" ");
  return { stopped: `in a ${within}`, done: "after a write", finished: "at the end" }[verb];
}

test(`${SEEDS.length} tabs killed at any point of a commit or a fold lose nothing that was acknowledged`, { timeout: 600_000 }, async (context) => {
  const [counts, failures] = [{}, []];
  const told = ({ seed, where, wrong }) => {
    counts[kindOf(where)] = (counts[kindOf(where)] ?? 0) + 1;
    if (wrong) failures.push(`${wrong}\nreplay: ESSAIM_SEED=${seed} node --test tests/storage/killed.test.mjs`);
  };
  const queue = [...SEEDS];
  await Promise.all(Array.from({ length: WIDTH }, (_, index) => work(`tab${index}.localhost`, queue, told)));
  context.diagnostic(`killed ${Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  assert.equal(failures.length, 0, `${failures.length} of ${SEEDS.length} seeds failed\n\n${failures.slice(0, 5).join("\n\n")}`);
  if (SEEDS.length >= 200) assert.ok(counts["in a fold"] >= 40 && counts["in a commit"] >= 40, "too few were killed where it matters");
});
