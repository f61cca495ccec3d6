// The content of deleted records must not be in any row of any database. Each record has a long random text (a canary), for which the tests search.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { BROWSERS } from "./browsers.mjs";

const canary = () => randomBytes(24).toString("hex");
const canariesOf = (...names) => Object.fromEntries(names.map((name) => [name, canary()]));
const KINDS = { plain: false, encrypted: true };

for (const [name, Browser] of Object.entries(BROWSERS)) {
  describe(`in ${name}`, () => {
    let browser;
    before(async () => (browser = await Browser.start()));
    after(() => browser?.close());

    const open = (db) => browser.open(`${browser.url}faulty.html?${new URLSearchParams({ db })}`);

    /** Opens a page with a database name of its own, and makes a new account. `place` holds the options to open a collection with both. */
    async function stage(isEncrypted) {
      const server = new Server();
      const db = randomUUID();
      const page = await open(db);
      const withKey = isEncrypted ? { key: await page.evaluate(() => essaim.makeKey()) } : {};
      return { db, page, server, place: { withKey, options: { remote: KINTO_URL, headers: server.headers } } };
    }

    for (const [kind, isEncrypted] of Object.entries(KINDS)) {
      test(`${kind}: after deletions, however they came about, no row has what was deleted`, async () => {
        const { page, place } = await stage(isEncrypted);
        const gone = canariesOf("synced", "never sent", "for good", "edited before", "deleted elsewhere", "by a transaction", "by the lower level", "in a conflict", "synced, for good");
        const canaries = { ...gone, ...canariesOf("kept", "edited later") };
        const seen = await page.evaluate(async ({ place: { withKey, options }, canaries }) => {
          const { kinto } = start(options);
          const tasks = kinto.collection("tasks", withKey);
          const other = start({ ...options, adapter: "memory" }).kinto.collection("tasks", withKey);
          const id = (name) => name.replaceAll(/\W+/g, "-");
          const create = (name) => tasks.create({ id: id(name), text: canaries[name] }, { useRecordId: true });
          for (const name of ["synced", "kept", "edited before", "edited later", "deleted elsewhere", "by a transaction", "in a conflict", "synced, for good"]) await create(name);
          await tasks.sync();
          await other.sync();
          for (const name of ["never sent", "for good", "by the lower level"]) await create(name);
          await tasks.update({ id: id("edited before"), text: "another" });
          await tasks.update({ id: id("edited later"), text: `${canaries["edited later"]}, edited` });
          for (const name of ["synced", "never sent", "edited before"]) await tasks.delete(id(name));
          for (const name of ["for good", "synced, for good"]) await tasks.delete(id(name), { virtual: false });
          await tasks.execute((txn) => txn.delete(id("by a transaction")), { preloadIds: [id("by a transaction")] });
          await tasks.db.execute((proxy) => proxy.delete(id("by the lower level")));
          await other.delete(id("deleted elsewhere"));
          await other.delete(id("in a conflict"));
          await other.sync();
          await tasks.update({ id: id("in a conflict"), text: `${canaries["in a conflict"]}, edited here` });
          const { conflicts } = await tasks.sync();
          for (const conflict of conflicts) await tasks.resolve(conflict, conflict.remote ?? { id: conflict.local.id, deleted: true });
          const { ok, errors } = await tasks.sync();
          await kinto.close();
          return { ok, errors, conflicts: conflicts.length, found: Object.keys(await remains(canaries)).sort() };
        }, { place, canaries });
        // A record of an encrypted collection that was removed only here is still in the journal on the server, and every device stores what is in
        // the journal.
        const found = ["edited later", "kept", ...(isEncrypted ? ["synced, for good"] : [])];
        assert.deepEqual(seen, { ok: true, errors: [], conflicts: 1, found });
        await page.close();
      });

      test(`${kind}: it is gone soon without close(), and at once after clear(), with the space`, async () => {
        const { db, page, place } = await stage(isEncrypted);
        const canaries = canariesOf("deleted", "kept");
        const seen = await page.evaluate(async ({ db, place: { withKey, options }, canaries }) => {
          const tasks = start(options).kinto.collection("tasks", withKey);
          await tasks.create({ id: "deleted", text: canaries.deleted }, { useRecordId: true });
          await tasks.create({ id: "kept", text: canaries.kept }, { useRecordId: true });
          await tasks.delete("deleted");
          const soon = Object.keys(await eventually(canaries, ["kept"]));
          const filler = Array.from({ length: 300 }, (_, n) => ({ id: `filler${n}`, last_modified: n + 1, text: "x".repeat(1000) }));
          await tasks.importBulk(filler);
          const full = await bytesOf(db);
          await tasks.clear();
          return { soon, full, cleared: await remains(canaries), bytes: await bytesOf(db), records: (await tasks.list()).data.length };
        }, { db, place, canaries });
        assert.deepEqual([seen.soon, seen.cleared, seen.records], [["kept"], {}, 0]);
        assert.ok(seen.full > 300_000 && seen.bytes < 3_000, `${seen.bytes} bytes of ${seen.full} are left`);
        await page.close();
      });

      test(`${kind}: what a page that was killed had no time for, the next one does`, async () => {
        const { db, page, place } = await stage(isEncrypted);
        const canaries = canariesOf("deleted", "kept");
        await page.evaluate(async ({ place: { withKey, options }, canaries }) => {
          const tasks = start(options).kinto.collection("tasks", withKey);
          const filler = Array.from({ length: 3000 }, (_, n) => ({ id: `filler${n}`, last_modified: n + 1, text: "x".repeat(1000) }));
          await tasks.importBulk([...filler, { id: "deleted", last_modified: 5000, text: canaries.deleted }, { id: "kept", last_modified: 5001, text: canaries.kept }]);
          // Waits until everything is in segments, so that only the deletion can start a compaction.
          while ((await remains(canaries)).kept.some((place) => !place.includes(" pages "))) await new Promise((resolve) => setTimeout(resolve, 20));
          // From now on no timer of the page fires, so the page cannot erase the content before it is killed.
          globalThis.setTimeout = () => 0;
          await tasks.delete("deleted", { virtual: false });
        }, { place, canaries });
        await browser.kill(page);
        const next = await open(db);
        const seen = await next.evaluate(async ({ place: { withKey, options }, canaries }) => {
          const before = Object.keys(await remains(canaries)).sort();
          const tasks = start(options).kinto.collection("tasks", withKey);
          const { length } = (await tasks.list()).data;
          return { before, length, after: Object.keys(await eventually(canaries, ["kept"])) };
        }, { place, canaries });
        assert.deepEqual(seen, { before: ["deleted", "kept"], length: 3001, after: ["kept"] });
        await next.close();
      });
    }

    test("plain: a deletion that the server does not know yet keeps its id and version, and no content", async () => {
      const { db, page, server, place } = await stage(false);
      await server.put("a", { text: "" });
      const canaries = canariesOf("deleted");
      const before = await page.evaluate(async ({ place: { options }, canaries }) => {
        const { kinto } = start(options);
        const tasks = kinto.collection("tasks");
        await tasks.sync();
        await tasks.update({ id: "a", text: canaries.deleted });
        await tasks.sync();
        await tasks.delete("a");
        // As long as the page is open, the tombstone still shows the deleted content.
        const { data } = await tasks.getAny("a");
        await kinto.close();
        return { shown: data.text === canaries.deleted, found: await remains(canaries) };
      }, { place, canaries });
      assert.deepEqual(before, { shown: true, found: {} });
      const next = await open(db);
      const seen = await next.evaluate(async ({ options }) => {
        const tasks = start(options).kinto.collection("tasks");
        const { data: { id, last_modified, _status, ...content } } = await tasks.getAny("a");
        const { ok, published } = await tasks.sync();
        return { id, hasVersion: last_modified > 0, _status, content, ok, published };
      }, place);
      assert.deepEqual(seen, { id: "a", hasVersion: true, _status: "deleted", content: {}, ok: true, published: [{ id: "a", deleted: true }] });
      assert.deepEqual(await server.records(), []);
      await next.close();
    });

    test("transformers get a deleted record as it was, also after a reload", async () => {
      const { db, page, server, place } = await stage(false);
      await page.evaluate(async ({ options }) => {
        const { kinto } = start(options);
        const tasks = kinto.collection("tasks", { remoteTransformers: [{ type: "remote", encode: (record) => record, decode: (record) => record }] });
        await tasks.create({ id: "a", text: "as it was" }, { useRecordId: true });
        await tasks.sync();
        await tasks.delete("a");
        await kinto.close();
      }, place);
      const next = await open(db);
      const seen = await next.evaluate(async ({ options }) => {
        const encoded = [];
        const encode = (record) => (encoded.push(record.text), record);
        const tasks = start(options).kinto.collection("tasks", { remoteTransformers: [{ type: "remote", encode, decode: (record) => record }] });
        return [(await tasks.sync()).ok, encoded];
      }, place);
      assert.deepEqual(seen, [true, ["as it was"]]);
      assert.deepEqual(await server.records(), []);
      await next.close();
    });

    test("hundreds of deletions, one after the other, rewrite a large collection a few times", async () => {
      const { page } = await stage(false);
      const canaries = canariesOf("first", "last");
      const seen = await page.evaluate(async (canaries) => {
        const { kinto } = start();
        const tasks = kinto.collection("tasks");
        const text = (n) => ({ 0: canaries.first, 299: canaries.last })[n] ?? "x".repeat(1000);
        await tasks.importBulk(Array.from({ length: 2000 }, (_, n) => ({ id: `${n}`, last_modified: n + 1, text: text(n) })));
        let rewritten = 0;
        const { clear } = IDBObjectStore.prototype;
        IDBObjectStore.prototype.clear = function () {
          rewritten += 1;
          return clear.call(this);
        };
        const begun = performance.now();
        for (let n = 0; n < 300; n += 1) await tasks.delete(`${n}`, { virtual: false });
        const seconds = (performance.now() - begun) / 1000;
        const found = await eventually(canaries, []);
        await kinto.close();
        return { rewritten, seconds, found };
      }, canaries);
      assert.deepEqual(seen.found, {});
      // A database of two megabytes is rewritten every two seconds at most, and once at the end.
      assert.ok(seen.rewritten <= 2 + seen.seconds / 1.5, `rewritten ${seen.rewritten} times in ${seen.seconds} s`);
      await page.close();
    });

    for (const [kind, isEncrypted] of Object.entries(KINDS)) {
      test(`${kind}: after close() no database is made any more by a collection that was being opened`, async () => {
        const { page, place } = await stage(isEncrypted);
        const late = await page.evaluate(async ({ withKey }) => {
          const { open } = IDBFactory.prototype;
          const late = [];
          for (let at = 1; at <= 4; at += 1) {
            const dbName = crypto.randomUUID();
            const { kinto } = start({ adapterOptions: { dbName } });
            const named = async () => (await indexedDB.databases()).map(({ name }) => name).filter((name) => name.includes(dbName));
            let requests = 0;
            const opening = new Promise((resolve) => {
              IDBFactory.prototype.open = function (...given) {
                const request = open.apply(this, given);
                if (given[0].includes(dbName) && (requests += 1) === at) resolve();
                return request;
              };
            });
            const ended = kinto.collection("tasks", withKey).list().catch(({ code }) => code);
            await Promise.race([opening, ended]);
            IDBFactory.prototype.open = open;
            await kinto.close();
            for (const name of await named()) await new Promise((resolve, reject) => Object.assign(indexedDB.deleteDatabase(name), { onsuccess: resolve, onerror: reject }));
            await new Promise((resolve) => setTimeout(resolve, 50));
            late.push(...(await named()).map((name) => `${at}: ${name}`));
          }
          return late;
        }, place);
        assert.deepEqual(late, []);
        await page.close();
      });
    }

    test("a database that is deleted right after close() stays deleted", async () => {
      const { db, page } = await stage(false);
      const names = await page.evaluate(async (db) => {
        const { kinto } = start();
        const tasks = kinto.collection("tasks");
        await tasks.create({ id: "a" }, { useRecordId: true });
        await tasks.delete("a");
        const closed = kinto.close();
        const deleted = new Promise((resolve) => Object.assign(indexedDB.deleteDatabase(`essaim/${db}/default/tasks`), { onsuccess: resolve }));
        await Promise.all([closed, deleted]);
        return (await indexedDB.databases()).map(({ name }) => name).filter((name) => name.includes(db));
      }, db);
      assert.deepEqual(names, []);
      await page.close();
    });

    if (name === "Chromium") {
      test("two tabs: what one of them deletes is gone, whatever the other writes", async () => {
        const { db, page } = await stage(false);
        const other = await open(db);
        const canaries = canariesOf("deleted", "cleared");
        const begin = (canaries) => {
          globalThis.tasks = start().kinto.collection("tasks");
          return tasks.upsert({ id: "deleted", text: canaries.deleted });
        };
        await page.evaluate(begin, canaries);
        await other.evaluate(begin, canaries);
        await other.evaluate(async () => {
          for (let n = 0; n < 300; n += 1) await tasks.upsert({ id: "busy", n });
        });
        await page.evaluate(() => tasks.delete("deleted", { virtual: false }));
        await other.evaluate(() => tasks.upsert({ id: "busy", n: -1 }));
        assert.deepEqual(await page.evaluate((canaries) => eventually(canaries, []), canaries), {});
        await other.evaluate((canaries) => tasks.upsert({ id: "cleared", text: canaries.cleared }), canaries);
        await page.evaluate(() => tasks.clear());
        assert.deepEqual(await page.evaluate((canaries) => remains(canaries), canaries), {});
        await other.evaluate(() => tasks.upsert({ id: "busy", n: -2 }));
        assert.deepEqual(await other.evaluate(async () => (await tasks.list()).data.map(({ id }) => id)), ["busy"]);
        await other.close();
        await page.close();
      });
    }
  });
}
