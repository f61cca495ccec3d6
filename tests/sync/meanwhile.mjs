// Changes of a record, on the server or here, while it is being pushed.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lists, SIDE_BY_SIDE, stage, withRecord } from "./devices.mjs";

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();

describe("a record that somebody else changed during the push", SIDE_BY_SIDE, () => {
  const meanwhile = async (t, strategy, change) => {
    const scene = await withRecord(t);
    const { here, proxy } = scene;
    const mine = await here.update({ id: "r", title: "mine" });
    let theirs;
    proxy.before("POST /batch", async () => (theirs = await change(scene)));
    const result = await here.sync({ strategy });
    return { ...scene, mine, theirs, result };
  };
  const edit = ({ server }) => server.put("r", { title: "theirs" });
  const deletion = ({ server }) => server.remove("r");

  test("is an outgoing conflict with what the server has (manual)", async (t) => {
    const { here, server, mine, theirs, result } = await meanwhile(t, "manual", edit);
    assert.deepEqual(lists(result), { conflicts: [{ type: "outgoing", local: mine, remote: theirs }] });
    assert.deepEqual([result.ok, await here.record("r"), await server.record("r")], [false, mine, theirs]);
  });

  test("is overwritten there (client_wins)", async (t) => {
    const { here, server, theirs, result } = await meanwhile(t, "client_wins", edit);
    const { resolved: [{ accepted, ...resolved }], published, ...others } = lists(result);
    assert.deepEqual([others, resolved, accepted.title], [{}, { id: "r", rejected: theirs, _status: "updated" }, "mine"]);
    const record = await server.record("r");
    assert.deepEqual([record.title, await here.record("r"), published], ["mine", synced(record), [synced(record)]]);
  });

  test("is taken over (server_wins)", async (t) => {
    const { here, server, mine, theirs, result } = await meanwhile(t, "server_wins", edit);
    assert.deepEqual(lists(result), { resolved: [{ id: "r", accepted: synced(theirs), rejected: mine, _status: "synced" }] });
    assert.deepEqual([await here.record("r"), await server.record("r")], [synced(theirs), theirs]);
  });

  test("is a conflict with nothing if it was deleted (manual)", async (t) => {
    const { here, server, mine, result } = await meanwhile(t, "manual", deletion);
    const { conflicts: [{ type, local, remote }], ...others } = lists(result);
    assert.deepEqual([others, type, local], [{}, "outgoing", mine]);
    assert.ok(remote === null || remote.deleted, JSON.stringify(remote));
    assert.deepEqual([await here.record("r"), await server.record("r")], [mine, undefined]);
  });

  test("is made again if it was deleted (client_wins)", async (t) => {
    const { here, server, result } = await meanwhile(t, "client_wins", deletion);
    const { resolved: [{ id, accepted, rejected }], published, ...others } = lists(result);
    assert.deepEqual([others, id, accepted.title], [{}, "r", "mine"]);
    assert.ok(rejected === null || rejected.deleted, JSON.stringify(rejected));
    const record = await server.record("r");
    assert.deepEqual([record.title, await here.record("r"), published], ["mine", synced(record), [synced(record)]]);
  });

  test("is deleted here if it was deleted there (server_wins)", async (t) => {
    const { here, server, mine, result } = await meanwhile(t, "server_wins", deletion);
    const { resolved: [{ id, rejected, _status }], ...others } = lists(result);
    assert.deepEqual([others, id, rejected], [{}, "r", mine]);
    assert.notEqual(_status, "updated");
    assert.deepEqual([await here.record("r"), await server.record("r"), await here.unsynced()], [undefined, undefined, []]);
  });

  test("is settled without a word if both wrote the same", async (t) => {
    const { here, server, result } = await meanwhile(t, "manual", ({ server }) => server.put("r", { title: "mine" }));
    assert.deepEqual([result.ok, result.conflicts], [true, []]);
    assert.deepEqual(await here.record("r"), synced(await server.record("r")));
  });

  test("that was deleted here and there is deleted on both sides", async (t) => {
    const { here, server, proxy } = await withRecord(t);
    const mine = await here.delete("r");
    proxy.before("POST /batch", () => server.remove("r"));
    const result = await here.sync();
    assert.equal(mine.title, "original");
    assert.deepEqual([result.ok, ids(result.skipped), await here.record("r"), await server.record("r")], [true, ["r"], undefined, undefined]);
  });

  test("that was made here under the same id is a conflict", async (t) => {
    const { here, server, proxy } = await stage(t);
    const mine = await here.create({ id: "new", title: "mine" });
    let theirs;
    proxy.before("POST /batch", async () => (theirs = await server.put("new", { title: "theirs" })));
    assert.deepEqual(lists(await here.sync()), { conflicts: [{ type: "outgoing", local: mine, remote: theirs }] });
  });

  test("does not hold back the others of its batch", async (t) => {
    const { here, server, proxy } = await withRecord(t);
    await here.update({ id: "r", title: "mine" });
    await here.createAll(["a", "b"]);
    proxy.before("POST /batch", () => server.put("r", { title: "theirs" }));
    const result = await here.sync();
    assert.deepEqual([result.ok, ids(result.published), await server.titles(), await here.unsynced()], [false, ["a", "b"], ["a", "b", "theirs"], ["r"]]);
  });
});

