// Reading and writing records: shapes, statuses, error texts.

import { equal, ok, rejects, throws } from "./expect.mjs";

export const records = {
  async a_created_record_gets_a_uuid_and_the_status_created({ tasks }) {
    const { data, permissions } = await tasks.create({ title: "bread" });
    ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(data.id), data.id);
    equal({ ...data, id: "" }, { id: "", title: "bread", _status: "created" });
    equal(permissions, {});
    equal(await tasks.get(data.id), { data, permissions: {} });
  },

  async create_does_not_change_what_it_is_given({ tasks }) {
    const record = Object.freeze({ title: "bread", tags: Object.freeze(["a"]) });
    const { data } = await tasks.create(record);
    equal(record, { title: "bread", tags: ["a"] });
    data.tags.push("b");
    equal((await tasks.get(data.id)).data.tags, ["a"]);
  },

  async create_takes_the_records_own_id_when_told_to({ tasks }) {
    const { data } = await tasks.create({ id: "bread", title: "a" }, { useRecordId: true });
    equal(data, { id: "bread", title: "a", _status: "created" });
  },

  async create_stores_a_record_of_the_server_as_synced({ tasks }) {
    const { data } = await tasks.create({ id: "bread", last_modified: 12 }, { synced: true });
    equal(data, { id: "bread", last_modified: 12, _status: "synced" });
  },

  async a_status_given_to_create_is_not_believed({ tasks }) {
    equal((await tasks.create({ id: "a", _status: "synced" }, { useRecordId: true })).data, { id: "a", _status: "created" });
  },

  async create_refuses_an_id_it_was_not_told_of_and_a_missing_one({ tasks }) {
    await rejects(tasks.create({ id: "bread" }), { code: "invalid_record", message: "Extraneous Id; can't create a record having one set." });
    const missing = { code: "invalid_record", message: "Missing required Id; synced and useRecordId options require one" };
    await rejects(tasks.create({}, { useRecordId: true }), missing);
    await rejects(tasks.create({}, { synced: true }), missing);
    await rejects(tasks.create({ id: "no spaces" }, { useRecordId: true }), { code: "invalid_id", message: "Invalid Id: no spaces" });
    equal((await tasks.list()).data, []);
  },

  async what_is_not_an_object_is_not_a_record({ tasks }) {
    for (const value of [undefined, null, 1, "record", ["record"], () => {}]) {
      const refused = { code: "invalid_record", message: "Record is not an object." };
      await rejects(tasks.create(value), refused);
      await rejects(tasks.update(value), refused);
      await rejects(tasks.upsert(value), refused);
    }
  },

  async a_taken_id_is_refused_in_the_words_of_kinto_js({ tasks }) {
    await tasks.create({ id: "bread" }, { useRecordId: true });
    const refused = { code: "already_exists", message: "Couldn't create record. It may have been virtually deleted." };
    await rejects(tasks.create({ id: "bread" }, { useRecordId: true }), refused);
    await tasks.delete("bread");
    await rejects(tasks.create({ id: "bread" }, { useRecordId: true }), refused);
  },

  async a_generate_that_throws_makes_create_throw({ kinto, name }) {
    const idSchema = { generate: () => { throw new Error("no id today"); }, validate: () => true };
    const collection = kinto.collection(name, { idSchema });
    throws(() => collection.create({}), { message: "no id today" });
  },

  async ids_may_be_numbers_when_the_schema_says_so({ kinto, name }) {
    let next = 9;
    const idSchema = { generate: (record) => (record.id = undefined, next++), validate: Number.isInteger };
    const numbers = kinto.collection(name, { idSchema });
    await numbers.create({ n: "a" });
    await numbers.create({ n: "b" });
    equal((await numbers.get(10)).data, { id: 10, n: "b", _status: "created" });
    await rejects(numbers.get("10"), { code: "invalid_id" });
    equal((await numbers.execute((txn) => txn.getAny(9).data.n, { preloadIds: [9, 10] })), "a");
  },

  async update_replaces_and_patch_merges({ tasks }) {
    const { data: first } = await tasks.create({ title: "bread", done: false });
    const replaced = await tasks.update({ id: first.id, title: "milk" });
    equal(replaced, { data: { id: first.id, title: "milk", _status: "created" }, oldRecord: first, permissions: {} });
    const patched = await tasks.update({ id: first.id, done: true }, { patch: true });
    equal(patched.data, { id: first.id, title: "milk", done: true, _status: "created" });
    equal(patched.oldRecord, replaced.data);
    // As in Kinto.js, an app removes a field by setting it to undefined.
    const cleared = await tasks.update({ id: first.id, done: undefined, never: undefined }, { patch: true });
    equal(cleared.data, { id: first.id, title: "milk", _status: "created" });
    await tasks.execute((txn) => txn.update({ id: first.id, title: undefined, last_modified: undefined, n: 1 }, { patch: true }), { preloadIds: [first.id] });
    equal((await tasks.get(first.id)).data, { id: first.id, n: 1, _status: "created" });
    await tasks.update({ id: first.id, title: "milk", done: true }, { patch: true });
  },

  async an_update_keeps_the_timestamp_and_makes_a_synced_record_updated({ tasks }) {
    await tasks.create({ id: "a", n: 1, last_modified: 5 }, { synced: true });
    equal((await tasks.update({ id: "a", n: 1 })).data, { id: "a", n: 1, last_modified: 5, _status: "synced" });
    equal((await tasks.update({ id: "a", n: 2 })).data, { id: "a", n: 2, last_modified: 5, _status: "updated" });
    equal((await tasks.update({ id: "a", n: 2, last_modified: 0 })).data.last_modified, 5);
    equal((await tasks.update({ id: "a", n: 3, last_modified: 6 }, { synced: true })).data, { id: "a", n: 3, last_modified: 6, _status: "synced" });
  },

  async a_change_of_a_local_field_leaves_a_record_synced({ kinto, name }) {
    const tasks = kinto.collection(name, { localFields: ["open"] });
    await tasks.create({ id: "a", last_modified: 5 }, { synced: true });
    equal((await tasks.update({ id: "a", open: true }, { patch: true })).data._status, "synced");
    equal(tasks.cleanLocalFields({ id: "a", open: true, _status: "synced", n: 1 }), { id: "a", n: 1 });
  },

  async update_refuses_what_it_cannot_find({ tasks }) {
    await rejects(tasks.update({}), { code: "invalid_record", message: "Cannot update a record missing id." });
    await rejects(tasks.update({ id: "not valid" }), { code: "invalid_id", message: "Invalid Id: not valid" });
    await rejects(tasks.update({ id: "nowhere" }), { code: "not_found", message: "Record with id=nowhere not found.", data: { id: "nowhere" } });
  },

  async a_deleted_record_cannot_be_updated({ tasks }) {
    await tasks.create({ id: "a", last_modified: 5 }, { synced: true });
    await tasks.delete("a");
    await rejects(tasks.update({ id: "a" }), { code: "not_found" });
    equal((await tasks.getAny("a")).data._status, "deleted");
  },

  async upsert_creates_replaces_and_revives({ tasks }) {
    equal(await tasks.upsert({ id: "a", n: 1 }), { data: { id: "a", n: 1, _status: "created" }, permissions: {} });
    const again = await tasks.upsert({ id: "a", n: 2 });
    equal(again.data, { id: "a", n: 2, _status: "created" });
    equal(again.oldRecord.n, 1);
    await tasks.create({ id: "b", last_modified: 5 }, { synced: true });
    await tasks.delete("b");
    const revived = await tasks.upsert({ id: "b", n: 3 });
    equal(revived, { data: { id: "b", n: 3, last_modified: 5, _status: "updated" }, permissions: {} });
    await rejects(tasks.upsert({}), { code: "invalid_record", message: "Cannot update a record missing id." });
  },

  async get_finds_a_tombstone_only_when_asked_to({ tasks }) {
    await tasks.create({ id: "a", n: 1, last_modified: 5 }, { synced: true });
    await tasks.delete("a");
    await rejects(tasks.get("a"), { code: "not_found", message: "Record with id=a not found." });
    equal((await tasks.get("a", { includeDeleted: true })).data, { id: "a", n: 1, last_modified: 5, _status: "deleted" });
    equal((await tasks.getAny("a")).data.n, 1);
    equal(await tasks.getAny("nowhere"), { permissions: {} });
    await rejects(tasks.get("not valid"), { code: "invalid_id", message: "Invalid Id: not valid" });
  },

  async delete_gives_the_record_as_it_was({ tasks }) {
    await tasks.create({ id: "a", n: 1, last_modified: 5 }, { synced: true });
    equal(await tasks.delete("a"), { data: { id: "a", n: 1, last_modified: 5, _status: "synced" }, permissions: {} });
    await rejects(tasks.delete("a"), { code: "not_found", message: "Record with id=a not found." });
    equal((await tasks.delete("a", { virtual: false })).data._status, "deleted");
    equal((await tasks.getAny("a")).data, undefined);
  },

  async delete_is_virtual_unless_told_otherwise({ tasks }) {
    await tasks.create({ id: "a", last_modified: 5 }, { synced: true });
    await tasks.delete("a", {});
    equal((await tasks.getAny("a")).data._status, "deleted");
  },

  async delete_any_never_misses_anything({ tasks }) {
    await tasks.create({ id: "a", n: 1, last_modified: 5 }, { synced: true });
    equal(await tasks.deleteAny("nowhere"), { data: { id: "nowhere" }, deleted: false, permissions: {} });
    equal(await tasks.deleteAny("a"), { data: { id: "a", n: 1, last_modified: 5, _status: "synced" }, deleted: true, permissions: {} });
  },

  async delete_all_leaves_tombstones_and_clear_nothing({ tasks }) {
    await tasks.importBulk([{ id: "a", last_modified: 1 }, { id: "b", last_modified: 2 }]);
    const { data, permissions } = await tasks.deleteAll();
    equal(data.map(({ id, _status }) => [id, _status]).sort(), [["a", "synced"], ["b", "synced"]]);
    equal(permissions, {});
    equal((await tasks.list()).data, []);
    equal((await tasks.list({}, { includeDeleted: true })).data.length, 2);
    equal(await tasks.clear(), { data: [], permissions: {} });
    equal((await tasks.list({}, { includeDeleted: true })).data, []);
  },

  async import_bulk_writes_what_is_newer_and_leaves_unsynced_changes({ tasks }) {
    const dump = [{ id: "a", n: 1, last_modified: 10 }, { id: "b", n: 1, last_modified: 10 }, { id: "c", n: 1, last_modified: 10 }];
    equal((await tasks.importBulk(dump)).map((record) => record._status), ["synced", "synced", "synced"]);
    await tasks.update({ id: "a", n: "mine" });
    const written = await tasks.loadDump([{ id: "a", n: 2, last_modified: 20 }, { id: "b", n: 2, last_modified: 20 }, { id: "c", n: 2, last_modified: 9 }]);
    equal(written, [{ id: "b", n: 2, last_modified: 20, _status: "synced" }]);
    const { data } = await tasks.list({ order: "id" });
    equal(data.map((record) => record.n), ["mine", 2, 1]);
  },

  async import_bulk_refuses_what_did_not_come_from_a_server({ tasks }) {
    await rejects(tasks.importBulk({}), { code: "invalid_record", message: "Records is not an array." });
    await rejects(tasks.importBulk([{ last_modified: 1 }]), { code: "invalid_record", message: "Record has invalid ID: [0].id is missing" });
    await rejects(tasks.importBulk([{ id: "a b", last_modified: 1 }]), { message: "Record has invalid ID: [0].id is a string that is no id", data: { path: "[0].id" } });
    await rejects(tasks.importBulk([{ id: "a" }]), { code: "invalid_record", message: "Record has no last_modified value: [0].last_modified is missing" });
    equal((await tasks.list()).data, []);
  },
};
