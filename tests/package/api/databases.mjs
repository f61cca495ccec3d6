// The low-level API: `collection.db`, adapters, `KintoBase`, and collections that the app constructs itself.

import { equal, ok, rejects, throws } from "./expect.mjs";

const ids = (records) => records.map(({ id }) => id);

export const databases = {
  async a_db_has_what_kinto_js_apps_reach_for({ tasks }) {
    equal([tasks.db.cid, await tasks.db.getLastModified(), await tasks.db.getMetadata()], ["default/tasks", null, null]);
    equal(await tasks.db.saveMetadata({ id: "tasks", schema: [1] }), { id: "tasks", schema: [1] });
    equal([await tasks.db.getMetadata(), await tasks.metadata()], [{ id: "tasks", schema: [1] }, { id: "tasks", schema: [1] }]);
    await tasks.db.saveMetadata(null);
    equal(await tasks.metadata(), null);
    equal(await tasks.db.saveLastModified(42), 42);
    equal([await tasks.db.getLastModified(), tasks.lastModified, tasks._lastModified], [42, 42, 42]);
    equal([await tasks.db.saveLastModified(null), await tasks.db.getLastModified()], [null, null]);
    await rejects(tasks.db.saveLastModified(-1), { code: "invalid_option" });
    equal(tasks._name, "tasks");
  },

  async two_kintos_of_one_page_see_each_others_writes_at_once({ adapter, device, name }) {
    if (adapter === "memory") return; // each Kinto has its own memory
    const used = {};
    const here = device(used).collection(name);
    const there = device({ adapterOptions: used.used }).collection(name);
    await here.create({ id: "a", n: 0 }, { useRecordId: true });
    for (let n = 1; n <= 20; n += 1) {
      await here.update({ id: "a", n });
      equal([(await there.get("a")).data.n, (await there.list()).data[0].n, (await there.gatherLocalChanges())[0].n], [n, n, n]);
    }
  },

  async a_db_reads_tombstones_too({ tasks }) {
    await tasks.create({ id: "a", n: 1 }, { useRecordId: true });
    await tasks.create({ id: "b", n: 2 }, { useRecordId: true });
    await tasks.delete("b");
    equal(ids(await tasks.db.list({ order: "id" })), ["a", "b"]);
    equal(await tasks.db.list({ filters: { _status: "deleted" } }), [{ id: "b", n: 2, _status: "deleted" }]);
    equal([(await tasks.db.get("b"))._status, await tasks.db.get("nowhere")], ["deleted", undefined]);
    await tasks.db.clear();
    equal(await tasks.db.list(), []);
  },

  async a_db_writes_records_as_they_are_given({ kinto, tasks }) {
    const told = [];
    kinto.events.on("change", () => told.push("change"));
    await tasks.create({ id: "old", n: 0 }, { useRecordId: true });
    told.length = 0;
    const seen = await tasks.db.execute((proxy) => {
      proxy.create({ id: "a", _status: "synced", last_modified: 5 });
      proxy.update({ id: "old", n: 1, _status: "updated", last_modified: 6 });
      proxy.delete("nowhere");
      return [proxy.get("a")._status, proxy.get("nowhere")];
    }, { preload: ["a"] });
    equal(seen, ["synced", undefined]);
    equal(await tasks.db.list({ order: "id" }), [{ id: "a", last_modified: 5, _status: "synced" }, { id: "old", n: 1, last_modified: 6, _status: "updated" }]);
    await tasks.db.importBulk([{ id: "a", n: 2, _status: "created" }, { id: "z", _status: "deleted" }]);
    equal((await tasks.db.list({ order: "id" })).map(({ id, _status }) => [id, _status]), [["a", "created"], ["old", "updated"], ["z", "deleted"]]);
    equal(told, []);
  },

  async a_failed_execute_of_a_db_writes_nothing({ tasks }) {
    let kept;
    const fails = tasks.db.execute((proxy) => {
      kept = proxy;
      proxy.create({ id: "a", _status: "created" });
      proxy.create({ id: "a", _status: "created" });
    });
    await rejects(fails, { code: "already_exists" });
    await rejects(tasks.db.execute(async (proxy) => proxy.create({ id: "b", _status: "created" })), { message: "execute() callback should not return a Promise." });
    equal(await tasks.db.list(), []);
    throws(() => kept.get("a"), { code: "closed" });
  },

  async what_an_app_puts_in_the_place_of_execute_is_asked_before_each_read_and_write({ essaim, tasks }) {
    const { execute } = tasks.db;
    const asked = [];
    tasks.db.execute = (callback, options) => { asked.push(options.preload); return execute.call(tasks.db, callback, options); };
    const { data } = await tasks.create({ title: "a" });
    await tasks.update({ ...data, title: "b" });
    await tasks.execute((txn) => txn.delete(data.id), { preloadIds: [data.id] });
    await tasks.importChanges(new essaim.SyncResultObject(), [{ id: "x", last_modified: 1 }, { id: "y", last_modified: 2 }]);
    equal(asked, [[data.id], [data.id], [data.id], ["x", "y"]]);
    equal(ids((await tasks.list({ order: "id" })).data), ["x", "y"]);
    tasks.db.execute = async () => { throw new Error("The disk is full."); };
    await rejects(tasks.create({ title: "c" }), { message: "The disk is full." });
    await rejects(tasks.get("x"), { message: "The disk is full." });
    const imported = await tasks.importChanges(new essaim.SyncResultObject(), [{ id: "z", last_modified: 3 }]);
    equal(imported.errors.map(({ type, message }) => [type, message]), [["incoming", "The disk is full."]]);
    tasks.db.execute = execute;
    equal(ids((await tasks.list({ order: "id" })).data), ["x", "y"]);
  },

  async a_closed_db_opens_again({ tasks }) {
    await tasks.create({ id: "a" }, { useRecordId: true });
    await tasks.db.close();
    await tasks.create({ id: "b" }, { useRecordId: true });
    ok((await tasks.db.open()) === tasks.db);
    equal(ids((await tasks.list({ order: "id" })).data), ["a", "b"]);
  },

  async the_adapters_of_kinto_js_are_where_it_has_them({ essaim, name }) {
    const { Kinto, KintoBase, BaseAdapter } = essaim;
    const { IDB } = Kinto.adapters;
    ok(Kinto.adapters.BaseAdapter === BaseAdapter && KintoBase.adapters.BaseAdapter === BaseAdapter && essaim.AbstractBaseAdapter === BaseAdapter);
    const kinto = new Kinto({ adapterOptions: { dbName: crypto.randomUUID() } });
    const { db } = kinto.collection(name);
    ok(db instanceof IDB && db instanceof BaseAdapter);
    const dbName = crypto.randomUUID();
    const named = new Kinto({ adapter: (cid, options) => new IDB(cid, { ...options, dbName }) }).collection(name);
    equal([named.db.dbName, named.db.cid], [dbName, `default/${name}`]);
    await named.create({ id: "a" }, { useRecordId: true });
    equal((await new Kinto({ adapterOptions: { dbName } }).collection(name).list()).data.length, 1);
    ok(!(new Kinto({ adapter: "memory" }).collection(name).db instanceof IDB));
    await rejects(new IDB("default/tasks").list(), { code: "invalid_option", message: /no collection/ });
  },

  async a_kinto_base_wants_an_adapter_and_a_client({ essaim, name, storage }) {
    const { Kinto, KintoBase, KintoClient } = essaim;
    throws(() => new KintoBase(), { message: "No adapter provided" });
    const bare = new KintoBase({ adapter: storage.adapter, adapterOptions: storage.adapterOptions });
    throws(() => bare.api, { message: /ApiClass/ });
    await bare.collection(name).create({});
    class Mine extends KintoBase {
      get ApiClass() {
        return KintoClient;
      }
    }
    const mine = new Mine({ adapter: "memory", remote: "http://localhost/v1" });
    ok(mine.api instanceof KintoClient && mine.api === mine.api && mine.collection("a").api === mine.api);
    ok(new Kinto() instanceof KintoBase && Kinto.syncStrategy === KintoBase.syncStrategy);
  },

  async what_kinto_js_has_in_lib_collection_is_there({ essaim, lib, kinto, name, storage }) {
    const { default: Collection, SyncResultObject, CollectionTransaction, ServerWasFlushedError, recordsEqual, createKeyValueStoreIdSchema } = lib;
    ok(Collection === lib.Collection && Collection === essaim.Collection && kinto.collection("a") instanceof Collection);
    ok(SyncResultObject === essaim.SyncResultObject && ServerWasFlushedError === essaim.ServerWasFlushedError);
    ok(recordsEqual === essaim.recordsEqual && createKeyValueStoreIdSchema === essaim.createKeyValueStoreIdSchema);
    await kinto.collection(name).execute((txn) => ok(txn instanceof CollectionTransaction));
    const made = new Collection("default", name, kinto, { localFields: ["open"] });
    await made.create({ id: "a" }, { useRecordId: true });
    equal((await kinto.collection(name).list()).data.length, 1);
    const alone = new Collection("default", name, { api: { backoff: 30000 } }, { adapter: storage.adapter, adapterOptions: { dbName: crypto.randomUUID() } });
    await alone.create({ id: "b" }, { useRecordId: true });
    equal(ids((await alone.list()).data), ["b"]);
    await rejects(alone.sync(), { code: "backoff", message: /back off; retry in 30s/ });
  },

  async a_transaction_can_end_a_change_event({ kinto, tasks }) {
    const told = [];
    kinto.events.on("change", ({ targets }) => told.push(targets.map(({ data }) => data.id)));
    await tasks.execute((txn) => {
      txn.create({ id: "a" });
      txn.create({ id: "b" });
      txn.emitEvents();
      equal(told, []);
      txn.create({ id: "c" });
      txn.emitEvents();
    });
    equal(told, [["a", "b"], ["c"]]);
  },
};
