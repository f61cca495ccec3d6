/**
 * Records are JSON, from the moment they are stored: what is returned is what was stored, and what the server gets.
 *
 * `JSON.stringify` alone would lose data without a word (NaN becomes null, a Map becomes {}), and a replacer that
 * watches it makes it ten times slower. So: one plain walk that refuses, then one `JSON.stringify`.
 */

import { invalidRecord, KintoError } from "../errors.js";

/** Where something is in a record (innermost last), and what it is. */
interface Flaw {
  keys: (string | number)[];
  what: string;
}

/** Below this depth nobody looks for cycles, which costs; a deeper value is walked again, looking. */
const SHALLOW = 64;
const TOO_DEEP: Flaw = { keys: [], what: "" };

/** What `JSON.stringify` would turn into `{}`. By tag rather than `instanceof`: frames have their own classes. */
const NOT_JSON = new Set(
  ["Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Blob", "File", "FileList", "ImageData", "ImageBitmap", "ArrayBuffer"]
    .concat(["SharedArrayBuffer", "DataView", "Promise", "RegExp", "Error"])
    .map((name) => `[object ${name}]`),
);

/** The JSON text of a record. */
export function recordText(record: object): string {
  assertJson(record);
  return JSON.stringify(record);
}

/** Which members a patch takes away, for JSON does not say: those that it has as `undefined`. */
export function withoutText(patch: object): string {
  return JSON.stringify(Object.entries(asRecord(patch)).flatMap(([key, value]) => (value === undefined ? [key] : [])));
}

/** The JSON text of many records. */
export function recordsText(records: readonly unknown[]): string {
  assertJson(records);
  return JSON.stringify(records);
}

/**
 * What a record says it is: itself, or what its `toJSON` gives. Its members' `toJSON` are called later, by
 * `JSON.stringify`.
 */
export function asRecord(value: unknown): Record<string, unknown> {
  const record = hasToJson(value) ? value.toJSON("") : value;
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw invalidRecord("Record is not an object.");
  }
  return record as Record<string, unknown>;
}

/** Throws `invalid_record` with the path of the first thing that JSON cannot hold. */
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
      // Called once, as JSON.stringify does: a toJSON that returns `this` is legal.
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
  // The first call runs before any optimisation, hence the plain loop, and the short cut for what most members are.
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

/** `["a", "b", 2]` → `a.b[2]`. */
function pathText(keys: (string | number)[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === "" ? key : `${path}.${key}`;
  }, "");
}

/** What a value is, for messages: these never quote what an app stores. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The JSON text of an id. Ids are strings, unless the app's `idSchema` says otherwise. */
export function idText(id: unknown): string {
  return JSON.stringify(id) ?? "null";
}

/** The message of whatever an app's function threw. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error || KintoError.is(thrown)) return thrown.message;
  return String(thrown);
}
