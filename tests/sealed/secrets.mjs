// Secrets must not remain where they are not needed: keys in memory, and credentials and records in objects that an app may print, store or send.

import { memory as memoryOfModule } from "./memory.mjs";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { inspect, promisify } from "node:util";
import Kinto, { KintoError, makeKey } from "../../pkg/index.js";
import { expand } from "../crypto/open.mjs";
import { keyBytes } from "./alarms.mjs";
import { COLLECTION, stage, withJournal } from "./devices.mjs";
import { answer, BREAK, NEVER } from "../evil/proxy.mjs";
import { change, flip, pageId } from "./lies.mjs";

const memory = memoryOfModule();
const windows = (bytes) => Array.from({ length: bytes.length - 7 }, (_, at) => bytes.subarray(at, at + 8));

/** Returns how many times each of these secrets is in the memory of the WASM, as a whole or in parts of eight bytes. */
function found(secrets) {
  const linear = Buffer.from(memory.buffer);
  const count = (part) => {
    let [times, at] = [0, linear.indexOf(part)];
    for (; at >= 0; at = linear.indexOf(part, at + 1)) times += 1;
    return times;
  };
  return Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, Math.max(...windows(Buffer.from(bytes)).map(count))]));
}

async function secretsOf(key) {
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

  test("of a key that was typed with dashes and odd spaces nothing is left", async (t) => {
    const { here, key } = await stage(t);
    const [prefix, ...groups] = key.split("-");
    const typed = `${prefix}\u2013${groups.slice(0, 5).join("-")}\u00a0${groups.slice(5).join("\u2212")}`;
    await here.kinto.collection(COLLECTION, { key: typed }).list();
    assert.deepEqual(found({ ...(await secretsOf(key)), typed: typed.slice(8) }), { ...NOTHING, typed: 0, page: 1 });
  });

  test("of a key in use its pages' key is left, once, and after an alarm too; and after close() nothing", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    const { here, there, proxy, key } = scene;
    const secrets = await secretsOf(key);
    // Two devices share one WASM instance.
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

// Strings of JavaScript cannot be erased; they can only become unreachable.
test("a collection that is open holds the text of its key no more", async () => {
  const program = `
    import { readFile } from "node:fs/promises";
    import { getHeapSnapshot } from "node:v8";
    import Kinto, { init, makeKey } from ${JSON.stringify(new URL("../../pkg/index.js", import.meta.url))};
    await init(await readFile(new URL(${JSON.stringify(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url))})));
    const bytes = [];
    const open = async (given) => {
      const key = await makeKey();
      bytes.push(Buffer.from(key));
      const collection = new Kinto({ adapter: "memory", remote: "http://localhost:1/v1" }).collection("notes", { key: given(key) });
      await collection.create({ title: "x" });
      return collection;
    };
    const held = [await open((key) => key), await open(async (key) => key)];
    const kept = await makeKey();
    bytes.push(Buffer.from(kept));
    await new Promise((resolve) => setTimeout(resolve, 50));
    globalThis.gc();
    const parts = [];
    for await (const part of getHeapSnapshot()) parts.push(Buffer.from(part));
    const heap = Buffer.concat(parts);
    console.log(JSON.stringify([held.length, kept.length > 0, ...bytes.map((key) => heap.includes(key))]));
    process.exit();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--input-type=module", "--eval", program]);
  assert.deepEqual(JSON.parse(stdout), [2, true, false, false, true], "what the app itself keeps is found");
});

/** Returns a text to search for. It is long and random, because a short text occurs in ciphertexts by chance. */
const canary = (what) => `${what}-${randomUUID()}-${randomUUID()}`;

/** Returns the texts of an object as it would be logged, stored or sent, together with those of its `cause`. */
function printed(thing) {
  const texts = [inspect(thing, { depth: 20, maxStringLength: null, maxArrayLength: null }), String(thing?.stack), String(thing?.message)];
  for (const make of [JSON.stringify, (it) => JSON.stringify({ ...it }), (it) => inspect(structuredClone({ ...it }), { depth: 20 })]) {
    try {
      texts.push(make(thing));
    } catch {
      // Circular objects and functions cannot be converted.
    }
  }
  if (thing?.cause) texts.push(printed(thing.cause));
  return texts.join("\n");
}

function assertSilent(things, secrets) {
  const found = [];
  for (const [name, thing] of Object.entries(things)) {
    const text = printed(thing);
    for (const [what, secret] of Object.entries(secrets)) if (text.includes(secret)) found.push(`${what} in ${name}`);
  }
  assert.deepEqual(found, []);
}

async function failure(work) {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("what an app prints", () => {
  test("credentials are in no object, event or error", async (t) => {
    const { server, proxy, key } = await stage(t);
    const secrets = { password: canary("password"), token: canary("token"), call: canary("call"), bucket: canary("bucket"), url: canary("url") };
    const headers = { ...server.headers, "X-Password": secrets.password, "X-Token": secrets.token };
    const events = [];
    const emitter = { on() {}, off() {}, emit: (...event) => void events.push(event) };
    const kinto = new Kinto({ remote: proxy.url, headers, adapter: "memory", events: emitter, timeout: 300, adapterOptions: { dbName: randomUUID() } });
    t.after(() => kinto.close());
    const all = { authorization: Object.values(server.headers)[0], ...secrets, key };
    const [tasks, notes] = [kinto.collection("tasks"), kinto.collection("notes", { key })];
    const { api } = kinto;
    const bucket = api.bucket("default", { headers: { Authorization: secrets.bucket } });
    const call = { headers: { Authorization: secrets.call, "X-Token": secrets.token } };
    await tasks.create({ title: "x" });
    await tasks.sync({ headers: { "X-Call": secrets.call } });
    await notes.sync({ headers: { "X-Call": secrets.call } });
    await api.listBuckets();
    const objects = { kinto, api, bucket, inBucket: bucket.collection("c"), tasks, notes, http: api.http, db: tasks.db };
    assertSilent({ ...objects, events }, all);

    const answers = {
      unauthorized: answer(401, {}),
      forbidden: answer(403, {}),
      server: answer(400, {}, { "Set-Cookie": `session=${secrets.token}` }),
      nonsense: answer(200, "<html>"),
      redirect: answer(302, "", { Location: "https://elsewhere.example/" }),
      dropped: BREAK,
      late: NEVER,
    };
    const errors = {};
    for (const [name, answered] of Object.entries(answers)) {
      proxy.rule("* ", () => answered);
      errors[`sync: ${name}`] = await failure(() => tasks.sync(call));
      errors[`encrypted: ${name}`] = await failure(() => notes.sync(call));
      errors[`api: ${name}`] = await failure(() => api.listBuckets(call));
      errors[`batch: ${name}`] = await failure(() => bucket.batch((batch) => batch.createCollection("x"), call));
    }
    proxy.behave();
    const { url } = secrets;
    for (const remote of [`https://me:${url}@host/v1`, `https://me:a/${url}@host/v2`, `https:\\\\me:${url}@host/v3`, `ftp://me:${url}@host/v1`, `me:${url}@host`, `https://host/?token=${url}`]) {
      errors[`sync at ${remote.slice(0, 14)}`] = await failure(() => tasks.sync({ remote }));
      errors[`client at ${remote.slice(0, 14)}`] = await failure(() => new Kinto({ remote, adapter: "memory" }).api.listBuckets());
    }
    errors.header = await failure(() => tasks.sync({ headers: { Authorization: `${secrets.call}\n` } }));
    errors["header of the client"] = await failure(() => api.listBuckets({ headers: { Authorization: `${secrets.call}\n` } }));
    assertSilent({ ...errors, events, ...objects }, all);
    assert.equal(api.headers["X-Token"], secrets.token, "who asks for them gets them");
  });

  test("records are in no error", async (t) => {
    const { here, proxy } = await stage(t);
    const secret = canary("content");
    const record = { id: "a", title: secret, deep: { deeper: [secret] } };
    const plain = here.kinto.collection("plain", {
      remoteTransformers: [{ encode: () => secret, decode: (record) => record }],
      hooks: { "incoming-changes": [() => ({ records: [record] })] },
    });
    const errors = {};
    for (const [name, collection] of Object.entries({ plain, encrypted: here.collection })) {
      const tries = {
        "importBulk without id": () => collection.importBulk([{ id: "b", last_modified: 1 }, { title: secret, last_modified: 1 }]),
        "importBulk with a wrong id": () => collection.importBulk([{ ...record, id: { secret }, last_modified: 1 }]),
        "importBulk without a time": () => collection.importBulk([record]),
        "importBulk with a wrong time": () => collection.importBulk([{ ...record, last_modified: secret }]),
        "importBulk of something else": () => collection.importBulk(record),
        "an id that is an object": () => collection.create({ ...record, id: record.deep }, { useRecordId: true }),
        "an id that is an array": () => collection.get([secret]),
        "no id": () => collection.update({ title: secret }),
        "no record": () => collection.create(secret),
        "what JSON cannot hold": () => collection.create({ title: secret, map: new Map([[secret, secret]]) }),
        "a time that is none": () => collection.create({ ...record, last_modified: secret }, { synced: true }),
        "a strategy that is none": () => collection.sync({ strategy: record }),
        "no conflict": () => collection.resolve(secret, record),
        "what a hook gives": () => plain.applyHook("incoming-changes", { changes: [], lastModified: 1 }),
        "a record that is there": async () => {
          await collection.create({ ...record, id: "twice" }, { useRecordId: true });
          await collection.create({ ...record, id: "twice" }, { useRecordId: true });
        },
        "a promise": () => collection.execute(async () => secret),
        "a data URL": () => here.kinto.api.bucket("default").collection("c").addAttachment(secret),
      };
      for (const [what, work] of Object.entries(tries)) errors[`${name}: ${what}`] = await failure(work);
    }
    await plain.upsert(record);
    const { errors: refused } = await plain.sync();
    assert.equal(refused.length, 2);
    assertSilent({ ...errors, refused }, { secret });
    assert.deepEqual(errors["plain: importBulk without id"].data, { path: "[1].id" });

    await here.collection.upsert(record);
    proxy.rule("* ", () => answer(500, {}));
    assertSilent({ ofSync: await failure(() => here.collection.sync()) }, { secret });
  });
});
