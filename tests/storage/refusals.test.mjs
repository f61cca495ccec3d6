// Pages for which the browser stores nothing, and pages that exceed their quota or ask for stricter durability.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Profile } from "./tabs.mjs";

let profile;
before(async () => (profile = await Profile.start()));
after(() => profile.close());

/** Ways in which browsers refuse to store data. Each function runs in the page before the package is loaded. */
const REFUSALS = {
  "has no IndexedDB": () => {
    for (const owner of [globalThis, Window.prototype]) Reflect.deleteProperty(owner, "indexedDB");
    if (globalThis.indexedDB) Object.defineProperty(globalThis, "indexedDB", { value: undefined });
  },
  "has an IndexedDB that throws": () => {
    IDBFactory.prototype.open = () => { throw new DOMException("The operation is insecure.", "SecurityError"); };
  },
  // As in private windows of older versions of Firefox: nothing is thrown, but every request fails.
  "fails to open any database": () => {
    const { open } = IDBFactory.prototype;
    IDBFactory.prototype.open = function () {
      const request = open.call(this, `refused ${Math.random()}`, 1);
      // This listener is added later, so that it runs after the listeners that the caller adds.
      queueMicrotask(() => request.addEventListener("upgradeneeded", () => request.transaction.abort()));
      return request;
    };
  },
};

for (const [how, prepare] of Object.entries(REFUSALS)) {
  test(`a page that ${how} keeps its data in memory, and says so once`, async () => {
    const page = await profile.open({ prepare });
    const seen = await page.evaluate(async () => {
      const told = [];
      kinto.events.on("storage:memory", (names) => told.push(names));
      const before = tasks.persistent;
      const made = await Promise.all(["a", "b"].map((title) => tasks.create({ title })));
      await tasks.execute((txn) => txn.update({ ...made[0].data, title: "c" }));
      const notes = kinto.collection("notes");
      await notes.importBulk([{ id: "n", last_modified: 1 }]);
      const titles = (await tasks.list({ order: "title" })).data.map((task) => task.title);
      return { told, titles, persistent: [before, tasks.persistent, notes.persistent], notes: (await notes.list()).data.length };
    });
    assert.deepEqual(seen, { told: [{ bucket: "default", collection: "tasks" }], titles: ["b", "c"], persistent: [undefined, false, false], notes: 1 });
    await page.close();
  });
}

test("a strict app's transactions ask the disk, and what they wrote is there", async () => {
  const page = await profile.open();
  const seen = await page.evaluate(async () => {
    const asked = [];
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (...parameters) {
      const made = transaction.apply(this, parameters);
      if (made.mode === "readwrite") asked.push(made.durability);
      return made;
    };
    const strict = new essaim.Kinto({ durability: "strict", adapterOptions: { dbName: crypto.randomUUID() } });
    const [one, other] = ["relaxed", "strict"].map((name) => ({ relaxed: kinto, strict })[name].collection(name));
    for (const collection of [one, other]) {
      await collection.create({});
      await collection.execute((txn) => txn.create({ id: "a" }));
    }
    return { asked, persistent: other.persistent, count: (await other.list()).data.length };
  });
  assert.deepEqual(seen, { asked: ["relaxed", "relaxed", "strict", "strict"], persistent: true, count: 2 });
  await page.close();
});

test("a write that the disk has no room for is refused as a whole, and the next one that fits stands", async () => {
  // The test uses an origin of its own, because the browser remembers the quota of an origin for a while.
  const page = await profile.open({ host: "full.localhost" });
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(page.url()).origin, quotaSize: 1_000_000 });
  const seen = await page.evaluate(async () => {
    const ids = async (handle) => (await handle.list()).data.map(({ id }) => id).sort();
    await tasks.create({ id: "before" }, { useRecordId: true });
    // Random text, which the browser cannot compress.
    const noise = () => String.fromCharCode(...crypto.getRandomValues(new Uint16Array(4000)).map((unit) => 0x4e00 + unit % 0x5000));
    const tooMuch = Array.from({ length: 400 }, (_, n) => ({ id: `r${n}`, last_modified: n + 1, text: noise() }));
    const refused = await tasks.importBulk(tooMuch).then(() => "written", ({ name, code }) => [name, code]);
    await tasks.create({ id: "after" }, { useRecordId: true });
    const again = new essaim.Kinto({ adapterOptions: { dbName: new URL(location.href).searchParams.get("db") } });
    return { refused, here: await ids(tasks), onDisk: await ids(again.collection("tasks")) };
  });
  assert.deepEqual(seen, { refused: ["KintoError", "quota"], here: ["after", "before"], onDisk: ["after", "before"] });
  await page.close();
});
