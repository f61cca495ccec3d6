// Generates unusual records and queries.

const NAMES = ["a", "b", "c", "a.b", "", ".", "0", "1", "01", "length", "__proto__", "constructor", "-a", "é", "😀", "\ud800", "\udc00", "\"\\", "\u2028"];
const NUMBERS = [0, -0, 1, -1, 2, 10, 9, 0.1, 0.1 + 0.2, -0.5, 1e21, 1e-7, 123456789012345680000, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), 9e15, 5e-324, 1.7976931348623157e308, 4.35, 1e300];
const TEXTS = ["", "a", "b", "A", "10", "9", "9.5", "1e1", " ", "true", "null", "é", "e\u0301", "😀", "\ufffd", "\ud800", "\udc00x", "\ud83d", "\u2028", "\"", "\\", "\\u0061", "a.b", "\n\t\b", "[1]", "{}"];
const STATUSES = ["created", "updated", "deleted", "synced"];

/** Returns a random finite double. */
function anyDouble(chance) {
  const words = new Uint32Array([chance.below(2 ** 32), chance.below(2 ** 32)]);
  const [number] = new Float64Array(words.buffer);
  return Number.isFinite(number) ? number : 1;
}

function scalar(chance) {
  const number = () => (chance.oneIn(4) ? anyDouble(chance) : chance.one(NUMBERS));
  return chance.one([() => null, () => true, () => false, number, number, number, () => chance.one(TEXTS), () => chance.one(TEXTS)])();
}

/** Returns an object with these members. Members are defined and not assigned, because assigning `__proto__` would set the prototype. */
const object = (entries) => Object.fromEntries(entries);

function value(chance, depth = 0) {
  if (chance.oneIn(60)) return nested(chance, 20 + chance.below(200));
  if (depth > 3 || chance.below(3) > 0) return scalar(chance);
  if (chance.oneIn(2)) return chance.some(3, () => value(chance, depth + 1));
  return object(chance.some(3, () => [chance.one(NAMES), value(chance, depth + 1)]));
}

function nested(chance, depth) {
  let inner = scalar(chance);
  for (let n = 0; n < depth; n += 1) inner = chance.oneIn(2) ? [inner] : object([[chance.one(NAMES), inner]]);
  return inner;
}

/** Returns records, each with the status that it will have. */
export function makeRecords(chance) {
  const ids = new Set(chance.some(30, () => chance.one([() => chance.below(50), () => `r${chance.below(50)}`, () => chance.one(TEXTS) || "empty", () => anyDouble(chance), () => chance.oneIn(2)])()));
  return [...ids].map((id) => {
    const status = chance.one(STATUSES);
    const last_modified = status === "created" ? undefined : 1 + chance.below(8);
    const members = chance.some(5, () => [chance.one(NAMES), value(chance)]);
    return { status, record: { ...object(members), id, ...(last_modified && { last_modified }) } };
  });
}

/** Returns the arguments of `list()`: `[{filters, order}, {includeDeleted}]`. */
export function makeQuery(chance, records) {
  const params = {};
  if (!chance.oneIn(6)) params.filters = chance.oneIn(30) ? undefined : object(chance.some(2, () => filter(chance, records)));
  if (!chance.oneIn(4)) params.order = order(chance);
  return [params, { includeDeleted: chance.oneIn(2) }];
}

function order(chance) {
  const field = chance.one([...NAMES, "id", "_status", "last_modified", "missing"]);
  return chance.one(["", "-", "-", ""]) + field;
}

/** Returns one filter: a field name and the wanted value. In most cases a record has this value. */
function filter(chance, records) {
  if (chance.oneIn(8)) return ["_status", wanted(chance, chance.one(STATUSES))];
  if (chance.oneIn(12)) return [chance.one(NAMES), wanted(chance, scalar(chance))];
  if (records.length === 0) return ["a", scalar(chance)];
  let found = chance.one(records).record;
  const path = [];
  while (typeof found === "object" && found !== null && Object.keys(found).length > 0 && (path.length === 0 || chance.below(5) > 0)) {
    const name = chance.one(Object.keys(found));
    path.push(name);
    found = found[name];
  }
  if (chance.oneIn(12) && path.length > 0) {
    path.push("length");
    found = found?.length ?? 0;
  }
  if (typeof found === "string" && found !== "" && chance.oneIn(8)) {
    path.push("0");
    found = found[0];
  }
  return written(chance, path, wanted(chance, found));
}

/** Returns a filter on a nested field, written with dots, with nested filters, or with a mixture of both. */
function written(chance, path, inner) {
  const cut = 1 + chance.below(path.length);
  const name = path.slice(0, cut).join(".");
  return cut >= path.length ? [name, inner] : [name, object([written(chance, path.slice(cut), inner)])];
}

function wanted(chance, found) {
  const odd = () => chance.one([undefined, NaN, Infinity, new Date(0), {}, [], { a: 1 }]);
  if (chance.oneIn(15)) return odd();
  if (chance.oneIn(10)) return scalar(chance);
  if (chance.oneIn(3)) return [found, ...chance.some(3, () => (chance.oneIn(8) ? odd() : scalar(chance))), ...(chance.oneIn(3) ? [found] : [])];
  return found;
}
