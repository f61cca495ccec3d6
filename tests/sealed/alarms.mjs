// Assertions that hold for every lie of a server: the alarm, its evidence, and the state after the server is honest again.

import assert from "node:assert/strict";
import { SECRETS } from "./devices.mjs";

/**
 * Asserts that a sync of `here` fails with `code`, and the next sync again. The local state must not change, except for the records in `learns`:
 * those of honest pages that are read before the lie is found. Nothing may be written to the server.
 */
export async function assertAlarm(scene, code, { learns = [], ...evidence } = {}) {
  const { here, proxy } = scene;
  const before = await here.state();
  for (let sync = 1; sync <= 2; sync++) {
    proxy.take("* ");
    const error = await here.failure();
    assert.equal(error.code, code, error.stack);
    assertEvidence(scene, error.data.evidence, evidence);
    assertWroteNothing(proxy);
  }
  const { records, unsynced } = await here.state();
  const learnt = ({ id }) => learns.includes(id);
  assert.deepEqual({ records: records.filter((record) => !learnt(record)), unsynced }, before);
  assert.deepEqual(records.filter(learnt).map(({ id }) => id), learns);
}

/** Asserts that the evidence has the URL, the time, the page, and what was expected and found, and that it holds nothing secret. */
export function assertEvidence({ key, url }, evidence, { position, ...others } = {}) {
  assert.equal(evidence.url, url);
  // Browsers use the real time, since `aMinuteLater()` moves only the clock of this process.
  assert.ok(Math.abs(Date.now() - evidence.atMs) < 600_000, `atMs: ${evidence.atMs}`);
  assert.ok(Number.isInteger(evidence.position) && evidence.position > 0);
  if (position !== undefined) assert.equal(evidence.position, position);
  for (const [name, expected] of Object.entries(others)) {
    if (expected instanceof RegExp) assert.match(String(evidence[name]), expected, name);
    else assert.deepEqual(evidence[name], expected, name);
  }
  const text = JSON.stringify(evidence);
  for (const secret of [...SECRETS, ...partsOf(key)]) assert.ok(!text.includes(secret), `${secret} in ${text}`);
}

/** Returns all parts of a key that are eight characters long, with and without its hyphens. */
export function partsOf(key) {
  const secret = key.slice(key.indexOf("-") + 1);
  return [secret, secret.replaceAll("-", "")].flatMap((text) => Array.from({ length: text.length - 7 }, (_, at) => text.slice(at, at + 8)));
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Returns the 36 bytes that the text of a key encodes. */
export function keyBytes(key) {
  const digits = [...key.slice(key.indexOf("-")).replaceAll("-", "")].map((digit) => ALPHABET.indexOf(digit).toString(2).padStart(5, "0"));
  return Buffer.from(digits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** The form of a hash in evidence. */
export const HASH = /^[\w-]{43}$/;

export function assertWroteNothing(proxy) {
  const written = proxy.take("* ").filter(({ method }) => method !== "GET");
  assert.deepEqual(written.map(({ method, url }) => `${method} ${url}`), []);
}

/** Asserts that a sync of `here` fails with `code`, which is not an alarm, and that nothing changes here or on the server. Returns the error. */
export async function assertFailure({ here, proxy }, code) {
  const before = await here.state();
  proxy.take("* ");
  const error = await here.failure();
  assert.equal(error.code, code, error.stack);
  assertWroteNothing(proxy);
  assert.deepEqual(await here.state(), before);
  return error;
}

/** Asserts that everything works again, without `repair()`, once the server is honest. */
export async function assertHeals(scene) {
  scene.proxy.behave();
  await assertSyncs(scene.here);
  await assertTogether(scene);
}

/**
 * Asserts that each of these devices gets an alarm and can `repair()`, and that afterwards all devices have the records `expected` (ids).
 *
 * Each repair ends with a snapshot, which empties the pages before it. So a later repair cannot tell a record that the server lost from a record
 * that was deleted since: it lists a conflict whose other side is null. The user decides; this function decides to keep the record.
 */
export async function assertRepairs(scene, { alarms, expected }) {
  for (const [device, codes] of alarms) {
    const before = await device.state();
    const error = await device.failure();
    assert.ok(codes.includes(error.code), error.stack);
    assert.deepEqual(await device.state(), before);
    const result = await device.call("repair");
    assert.deepEqual(result.errors, []);
    await keepAll(device, result.conflicts);
  }
  await assertTogether(scene);
  if (expected) assert.deepEqual((await scene.there.records()).map(({ id }) => id), expected);
}

/** Resolves the conflicts of a repair: keeps every record that the repair could not tell from a deleted one. */
export async function keepAll(device, conflicts) {
  for (const conflict of conflicts) {
    assert.deepEqual([conflict.type, conflict.local], ["incoming", null]);
    await device.resolve(conflict, conflict.remote);
  }
}

async function assertSyncs(device) {
  const result = await device.sync();
  assert.deepEqual([result.ok, result.errors, result.conflicts], [true, [], []]);
}

/** Asserts that all devices, and a new one, end with the same records and the same head. */
export async function assertTogether({ here, there, another, others = [] }) {
  const devices = [here, there, ...others];
  // Each device syncs twice: first to send its changes, then to receive those of the others.
  for (const device of [...devices, ...devices]) await assertSyncs(device);
  const fresh = await another();
  await assertSyncs(fresh);
  const [head, records] = [await there.head(), await there.records()];
  for (const device of [...devices, fresh]) {
    assert.deepEqual(await device.head(), head);
    assert.deepEqual(await device.unsynced(), []);
    assert.deepEqual(contents(await device.records()), contents(records));
  }
}

const contents = (records) => records.map(({ last_modified, ...record }) => record);
