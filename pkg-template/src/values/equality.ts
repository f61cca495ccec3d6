/** Compares the content of records, ignoring status, timestamp and local fields. */

/** Returns a copy of the record without `_status` and the local fields. This is the form in which records are uploaded. */
export function withoutLocalFields(record: object, localFields: readonly string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...record };
  for (const field of ["_status", ...localFields]) delete copy[field];
  return copy;
}

/**
 * Returns whether two records have the same content: all fields except `_status`, `last_modified` and `localFields` are compared.
 *
 * @example
 * ```js
 * recordsEqual({ id: "1", title: "a", _status: "created" }, { id: "1", title: "a", last_modified: 12 }); // true
 * ```
 */
export function recordsEqual(a: object, b: object, localFields: readonly string[] = []): boolean {
  const ignored = ["last_modified", ...localFields];
  return jsonEqual(withoutLocalFields(a, ignored), withoutLocalFields(b, ignored));
}

/**
 * Returns the value at a dotted path, or undefined.
 *
 * @example
 * ```js
 * getDeepKey({ author: { name: "Ada" } }, "author.name"); // "Ada"
 * ```
 */
export function getDeepKey(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown> | null | undefined)?.[key], value);
}

/** Returns whether two JSON values are equal. The order of members is ignored, and a member that is undefined counts as absent. */
function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => jsonEqual(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => jsonEqual(left[key], right[key]));
}
