/**
 * What `list()` has to give, said in plain JavaScript.
 *
 * - All filters must match; an array is any of its values; an object holds filters for what is in there, none if it is empty.
 * - Dots go into what is nested: own members of objects, places in arrays and strings, and the `length` of both.
 * - Equal is `===`, of scalars. What is missing equals nothing, not even `undefined`.
 * - In order: records without the field; numbers (`null` and `false` are 0, `true` is 1); strings by UTF-16; objects and arrays.
 *   Equal ones stay as they are stored, in both directions.
 */
export function oracle(stored, { filters, order = "-last_modified" } = {}, { includeDeleted = false } = {}) {
  const matching = stored.filter((record) => (includeDeleted || record._status !== "deleted") && satisfies(record, filters ?? {}));
  if (order === "") return matching;
  const descending = order.startsWith("-");
  const field = descending ? order.slice(1) : order;
  return matching.sort((one, other) => (descending ? -1 : 1) * compare(own(one, field), own(other, field)));
}

const MISSING = Symbol("missing");

function satisfies(value, filters) {
  return Object.entries(filters).every(([name, wanted]) => isWanted(name.split(".").reduce(own, value), wanted));
}

function isWanted(value, wanted) {
  if (Array.isArray(wanted)) return wanted.some((candidate) => candidate === value);
  if (wanted instanceof Date) return wanted.toJSON() === value;
  if (typeof wanted === "object" && wanted !== null) return satisfies(value, wanted);
  return wanted === value;
}

function own(value, name) {
  return value === null || !Object.hasOwn(value, name) ? MISSING : value[name];
}

function compare(one, other) {
  const kinds = kind(one) - kind(other);
  if (kinds !== 0 || kind(one) === 0 || kind(one) === 3) return kinds;
  return one < other ? -1 : one > other ? 1 : 0;
}

function kind(value) {
  if (value === MISSING) return 0;
  if (typeof value === "string") return 2;
  return typeof value === "object" && value !== null ? 3 : 1;
}
