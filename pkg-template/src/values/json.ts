/**
 * Converts records to JSON text. Records are stored as JSON, so what is read later, and what is uploaded, is exactly what was stored.
 *
 * `JSON.stringify` alone would silently lose data: NaN becomes null, and a Map becomes {}. A replacer function that checks each value makes it
 * ten times slower. So a separate walk over the record first refuses values that JSON cannot hold; then `JSON.stringify` runs.
 */

import { invalidRecord, KintoError } from "../errors.js";

/** A value that JSON cannot hold: its path in the record (outermost key first), and what it is. */
interface Flaw {
  keys: (string | number)[];
  what: string;
}

/**
 * The depth up to which the first walk goes. It does not look for cycles, because that is slow. A value that is nested more deeply is walked
 * again, with a search for cycles.
 */
const SHALLOW = 64;
const TOO_DEEP: Flaw = { keys: [], what: "" };

/**
 * Tags of objects that `JSON.stringify` would turn into `{}`. Objects are recognized by their tag, because `instanceof` fails for objects of
 * another frame, which has its own classes.
 */
const NOT_JSON = new Set(
  ["Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Blob", "File", "FileList", "ImageData", "ImageBitmap", "ArrayBuffer"]
    .concat(["SharedArrayBuffer", "DataView", "Promise", "RegExp", "Error"])
    .map((name) => `[object ${name}]`),
);

/** Returns the JSON text of a record. Throws `invalid_record`. */
export function recordText(record: object): string {
  assertJson(record);
  return JSON.stringify(record);
}

/** Returns the names of the members that a patch removes (those that are `undefined`), as a JSON array. The JSON text of the patch has no such members. */
export function withoutText(patch: object): string {
  return JSON.stringify(Object.entries(asRecord(patch)).flatMap(([key, value]) => (value === undefined ? [key] : [])));
}

/** Returns the JSON text of an array of records. Throws `invalid_record`. */
export function recordsText(records: readonly unknown[]): string {
  assertJson(records);
  return JSON.stringify(records);
}

/**
 * Returns the record itself, or the result of its `toJSON()` if it has one. Throws `invalid_record` if that is not an object. The `toJSON()` of its
 * members is called later, by `JSON.stringify`.
 */
export function asRecord(value: unknown): Record<string, unknown> {
  const record = hasToJson(value) ? value.toJSON("") : value;
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw invalidRecord("Record is not an object.");
  }
  return record as Record<string, unknown>;
}

/** Throws `invalid_record` with the path of the first value that JSON cannot hold, if there is one. */
export function assertJson(value: unknown): void {
  let flaw = walk(value, "", 0, undefined);
  if (flaw === TOO_DEEP) flaw = walkDeep(value);
  if (!flaw) return;
  const path = pathText(flaw.keys);
  throw invalidRecord(`${path || "The record"} is ${flaw.what}, which JSON cannot hold. Store it as a string, a number or an array.`, path);
}

function walkDeep(value: unknown): Flaw | undefined {
  try {
    return walk(value, "", 0, []);
  } catch (error) {
    if (error instanceof RangeError) return { keys: [], what: "nested too deeply" };
    throw error;
  }
}

function walk(value: unknown, key: string | number, depth: number, ancestors: object[] | undefined): Flaw | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { keys: [], what: String(value) };
    case "object":
      if (value === null) return undefined;
      // `toJSON` is called only once per value, as JSON.stringify does, because a `toJSON` may return `this`.
      return hasToJson(value) ? walkGiven(value.toJSON(String(key)), depth, ancestors) : walkObject(value, depth, ancestors);
    default:
      return { keys: [], what: `a ${typeof value}` };
  }
}

function walkGiven(value: unknown, depth: number, ancestors: object[] | undefined): Flaw | undefined {
  return typeof value === "object" && value !== null ? walkObject(value, depth, ancestors) : walk(value, "", depth, ancestors);
}

function walkObject(value: object, depth: number, ancestors: object[] | undefined): Flaw | undefined {
  if (ancestors?.includes(value)) return { keys: [], what: "a cycle" };
  if (!ancestors && depth > SHALLOW) return TOO_DEEP;
  if (!Array.isArray(value) && isNotJson(value)) return { keys: [], what: `a ${tagOf(value).slice(8, -1)}` };
  ancestors?.push(value);
  const flaw = Array.isArray(value) ? walkItems(value, depth, ancestors) : walkMembers(value, depth, ancestors);
  ancestors?.pop();
  return flaw;
}

function walkItems(value: unknown[], depth: number, ancestors: object[] | undefined): Flaw | undefined {
  for (let i = 0; i < value.length; i += 1) {
    const flaw = walk(value[i], i, depth + 1, ancestors);
    if (flaw) return under(i, flaw);
  }
  return undefined;
}

function walkMembers(value: object, depth: number, ancestors: object[] | undefined): Flaw | undefined {
  // The first calls run before the JavaScript engine has optimised this function. So it is a plain loop, with a short cut for strings and
  // booleans, the most frequent members.
  const keys = Object.keys(value);
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i]!;
    const member: unknown = (value as Record<string, unknown>)[key];
    if (typeof member === "string" || typeof member === "boolean") continue;
    const flaw = walk(member, key, depth + 1, ancestors);
    if (flaw) return under(key, flaw);
  }
  return undefined;
}

function under(key: string | number, flaw: Flaw): Flaw {
  if (flaw !== TOO_DEEP) flaw.keys.unshift(key);
  return flaw;
}

function isNotJson(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return false;
  return ArrayBuffer.isView(value) || NOT_JSON.has(tagOf(value));
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}

function hasToJson(value: unknown): value is { toJSON(key: string): unknown } {
  return typeof value === "object" && value !== null && typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** Returns a path as text: `["a", "b", 2]` → `a.b[2]`. */
function pathText(keys: (string | number)[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === "" ? key : `${path}.${key}`;
  }, "");
}

/** Describes the type of a value, for messages. Messages never quote the values that an app stores. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Returns the JSON text of an id. Ids are strings, unless the app's `idSchema` allows other ids. */
export function idText(id: unknown): string {
  return JSON.stringify(id) ?? "null";
}

/** Returns the message of a value that a function of the app threw, which need not be an Error. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error || KintoError.is(thrown)) return thrown.message;
  return String(thrown);
}
