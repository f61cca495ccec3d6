// Compares the database after a tab was killed with the expected records, which follow from the seed and the logbook.

import { Kinto } from "/essaim/index.js";
import { put, Workload } from "./workload.mjs";

const everything = async (tasks) => new Map((await tasks.list({ order: "" }, { includeDeleted: true })).data.map((record) => [record.id, record]));

/** Opens the database as the next tab does, or uses the given `Kinto`, which was opened before. Resolves to a text about what is wrong, or to null. */
export async function look({ seed, db, filling, lines }, kinto = new Kinto({ adapterOptions: { dbName: db } })) {
  const tasks = kinto.collection("tasks");
  await tasks.refresh();
  const found = await everything(tasks);
  // This record exists if the database was already checked by another tab.
  found.delete("afterwards");
  const { records, open } = expected(seed, filling, lines);
  for (const { writes } of open) {
    const parts = Object.entries(writes);
    // The writes of an operation that was not acknowledged must be there completely or not at all.
    if (parts.every(([id, record]) => same(found.get(id) ?? null, record))) parts.forEach(([id, record]) => put(records, id, record));
  }
  const wrong = differences(found, records);
  if (wrong) return `${wrong}\nnot acknowledged: ${open.map(({ kind }) => kind).join(", ")}`;
  return (await writeOnce(tasks, found, db)) ?? null;
}

/**
 * As `look`, but repeated until the browser opens the database, for half a minute at most. On a busy machine the browser may take longer than one
 * call waits.
 */
export async function lookOnceOpened(facts) {
  const begun = performance.now();
  for (;;) {
    try {
      return await look(facts);
    } catch (error) {
      if (error.code !== "storage" || performance.now() - begun > 30_000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Writes a record. Then another `Kinto` must read it from disk together with all the others. */
async function writeOnce(tasks, found, db) {
  const { data } = await tasks.upsert({ id: "afterwards", n: found.size });
  const another = new Kinto({ adapterOptions: { dbName: db } });
  const reread = await everything(another.collection("tasks"));
  another.close();
  const wrong = differences(reread, new Map(found).set(data.id, data));
  return wrong && `after one more write ${wrong}`;
}

/** Returns the records after all acknowledged operations, and the operations that were begun but not acknowledged. */
function expected(seed, filling, lines) {
  const workload = new Workload(seed);
  const records = new Map();
  const apply = ({ writes }) => Object.entries(writes).forEach(([id, record]) => put(records, id, record));
  for (const operations of workload.fill(filling)) operations.forEach(apply);
  const done = new Set(lines);
  let step = 0;
  for (const operations of workload.work()) {
    const [acknowledged, open] = [[], []];
    operations.forEach((operation, index) => (done.has(`done ${step} ${index}`) ? acknowledged : open).push(operation));
    acknowledged.forEach(apply);
    if (open.length > 0) return { records, open };
    step += 1;
  }
}

function differences(found, records) {
  const ids = [...new Set([...records.keys(), ...found.keys()])];
  const wrong = ids.filter((id) => !same(found.get(id), records.get(id)));
  if (wrong.length === 0) return undefined;
  const lines = wrong.slice(0, 5).map((id) => `${id}: is ${short(found.get(id))}, should be ${short(records.get(id))}`);
  return `${wrong.length} of ${records.size} records are wrong:\n${lines.join("\n")}`;
}

const short = (record) => JSON.stringify(record)?.replace(/"text":"[^"]*"/, '"text":…') ?? "nothing";

/** Returns whether two records (without nested objects) are the same. The content of a deleted record may be erased, but then all of it. */
function same(one, other) {
  if (!one || !other) return !one && !other;
  if (one._status === "deleted" && [one, other].some(isBare)) return ["id", "last_modified", "_status"].every((name) => one[name] === other[name]);
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

const isBare = (record) => Object.keys(record).every((name) => ["id", "last_modified", "_status"].includes(name));
