// What the server learns: all that it received, and all that can be read from it.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { SyncResultObject } from "../../pkg/lib-collection.js";
import { keyBytes, partsOf } from "./alarms.mjs";
import { COLLECTION, SIDE_BY_SIDE, stage } from "./devices.mjs";

/** Returns the forms in which a text can occur in another text: as it is, in hexadecimal, and in base64 with both alphabets at any offset. */
function disguises(secret) {
  const bytes = Buffer.from(secret);
  // The first and last digits are cut off, because they depend on the bytes before and after the text.
  const shifted = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").replace(/=+$/, "").slice(shift === 0 ? 0 : shift + 1, -1));
  return [bytes.toString("latin1"), bytes.toString("hex"), encodeURIComponent(bytes.toString("latin1")), ...shifted, ...shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

function assertHides(dump, secrets) {
  const folded = dump.toLowerCase();
  for (const secret of secrets) {
    for (const text of disguises(secret)) {
      // In hundreds of kilobytes of sealed text, a short text occurs by chance.
      assert.ok(text.length >= 8, `${text} is in everything`);
      assert.ok(!dump.includes(text), `${text} (${secret})`);
    }
    if (typeof secret === "string") assert.ok(!folded.includes(secret.toLowerCase()), secret);
  }
}

/** Returns as text what the proxy saw and what the server has. */
async function dump({ proxy, server }) {
  const received = proxy.requests.map(({ method, url, headers, body }) => [`${method} ${url}`, JSON.stringify(headers), body].join("\n"));
  const account = Object.values(server.headers);
  const stored = [];
  for (const path of ["collections", ...(await server.collections()).flatMap((name) => [`collections/${name}`, `collections/${name}/records`]), "history"]) {
    const response = await fetch(`${server.root}/buckets/${server.bucket}/${path}`, { headers: server.headers });
    assert.equal(response.status, 200, path);
    stored.push(await response.text());
  }
  return [...received, ...proxy.seen, ...stored].join("\n").replaceAll(account[0], "");
}

/** Does everything that an app does with a collection. Returns the secrets that the server must not learn. */
async function live({ here, there }) {
  const titles = ["Dear diary, I am Berenike", "Der Käse ist gegessen 🧀", "fifteen pounds owed to Anselm"];
  const records = titles.map((title, index) => ({ id: `confession-${index}`, headline: title, feelings: { remorsefulness: index, placesOfTheDeed: ["Lindenstrasse 7"] } }));
  for (const record of records) await here.create(record);
  await here.sync();
  await there.sync();
  await here.update({ ...records[0], headline: "Dear diary, once more" });
  await there.update({ ...records[0], headline: "Dear diary, from the other side" });
  await there.delete("confession-1");
  await there.sync();
  const { conflicts } = await here.sync();
  await here.resolve(conflicts[0], { ...conflicts[0].local, headline: "Dear diary, agreed" });
  await here.sync();
  await here.call("repair");
  await there.sync();
  const texts = ["Dear diary", "Der Käse ist", "gegessen 🧀", "owed to Anselm", "diary, once more", "from the other side", "diary, agreed", "Lindenstrasse", "Berenike"];
  return [...texts, ...records.map(({ id }) => id), "confession", "headline", "feelings", "remorsefulness", "placesOfTheDeed", '"changes"', '"snapshot"', COLLECTION];
}

describe("privacy", SIDE_BY_SIDE, () => {
  test("nothing that the server received or has contains a title, a field's name, an id, the collection's name, or the key", async (t) => {
    const scene = await stage(t);
    const { proxy, key, another } = scene;
    const secrets = await live({ here: scene.here, there: another(proxy.url) });
    const all = await dump(scene);
    assert.ok(all.includes("p000000000001") && all.includes('"ct"') && all.length > 10_000);
    const bytes = keyBytes(key);
    assert.deepEqual(bytes.subarray(32), createHash("sha256").update(bytes.subarray(0, 32)).digest().subarray(0, 4));
    assertHides(all, [...secrets, ...partsOf(key)]);
    for (let at = 0; at + 8 <= bytes.length; at++) assertHides(all, [bytes.subarray(at, at + 8)]);
  });

  test("the steps of a plain sync, which speak of records, send nothing of an encrypted collection", async (t) => {
    const { here, proxy } = await stage(t);
    await here.create({ id: "a", title: "Dear diary" });
    const client = here.kinto.api.bucket("default").collection(COLLECTION);
    const steps = {
      pullMetadata: [client],
      pullChanges: [client],
      importChanges: [new SyncResultObject(), [{ id: "b", last_modified: 1 }]],
      pushChanges: [client, await here.call("gatherLocalChanges")],
    };
    for (const [method, args] of Object.entries(steps)) {
      await assert.rejects(here.call(method, ...args), { code: "invalid_option", message: new RegExp(`^${method}\\(\\) is for collections that are not encrypted`) });
    }
    assert.deepEqual(proxy.seen, []);
    assert.equal((await here.sync()).ok, true);
  });

  test("the server's name of a collection is another one with another key", async (t) => {
    const names = new Set();
    for (let key = 0; key < 3; key++) {
      const { here, server } = await stage(t);
      await here.create({ id: "a" });
      await here.sync();
      const [name] = await server.collections();
      assert.match(name, /^e-[a-z2-7]{26}$/);
      names.add(name);
    }
    assert.equal(names.size, 3);
  });

  test("10 records and 40 whose pages have the same plaintext length leave the same objects", async (t) => {
    const few = await traces(t, 10);
    const many = await traces(t, 40);
    assert.deepEqual(few, many);
    assert.ok(few.requests.length >= 2 && few.objects.length === 1);
  });

  test("a small change and a larger one leave the same objects", async (t) => {
    const small = await edits(t, "a");
    const larger = await edits(t, "a".repeat(500));
    assert.deepEqual(small, larger);
  });

  test("two devices that push the same push nothing that is the same", async (t) => {
    const { here, there, server } = await stage(t);
    for (const device of [here, there]) {
      await device.create({ id: "same", title: "The same on both." });
      await device.sync();
      await device.call("repair");
    }
    const sealed = (await server.records()).map(({ ct }) => ct).filter(Boolean);
    assert.equal(new Set(sealed.flatMap((ct) => [ct.slice(0, 32), ct.slice(-32)])).size, 2 * sealed.length);
  });
});

/** Syncs `count` records that together make a page of 12,000 bytes, and returns the traces that this leaves. */
async function traces(t, count) {
  const scene = await stage(t);
  const records = Array.from({ length: count }, () => ({ id: randomUUID(), text: "" }));
  const bytes = (list) => list.map(({ id, ...record }) => JSON.stringify([id, record])).join(",").length;
  for (const record of records) record.text = "x".repeat(Math.floor((12_000 - bytes(records)) / (count - records.indexOf(record))));
  assert.equal(bytes(records), 12_000);
  for (const record of records) await scene.here.create(record);
  await scene.here.sync();
  return leftBehind(scene);
}

async function edits(t, text) {
  const scene = await stage(t);
  await scene.here.create({ id: "one", text: "" });
  await scene.here.sync();
  await scene.here.update({ id: "one", text });
  await scene.here.sync();
  return leftBehind(scene);
}

/** Returns the objects on the server and the requests, without the parts that differ from one account to another. */
async function leftBehind({ proxy, server }) {
  [server.collection] = await server.collections();
  const shape = (text) => text.replaceAll(server.collection, "e-…").replace(/s-[\w-]{22}/g, "s-…");
  return {
    objects: (await server.records()).map(({ id, last_modified, ct, ...labels }) => ({ id: shape(id), ct: ct?.length, ...labels })),
    requests: proxy.requests.map(({ method, url, body }) => [method, shape(url).replace(/_since=\d+/, "_since=…"), body.length]),
  };
}
