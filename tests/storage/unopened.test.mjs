// A browser that cannot open its databases. If data was stored before, that is an error; if no data was ever stored, data is kept in memory.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { BROWSERS } from "./browsers.mjs";

/** The faults (see pages/faults.js), and what the message of the error must contain: the cause, and what to do. */
const FAULTS = {
  "fails with an UnknownError": /UnknownError.*[Rr]eload/,
  "fails with an InvalidStateError": /InvalidStateError.*[Rr]eload/,
  "fails with a NotReadableError": /NotReadableError.*[Rr]eload/,
  "fails with a VersionError": /later version.*[Rr]eload/,
  "throws a TypeError": /of the test.*[Rr]eload/,
  "throws an InvalidStateError": /InvalidStateError.*[Rr]eload/,
  "throws a SecurityError": /SecurityError.*[Aa]llow/,
  "is never answered": /did not answer.*[Tt]ry again/i,
  "is blocked": /did not answer.*other tabs/i,
  "is missing": /no IndexedDB.*[Aa]llow/,
};

for (const [name, Browser] of Object.entries(BROWSERS)) {
  describe(`in ${name}`, () => {
    let browser;
    before(async () => (browser = await Browser.start()));
    after(() => browser?.close());

    /** Opens a page with this fault. `hide` lists what is unavailable as a sign of stored data: `marks` (localStorage), `lists` (`databases()`). */
    async function open(db, fault = "", hide = []) {
      return browser.open(`${browser.url}faulty.html?${new URLSearchParams({ db, fault, hide: hide.join() })}`);
    }

    /** Data with a database name of its own: a plain and an encrypted collection, each with a record that is synced with a real Kinto server. */
    let stored;
    before(async () => {
      stored = { db: randomUUID(), server: new Server() };
      stored.remote = { remote: KINTO_URL, headers: stored.server.headers };
      const page = await open(stored.db);
      stored.key = await page.evaluate(async (remote) => {
        const key = await essaim.makeKey();
        const { kinto } = start(remote);
        for (const collection of [kinto.collection("tasks"), kinto.collection("diary", { key })]) {
          await collection.create({ title: "kept" });
          await collection.sync();
        }
        return key;
      }, stored.remote);
      await page.close();
    });

    /** Resolves to what an app sees of existing collections, during the fault and after it, and of a new `Kinto` for which nothing was ever stored. */
    const look = async ({ remote, key, isQuick }) => {
      const { kinto, told } = start(remote);
      const collections = [kinto.collection("tasks"), kinto.collection("diary", { key })];
      const failures = [];
      for (const collection of collections) {
        const calls = [() => collection.list(), () => collection.create({ title: "lost?" }), () => collection.sync(), () => collection.execute((txn) => txn.getAny("x"))];
        // If each call waits for a timeout, one call is enough.
        for (const call of isQuick ? calls : calls.slice(0, 1)) failures.push(await call().then(() => "done", plain));
      }
      const unused = start({ adapterOptions: { dbName: crypto.randomUUID() } });
      const inMemory = unused.kinto.collection("tasks");
      await inMemory.create({ title: "in memory" });
      const memory = { titles: await titles(inMemory), persistent: inMemory.persistent, told: unused.told };
      heal();
      const healed = isQuick ? [await titles(collections[0]), await titles(collections[1])] : undefined;
      return { failures, told, healed, memory };
    };

    for (const [fault, says] of Object.entries(FAULTS)) {
      const isQuick = !["is never answered", "is blocked", "is missing"].includes(fault);
      test(`a database that ${fault} is a storage error in every call until it opens again, and memory where nothing was ever stored`, async () => {
        const page = await open(stored.db, fault);
        const { failures, told, healed, memory } = await page.evaluate(look, { remote: stored.remote, key: stored.key, isQuick });
        for (const failure of failures) {
          assert.deepEqual([failure.name, failure.code], ["KintoError", "storage"], JSON.stringify(failure));
          assert.match(failure.message, says);
          assert.match(failure.message, /stored here before/);
        }
        assert.deepEqual(told, []);
        if (isQuick) assert.deepEqual(healed, [["kept"], ["kept"]]);
        assert.deepEqual(await stored.server.titles(), ["kept"]);
        assert.deepEqual(memory, { titles: ["in memory"], persistent: false, told: ["storage:memory tasks"] });
        await page.close();
      });
    }

    for (const [what, hide] of [["a note in localStorage", ["lists"]], ["the browser's list of databases", ["marks"]]]) {
      test(`${what} is enough to say that there is data`, async () => {
        for (const fault of ["fails with an UnknownError", "throws a SecurityError"]) {
          const page = await open(stored.db, fault, hide);
          assert.equal((await page.evaluate(() => titles(start().kinto.collection("tasks")))).code, "storage", fault);
          await page.close();
        }
      });
    }

    test("another collection of the same name of databases is enough, too", async () => {
      const page = await open(stored.db, "fails with an UnknownError");
      assert.equal((await page.evaluate(() => titles(start().kinto.collection("never opened")))).code, "storage");
      await page.close();
    });

    test("that it was open in this page before is enough", async () => {
      const page = await open(randomUUID(), "", ["marks", "lists"]);
      const seen = await page.evaluate(async () => {
        await start().kinto.collection("tasks").create({ title: "kept" });
        breakDown("throws a SecurityError");
        const later = start();
        const { code } = await titles(later.kinto.collection("tasks"));
        heal();
        return [code, await titles(later.kinto.collection("tasks"))];
      });
      assert.deepEqual(seen, ["storage", ["kept"]]);
      await page.close();
    });

    test("what nobody can tell is an error, but where the browser refuses the page", async () => {
      for (const [fault, expected] of [["fails with an UnknownError", "storage"], ["throws a SecurityError", "memory"]]) {
        const page = await open(randomUUID(), fault, ["marks", "lists"]);
        const seen = await page.evaluate(async () => {
          const { kinto, told } = start();
          return [await titles(kinto.collection("tasks")), told];
        });
        if (expected === "memory") assert.deepEqual(seen, [[], ["storage:memory tasks"]]);
        else assert.deepEqual([seen[0].code, seen[1]], ["storage", []]);
        await page.close();
      }
    });

    // A browser that is killed loses its writes to localStorage of the last seconds, so a missing note proves nothing.
    test("where the browser cannot list its databases either, no note in localStorage does not mean that nothing was stored", async () => {
      for (const [fault, expected] of [["fails with an UnknownError", "storage"], ["fails with a QuotaExceededError", "quota"], ["throws a SecurityError", "memory"]]) {
        const page = await open(randomUUID(), fault, ["lists"]);
        const seen = await page.evaluate(async () => {
          const { kinto, told } = start();
          return [await titles(kinto.collection("tasks")), told];
        });
        if (expected === "memory") assert.deepEqual(seen, [[], ["storage:memory tasks"]]);
        else assert.deepEqual([seen[0].code, seen[1]], [expected, []]);
        await page.close();
      }
    });

    test("a database without stores, made by somebody who opened it by its name, is made anew", async () => {
      const db = randomUUID();
      const page = await open(db);
      const seen = await page.evaluate(async (db) => {
        await new Promise((resolve) => Object.assign(indexedDB.open(`essaim/${db}/default/tasks`), { onsuccess: ({ target }) => resolve(target.result.close()) }));
        const { kinto, told } = start();
        const tasks = kinto.collection("tasks");
        await tasks.create({ title: "kept" });
        await kinto.close();
        return [await titles(start().kinto.collection("tasks")), tasks.persistent, told];
      }, db);
      assert.deepEqual(seen, [["kept"], true, []]);
      await page.close();
    });

    test("Kinto.js's data that was not taken over yet is data", async () => {
      const page = await open(randomUUID(), "fails with an UnknownError", ["marks"]);
      const seen = await page.evaluate(async () => {
        heal();
        const dbName = crypto.randomUUID();
        await new Promise((resolve) => Object.assign(indexedDB.open(dbName), { onsuccess: ({ target }) => resolve(target.result.close()) }));
        breakDown("fails with an UnknownError");
        return titles(start({ adapterOptions: { dbName } }).kinto.collection("tasks"));
      });
      assert.equal(seen.code, "storage");
      await page.close();
    });

    test("one collection that cannot be opened is an error, and the others can be used", async () => {
      const page = await open(randomUUID());
      const seen = await page.evaluate(async () => {
        breakDown("fails with an UnknownError", (name) => name.includes("tasks"));
        const { kinto, told } = start();
        const before = await titles(kinto.collection("tasks"));
        const notes = kinto.collection("notes");
        await notes.create({ title: "n" });
        return [before.code, await titles(notes), notes.persistent, told];
      });
      assert.deepEqual(seen, ["storage", ["n"], true, []]);
      await page.close();
    });

    test("what went to memory stays together in the page, and never on top of what is on disk", async () => {
      const db = randomUUID();
      const page = await open(db, "throws a SecurityError");
      const seen = await page.evaluate(async () => {
        const first = start();
        await first.kinto.collection("tasks").create({ title: "in memory" });
        heal();
        const second = start();
        await second.kinto.collection("tasks").create({ title: "in memory, too" });
        return [await titles(first.kinto.collection("tasks")), await titles(second.kinto.collection("tasks")), second.told];
      });
      const both = ["in memory", "in memory, too"];
      assert.deepEqual(seen, [both, both, ["storage:memory tasks"]]);
      await page.close();
      const next = await open(db);
      assert.deepEqual(await next.evaluate(() => titles(start().kinto.collection("tasks"))), []);
      await next.close();
    });

    if (name === "Chromium") {
      test("another tab that has it open is enough", async () => {
        const db = randomUUID();
        const one = await open(db, "", ["marks", "lists"]);
        await one.evaluate(() => start().kinto.collection("tasks").create({ title: "kept" }));
        const other = await open(db, "throws a SecurityError", ["marks", "lists"]);
        assert.equal((await other.evaluate(() => titles(start().kinto.collection("tasks")))).code, "storage");
        await one.close();
        await other.close();
      });
    }
  });
}
