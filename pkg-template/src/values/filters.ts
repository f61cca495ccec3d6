/** The filters of `list()`, as JSON can say them. */

/**
 * What JSON cannot hold equals no stored value. `JSON.stringify` would drop an undefined filter, and the list would
 * hold every record: so such a value becomes "any of none".
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
