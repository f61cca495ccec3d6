// Keys in memory: what is left of them where essaim had them, after it had them. JavaScript's own strings cannot be erased; they are
// only let go of.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { KintoError, makeKey } from "../../pkg/index.js";
import start from "../../pkg/essaim_wasm.js";
import { expand } from "../crypto/open.mjs";
import { keyBytes } from "./alarms.mjs";
import { COLLECTION, stage, withJournal } from "./devices.mjs";
import { change, flip, pageId } from "./lies.mjs";

const { memory } = await start();
const windows = (bytes) => Array.from({ length: bytes.length - 7 }, (_, at) => bytes.subarray(at, at + 8));

/** How often each of these secrets is in the module's memory, in whole or in parts of eight bytes. */
function found(secrets) {
  const linear = Buffer.from(memory.buffer);
  const count = (part) => {
    let [times, at] = [0, linear.indexOf(part)];
    for (; at >= 0; at = linear.indexOf(part, at + 1)) times += 1;
    return times;
  };
  return Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, Math.max(...windows(Buffer.from(bytes)).map(count))]));
}

async function secretsOf(key, ciphertexts = []) {
  const secret = keyBytes(key).subarray(0, 32);
  const epoch = await expand(secret, Buffer.from(`essaim/epoch/1\0${COLLECTION}`), 32);
  const page = await expand(epoch, Buffer.from("essaim/journal/1"), 32);
  return { text: key.slice(8), digits: key.slice(8).replaceAll("-", ""), secret, epoch, page };
}

const NOTHING = { text: 0, digits: 0, secret: 0, epoch: 0, page: 0 };

describe("keys in the module's memory", () => {
  test("of a key that was made nothing is left", async () => {
    const key = await makeKey();
    assert.deepEqual(found(await secretsOf(key)), NOTHING);
  });

  test("of a key that was mistyped nothing is left", async (t) => {
    const { here, key } = await stage(t);
    const mistyped = key.slice(0, -1) + (key.endsWith("0") ? "4" : "0");
    await assert.rejects(here.kinto.collection(COLLECTION, { key: mistyped }).list(), (error) => KintoError.is(error, "invalid_key"));
    assert.deepEqual(found(await secretsOf(key)), NOTHING);
  });

  test("of a key in use its pages' key is left, once, and after an alarm too; and after close() nothing", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    const { here, there, proxy, key } = scene;
    const secrets = await secretsOf(key);
    // Two devices in one module.
    assert.deepEqual(found(secrets), { ...NOTHING, page: 2 });
    await there.publish(4);
    const [{ ct }] = (await scene.server.records()).filter(({ id }) => id === pageId(4));
    for (const at of [30, 60, 200]) {
      change(proxy, pageId(4), () => ({ ct: flip(ct, at) }));
      assert.equal((await here.failure()).code, "tampered");
      assert.deepEqual(found(secrets), { ...NOTHING, page: 2 });
    }
    there.kinto.close();
    assert.deepEqual(found(secrets), { ...NOTHING, page: 1 });
    here.kinto.close();
    assert.deepEqual(found(secrets), NOTHING);
  });
});
