// Custom storage. The other groups of tests also run with a custom storage, and so show that it can do what IndexedDB does.

import { equal, ok, rejects, throws } from "./expect.mjs";
import { MapStorage } from "./map-storage.mjs";

/** Makes a `Kinto` with this storage. Several of them with one storage are like several tabs. */
const on = (essaim, adapter, options = {}) => new essaim.Kinto({ adapter, ...options });

export const storages = {
  async what_one_kinto_stored_another_reads_from_the_same_storage({ essaim, name }) {
    const storage = new MapStorage();
    const { data } = await on(essaim, storage).collection(name).create({ title: "a" });
    const later = on(essaim, storage).collection(name);
    equal((await later.list()).data, [data]);
    equal(later.persistent, true);
    equal([...storage.kept.keys()], [`essaim/KintoDB/default/${name}`]);
    equal((await on(essaim, storage, { adapterOptions: { dbName: "bob" } }).collection(name).list()).data, []);
    equal((await on(essaim, new MapStorage()).collection(name).list()).data, []);
  },

  async writers_that_overtake_each_other_lose_nothing({ essaim, name }) {
    const storage = new MapStorage();
    const tabs = [1, 2, 3].map(() => on(essaim, storage).collection(name));
    await tabs[0].create({ id: "counter", value: 0 }, { useRecordId: true });
    const count = (txn) => txn.update({ id: "counter", value: txn.get("counter").data.value + 1 });
    await Promise.all(Array.from({ length: 60 }, (_, i) => tabs[i % 3].execute(count)));
    await Promise.all(Array.from({ length: 300 }, (_, i) => tabs[i % 3].create({ id: `r${i}`, i }, { useRecordId: true })));
    const { data } = await on(essaim, storage).collection(name).list();
    equal([data.length, data.find(({ id }) => id === "counter").value], [301, 60]);
  },

  async a_long_journal_is_folded_into_segments({ essaim, name }) {
    const storage = new MapStorage();
    const [here, there] = [on(essaim, storage).collection(name), on(essaim, storage).collection(name)];
    await there.list();
    for (let i = 0; i < 600; i += 1) await here.upsert({ id: `r${i % 20}`, i });
    const folded = () => storage.open(`essaim/KintoDB/default/${name}`);
    for (let tries = 0; folded().head === null && tries < 500; tries += 1) await new Promise((done) => setTimeout(done, 10));
    ok(folded().journal.length < 600, folded().journal.length);
    // The journal entries that `there` has read were compacted, so its next transaction reads everything.
    await there.execute((txn) => txn.update({ id: "r0", i: -1 }));
    const { data } = await on(essaim, storage).collection(name).list({ order: "i", filters: { i: [-1, 599] } });
    equal(data.map(({ i }) => i), [-1, 599]);
  },

  async what_was_deleted_is_in_no_page_of_a_storage({ essaim, name }) {
    const storage = new MapStorage();
    const kept = new TextDecoder("latin1");
    const holds = (canary) => [...storage.kept.values()].some(({ segments, journal }) => [...segments, ...journal.map(([, entry]) => entry)].some((bytes) => kept.decode(bytes).includes(canary)));
    const [deleted, forGood, cleared] = Array.from({ length: 3 }, () => crypto.randomUUID());
    for (const options of [{}, { key: await essaim.makeKey() }]) {
      const kinto = on(essaim, storage);
      const tasks = kinto.collection(options.key ? `${name} encrypted` : name, options);
      await tasks.create({ id: "a", text: deleted }, { useRecordId: true });
      await tasks.create({ id: "b", text: forGood }, { useRecordId: true });
      await tasks.create({ id: "c", text: cleared }, { useRecordId: true });
      await tasks.delete("a");
      await tasks.delete("b", { virtual: false });
      const soon = async () => {
        for (let tries = 0; (holds(deleted) || holds(forGood)) && tries < 500; tries += 1) await new Promise((done) => setTimeout(done, 10));
      };
      await soon();
      equal([holds(deleted), holds(forGood), holds(cleared)], [false, false, true]);
      await tasks.clear();
      equal(holds(cleared), false);
      await tasks.create({ id: "d", text: deleted }, { useRecordId: true });
      await tasks.delete("d");
      await kinto.close();
      equal(holds(deleted), false);
    }
  },

  async a_storage_may_answer_later({ essaim, name }) {
    class Slow extends MapStorage {}
    for (const method of ["open", "append", "decide", "compact", "forget"]) {
      Slow.prototype[method] = async function (...given) {
        await new Promise((done) => setTimeout(done));
        return MapStorage.prototype[method].apply(this, given);
      };
    }
    const storage = new Slow();
    const tabs = [on(essaim, storage).collection(name), on(essaim, storage).collection(name)];
    await Promise.all(Array.from({ length: 40 }, (_, i) => tabs[i % 2].create({ i })));
    equal((await on(essaim, storage).collection(name).list()).data.length, 40);
  },

  async what_fails_is_an_error_and_writes_nothing({ essaim, name }) {
    const storage = new MapStorage();
    const tasks = on(essaim, storage).collection(name);
    await tasks.create({ id: "a" }, { useRecordId: true });
    const failing = async (method, substitute, expected, work) => {
      storage[method] = substitute;
      await rejects(work(), expected);
      delete storage[method];
    };
    const disk = () => {
      throw new Error("the disk is gone");
    };
    const failed = { code: "storage", message: /the app's storage failed: the disk is gone/ };
    await failing("append", disk, failed, () => tasks.create({}));
    await failing("append", async () => disk(), failed, () => tasks.create({}));
    await failing("append", () => "1", { code: "storage", message: /gave no key/ }, () => tasks.create({}));
    await failing("append", () => Promise.reject(new DOMException("full", "QuotaExceededError")), { code: "quota" }, () => tasks.create({}));
    await failing("decide", disk, failed, () => tasks.execute((txn) => txn.create({ id: "b" })));
    await failing("decide", () => null, { code: "storage" }, () => tasks.execute((txn) => txn.create({ id: "b" })));
    const forgetful = (name, from, decide) => void decide(storage.open(name));
    await failing("decide", forgetful, { code: "storage", message: /gave no key/ }, () => tasks.execute((txn) => txn.create({ id: "b" })));
    equal((await tasks.list()).data.map(({ id }) => id), ["a"]);
    const thrown = new Error("by the app");
    const error = await rejects(tasks.execute(() => { throw thrown; }), { message: "by the app" });
    ok(error === thrown);
    await tasks.create({ id: "c" }, { useRecordId: true });
    equal((await on(essaim, storage).collection(name).list({ order: "id" })).data.map(({ id }) => id), ["a", "c"]);
  },

  async an_entry_that_may_stand_is_not_told_as_one_that_was_not_written({ essaim, name }) {
    for (const thrown of [new Error("the disk is gone"), new DOMException("full", "QuotaExceededError")]) {
      const storage = new MapStorage();
      const [here, there] = [on(essaim, storage).collection(name), on(essaim, storage).collection(name)];
      await Promise.all([here.list(), there.list()]);
      await here.create({ id: "a" }, { useRecordId: true });
      storage.decide = () => {
        throw thrown;
      };
      const notKnown = { code: "storage", message: /not known whether/ };
      // The first write lost the race, so its entry is invalid (superseded). The second write is after an invalid entry but is based on the last
      // valid one. In both cases only reading the journal shows whether the write is valid.
      await rejects(there.create({ id: "b" }, { useRecordId: true }), notKnown);
      await rejects(here.create({ id: "c" }, { useRecordId: true }), notKnown);
      delete storage.decide;
      for (const tasks of [here, there]) {
        await tasks.refresh();
        equal((await tasks.list({ order: "id" })).data.map(({ id }) => id), ["a", "c"]);
      }
    }
  },

  async what_fails_while_a_sync_stores_is_listed_and_fetched_again({ essaim, name }) {
    const storage = new MapStorage();
    const data = [{ id: "1", title: "a", last_modified: 41 }, { id: "2", title: "b", last_modified: 42 }];
    const remote = { getData: async () => ({ id: name }), listRecords: async () => ({ data, last_modified: '"42"' }), batch: async () => ({ published: [], errors: [], conflicts: [], skipped: [] }) };
    const api = { backoff: 0, remote: "https://kinto.example.com/v1", bucket: () => ({ collection: () => remote }) };
    const tasks = new essaim.Collection("default", name, { api }, { adapter: storage });
    const imported = async (work) => {
      storage.decide = storage.append = () => {
        throw new Error("the disk is gone");
      };
      const { ok, errors } = await work();
      delete storage.decide;
      delete storage.append;
      return [ok, errors.map(({ type, message, stack }) => [type, /the disk is gone/.test(message), typeof stack])];
    };
    const failed = [false, [["incoming", true, "string"]]];
    equal(await imported(() => tasks.importChanges(new essaim.SyncResultObject(), data)), failed);
    equal(await imported(() => tasks.pullChanges(remote)), failed);
    await tasks.pullMetadata(remote);
    tasks.pullMetadata = async () => {};
    equal(await imported(() => tasks.sync()), failed);
    equal([tasks.lastModified, (await tasks.list()).data], [null, []]);
    const { ok: synced, created } = await tasks.sync();
    equal([synced, created.length, tasks.lastModified], [true, 2, 42]);
  },

  async a_storage_that_gives_no_pages_is_refused({ essaim, name }) {
    for (const pages of [undefined, {}, { head: null, segments: [] }, { head: "x", segments: [], journal: [] }, { head: null, segments: [], journal: [["1", 2]] }]) {
      const storage = new MapStorage();
      storage.open = () => pages;
      await rejects(on(essaim, storage).collection(name).list(), { code: "storage", message: /StorageAdapter/ });
    }
  },

  async an_adapter_of_rows_is_refused_with_what_to_do({ essaim }) {
    class Rows extends essaim.BaseAdapter {}
    const refused = { code: "invalid_option", message: /^Unsupported adapter\. One that keeps records row by row.*StorageAdapter/ };
    throws(() => on(essaim, (cid, options) => new Rows(cid, options)).collection("tasks"), refused);
    throws(() => on(essaim, { execute() {}, list() {}, get() {} }).collection("tasks"), refused);
    for (const given of ["sqlite", () => {}, {}, 1]) throws(() => on(essaim, given).collection("tasks"), { code: "invalid_option", message: /^Unsupported adapter\. Use/ });
  },
};
