/**
 * Returns what `list()` must return: the specification of filters and order as plain JavaScript.
 *
 * - A record must match all filters. An array matches if any of its items does. An object holds filters for the members of the value; an empty
 *   object has no filters.
 * - Dots in a name select nested values: own members of objects, items of arrays, characters of strings, and the `length` of arrays and strings.
 * - Scalars are compared with `===`. A missing value equals nothing, not even `undefined`.
 * - The ascending order is: records without the field; numbers (`null` and `false` count as 0, `true` as 1); strings by UTF-16 code units; objects
 *   and arrays. Records with equal values stay in the order of storage, in both directions.
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
