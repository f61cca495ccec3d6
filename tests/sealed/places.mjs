// The key and the name of a collection identify its journal, wherever its pages are. With another key or another name it is another journal.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import Kinto, { makeKey } from "../../pkg/index.js";
import { expand } from "../crypto/open.mjs";
import { keyBytes } from "./alarms.mjs";
import { COLLECTION, SIDE_BY_SIDE, withJournal } from "./devices.mjs";

/** Returns the name of the collection on the server, as `docs/encryption.md` defines it. */
async function serverName(key, name) {
  const derived = await expand(keyBytes(key).subarray(0, 32), Buffer.from(`essaim/collection/1\0${name}`), 16);
  const bits = [...derived].map((byte) => byte.toString(2).padStart(8, "0")).join("").padEnd(130, "0");
  return `e-${bits.match(/.{5}/g).map((five) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(five, 2)]).join("")}`;
}

/** Copies the pages of a journal from the bucket `default` to another bucket. Returns the collection of a new device there, with this key and name. */
async function shownElsewhere(t, { key: given, name }) {
  const scene = await withJournal(t, [1, 2, 3]);
  const { server, account } = scene;
  const key = given ?? scene.key;
  assert.equal(await serverName(scene.key, COLLECTION), server.collection);
  const bucket = `home-${randomUUID()}`;
  const url = `${server.root}/buckets/${bucket}`;
  const put = async (path, data) => {
    const response = await fetch(`${url}${path}`, { method: "PUT", headers: { ...server.headers, "Content-Type": "application/json" }, body: JSON.stringify({ data }) });
    assert.ok(response.ok, `${path}: ${response.status}`);
  };
  await put("");
  const collection = `/collections/${await serverName(key, name)}`;
  await put(collection);
  for (const { last_modified, ...row } of await server.records()) await put(`${collection}/records/${row.id}`, row);
  const kinto = new Kinto({ ...account, bucket, remote: server.root, adapter: "memory", adapterOptions: { dbName: randomUUID() } });
  t.after(() => kinto.close());
  return kinto.collection(name, { key });
}

describe("places", SIDE_BY_SIDE, () => {
  test("one key and one name in two buckets are one journal: its pages can move", async (t) => {
    const notes = await shownElsewhere(t, { name: COLLECTION });
    await notes.sync();
    assert.deepEqual((await notes.list({ order: "id" })).data.map(({ id }) => id), ["cake-1", "cake-2", "cake-3"]);
  });

  for (const [what, choose] of Object.entries({
    "another key": async () => ({ key: await makeKey(), name: COLLECTION }),
    "another name": async () => ({ name: "another" }),
  })) {
    test(`${what} keeps two buckets apart, whatever the server shows`, async (t) => {
      const notes = await shownElsewhere(t, await choose());
      await assert.rejects(notes.sync(), (error) => error.code === "tampered");
      assert.deepEqual((await notes.list()).data, []);
    });
  }
});
