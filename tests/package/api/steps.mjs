// The steps of a sync with a client that the app gives, and a stepwise sync. With a real Kinto server.

import { equal, ok, rejects } from "./expect.mjs";

/** Returns an aggregated result of a client's `batch()`. `parts` holds the lists that are not empty. */
const summary = (parts = {}) => ({ published: [], errors: [], conflicts: [], skipped: [], ...parts });
/** Returns a client whose `batch()` resolves to this result. */
const answering = (parts) => ({ batch: async () => summary(parts) });
const listing = (data, last_modified = "42", asked = []) => ({ listRecords: async (options) => (asked.push(options), { data, last_modified }) });

export const steps = {
  async the_steps_do_what_a_sync_does({ essaim, device, name }) {
    const [here, there] = [device().collection(name), device().collection(name)];
    const remote = here.api.bucket("default").collection(name);
    await here.create({ id: "a", title: "mine" }, { useRecordId: true });
    const pushed = await here.pushChanges(remote, await here.gatherLocalChanges(), new essaim.SyncResultObject());
    equal([pushed.ok, pushed.published.map(({ id, _status }) => [id, _status])], [true, [["a", "synced"]]]);
    const metadata = await there.pullMetadata(remote);
    equal([metadata.id, (await there.metadata()).id], [name, name]);
    const pulled = await there.pullChanges(remote, new essaim.SyncResultObject());
    equal([pulled.created.map(({ title }) => title), pulled.lastModified], [["mine"], pushed.published[0].last_modified]);
    equal((await there.sync()).toObject(), { ...new essaim.SyncResultObject().toObject(), lastModified: pulled.lastModified });
    await there.delete("a");
    const deleted = await there.pushChanges(remote, await there.gatherLocalChanges());
    equal(deleted.published, [{ id: "a", deleted: true }]);
    equal(await there.db.list(), []);
    equal((await here.sync()).deleted.map(({ id }) => id), ["a"]);
  },

  async what_an_app_imports_counts_also_in_a_version_that_is_here({ essaim, tasks }) {
    await tasks.importBulk([{ id: "a", title: "old", last_modified: 5 }]);
    for (const [strategy, title] of [["manual", "new"], ["server_wins", "newer"], ["pull_only", "newest"]]) {
      const { updated } = await tasks.importChanges(new essaim.SyncResultObject(), [{ id: "a", title, last_modified: 5 }], strategy);
      equal(updated.map((change) => change.new), [{ id: "a", title, last_modified: 5, _status: "synced" }]);
    }
  },

  async a_pull_asks_for_what_is_younger_and_leaves_out_fifty({ essaim, tasks }) {
    const asked = [];
    await tasks.pullChanges(listing([], "42", asked), new essaim.SyncResultObject(), { headers: { a: "b" }, retry: 2, expectedTimestamp: '"7"' });
    await tasks.db.saveLastModified(41);
    const exclude = Array.from({ length: 60 }, (_, id) => ({ id }));
    await tasks.pullChanges(listing([], "42", asked), new essaim.SyncResultObject(), { exclude });
    await tasks.pullChanges(listing([{ id: "x", last_modified: 9 }], "9", asked), new essaim.SyncResultObject(), { lastModified: 8 });
    await tasks.pullChanges(listing([{ id: "y", last_modified: 9 }], "9", asked), new essaim.SyncResultObject(), { lastModified: null });
    equal(asked[3].since, undefined);
    equal(asked[0], { filters: { _expected: '"7"' }, headers: { a: "b" }, retry: 2, sort: "last_modified", pages: null });
    ok(asked[0].pages === Infinity);
    equal([asked[1].since, asked[1].filters.exclude_id.split(",").length, asked[2].since], ["41", 50, "8"]);
    const flushed = await rejects(tasks.pullChanges(listing([])), { code: "server_flushed", message: "Server has been flushed. Client Side Timestamp: 41 Server Side Timestamp: 42" });
    ok(flushed instanceof essaim.ServerWasFlushedError);
    const conflicts = new essaim.SyncResultObject().add("conflicts", { type: "incoming" });
    ok((await tasks.pullChanges({}, conflicts)) === conflicts && (await tasks.pushChanges({}, [], conflicts)) === conflicts);
  },

  async changes_are_imported_as_a_sync_would({ essaim, tasks }) {
    const local = async (id, status) => {
      await tasks.create({ id, title: "old", last_modified: 1 }, { synced: true });
      if (status === "updated") await tasks.update({ id, title: "mine" });
      if (status === "deleted") await tasks.delete(id);
    };
    for (const status of ["synced", "updated", "deleted"]) for (const change of ["new", "gone"]) await local(`${status}-${change}`, status);
    const changes = ["synced", "updated", "deleted", "absent"].flatMap((status) => [
      { id: `${status}-new`, title: "theirs", last_modified: 5 },
      { id: `${status}-gone`, deleted: true, last_modified: 6 },
    ]);
    const result = await tasks.importChanges(new essaim.SyncResultObject(), changes);
    const found = (list) => list.map((entry) => entry.id ?? entry.new?.id ?? entry.local?.id).sort();
    equal([found(result.created), found(result.updated), found(result.deleted), found(result.conflicts)], [["absent-new"], ["synced-new"], ["synced-gone"], ["updated-gone", "updated-new"]]);
    equal(found(result.skipped), ["absent-gone", "deleted-gone", "deleted-new"]);
    const decided = await tasks.importChanges(new essaim.SyncResultObject(), changes, "server_wins");
    equal([decided.ok, found(decided.resolved.map(({ id }) => ({ id })))], [true, ["updated-gone", "updated-new"]]);
    const broken = await tasks.importChanges(new essaim.SyncResultObject(), [{ title: "no id" }, { id: "good", last_modified: 1 }]);
    equal([broken.errors.length, broken.errors[0].type, found(broken.created)], [1, "incoming", ["good"]]);
    await rejects(tasks.importChanges(new essaim.SyncResultObject(), [], "mine"), { code: "invalid_option" });
  },

  async an_imported_change_without_a_version_is_laid_over_the_record({ essaim, tasks }) {
    await tasks.create({ id: "a", title: "old", size: 12 }, { synced: true });
    const { updated } = await tasks.importChanges(new essaim.SyncResultObject(), [{ id: "a", title: "new" }]);
    equal([updated.length, (await tasks.get("a")).data], [1, { id: "a", title: "new", size: 12, _status: "synced" }]);
    await tasks.importChanges(new essaim.SyncResultObject(), [{ id: "a", title: "newer", last_modified: 5 }]);
    equal((await tasks.get("a")).data, { id: "a", title: "newer", last_modified: 5, _status: "synced" });
  },

  async an_edit_made_while_a_push_is_answered_stays({ essaim, tasks }) {
    await tasks.create({ id: "a", title: "sent" }, { useRecordId: true });
    const client = {
      async batch(collect) {
        const sent = [];
        collect({ createRecord: (record) => sent.push(record) });
        await tasks.update({ id: "a", title: "edited meanwhile" });
        return summary({ published: sent.map((record) => ({ data: { ...record, last_modified: 7 } })) });
      },
    };
    await tasks.pushChanges(client, await tasks.gatherLocalChanges(), new essaim.SyncResultObject());
    equal((await tasks.get("a")).data, { id: "a", title: "edited meanwhile", last_modified: 7, _status: "updated" });
  },

  async what_a_push_did_not_find_is_only_deleted_where_nothing_is_lost({ tasks }) {
    await tasks.create({ id: "here", title: "unsynced" }, { useRecordId: true });
    await tasks.create({ id: "gone", last_modified: 3 }, { synced: true });
    await tasks.delete("gone");
    const result = await tasks.pushChanges(answering({ skipped: [{ id: "here", path: "/x" }, { id: "gone", path: "/y" }] }), await tasks.gatherLocalChanges());
    equal([result.ok, result.skipped.map(({ id }) => id)], [true, ["here", "gone"]]);
    equal((await tasks.db.list()).map(({ id, _status }) => [id, _status]), [["here", "created"]]);
  },

  async a_push_that_is_overtaken_is_decided_by_the_strategy({ essaim, tasks }) {
    const conflict = { type: "outgoing", local: { data: { id: "a" } }, remote: { id: "a", title: "theirs", last_modified: 9 } };
    const push = async (strategy) => {
      await tasks.clear();
      await tasks.create({ id: "a", title: "mine" }, { useRecordId: true });
      return tasks.pushChanges(answering({ conflicts: [conflict] }), await tasks.gatherLocalChanges(), new essaim.SyncResultObject(), { strategy });
    };
    const manual = await push();
    equal([manual.ok, manual.conflicts.map(({ type, local, remote }) => [type, local.title, remote.title])], [false, [["outgoing", "mine", "theirs"]]]);
    equal([(await push("server_wins")).resolved[0].accepted.title, (await tasks.get("a")).data.title], ["theirs", "theirs"]);
    equal([(await push("client_wins")).resolved[0].accepted.title, (await tasks.get("a")).data], ["mine", { id: "a", title: "mine", last_modified: 9, _status: "updated" }]);
  },

  async a_deletion_that_the_server_refused_is_an_id_and_choosing_it_deletes({ device, name }) {
    const [here, there] = [device().collection(name), device().collection(name)];
    await here.create({ id: "a", title: "original" }, { useRecordId: true });
    await here.sync();
    await there.sync();
    await there.update({ id: "a", title: "theirs" });
    await there.sync();
    await here.delete("a");
    const { conflicts } = await here.sync();
    equal([conflicts[0].type, conflicts[0].local, conflicts[0].remote.title], ["outgoing", { id: "a" }, "theirs"]);
    await here.resolve(conflicts[0], conflicts[0].local);
    equal([(await here.sync()).published, (await there.sync()).deleted.map(({ id }) => id)], [[{ id: "a", deleted: true }], ["a"]]);
  },

  async hooks_and_transformers_take_part_in_the_steps({ kinto, name }) {
    const tasks = kinto.collection(name, {
      remoteTransformers: [
        { encode: (record) => ({ ...record, title: `${record.title}1` }), decode: async (record) => ({ ...record, title: record.title.replace(/1$/, "") }) },
        { encode: async (record) => ({ ...record, title: `${record.title}2` }), decode: (record) => ({ ...record, title: record.title.replace(/2$/, "") }) },
      ],
      hooks: { "incoming-changes": [(payload) => ({ ...payload, changes: payload.changes.map((change) => ({ ...change, seen: 1 })) }), async (payload) => ({ ...payload, changes: payload.changes.map((change) => ({ ...change, seen: change.seen + 1 })) })] },
    });
    const encoded = await tasks._encodeRecord("remote", { title: "a" });
    equal([encoded.title, (await tasks._decodeRecord("remote", encoded)).title], ["a12", "a"]);
    const { created } = await tasks.pullChanges(listing([{ id: "x", title: "a12", last_modified: 1 }]));
    equal([created[0].title, created[0].seen], ["a", 2]);
    equal(await kinto.collection("plain").applyHook("incoming-changes", { lastModified: 1, changes: [] }), { lastModified: 1, changes: [] });
    const strange = kinto.collection("strange", { hooks: { "incoming-changes": [() => 42] } });
    await rejects(strange.applyHook("incoming-changes", { lastModified: 1, changes: [] }), { message: "Invalid return value for hook: 42 has no 'then()' or 'changes' properties" });
  },

  async a_step_that_the_app_replaced_is_what_a_sync_uses({ kinto, device, name }) {
    const tasks = kinto.collection(name);
    await tasks.create({ id: "a", title: "kept here" }, { useRecordId: true });
    await tasks.create({ id: "b", title: "shared" }, { useRecordId: true });
    const gather = tasks.gatherLocalChanges;
    tasks.gatherLocalChanges = async () => (await gather.call(tasks)).filter(({ title }) => title === "shared");
    const result = await tasks.sync();
    equal([result.ok, result.published.map(({ id }) => id), tasks.lastModified], [true, ["b"], result.lastModified]);
    equal((await device().collection(name).sync()).created.map(({ id }) => id), ["b"]);
    delete tasks.gatherLocalChanges;
    equal((await tasks.sync()).published.map(({ id }) => id), ["a"]);
  },

  async the_steps_are_not_for_encrypted_collections({ essaim, kinto, name }) {
    const notes = kinto.collection(name, { key: await essaim.makeKey() });
    const refused = { code: "invalid_option", message: /not encrypted/ };
    await rejects(notes.importChanges(new essaim.SyncResultObject(), []), refused);
    await rejects(notes.pushChanges(answering(), []), refused);
  },
};
