// Migration of ten thousand records in all four statuses, with a real Kinto server.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { lists } from "../sync/device.mjs";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { Scene } from "./scene.mjs";
import { BROWSERS, startSite } from "./site.mjs";

/** How many records each browser creates, edits and deletes. */
const EACH = 250;
const RECORDS = 10_000;

const byId = (records) => records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
const idsOf = (records) => records.map(({ id }) => id).sort();
const range = (prefix, from, count) => Array.from({ length: count }, (_, n) => `${prefix}${String(from + n).padStart(5, "0")}`);

/** Creates, edits and deletes records, each with Kinto.js's own method. */
const change = async (collection, { made, edited, gone }) => {
  for (const id of made) await collection.create({ id, title: `made ${id}`, tags: [1, 2.5, null] }, { useRecordId: true });
  for (const id of edited) await collection.update({ id, title: `edited ${id}` });
  for (const id of gone) await collection.delete(id);
};

/** All browsers use one account, because filling the server takes the longest. */
const server = new Server();

async function fill() {
  const ids = range("r", 0, RECORDS - EACH);
  for (let from = 0; from < ids.length; from += 100) {
    const requests = ids.slice(from, from + 100).map((id) => ({ path: `/buckets/default/collections/tasks/records/${id}`, body: { data: { title: id, done: false } } }));
    const body = JSON.stringify({ defaults: { method: "PUT" }, requests });
    const response = await fetch(`${KINTO_URL}/batch`, { method: "POST", headers: { ...server.headers, "Content-Type": "application/json" }, body });
    assert.equal(response.status, 200);
  }
}

let site;
before(async () => ([site] = await Promise.all([startSite(), fill()])));
after(() => site.close());

for (const [index, [name, start]] of Object.entries(BROWSERS).entries()) {
  describe(`in ${name}`, () => {
    let page;
    let close;
    before(async () => ({ page, close } = await start(site.url)));
    after(() => close());

    test(`${RECORDS} records that Kinto.js has, in all four statuses, are taken over, synced, and still its own`, async (t) => {
      const scene = new Scene(page, { server, dbName: `KintoDB ${name}` });
      const mine = { made: range(`made in ${name} `.replaceAll(" ", "-"), 0, EACH), edited: range("r", index * 2 * EACH, EACH), gone: range("r", (index * 2 + 1) * EACH, EACH) };
      const old = await scene.with("Kinto.js");
      assert.equal((await old.sync()).ok, true);
      await scene.run(old, change, mine);
      const [kept, stored] = [byId((await old.call("list", {}, { includeDeleted: true })).data), await scene.dump()];

      // Another client of the account makes changes after the migration.
      const [changed, removed] = range("r", 9_000 + index * 2, 2);
      await server.put(changed, { title: "changed elsewhere" });
      await server.remove(removed);
      await server.put(`new-for-${name}`, { title: "made elsewhere" });

      const tasks = await scene.visitWith("essaim");
      const begun = performance.now();
      const found = byId((await tasks.call("list", {}, { includeDeleted: true })).data);
      t.diagnostic(`${name}: ${found.length} records taken over and listed in ${Math.round(performance.now() - begun)} ms`);
      assert.deepEqual(found, kept);
      const count = (status) => found.filter(({ _status }) => _status === status).length;
      assert.deepEqual(["created", "updated", "deleted"].map(count), [EACH, EACH, EACH]);
      const told = await scene.told(tasks, "storage:adopted");
      assert.deepEqual([told.records, told.unsynced, told.refused], [kept.length - EACH, 3 * EACH, []]);

      const result = await tasks.sync();
      // The first sync after a migration lists everything once, also the tombstones of records that this browser never had, like those that an
      // earlier browser deleted. These are in `skipped`.
      const { skipped = [], ...others } = lists(result);
      assert.deepEqual([result.ok, Object.keys(others), skipped.every(({ deleted }) => deleted)], [true, ["created", "updated", "deleted", "published"], true]);
      assert.deepEqual([idsOf(result.created), result.updated.map((change) => change.new.id), idsOf(result.deleted)], [[`new-for-${name}`], [changed], [removed]]);
      assert.deepEqual(idsOf(result.published), [...mine.made, ...mine.edited, ...mine.gone].sort());
      const records = await server.records();
      assert.deepEqual(byId(await tasks.records()), byId(records.map((record) => ({ ...record, _status: "synced" }))));
      const titles = new Map(records.map(({ id, title }) => [id, title]));
      assert.ok(mine.made.every((id) => titles.get(id) === `made ${id}`) && mine.edited.every((id) => titles.get(id) === `edited ${id}`) && !mine.gone.some((id) => titles.has(id)));
      assert.deepEqual(lists(await tasks.sync()), {});

      assert.equal(await scene.dump(), stored, "Kinto.js's database was touched");
      const back = await scene.visitWith("Kinto.js");
      assert.deepEqual(byId((await back.call("list", {}, { includeDeleted: true })).data), kept);
      assert.equal((await back.sync({ strategy: "server_wins" })).errors.length, 0);
      assert.deepEqual(idsOf(await back.records()), idsOf(records));
    });
  });
}
