// A field of the app that is named `deleted`: a record with this field is still a record, here and on every other device.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lists, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";

const fields = ({ id, title, deleted }) => [id, title, deleted];
const all = async (device) => (await device.records()).map(fields);

const KINDS = {
  "a plain": async () => ({}),
  "an encrypted": async () => ({ collectionOptions: { key: await pages.phone.evaluate(() => makeKey()) } }),
};

describe("a record with the field `deleted: true`", SIDE_BY_SIDE, () => {
  for (const [kind, options] of Object.entries(KINDS)) {
    test(`travels in ${kind} collection like any other, and is edited, filtered and deleted`, async (t) => {
      const { here, there } = await stage(t, await options());
      await here.create({ id: "trash", title: "in the bin", deleted: true });
      await here.create({ id: "task", title: "task", deleted: false });
      const result = await here.sync();
      assert.deepEqual([result.ok, result.published.map(({ id, deleted }) => [id, deleted])], [true, [["task", false], ["trash", true]]]);
      assert.deepEqual((await there.sync()).created.map(fields).sort(), [["task", "task", false], ["trash", "in the bin", true]]);
      await there.update({ id: "task", title: "task", deleted: true });
      await there.update({ id: "trash", title: "edited", deleted: true });
      assert.equal((await there.sync()).ok, true);
      assert.equal((await here.sync()).ok, true);
      const expected = [["task", "task", true], ["trash", "edited", true]];
      assert.deepEqual([await all(here), await all(there), await here.unsynced()], [expected, expected, []]);
      assert.deepEqual((await here.call("list", { filters: { deleted: true }, order: "id" })).data.map(fields), expected);
      await here.delete("trash");
      await here.sync();
      assert.deepEqual((await there.sync()).deleted.map(({ id }) => id), ["trash"]);
      assert.deepEqual([await all(here), await all(there)], [[expected[0]], [expected[0]]]);
      assert.deepEqual([lists(await here.sync()), lists(await there.sync())], [{}, {}]);
    });
  }

  test("is in conflict and resolved like any other", async (t) => {
    const { here, there, server } = await stage(t);
    await server.put("a", { title: "original", deleted: true });
    await here.sync();
    await there.sync();
    await there.update({ id: "a", title: "theirs", deleted: true });
    await there.sync();
    await here.update({ id: "a", title: "mine", deleted: true });
    const { conflicts: [conflict] } = await here.sync();
    assert.deepEqual([fields(conflict.local), fields(conflict.remote)], [["a", "mine", true], ["a", "theirs", true]]);
    assert.equal((await here.resolve(conflict, conflict.remote))._status, "synced");
    assert.deepEqual([(await here.sync()).ok, await all(here)], [true, [["a", "theirs", true]]]);
    await here.update({ id: "a", title: "mine", deleted: true });
    await server.put("a", { title: "newer", deleted: true });
    assert.deepEqual((await here.sync({ strategy: "client_wins" })).ok, true);
    assert.deepEqual([await all(here), fields(await server.record("a"))], [[["a", "mine", true]], ["a", "mine", true]]);
  });

  test("comes to an app that sends its requests itself, and goes from it", async (t) => {
    const { here, server } = await stage(t);
    await here.page.evaluate((number) => {
      const { http } = handles[number].collection.api;
      const send = http.timedFetch.bind(http);
      http.timedFetch = (...given) => send(...given);
    }, here.number);
    await server.put("theirs", { title: "theirs", deleted: true });
    await server.put("gone", { title: "gone" });
    await here.create({ id: "mine", title: "mine", deleted: true });
    assert.equal((await here.sync()).ok, true);
    await server.remove("gone");
    assert.equal((await here.sync()).ok, true);
    assert.deepEqual([await all(here), (await server.records()).map(fields)], Array(2).fill([["mine", "mine", true], ["theirs", "theirs", true]]));
  });

  test("comes although a dump is here in which it is missing, among old deletions", async (t) => {
    const { here, server } = await stage(t);
    await server.putAll(["a", "gone"]);
    await server.remove("gone");
    await server.put("trash", { title: "trash", deleted: true });
    await server.putAll(["z"]);
    await here.call("importBulk", [await server.record("a"), await server.record("z")]);
    assert.deepEqual((await here.sync()).created.map(({ id }) => id), ["trash"]);
    await here.call("clear");
    await here.call("importBulk", await server.records());
    const { created, updated } = await here.sync();
    assert.deepEqual([created, updated, (await here.records()).length], [[], [], 3]);
  });

  test("stays what it is where transformers and hooks are; they may delete others by it", async (t) => {
    const { here, server } = await stage(t);
    await server.put("field", { title: "field", deleted: true });
    await server.put("binned", { title: "binned", bin: true });
    await server.putAll(["gone"]);
    await here.page.evaluate((number) => {
      const { collection } = handles[number];
      // A transformer that makes a new object from each record, also from a deletion.
      const decode = ({ id, last_modified, title, deleted, bin }) => ({ id, last_modified, title: title ?? "none", ...(id !== "gone" && { deleted: bin ? true : deleted }) });
      collection.remoteTransformers.push({ encode: (record) => record, decode });
      collection.hooks["incoming-changes"] = [(payload) => ({ ...payload, changes: payload.changes.map((change) => ({ ...change, seen: 1 })) })];
    }, here.number);
    await here.sync();
    assert.deepEqual(await all(here), [["field", "field", true], ["gone", "gone", undefined]]);
    await server.remove("gone");
    assert.equal((await here.sync()).ok, true);
    assert.deepEqual(await all(here), [["field", "field", true]]);
  });
});

