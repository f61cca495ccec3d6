// Databases that are deleted, replaced, evicted or upgraded to a newer version, while an app uses them or between two visits.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Profile } from "./tabs.mjs";

let profile;
before(async () => (profile = await Profile.start()));
after(() => profile.close());

const name = (db) => `essaim/${db}/default/tasks`;

/** Runs in the page: resolves to the sorted titles in its collection. */
const titles = async () => (await tasks.list()).data.map((task) => task.title).sort();

/** Resolves to the titles that a new tab reads from disk. */
async function titlesOnDisk(db, host) {
  const page = await profile.open({ db, host });
  const listed = await page.evaluate(titles);
  await page.close();
  return listed;
}

/** Deletes a database. Resolves when the browser has deleted it. */
const deleteDatabase = (name) => new Promise((resolve, reject) => {
  Object.assign(indexedDB.deleteDatabase(name), { onsuccess: () => resolve("deleted"), onerror: () => reject(new Error("not deleted")) });
});

/** Upgrades a database to a later version, as a later version of the package would. */
const makeNewer = (name) => new Promise((resolve, reject) => {
  const request = indexedDB.open(name, 7);
  request.onupgradeneeded = () => request.result.createObjectStore("of the future").put("kept", 1);
  request.onsuccess = () => resolve(request.result.close());
  request.onerror = () => reject(request.error);
});

/** Resolves to all rows of a database. */
const dump = async (name) => {
  const database = await new Promise((resolve, reject) => Object.assign(indexedDB.open(name), { onsuccess: ({ target }) => resolve(target.result), onerror: ({ target }) => reject(target.error) }));
  const rows = {};
  for (const store of database.objectStoreNames) {
    const request = database.transaction(store).objectStore(store).getAll();
    await new Promise((resolve) => (request.onsuccess = resolve));
    rows[store] = request.result.map((row) => (row instanceof Uint8Array ? [...row].join() : row));
  }
  database.close();
  return { version: database.version, rows };
};

describe("a database that is deleted under an open page", () => {
  const DELETIONS = {
    "by another tab": async (page, db) => {
      const other = await profile.open({ host: new URL(page.url()).hostname });
      await other.evaluate(deleteDatabase, name(db));
      await other.close();
    },
    "by the user, in the browser's settings": async (page) => {
      const session = await page.context().newCDPSession(page);
      await session.send("Storage.clearDataForOrigin", { origin: new URL(page.url()).origin, storageTypes: "indexeddb" });
    },
  };

  for (const [how, destroy] of Object.entries(DELETIONS)) {
    test(`${how} is made again by the next write, which stands, and page and disk agree`, async () => {
      // The test uses an origin of its own, because the browser's settings clear the data of a whole origin.
      const [db, host] = [randomUUID(), `${randomUUID()}.localhost`];
      const page = await profile.open({ db, host });
      await page.evaluate(() => Promise.all(["a", "b"].map((title) => tasks.create({ title }))));
      await destroy(page, db);
      await page.evaluate(() => tasks.create({ title: "c" }));
      const here = await page.evaluate(titles);
      assert.deepEqual(here, await titlesOnDisk(db, host));
      assert.ok(here.includes("c"));
      // The page continues to work.
      await page.evaluate(() => tasks.execute((txn) => txn.create({ id: "d", title: "d" })));
      assert.deepEqual(await titlesOnDisk(db, host), [...here, "d"]);
    });
  }

  test("the changes lost with it are reported", async () => {
    const db = randomUUID();
    const page = await profile.open({ db });
    await page.evaluate(() => {
      globalThis.told = [];
      kinto.events.on("storage:evicted", (payload) => told.push(payload));
      return Promise.all(["a", "b"].map((title) => tasks.create({ title })));
    });
    await (await profile.open()).evaluate(deleteDatabase, name(db));
    await page.evaluate(() => tasks.create({ title: "c" }));
    assert.deepEqual(await page.evaluate(() => told), [{ bucket: "default", collection: "tasks", unsynced: 2 }]);
  });

  test("in the middle of many writes loses none of those acknowledged afterwards, and never half of one", async () => {
    const db = randomUUID();
    const page = await profile.open({ db });
    const other = await profile.open();
    const writing = page.evaluate(async () => {
      const acknowledged = [];
      for (let n = 0; n < 300; n += 1) {
        const pair = [`${n}a`, `${n}b`];
        await tasks.execute((txn) => { for (const id of pair) txn.create({ id, title: id }); }).then(() => acknowledged.push(n), ({ code }) => {
          // After a deletion the transaction fails with `storage_lost`, because its callback has already run and must not run twice.
          if (code !== "storage_lost") throw new Error(code);
        });
      }
      return acknowledged;
    });
    for (let n = 0; n < 5; n += 1) await other.evaluate(deleteDatabase, name(db));
    const acknowledged = await writing;
    const onDisk = await titlesOnDisk(db);
    assert.deepEqual(await page.evaluate(titles), onDisk);
    const halves = onDisk.filter((title) => !onDisk.includes(title.replace(/.$/, (letter) => ({ a: "b", b: "a" })[letter])));
    assert.deepEqual(halves, []);
    // The writes after the last deletion are there, without a gap.
    const left = new Set(onDisk.map((title) => Number.parseInt(title, 10)));
    const first = Math.min(...left);
    assert.deepEqual([...left].sort((a, b) => a - b), acknowledged.filter((n) => n >= first));
  });
});

