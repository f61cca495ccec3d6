// Plans what happens before, while and after a page is killed in the middle of a sync, and checks the records at the end.

import { random } from "./pages/workload.mjs";

/** Returns what happens in a seed. */
export function plan(seed, kind) {
  const dice = random(seed ^ (kind === "plain" ? 0x5111c : 0x5ea1ed));
  const below = (limit) => Math.floor(dice() * limit);
  const ids = (prefix, count) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const [mine, theirs, both] = [ids("mine", 3 + below(10)), ids("theirs", 3 + below(10)), ids("both", below(4))];
  const network = dice() < 0.5;
  const scene = {
    // Ids of records. The device edits only `mine` and `both`; the others edit only `theirs` and `both`.
    mine, theirs, both,
    syncedBefore: dice() < 0.6,
    edits: 2 + below(15),
    editsMeanwhile: below(20),
    strategy: ["manual", "client_wins", "server_wins"][below(3)],
    stop: { within: network ? "network" : "anything", left: 1 + below(network ? 24 : 90) },
    foreign: { before: below(6), after: below(4) },
    pages: 0,
  };
  // In many seeds the device is about to write a snapshot. It does so after 64 pages, with many requests.
  if (kind === "encrypted" && dice() < 0.4) {
    scene.pages = 63;
    scene.stop.left = network ? 25 + below(80) : 100 + below(250);
  } else if (kind === "encrypted" && network) scene.stop.left = 1 + below(12);
  return scene;
}

/** Reads a device's writes from its lines in the logbook: the last acknowledged write to each id (`tags`), and the write that was only begun (`open`). */
export function writesIn(lines) {
  const [tags, begun] = [new Map(), []];
  for (const line of lines) {
    if (line.startsWith("begun ")) begun.push(JSON.parse(line.slice("begun ".length)));
    if (line === "done") for (const [id, tag] of Object.entries(begun.shift())) tags.set(id, tag);
  }
  return { tags, open: begun[0] ?? {} };
}

/** Returns a list of texts about what is wrong with these final records. */
export function lost(records, others, lines) {
  const found = new Map(records.map(({ id, tag }) => [id, tag]));
  const { tags, open } = writesIn(lines);
  const wrong = [];
  for (const id of new Set([...found.keys(), ...tags.keys(), ...others.tags.keys(), ...Object.keys(open)])) {
    const may = [tags, others.tags].filter((writes) => writes.has(id)).map((writes) => writes.get(id));
    // The write that was only begun may have been done or not. If it was the first write of a record, the record may not exist.
    if (id in open) may.push(open[id], ...(may.length === 0 ? [null] : []));
    if (!may.includes(found.get(id) ?? null)) wrong.push(`${id} is ${found.get(id) ?? "gone"}, may be ${may.map((tag) => tag ?? "gone").join(" or ") || "nothing"}`);
  }
  const halves = new Set(Object.entries(open).map(([id, tag]) => (found.get(id) ?? null) === tag));
  if (halves.size > 1) wrong.push(`half of a transaction is there: ${JSON.stringify(open)}`);
  if (new Set(found.values()).size !== found.size) wrong.push("a write is in two records");
  return wrong;
}
