// Runs random queries on a collection and on the oracle. If their results differ, the example is reduced before it is reported.

import { makeQuery, makeRecords } from "./cases.js";
import { Chance } from "./chance.js";
import { oracle } from "./oracle.js";

const idSchema = { generate: () => "", validate: () => true };

/** Runs `each` queries for every seed. Resolves to the first difference as text, or to undefined. */
export async function fuzz(kinto, { first, seeds, each }) {
  for (let seed = first; seed < first + seeds; seed += 1) {
    const chance = new Chance(seed);
    const records = makeRecords(chance);
    const tasks = await store(kinto, records);
    for (let n = 0; n < each; n += 1) {
      const query = makeQuery(chance, records);
      if (!(await difference(tasks, records, query))) continue;
      const [fewer, simpler] = await shrunk(kinto, records, query);
      return `ESSAIM_SEED=${seed}\n${await difference(await store(kinto, fewer), fewer, simpler)}`;
    }
  }
  return undefined;
}

let stored = 0;

/** Resolves to a new collection with these records, which have their intended statuses. */
async function store(kinto, records) {
  const tasks = kinto.collection(`tasks-${(stored += 1)}`, { idSchema });
  const of = (...statuses) => records.filter(({ status }) => statuses.includes(status)).map(({ record }) => record);
  await tasks.importBulk(of("synced", "updated", "deleted").map((record) => ({ ...record })));
  const preloadIds = records.map(({ record }) => record.id);
  await tasks.execute((txn) => {
    for (const record of of("created")) txn.create(record);
    // A change makes a record `updated`. When it is changed back, it stays `updated`.
    for (const record of of("updated")) for (const changed of [{ ...record, changed: 1 }, record]) txn.update(changed);
    for (const { id } of of("deleted")) txn.delete(id);
  }, { preloadIds });
  return tasks;
}

/** Resolves to a text with the results of the collection and of the oracle, if they differ. */
async function difference(tasks, records, query) {
  const { data: all } = await tasks.list({ order: "" }, { includeDeleted: true });
  // The oracle gets copies of the records. A filter may hold an object of a record, and `===` must not find it identical.
  const given = new Map(records.map(({ status, record }) => [record.id, JSON.parse(JSON.stringify({ ...record, _status: status }))]));
  if (all.length !== given.size) return `stored ${given.size}, listed ${all.length}: ${show(records)}`;
  const base = all.map(({ id }) => given.get(id));
  const expected = oracle(base, ...query).map(text);
  const found = await tasks.list(...query).then(({ data }) => data.map(text), (error) => [String(error)]);
  if (JSON.stringify(found) === JSON.stringify(expected)) return undefined;
  return [`list(${show(query[0])}, ${show(query[1])})`, `of       ${show(base)}`, `gave     ${found.join("\n         ")}`, `expected ${expected.join("\n         ")}`].join("\n");
}

/** Returns a text of a record that does not depend on the order of its members. */
const text = (record) => JSON.stringify(sorted(record));

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]);
}

/** Reduces an example: returns fewer records with fewer members, and a simpler query, for which the results still differ. */
async function shrunk(kinto, records, query) {
  const differs = async (fewer, simpler) => Boolean(await difference(await store(kinto, fewer), fewer, simpler));
  for (;;) {
    const next = await firstOf(smaller(records, query), differs);
    if (!next) return [records, query];
    [records, query] = next;
  }
}

async function firstOf(candidates, differs) {
  for (const candidate of candidates) if (await differs(...candidate)) return candidate;
  return undefined;
}

function* smaller(records, query) {
  for (let at = 0; at < records.length; at += 1) yield [records.toSpliced(at, 1), query];
  for (const [at, { status, record }] of records.entries()) {
    for (const name of Object.keys(record)) {
      if (name !== "id" && name !== "last_modified") yield [records.with(at, { status, record: without(record, name) }), query];
    }
  }
  const [{ filters, ...rest }, options] = query;
  for (const name of Object.keys(filters ?? {})) yield [records, [{ ...rest, filters: without(filters, name) }, options]];
  if (rest.order) yield [records, [{ filters, order: "" }, options]];
}

function without(object, name) {
  return Object.fromEntries(Object.entries(object).filter(([other]) => other !== name));
}

/** Returns a value as JSON text, in which values that JSON cannot hold are named in angle brackets. */
function show(value) {
  return JSON.stringify(value, (_, inner) => (inner === undefined ? "<undefined>" : Object.is(inner, -0) ? "<-0>" : typeof inner === "number" && !Number.isFinite(inner) ? `<${inner}>` : inner));
}
