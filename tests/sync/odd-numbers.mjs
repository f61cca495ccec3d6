// Rows of a listing that have no valid id or version: each is rejected by itself, and the other rows are synced, now and later.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { numbers } from "../evil/lies/listings.mjs";
import { MapStorage } from "../package/api/map-storage.mjs";
import { pages, SIDE_BY_SIDE, stage } from "./devices.mjs";
import { answer } from "./proxy.mjs";

const IDS = ["1e400", "-1e400", "null", "{}", "[1]", "true", "9007199254740993", '""', '".."'];
const VERSIONS = ["1e400", "-1e400", "9007199254740993", "-1", "5.5", '"5"', "null", "[5]"];
const CASES = [...IDS.map((text) => ["id", text]), ...VERSIONS.map((text) => ["last_modified", text])];

/** From now on the app itself sends the requests of its syncs. */
async function sentByTheApp(device) {
  await device.page.evaluate((number) => {
    const { http } = handles[number].collection.api;
    const send = http.timedFetch.bind(http);
    http.timedFetch = (...given) => send(...given);
  }, device.number);
}

describe("a row whose id or version is none", SIDE_BY_SIDE, () => {
  for (const [how, prepare] of [["", async () => {}], [", to an app that sends by itself", sentByTheApp]]) {
    for (const [member, text] of CASES) {
      if (how && !["1e400", "-1", "null", "true"].includes(text)) continue;
      test(`${member} ${text} is one entry in errors${how}`, async (t) => {
        const { here, server, proxy } = await stage(t);
        await prepare(here);
        await server.putAll(["a", "b"]);
        numbers(proxy, { member, text, id: "b" });
        for (let times = 0; times < 2; times += 1) {
          const { ok, errors, created } = await here.sync();
          assert.deepEqual([ok, errors.map(({ type }) => type), created.map(({ id }) => id)], [false, ["incoming"], times === 0 ? ["a"] : []]);
          if (member === "last_modified") assert.equal(errors[0].id, "b");
          assert.deepEqual(await here.titles(), ["a"]);
        }
        proxy.behave();
        await server.put("c", { title: "c" });
        const { ok, created } = await here.sync();
        assert.deepEqual([ok, created.map(({ id }) => id)], [true, ["b", "c"]]);
        assert.equal((await here.call("deleteAll")).data.length, 3);
        assert.deepEqual([(await here.sync()).ok, await server.records()], [true, []]);
      });
    }
  }

  test("in what a refused write quotes is an entry in errors, and the write goes on afterwards", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.put("a", { title: "a" });
    await here.sync();
    for (const existing of ['{"id":1e400,"title":"x","last_modified":5}', '{"id":"a","title":"x","last_modified":1e400}', '{"id":"a","title":"x"}']) {
      await here.update({ id: "a", title: `mine ${existing.length}` });
      proxy.rule("POST /batch", () => answer(200, `{"responses":[{"status":412,"path":"","headers":{},"body":{"details":{"existing":${existing}}}}]}`));
      const { errors } = await here.sync();
      assert.deepEqual(errors.map(({ type, id }) => [type, id]), [["outgoing", "a"]]);
      proxy.behave();
      assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, await here.titles()]);
    }
  });

  for (const [tag, kept] of [['"1e400"', null], ['"9007199254740993"', null], ['"-5"', null]]) {
    test(`a timestamp of ${tag} is none`, async (t) => {
      const { here, server, proxy } = await stage(t);
      await server.putAll(["a"]);
      proxy.rule("GET /records", async (request, pass) => {
        const given = await pass();
        return { ...given, headers: { ...given.headers, etag: tag } };
      });
      assert.deepEqual([(await here.sync()).lastModified, await here.titles()], [kept, ["a"]]);
      proxy.behave();
      await server.putAll(["b"]);
      assert.deepEqual([(await here.sync()).ok, await here.titles()], [true, ["a", "b"]]);
    });
  }

  test("a field that is beyond JavaScript's numbers is Infinity, filtered and sorted as that, and a patch beside it is synced", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(["a", "b", "c"], (id) => ({ title: id, n: 1 }));
    numbers(proxy, { member: "n", text: "-1e400", id: "b" });
    assert.equal((await here.sync()).ok, true);
    const list = (params) => here.page.evaluate(async ([number, params]) => (await handles[number].collection.list(params)).data.map(({ id, n }) => `${id} ${n}`), [here.number, params]);
    assert.deepEqual(await list({ order: "n" }), ["b -Infinity", "a 1", "c 1"]);
    assert.deepEqual(await list({ filters: { n: 1 }, order: "id" }), ["a 1", "c 1"]);
    const { error } = await here.page.evaluate((number) => outcome(() => handles[number].collection.update({ id: "b", n: -Infinity })), here.number);
    assert.deepEqual([error.code, error.data.path], ["invalid_record", "n"]);
    await here.call("update", { id: "b", title: "edited", n: 2 }, { patch: true });
    proxy.behave();
    assert.deepEqual([(await here.sync()).ok, (await server.record("b")).title], [true, "edited"]);
  });
});

test("what an earlier version stored of a row with the id 1e400 is left out, and the rest opens", async () => {
  const { default: Kinto, init } = await import("../../pkg/index.js");
  await init(await readFile(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url)));
  const storage = new MapStorage();
  const open = () => new Kinto({ adapter: storage, adapterOptions: { dbName: "old" } });
  const writer = open();
  const tasks = writer.collection("tasks");
  await tasks.create({ id: "a", title: "a" }, { useRecordId: true });
  await tasks.create({ id: "inf", title: "infinite", last_modified: 9 }, { synced: true });
  await tasks.create({ id: "b", title: "b" }, { useRecordId: true });
  await writer.close();
  // An earlier version stored such a row as a put (1) of the id `inf`, without quotes.
  const [now, then] = [[1, 5, ...Buffer.from('"inf"')], [1, 3, ...Buffer.from("inf")]];
  let altered = 0;
  for (const kept of storage.kept.values()) {
    kept.journal = kept.journal.map(([key, entry]) => {
      const at = Buffer.from(entry).indexOf(Buffer.from(now));
      if (at < 0) return [key, entry];
      altered += 1;
      return [key, Uint8Array.from([...entry.slice(0, at), ...then, ...entry.slice(at + now.length)])];
    });
  }
  assert.equal(altered, 1);
  const reader = open();
  const read = reader.collection("tasks");
  const titles = async () => (await read.list({ order: "id" })).data.map(({ title }) => title);
  assert.deepEqual(await titles(), ["a", "b"]);
  await read.update({ id: "a", title: "edited" });
  assert.deepEqual([await titles(), (await read.deleteAll()).data.length], [["edited", "b"], 2]);
  await reader.close();
});

describe("an encrypted collection", SIDE_BY_SIDE, () => {
  for (const text of ["1e400", "9007199254740993", "-1"]) {
    test(`trusts no version of ${text}`, async (t) => {
      const key = await pages.phone.evaluate(() => makeKey());
      const { here, server, proxy } = await stage(t, { collectionOptions: { key } });
      await here.create({ id: "a", title: "a" });
      await here.sync();
      numbers(proxy, { member: "last_modified", text });
      const during = await here.sync().catch((error) => error);
      assert.ok(!(during instanceof Error) || ["rollback", "omission", "bad_response"].includes(during.code), during.stack);
      proxy.behave();
      await here.create({ id: "b", title: "b" });
      assert.deepEqual([(await here.sync()).ok, await here.unsynced(), await here.titles()], [true, [], ["a", "b"]]);
      assert.equal((await server.collections()).length, 1);
    });
  }
});
