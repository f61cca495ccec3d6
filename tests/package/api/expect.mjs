// Assertions that work both in a page and in Node.

export class Unexpected extends Error {}

export function ok(value, what = "value") {
  if (!value) throw new Unexpected(`${what} is ${show(value)}`);
}

/** Asserts that two JSON values are equal. Members that are undefined count as absent. */
export function equal(actual, expected, what = "value") {
  if (canonical(actual) !== canonical(expected)) {
    throw new Unexpected(`${what} is ${show(actual)} instead of ${show(expected)}`);
  }
}

/** Asserts that a promise rejects, and resolves to its error. `expected` holds the members to check: `{ code, message, data }`. */
export async function rejects(promise, expected) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return like(error, expected);
  }
  throw new Unexpected(`resolved to ${show(value)} instead of rejecting with ${show(expected)}`);
}

/** Asserts that `work` throws synchronously, and returns the error. */
export function throws(work, expected) {
  let value;
  try {
    value = work();
  } catch (error) {
    return like(error, expected);
  }
  if (typeof value?.then === "function") value.then(null, () => {});
  throw new Unexpected(`returned ${show(value)} instead of throwing ${show(expected)}`);
}

function like(error, expected) {
  if (error instanceof Unexpected) throw error;
  for (const [key, value] of Object.entries(expected)) {
    const fits = value instanceof RegExp ? value.test(error[key]) : canonical(error[key]) === canonical(value);
    if (!fits) throw new Unexpected(`error.${key} is ${show(error[key])} instead of ${show(value)} (${error.stack})`);
  }
  return error;
}

function canonical(value) {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function show(value) {
  return value instanceof RegExp ? String(value) : (canonical(value) ?? String(value));
}