describe("a change that is made here during the push", SIDE_BY_SIDE, () => {
  test("an edit stays dirty, on the version just written, and goes with the next sync", async (t) => {
    const { here, server, proxy } = await withRecord(t);
    await here.update({ id: "r", title: "first" });
    proxy.before("POST /batch", () => here.update({ id: "r", title: "second" }));
    const result = await here.sync();
    const written = await server.record("r");
    assert.deepEqual([written.title, result.ok, result.published.map(({ title }) => title)], ["first", true, ["first"]]);
    assert.deepEqual(await here.record("r"), { id: "r", title: "second", last_modified: written.last_modified, _status: "updated" });
    const next = await here.sync();
    assert.deepEqual([next.ok, next.conflicts, await server.titles()], [true, [], ["second"]]);
    assert.deepEqual(await here.record("r"), synced(await server.record("r")));
  });

  test("an edit of a new record too", async (t) => {
    const { here, server, proxy } = await stage(t);
    await here.create({ id: "r", title: "first" });
    proxy.before("POST /batch", () => here.update({ id: "r", title: "second" }));
    await here.sync();
    assert.deepEqual([await server.titles(), (await here.record("r")).title, (await here.record("r"))._status], [["first"], "second", "updated"]);
    assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, ["second"]]);
  });

  test("a deletion deletes it on the server with the next sync", async (t) => {
    const { here, server, proxy } = await stage(t);
    await here.create({ id: "r", title: "first" });
    proxy.before("POST /batch", () => here.delete("r"));
    await here.sync();
    assert.deepEqual([await server.titles(), (await here.record("r"))._status], [["first"], "deleted"]);
    const next = await here.sync();
    assert.deepEqual([next.ok, next.published, await server.titles(), await here.record("r")], [true, [{ id: "r", deleted: true }], [], undefined]);
  });

  test("a record made again while its deletion is on its way lives", async (t) => {
    const { here, server, proxy } = await withRecord(t);
    await here.delete("r");
    proxy.before("POST /batch", () => here.call("upsert", { id: "r", title: "again" }));
    await here.sync();
    await here.sync();
    assert.deepEqual([await server.titles(), await here.titles(), await here.unsynced()], [["again"], ["again"], []]);
  });
});

describe("a collection that is cleared during a sync has everything after the next one", SIDE_BY_SIDE, () => {
  const COUNT = 12;

  test("cleared between two pages of a pull", async (t) => {
    const { here, server, proxy } = await stage(t);
    // The records are older than those that every sync lists again.
    for (let n = 0; n < COUNT; n += 1) await server.put(`r${n}`, { title: "x" }, { lastModified: Date.now() - 60_000 * (COUNT - n) });
    let pages = 0;
    proxy.rule("GET /records", async (_, pass) => ((pages += 1) === 2 && (await here.call("clear")), pass()));
    const { code } = await here.failure();
    assert.deepEqual([code, pages, await here.records()], ["interrupted", 2, []]);
    await here.sync();
    assert.equal((await here.records()).length, COUNT);
  });

  test("cleared while its records are being pushed", async (t) => {
    const { here, proxy } = await stage(t);
    await here.createAll(["a", "b"]);
    const arrived = proxy.before("POST /batch", () => here.call("clear"));
    assert.deepEqual([(await here.failure()).code, await here.records()], ["interrupted", []]);
    await arrived;
    await here.sync();
    assert.deepEqual(await here.titles(), ["a", "b"]);
  });
});