describe("a record that has nothing but `deleted: true`", SIDE_BY_SIDE, () => {
  test("is refused at once, by every way, and nothing is written", async (t) => {
    const { here } = await stage(t);
    await here.create({ id: "a", title: "a" });
    const before = await here.records();
    const refused = async (method, ...args) => {
      const error = await here.call(method, ...args).catch((error) => error);
      assert.deepEqual([error.code, error.data?.path], ["invalid_record", "deleted"], `${method}: ${error.message}`);
    };
    await refused("create", { deleted: true });
    await refused("create", { id: "b", deleted: true }, { useRecordId: true });
    await refused("create", { id: "b", deleted: true, last_modified: 5 }, { synced: true });
    await refused("update", { id: "a", deleted: true });
    await refused("upsert", { id: "a", deleted: true });
    await refused("upsert", { id: "b", deleted: true });
    await refused("importBulk", [{ id: "b", title: "b", last_modified: 5 }, { id: "c", deleted: true, last_modified: 5 }]);
    const { error } = await here.page.evaluate((number) => outcome(() => executeUpserts(number, ["b"], { deleted: true })), here.number);
    assert.deepEqual([error.code, error.data.path], ["invalid_record", "deleted"]);
    assert.deepEqual(await here.records(), before);
    assert.equal((await here.call("update", { id: "a", deleted: true }, { patch: true })).data.deleted, true);
  });

  test("because its other fields are local is an entry in errors, and the others go", async (t) => {
    const { here, server } = await stage(t, { collectionOptions: { localFields: ["note"] } });
    await here.create({ id: "a", deleted: true, note: "only here" });
    await here.create({ id: "b", title: "b" });
    const { errors, published } = await here.sync();
    assert.deepEqual([errors.map(({ id, type }) => [id, type]), published.map(({ id }) => id)], [[["a", "outgoing"]], ["b"]]);
    assert.match(errors[0].message, /deleted: true/);
    assert.deepEqual([await here.unsynced(), (await server.records()).length], [["a"], 1]);
  });

  test("is a record like any other in an encrypted collection", async (t) => {
    const { here, there } = await stage(t, await KINDS["an encrypted"]());
    await here.create({ id: "a", deleted: true });
    await here.sync();
    await there.sync();
    assert.deepEqual(await all(there), [["a", undefined, true]]);
  });
});
