/** Converts the filters of `list()` to values that JSON can hold. */

/**
 * Returns the filters without values that JSON cannot hold. Such a value equals no stored value, so it is replaced by `[]`, which matches nothing.
 * `JSON.stringify` alone would drop a filter that is undefined, and the list would hold every record.
 */
export function readFilters(filters: Record<string, unknown> | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(filters ?? {}).map(([field, wanted]) => [field, readWanted(wanted)]));
}

function readWanted(given: unknown): unknown {
  const wanted = given instanceof Date ? given.toJSON() : given;
  if (Array.isArray(wanted)) return wanted.filter(isJsonScalar);
  if (typeof wanted === "object" && wanted !== null) return readFilters(wanted as Record<string, unknown>);
  return isJsonScalar(wanted) ? wanted : [];
}

function isJsonScalar(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value === "string" || typeof value === "boolean";
}
