// Assertions that run in a page as well as in Node.

export class Unexpected extends Error {}

export function ok(value, what = "value") {
  if (!value) throw new Unexpected(`${what} is ${show(value)}`);
}

/** Deep equality of JSON; undefined members count as absent. */
export function equal(actual, expected, what = "value") {
  if (canonical(actual) !== canonical(expected)) {
    throw new Unexpected(`${what} is ${show(actual)} instead of ${show(expected)}`);
  }
}

/** The error with which the promise rejects. `expected` names what must be in it: `{ code, message, data }`. */
export async function rejects(promise, expected) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return like(error, expected);
  }
  throw new Unexpected(`resolved to ${show(value)} instead of rejecting with ${show(expected)}`);
}

/** The error that `work` throws, before it returns anything. */
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
