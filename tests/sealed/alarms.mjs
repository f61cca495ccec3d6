// What has to come of a lie, whatever it is.

import assert from "node:assert/strict";
import { SECRETS } from "./devices.mjs";

/**
 * A sync of `here` fails with `code`. Nothing local is lost: it is all as before, but for the records of honest pages, which it
 * may `learn` before the lie. Nothing is written on the strength of the lie. The next sync says the same again.
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

/** Says where and when, of which page, what was expected and found; and nothing that is secret. */
export function assertEvidence({ key, url }, evidence, { position, ...others } = {}) {
  assert.equal(evidence.url, url);
  // Browsers know nothing of `aMinuteLater()`.
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

/** Whatever is eight characters long in a key, with and without its hyphens. */
export function partsOf(key) {
  const secret = key.slice(key.indexOf("-") + 1);
  return [secret, secret.replaceAll("-", "")].flatMap((text) => Array.from({ length: text.length - 7 }, (_, at) => text.slice(at, at + 8)));
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The 36 bytes that a key's text stands for. */
export function keyBytes(key) {
  const digits = [...key.slice(key.indexOf("-")).replaceAll("-", "")].map((digit) => ALPHABET.indexOf(digit).toString(2).padStart(5, "0"));
  return Buffer.from(digits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** A hash, as evidence has it. */
export const HASH = /^[\w-]{43}$/;

export function assertWroteNothing(proxy) {
  const written = proxy.take("* ").filter(({ method }) => method !== "GET");
  assert.deepEqual(written.map(({ method, url }) => `${method} ${url}`), []);
}

/** A failure that is no accusation: nothing local is lost, and nothing is written. */
export async function assertFailure({ here, proxy }, code) {
  const before = await here.state();
  proxy.take("* ");
  const error = await here.failure();
  assert.equal(error.code, code, error.stack);
  assertWroteNothing(proxy);
  assert.deepEqual(await here.state(), before);
  return error;
}

/** The server tells the truth again: that is all it takes. */
export async function assertHeals(scene) {
  scene.proxy.behave();
  await assertSyncs(scene.here);
  await assertTogether(scene);
}

/**
 * `repair()` on those devices, each after an alarm; then all is well, and `expected` records are everywhere. A snapshot empties the pages
 * before it, and each repair ends with one. So a later repair cannot tell a record that the server lost from one that was deleted
 * since: it is a conflict with nothing on the other side. The user decides; here, for the record.
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

/** Decides for every record that a repair could not tell from a deleted one. */
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

/** All devices, and one that is new, end with the same records on the same head. */
export async function assertTogether({ here, there, another, others = [] }) {
  const devices = [here, there, ...others];
  // Once for each to send, once more for each to hear of it.
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