describe("an eviction between two visits", () => {
  for (const [what, unsynced, prepare] of [
    ["with unsynced changes is reported once, with their number", 3, async () => {
      await tasks.importBulk([{ id: "safe", last_modified: 1 }, { id: "edited", last_modified: 2 }]);
      await tasks.upsert({ id: "edited", title: "edited" });
      await Promise.all(["a", "b"].map((title) => tasks.create({ title })));
    }],
    ["of nothing but what the server has is not worth a word", undefined, () => tasks.importBulk([{ id: "safe", last_modified: 1 }])],
  ]) {
    test(what, async () => {
      const [db, host] = [randomUUID(), `${randomUUID()}.localhost`];
      const first = await profile.open({ db, host });
      await first.evaluate(prepare);
      const session = await first.context().newCDPSession(first);
      const origin = new URL(first.url()).origin;
      await first.goto("about:blank");
      await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
      for (const expected of [unsynced, undefined]) {
        const next = await profile.open({ db, host });
        const seen = await next.evaluate(async () => {
          const told = [];
          kinto.events.on("storage:evicted", (payload) => told.push(payload));
          const { data } = await tasks.list();
          await kinto.collection("tasks").list();
          return { told, data, lastModified: tasks.lastModified };
        });
        const told = expected ? [{ bucket: "default", collection: "tasks", unsynced: expected }] : [];
        assert.deepEqual(seen, { told, data: [], lastModified: null });
        await next.close();
      }
    });
  }
});

describe("a newer format on disk", () => {
  const refusal = (page, work) => page.evaluate(`(${work})().then(() => "done", ({ code, data, message }) => ({ code, data, message }))`);

  test("is refused by every call with upgrade_required, and nothing is changed", async () => {
    const db = randomUUID();
    const page = await profile.open({ db });
    await page.evaluate(() => tasks.create({ title: "a" }));
    await page.evaluate(() => kinto.close());
    await page.evaluate(makeNewer, name(db));
    const before = await page.evaluate(dump, name(db));
    const next = await profile.open({ db });
    for (const work of [() => tasks.list(), () => tasks.create({ title: "b" }), () => tasks.execute((txn) => txn.create({ id: "c" })), () => tasks.clear(), () => tasks.sync()]) {
      const { code, data, message } = await refusal(next, work);
      assert.deepEqual([code, data], ["upgrade_required", { found: 7, known: 1 }]);
      assert.match(message, /[Rr]eload|[Uu]pdate/);
    }
    await next.close();
    assert.deepEqual(await page.evaluate(dump, name(db)), before);
    assert.equal(before.rows.journal.length, 1);
  });

  test("that another tab makes is not held up, and the older tab is told at its next write", async () => {
    const db = randomUUID();
    const page = await profile.open({ db });
    await page.evaluate(() => tasks.create({ title: "a" }));
    const other = await profile.open();
    await other.evaluate(makeNewer, name(db));
    const before = await other.evaluate(dump, name(db));
    for (const work of [() => tasks.create({ title: "b" }), () => tasks.refresh(), () => tasks.execute((txn) => txn.create({ id: "c" }))]) {
      assert.equal((await refusal(page, work)).code, "upgrade_required");
    }
    // The records in memory can still be read, and no refused write is among them.
    assert.deepEqual(await page.evaluate(titles), ["a"]);
    assert.deepEqual(await other.evaluate(dump, name(db)), before);
  });
});
