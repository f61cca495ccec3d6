// Migration: when an app changes from Kinto.js to essaim, no data in its users' browsers is lost.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { lists } from "../sync/device.mjs";
import { Proxy } from "../sync/proxy.mjs";
import { KINTO_URL } from "../sync/server.mjs";
import { firstVersion, oddRows, oldestForm } from "./rows.mjs";
import { Scene } from "./scene.mjs";
import { BROWSERS, startSite } from "./site.mjs";

const byId = (records) => records.toSorted((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
/** Makes syncs stepwise, by replacing the function that sends requests. */
const bySteps = ({ api: { http } }) => {
  http.timedFetch = http.timedFetch.bind(http);
  return null;
};
const statuses = (records) => Object.fromEntries(records.map(({ id, _status }) => [id, _status]));

let site;
before(async () => (site = await startSite()));
after(() => site.close());

for (const [name, start] of Object.entries(BROWSERS)) {
  describe(`in ${name}`, () => {
    let page;
    let close;
    before(async () => ({ page, close } = await start(site.url)));
    after(() => close());

    /** Makes one record in each status with Kinto.js. The server has those that were uploaded. */
    async function withFour(options) {
      const scene = new Scene(page, options);
      const old = await scene.with("Kinto.js");
      await old.createAll(["kept", "edited", "gone"]);
      assert.equal((await old.sync()).ok, true);
      await old.update({ id: "edited", title: "edited here" });
      await old.delete("gone");
      await old.create({ id: "made", title: "made" });
      return { scene, old, stored: await scene.dump() };
    }

    test("records in all four statuses are there, and the next sync tells the server just what it does not know", async () => {
      const { scene, old, stored } = await withFour();
      const before = byId((await old.call("list", {}, { includeDeleted: true })).data);
      const [lastModified, metadata] = [await scene.run(old, (collection) => collection.db.getLastModified()), await old.call("metadata")];
      const tasks = await scene.visitWith("essaim");
      assert.deepEqual(byId((await tasks.call("list", {}, { includeDeleted: true })).data), before);
      assert.deepEqual(await scene.told(tasks, "storage:adopted"), { bucket: "default", collection: "tasks", records: 3, unsynced: 3, refused: [] });
      assert.deepEqual([await scene.run(tasks, (collection) => collection.lastModified), await tasks.call("metadata")], [lastModified, metadata]);
      const result = await tasks.sync();
      assert.deepEqual([result.ok, Object.keys(lists(result)), byId(result.published).map(({ id }) => id)], [true, ["published"], ["edited", "gone", "made"]]);
      assert.deepEqual(await scene.server.titles(), ["edited here", "kept", "made"]);
      assert.deepEqual(lists(await tasks.sync()), {});
      assert.equal(await scene.dump(), stored, "Kinto.js's database was touched");
    });

    test("it happens once: what is here is not overwritten by what Kinto.js still has, not even after clear()", async () => {
      const { scene } = await withFour();
      let tasks = await scene.visitWith("essaim");
      await tasks.update({ id: "kept", title: "newer" });
      tasks = await scene.visitWith("essaim");
      assert.equal((await tasks.record("kept")).title, "newer");
      assert.deepEqual([await tasks.call("leftovers"), await tasks.events()], [[], []]);
      await tasks.call("clear");
      tasks = await scene.visitWith("essaim");
      assert.deepEqual([await tasks.records(), await tasks.events()], [[], []]);
      assert.equal((await tasks.sync()).created.length, 3);
    });

    test("Kinto.js still opens its own afterwards, and syncs beside essaim", async () => {
      const { scene } = await withFour();
      await (await scene.visitWith("essaim")).sync();
      const old = await scene.visitWith("Kinto.js");
      assert.deepEqual(statuses((await old.call("list", {}, { includeDeleted: true })).data), { kept: "synced", edited: "updated", gone: "deleted", made: "created" });
      assert.equal((await old.sync({ strategy: "server_wins" })).errors.length, 0);
      assert.deepEqual((await old.records()).map(({ title }) => title), ["edited here", "kept", "made"]);
    });

    for (const [how, prepare] of [["", () => null], [", of requests that the app sends itself too", bySteps]]) {
      test(`a record that Kinto.js missed between two pages is there after the first sync${how}`, async (t) => {
        const proxy = await Proxy.start(KINTO_URL);
        t.after(() => proxy.close());
        const scene = new Scene(page, { remote: proxy.url });
        await scene.server.putAll(Array.from({ length: 8 }, (_, n) => `r${n}`));
        const old = await scene.with("Kinto.js");
        let pages = 0;
        proxy.rule("GET /records", async (_, pass) => {
          if (++pages === 2) await scene.server.put("between", { title: "between" });
          return pass();
        });
        await old.sync();
        assert.equal((await old.sync()).ok, true);
        assert.equal((await old.records()).length, 8, "Kinto.js has no such fault any more");
        await scene.server.remove("r3");
        const tasks = await scene.visitWith("essaim");
        await scene.run(tasks, prepare);
        const result = await tasks.sync();
        assert.deepEqual([result.ok, Object.keys(lists(result)), result.created.map(({ id }) => id), result.deleted.map(({ id }) => id)], [true, ["created", "deleted"], ["between"], ["r3"]]);
        assert.deepEqual(lists(await tasks.sync()), {});
      });
    }

    test("what another device changed meanwhile is met as in any sync", async () => {
      const { scene } = await withFour();
      await scene.server.put("kept", { title: "changed there" });
      await scene.server.put("edited", { title: "changed there too" });
      await scene.server.remove("gone");
      await scene.server.put("new", { title: "new" });
      const tasks = await scene.visitWith("essaim");
      const result = await tasks.sync();
      assert.deepEqual(
        [result.created, result.updated.map((change) => change.new), result.conflicts.map(({ local }) => local), result.published].map((list) => list.map(({ id }) => id)),
        [["new"], ["kept"], ["edited"], ["made"]],
      );
      assert.deepEqual(byId(await tasks.records()).map(({ title }) => title), ["edited here", "changed there", "made", "new"]);
    });

    test("a server that was flushed meanwhile is noticed, and gets everything back when the app says so", async () => {
      const { scene } = await withFour();
      await scene.server.removeCollection();
      await scene.server.put("other", { title: "other" });
      const tasks = await scene.visitWith("essaim");
      assert.equal((await tasks.failure()).code, "server_flushed");
      await tasks.call("resetSyncStatus");
      assert.equal((await tasks.sync({ strategy: "client_wins" })).ok, true);
      assert.deepEqual(await scene.server.titles(), ["edited here", "kept", "made", "other"]);
    });

    test("ghosts and needless tombstones stay behind, odd values become what JSON makes of them, and what it cannot hold is told", async () => {
      const scene = new Scene(page);
      const old = await scene.with("Kinto.js");
      await scene.run(old, oddRows);
      const tasks = await scene.visitWith("essaim");
      const all = (await tasks.call("list", { order: "" }, { includeDeleted: true })).data;
      assert.deepEqual(Object.fromEntries(all.map(({ id, ...fields }) => [id, fields])), {
        7: { title: "a number", _status: "created" },
        70: { title: "a larger number", _status: "synced", last_modified: 70 },
        date: { at: "2020-01-01T00:00:00.000Z", blob: {}, number: null, _status: "created" },
        none: { title: "no status", _status: "created" },
        updated: { title: "on no version", _status: "created" },
      });
      const { records, unsynced, refused } = await scene.told(tasks, "storage:adopted");
      assert.deepEqual([records, unsynced, refused.map(({ id }) => id)], [5, 4, ["\"big\""]]);
    });

    test("the form of Kinto.js 11 and before is taken over, and left as it is", async () => {
      const scene = new Scene(page, { dbName: "KintoDB", name: `tasks-${crypto.randomUUID()}` });
      await scene.server.put("kept", { title: "kept" });
      const { last_modified } = await scene.server.record("kept");
      await page.evaluate(oldestForm, { name: `default/${scene.name}`, last_modified });
      const stored = await scene.dump(`default/${scene.name}`);
      const tasks = await scene.visitWith("essaim", { adapterOptions: {} });
      assert.deepEqual(statuses((await tasks.call("list", {}, { includeDeleted: true })).data), { kept: "synced", edited: "updated", made: "created", gone: "deleted" });
      assert.equal(await scene.run(tasks, (collection) => collection.lastModified), last_modified);
      const elsewhere = await scene.with("essaim", { adapterOptions: { dbName: `${scene.server.user}-2` } });
      assert.deepEqual(await elsewhere.records(), [], "another account got it too");
      assert.equal(await scene.dump(`default/${scene.name}`), stored);
    });

    test("no database of Kinto.js is made where there is none, and one of somebody else is left alone", async () => {
      const scene = new Scene(page);
      const tasks = await scene.with("essaim");
      assert.deepEqual([await tasks.records(), await tasks.call("leftovers")], [[], []]);
      await tasks.create({ id: "a" });
      const again = await scene.visitWith("essaim");
      assert.deepEqual([await again.titles(), await again.call("leftovers"), await again.events()], [[undefined], [], []]);
      assert.equal(await scene.dump(), null);
      const unnamed = new Scene(page, { dbName: "KintoDB", name: `tasks-${crypto.randomUUID()}` });
      assert.deepEqual(await (await unnamed.with("essaim")).records(), []);
      assert.equal(await unnamed.dump(`default/${unnamed.name}`), null);
      const foreign = new Scene(page);
      await page.evaluate((name) => new Promise((done) => {
        const opening = indexedDB.open(name, 7);
        opening.onupgradeneeded = () => opening.result.createObjectStore("records").put("mine", 1);
        opening.onsuccess = () => done(opening.result.close());
      }), foreign.dbName);
      const stored = await foreign.dump();
      const beside = await foreign.with("essaim");
      assert.deepEqual(await beside.records(), []);
      await foreign.run(beside, (collection) => collection.kinto.forgetKintoJs().then(() => null));
      assert.equal(await foreign.dump(), stored);
    });

    test("a database of the first version of its schema is read, and not upgraded", async () => {
      const scene = new Scene(page);
      await page.evaluate(firstVersion, scene.dbName);
      const stored = await scene.dump();
      const tasks = await scene.visitWith("essaim");
      assert.deepEqual([statuses(await tasks.records()), await tasks.call("metadata")], [{ made: "created" }, null]);
      assert.equal(await scene.dump(), stored);
      const old = await scene.visitWith("Kinto.js");
      assert.deepEqual(statuses(await old.records()), { made: "created" });
    });

    test("an encrypted collection takes over nothing, and one in memory neither", async () => {
      const { scene } = await withFour();
      const inMemory = await scene.visitWith("essaim", { adapter: "memory" });
      assert.deepEqual(await inMemory.records(), []);
      const key = await page.evaluate(() => makeKey());
      const encrypted = await scene.with("essaim", {}, { key });
      assert.deepEqual([await encrypted.records(), await encrypted.call("leftovers")], [[], []]);
      await assert.rejects((await scene.with("essaim")).records(), { code: "key_required" });
    });

    test("what an old tab writes afterwards is told, listed, taken over, and not told again", async () => {
      const { scene } = await withFour();
      assert.equal((await (await scene.visitWith("essaim")).sync()).ok, true);
      const old = await scene.visitWith("Kinto.js");
      await old.create({ id: "late", title: "late" });
      await old.delete("kept");
      await old.update({ id: "made", title: "made, and edited" });
      let tasks = await scene.visitWith("essaim");
      await tasks.records();
      assert.deepEqual(await scene.told(tasks, "storage:leftover"), { bucket: "default", collection: "tasks", unsynced: 3 });
      assert.deepEqual(statuses(await tasks.call("leftovers")), { late: "created", kept: "deleted", made: "created" });
      const { adopted, conflicts } = await tasks.call("adoptLeftovers");
      assert.deepEqual([statuses(adopted), conflicts.map(({ local, leftover }) => [local.title, leftover.title])], [{ late: "created", kept: "deleted" }, [["made", "made, and edited"]]]);
      assert.deepEqual(statuses(await tasks.call("leftovers")), { made: "created" });
      assert.deepEqual(statuses((await tasks.call("adoptLeftovers", { prefer: "leftover" })).adopted), { made: "updated" });
      assert.deepEqual(byId((await tasks.sync()).published).map(({ id }) => id), ["kept", "late", "made"]);
      assert.deepEqual(await scene.server.titles(), ["edited here", "late", "made, and edited"]);
      tasks = await scene.visitWith("essaim");
      await tasks.records();
      assert.deepEqual([await tasks.call("leftovers"), await tasks.events()], [[], []]);
    });

    test("what an old tab deletes afterwards, before it ever was on the server, is deleted", async () => {
      const scene = new Scene(page);
      const old = await scene.with("Kinto.js");
      await old.createAll(["made", "never-sent", "sent"]);
      await old.delete("never-sent");
      const tasks = await scene.with("essaim");
      assert.equal((await tasks.sync()).published.length, 2);
      assert.deepEqual(await tasks.call("leftovers"), []);
      await old.delete("sent");
      assert.deepEqual(statuses(await tasks.call("leftovers")), { sent: "deleted" });
      assert.deepEqual((await tasks.call("adoptLeftovers")).conflicts, []);
      await tasks.sync();
      assert.deepEqual([await scene.server.titles(), await tasks.titles(), await tasks.call("leftovers")], [["made"], ["made"], []]);
    });

    test("what is here stays, if the app prefers it, and an unknown preference is refused", async () => {
      const { scene } = await withFour();
      await (await scene.visitWith("essaim")).update({ id: "edited", title: "edited again" });
      await (await scene.visitWith("Kinto.js")).update({ id: "edited", title: "edited by the old one" });
      const tasks = await scene.visitWith("essaim");
      await assert.rejects(tasks.call("adoptLeftovers", { prefer: "mine" }), { code: "invalid_option" });
      assert.deepEqual(await tasks.call("adoptLeftovers", { prefer: "here" }), { adopted: [], conflicts: [] });
      assert.deepEqual([(await tasks.record("edited")).title, await tasks.call("leftovers")], ["edited again", []]);
    });

    test("an old tab that is open keeps its database as long, and nobody here waits for that", async () => {
      const { scene, old } = await withFour();
      const tasks = await scene.with("essaim");
      assert.equal((await tasks.records()).length, 3);
      const forget = (collection) => collection.kinto.forgetKintoJs().then(() => null, ({ code }) => code);
      assert.equal(await scene.run(tasks, forget), "storage_blocked");
      assert.equal((await old.records()).length, 3);
      const other = await page.evaluate(async (number) => {
        const collection = handles[number].collection.kinto.collection("other");
        return [await collection.list(), await collection.leftovers()];
      }, tasks.number);
      assert.deepEqual(other, [{ data: [], permissions: {} }, []]);
      await scene.visitWith("essaim");
      await scene.gone();
    });

    test("the old database goes when the app says so, and nothing of it is missed", async () => {
      const { scene } = await withFour();
      let tasks = await scene.visitWith("essaim");
      await tasks.records();
      await scene.run(tasks, (collection) => collection.kinto.forgetKintoJs().then(() => null));
      assert.equal(await scene.dump(), null);
      tasks = await scene.visitWith("essaim");
      assert.deepEqual([(await tasks.records()).length, await tasks.call("leftovers"), await tasks.events()], [3, [], []]);
      assert.equal((await tasks.sync()).published.length, 3);
    });
  });
}
