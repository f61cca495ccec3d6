// Functions that every part uses: records and time measurement.

/** Returns a record of about 270 bytes of JSON. */
export const record = (n) => ({
  id: crypto.randomUUID(),
  last_modified: 1_700_000_000_000 + n,
  title: `Task number ${n}`,
  done: n % 3 === 0,
  owner: { name: ["Ada", "Bob", "Cleo", "Dan"][n % 4], team: n % 7 },
  note: "What is to be done before anybody else can go on with theirs, and by whom, is said here. ".padEnd(117, "."),
});

export const records = (length) => Array.from({ length }, (_, n) => record(n));

/** Calls `work`, and resolves to its duration in milliseconds (`ms`) and its result (`answer`). */
export async function timed(work) {
  const begun = performance.now();
  const answer = await work();
  return { ms: performance.now() - begun, answer };
}

export function assertCount(found, expected) {
  if (found !== expected) throw new Error(`${found} records instead of ${expected}`);
}
