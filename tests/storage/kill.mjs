// Pages are killed in the middle of syncs with a real Kinto, which cost no acknowledged write and double no record.
//
//     make kill                                                     100 seeds
//     ESSAIM_SEED=17 make kill                                      one of them again
//
// In each seed one device syncs records that others change too, edits all the while, and is killed at a seeded request,
// answer or step of a commit. Then it is started again and synced, and a new device too: both and the server must have the
// same, and every acknowledged write of everybody.

import { isDeepStrictEqual } from "node:util";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { Logbook } from "./logbook.mjs";
import { random } from "./pages/workload.mjs";
import { installStops } from "./stops.mjs";
import { crash, Profile } from "./tabs.mjs";

const SEEDS = process.env.ESSAIM_SEED ? [Number(process.env.ESSAIM_SEED)] : Array.from({ length: Number(process.env.ESSAIM_SEEDS ?? 100) }, (_, n) => n + 1);
const WIDTH = 2;

/** What happens in a seed. */
function plan(seed) {
  const dice = random(seed ^ 0x5111c);
  const below = (limit) => Math.floor(dice() * limit);
  const ids = (prefix, count) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const [mine, theirs, both] = [ids("mine", 3 + below(10)), ids("theirs", 3 + below(10)), ids("both", below(4))];
  const network = dice() < 0.5;
  return {
    // The device edits only `mine` and `both`, everybody else only `theirs` and `both`.
    mine, theirs, both,
    syncedBefore: dice() < 0.6,
    edits: 2 + below(15),
    editsMeanwhile: below(20),
    strategy: ["manual", "client_wins", "server_wins"][below(3)],
    stop: { within: network ? "network" : "anything", left: 1 + below(network ? 24 : 90) },
    foreign: { before: below(6), after: below(4) },
  };
}

/** The others: what they wrote last, by id. */
class Others {
  constructor(seed, server) {
    Object.assign(this, { random: random(seed ^ 0x0743), seed, server, tags: new Map(), count: 0 });
  }

  async write(ids) {
    for (const id of ids) {
      this.tags.set(id, `foreign ${this.seed} ${(this.count += 1)}`);
      await this.server.put(id, { tag: this.tags.get(id) });
    }
  }

  async change(ids, count) {
    for (let n = 0; n < count; n += 1) {
      const id = this.random() < 0.3 ? `new${(this.count += 1)}` : ids[Math.floor(this.random() * ids.length)];
      if (this.random() < 0.25 && this.tags.get(id)) {
        await this.server.remove(id);
        this.tags.set(id, null);
      } else await this.write([id]);
    }
  }
}

/** A device's writes as the logbook has them: what was acknowledged last, by id, and what was only begun. */
function writesIn(lines) {
  const [tags, begun] = [new Map(), []];
  for (const line of lines) {
    if (line.startsWith("begun ")) begun.push(JSON.parse(line.slice("begun ".length)));
    if (line === "done") for (const [id, tag] of Object.entries(begun.shift())) tags.set(id, tag);
  }
  return { tags, open: begun[0] ?? {} };
}

/** What is wrong with these final records, if anything. */
function lost(records, others, lines) {
  const found = new Map(records.map(({ id, tag }) => [id, tag]));
  const { tags, open } = writesIn(lines);
  const wrong = [];
  for (const id of new Set([...found.keys(), ...tags.keys(), ...others.tags.keys(), ...Object.keys(open)])) {
    const may = [tags, others.tags].filter((writes) => writes.has(id)).map((writes) => writes.get(id));
    // Begun by a new record's first write, which may not have been done.
    if (id in open) may.push(open[id], ...(may.length === 0 ? [null] : []));
    if (!may.includes(found.get(id) ?? null)) wrong.push(`${id} is ${found.get(id) ?? "gone"}, may be ${may.map((tag) => tag ?? "gone").join(" or ") || "nothing"}`);
  }
  const halves = new Set(Object.entries(open).map(([id, tag]) => (found.get(id) ?? null) === tag));
  if (halves.size > 1) wrong.push(`half of a transaction is there: ${JSON.stringify(open)}`);
  if (new Set(found.values()).size !== found.size) wrong.push("a write is in two records");
  return wrong;
}

