// execute(): several reads and writes in one transaction.

import { equal, ok, rejects, throws } from "./expect.mjs";

export const transactions = {
  async a_transaction_writes_everything_and_gives_what_its_callback_returns({ tasks }) {
    const value = await tasks.execute((txn) => {
      txn.create({ id: "a", n: 1 });
      txn.upsert({ id: "b", n: 2 });
      return "done";
    });
    equal(value, "done");
    equal((await tasks.list({ order: "id" })).data.map((record) => record.n), [1, 2]);
    equal(await tasks.execute(() => undefined), undefined);
  },

  async reads_see_the_writes_before_them({ tasks }) {
    await tasks.create({ id: "a", n: 1 }, { useRecordId: true });
    const seen = await tasks.execute((txn) => {
      txn.update({ id: "a", n: 2 });
      const updated = txn.get("a").data.n;
      txn.delete("a");
      txn.create({ id: "b" });
      return [updated, txn.getAny("a").data?._status, txn.get("b").data._status];
    }, { preloadIds: ["a"] });
    equal([seen[0], seen[2]], [2, "created"]);
    ok(seen[1] === undefined || seen[1] === "deleted", "status after delete");
  },

  async a_callback_that_throws_stores_nothing_and_its_error_comes_through({ tasks }) {
    const mine = new TypeError("mine");
    for (const thrown of [mine, "a string", undefined, { code: "not_found" }]) {
      const failed = await tasks.execute((txn) => { txn.create({ id: "a" }); throw thrown; }).then(() => "resolved", (error) => [error]);
      ok(failed[0] === thrown, `what came through: ${failed}`);
    }
    equal((await tasks.list()).data, []);
  },

  async an_async_callback_is_refused({ tasks }) {
    await rejects(tasks.execute(async (txn) => { txn.create({ id: "a" }); }), { message: "execute() callback should not return a Promise." });
    equal((await tasks.list()).data, []);
  },

  async a_transaction_ends_with_its_callback({ tasks }) {
    let kept;
    await tasks.execute((txn) => { kept = txn; });
    throws(() => kept.create({ id: "a" }), { code: "closed" });
  },

  async preloaded_ids_are_checked_first({ tasks }) {
    let called = false;
    await rejects(tasks.execute(() => { called = true; }, { preloadIds: ["a", "b c"] }), { code: "invalid_id", message: "Invalid Id: b c" });
    equal(called, false);
  },

  async every_method_has_the_shape_of_the_collections({ tasks }) {
    await tasks.importBulk(["a", "b", "c", "d"].map((id) => ({ id, n: 1, last_modified: 1 })));
    const all = await tasks.execute((txn) => ({
      getAny: txn.getAny("nowhere"),
      create: txn.create({ id: "e", n: 1 }),
      update: txn.update({ id: "a", m: 2 }, { patch: true }),
      upsert: txn.upsert({ id: "b", n: 1, last_modified: 1 }),
      delete: txn.delete("c"),
      deleteAny: [txn.deleteAny("c2"), txn.deleteAny("a")],
      deleteAll: txn.deleteAll(["b", "d", "b"]),
      gone: txn.get("d", { includeDeleted: true }),
    }));
    const synced = (id) => ({ id, n: 1, last_modified: 1, _status: "synced" });
    equal(all.getAny, { permissions: {} });
    equal(all.create, { data: { id: "e", n: 1, _status: "created" }, permissions: {} });
    equal(all.update, { data: { ...synced("a"), m: 2, _status: "updated" }, oldRecord: synced("a"), permissions: {} });
    equal(all.upsert, { data: synced("b"), oldRecord: synced("b"), permissions: {} });
    equal(all.delete, { data: synced("c"), permissions: {} });
    equal(all.deleteAny[0], { data: { id: "c2" }, deleted: false, permissions: {} });
    equal(all.deleteAny[1].deleted, true);
    equal(all.deleteAll, { data: [synced("b"), synced("d")], permissions: {} });
    equal(all.gone.data._status, "deleted");
  },

  async errors_inside_are_those_of_the_collection({ tasks }) {
    await tasks.create({ id: "taken" }, { useRecordId: true });
    await tasks.execute((txn) => {
      throws(() => txn.get("nowhere"), { code: "not_found", message: "Record with id=nowhere not found." });
      throws(() => txn.update({ id: "nowhere" }), { code: "not_found", message: "Record with id=nowhere not found." });
      throws(() => txn.delete("nowhere"), { code: "not_found", message: "Record with id=nowhere not found." });
      throws(() => txn.deleteAll(["nowhere"]), { code: "not_found", message: "Record with id=nowhere not found." });
      throws(() => txn.create({}), { code: "invalid_record", message: "Cannot create a record missing id" });
      throws(() => txn.update({}), { code: "invalid_record", message: "Cannot update a record missing id." });
      throws(() => txn.upsert({ id: "a b" }), { code: "invalid_id", message: "Invalid Id: a b" });
      throws(() => txn.create("text"), { code: "invalid_record", message: "Record is not an object." });
      throws(() => txn.create({ id: "taken" }), { code: "already_exists" });
    });
  },
};
