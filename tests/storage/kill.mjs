// Kills pages in the middle of syncs with a real Kinto server. No acknowledged write may be lost, and no record may be duplicated.
//
//     make kill                                                     100 seeds, and 100 with an encrypted collection
//     ESSAIM_SEED=17 ESSAIM_KIND=encrypted make kill                one of them, again
//
// In each seed, one device syncs records that others change too, and edits records at the same time. It is killed at a request, an answer or a step
// of a commit, which the seed determines. Then the device is started again and synced, and a new device is synced too. Both devices and the server
// must have the same records, with every acknowledged write of all devices. With an encrypted collection, all must have the same head, and there
// must be no alarm.

import { isDeepStrictEqual } from "node:util";
import { Logbook } from "./logbook.mjs";
import { Clients, Devices } from "./others.mjs";
import { lost, plan, writesIn } from "./scene.mjs";
import { installStops } from "./stops.mjs";
import { crash, Profile } from "./tabs.mjs";

const SEEDS = process.env.ESSAIM_SEED ? [Number(process.env.ESSAIM_SEED)] : Array.from({ length: Number(process.env.ESSAIM_SEEDS ?? 100) }, (_, n) => n + 1);
const KINDS = process.env.ESSAIM_KIND ? [process.env.ESSAIM_KIND] : ["plain", "encrypted"];
const WIDTH = 2;
const ALARM = /^sync failed (omission|rollback|fork|tampered|bad_snapshot|server_lost)/;

async function run(kind, seed, profile, logbook, host) {
  const scene = plan(seed, kind);
  const others = kind === "plain" ? new Clients(seed) : await Devices.begin(seed);
  // The others create all records first, also `mine`, which later only the killed device changes.
  await others.write([...scene.mine, ...scene.theirs, ...scene.both]);
  const device = (db) => ({ db: `${kind}-${db}-${seed}`, ...others.place });
  const call = (tab, name, given) => tab.evaluate(async ([name, given]) => (await import("./syncing.mjs"))[name](given), [name, given]);

  const entries = logbook.open(`${kind}-${seed}`);
  const victim = await profile.open({ host, prepare: installStops });
  const session = await victim.context().newCDPSession(victim);
  await victim.evaluate((address) => reportTo(address), entries.address);
  await call(victim, "prepare", { ...device("device"), seed, ...scene });
  await others.change([...scene.theirs, ...scene.both], scene.foreign.before);
  await others.fill(scene.pages);
  const end = entries.next((line) => line.startsWith("stopped") || line === "finished");
  call(victim, "syncAndEdit", scene).catch((error) => (/crashed|closed/.test(error.message) ? undefined : entries.write(`stopped broken ${error.message}`)));
  const where = await end;
  await crash(victim, session);
  const snapshot = (await others.segments()) > 0;
  await others.change([...scene.theirs, ...scene.both], scene.foreign.after);

  const next = await profile.open({ host });
  try {
    const again = await call(next, "syncCleanly", device("device"));
    const fresh = await call(next, "syncCleanly", device("fresh"));
    const byId = (records) => [...records].sort((a, b) => (a.id < b.id ? -1 : 1));
    const there = byId(await others.records());
    // The others wrote `mine` only in the beginning. The device has read that before it wrote, so its writes are newer.
    for (const id of scene.mine) if (writesIn(entries.lines).tags.has(id)) others.tags.delete(id);
    const wrong = [...lost(there, others, entries.lines), ...entries.lines.filter((line) => ALARM.test(line))];
    if (!isDeepStrictEqual(byId(again), there)) wrong.push("the device that was killed and the server differ");
    if (!isDeepStrictEqual(byId(fresh), there)) wrong.push("a new device and the server differ");
    if (where.startsWith("stopped broken")) wrong.push(where);
    if (kind === "encrypted") wrong.push(...(await others.wrongHeads([await call(next, "head", device("device")), await call(next, "head", device("fresh"))])));
    return { where, snapshot, wrong };
  } finally {
    await next.close();
    others.close();
  }
}

function kindOf(where) {
  if (where === "finished") return "after it";
  if (where.startsWith("stopped network")) return where.endsWith("answer") ? "at an answer" : "after a request";
  return "in a commit";
}

async function runAll(kind, profile, logbook) {
  const [counts, failures, queue] = [{}, [], [...SEEDS]];
  let snapshots = 0;
  await Promise.all(Array.from({ length: WIDTH }, async (_, index) => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
      const { where, snapshot, wrong } = await run(kind, seed, profile, logbook, `tab${index}.localhost`).catch((error) => ({ where: "stopped broken", wrong: [error.stack] }));
      if (snapshot && where !== "finished") snapshots += 1;
      counts[kindOf(where)] = (counts[kindOf(where)] ?? 0) + 1;
      if (wrong.length > 0) {
        failures.push(seed);
        console.error(`${kind} seed ${seed}, killed at "${where}":\n  ${wrong.join("\n  ")}\n  replay: ESSAIM_SEED=${seed} ESSAIM_KIND=${kind} make kill`);
      }
    }
  }));
  const middle = SEEDS.length - (counts["after it"] ?? 0);
  const end = failures.length === 0 ? "nothing lost, nothing doubled, all agree" : `${failures.length} FAILED (seeds ${failures.join(", ")})`;
  console.log(`${kind}: ${SEEDS.length} pages killed, ${middle} in the middle of a sync (${Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ")}${snapshots > 0 ? `; ${snapshots} of them while it wrote a snapshot` : ""}): ${end}`);
  return failures.length;
}

const profile = await Profile.start();
const logbook = await Logbook.start();
let failed = 0;
for (const kind of KINDS) failed += await runAll(kind, profile, logbook);
await profile.close();
await logbook.close();
process.exitCode = failed === 0 ? 0 : 1;