async function run(seed, profile, logbook, host) {
  const scene = plan(seed);
  const server = new Server();
  const others = new Others(seed, server);
  // What is there from the start belongs to nobody's writes but for the device's, should it change it.
  await others.write([...scene.mine, ...scene.theirs, ...scene.both]);
  const device = (db) => ({ db, remote: KINTO_URL, headers: server.headers });
  const call = (tab, name, given) => tab.evaluate(async ([name, given]) => (await import("./syncing.mjs"))[name](given), [name, given]);

  const entries = logbook.open(`sync-${seed}`);
  const victim = await profile.open({ host, prepare: installStops });
  const session = await victim.context().newCDPSession(victim);
  await victim.evaluate((address) => reportTo(address), entries.address);
  await call(victim, "prepare", { ...device(`device-${seed}`), seed, ...scene });
  await others.change([...scene.theirs, ...scene.both], scene.foreign.before);
  const end = entries.next((line) => line.startsWith("stopped") || line === "finished");
  call(victim, "syncAndEdit", scene).catch((error) => (/crashed|closed/.test(error.message) ? undefined : entries.write(`stopped broken ${error.message}`)));
  const where = await end;
  await crash(victim, session);
  await others.change([...scene.theirs, ...scene.both], scene.foreign.after);

  const next = await profile.open({ host });
  try {
    const again = await call(next, "syncCleanly", device(`device-${seed}`));
    const fresh = await call(next, "syncCleanly", device(`fresh-${seed}`));
    const there = (await server.records()).map((record) => ({ ...record, _status: "synced" })).sort((a, b) => (a.id < b.id ? -1 : 1));
    const sameAs = (records) => isDeepStrictEqual([...records].sort((a, b) => (a.id < b.id ? -1 : 1)), there);
    // `mine` was the others' only in the beginning; the device's writes came after it had read that.
    for (const id of scene.mine) if (writesIn(entries.lines).tags.has(id)) others.tags.delete(id);
    const wrong = lost(there, others, entries.lines);
    if (!sameAs(again)) wrong.push("the device that was killed and the server differ");
    if (!sameAs(fresh)) wrong.push("a new device and the server differ");
    if (where.startsWith("stopped broken")) wrong.push(where);
    return { where, wrong };
  } finally {
    await next.close();
  }
}

function kindOf(where) {
  if (where === "finished") return "after it";
  if (where.startsWith("stopped network")) return where.endsWith("answer") ? "at an answer" : "after a request";
  return "in a commit";
}

const profile = await Profile.start();
const logbook = await Logbook.start();
const [counts, failures, queue] = [{}, [], [...SEEDS]];
await Promise.all(Array.from({ length: WIDTH }, async (_, index) => {
  for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
    const { where, wrong } = await run(seed, profile, logbook, `tab${index}.localhost`).catch((error) => ({ where: "stopped broken", wrong: [error.stack] }));
    counts[kindOf(where)] = (counts[kindOf(where)] ?? 0) + 1;
    if (wrong.length > 0) {
      failures.push(seed);
      console.error(`seed ${seed}, killed at "${where}":\n  ${wrong.join("\n  ")}\n  replay: ESSAIM_SEED=${seed} make kill`);
    }
  }
}));
await profile.close();
await logbook.close();
const middle = SEEDS.length - (counts["after it"] ?? 0);
console.log(`${SEEDS.length} pages killed, ${middle} in the middle of a sync (${Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ")}): ${failures.length === 0 ? "nothing lost, nothing doubled, all agree" : `${failures.length} FAILED (seeds ${failures.join(", ")})`}`);
process.exitCode = failures.length === 0 ? 0 : 1;
