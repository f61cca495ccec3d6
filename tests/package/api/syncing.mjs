// sync() with a real Kinto server: results, events, conflicts, transformers, hooks. `device()` makes a device with another database and the same
// account.

import { equal, ok, rejects } from "./expect.mjs";

const names = (records) => records.map((record) => record.title ?? record.id).sort();

/** Makes a record that was changed on both sides: to `mine` here, to `theirs` on the server. */
async function inConflict(device, name) {
  const [here, there] = [device().collection(name), device().collection(name)];
  const { data } = await here.create({ title: "original" });
  await here.sync();
  await there.sync();
  await there.update({ ...data, title: "theirs" });
  await there.sync();
  await here.update({ ...data, title: "mine" });
  return { here, there, id: data.id };
}

export const syncing = {
  async a_first_sync_publishes_and_an_idle_one_does_nothing({ device, name }) {
    const tasks = device().collection(name);
    await tasks.create({ title: "a" });
    await tasks.create({ title: "b" });
    const result = await tasks.sync();
    equal([result.ok, names(result.published), result.created, result.errors, result.conflicts], [true, ["a", "b"], [], [], []]);
    ok(Number.isInteger(result.lastModified) && result.lastModified === tasks.lastModified, result.lastModified);
    equal((await tasks.list()).data.map((record) => record._status), ["synced", "synced"]);
    equal(await tasks.gatherLocalChanges(), []);
    const idle = await tasks.sync();
    equal(idle.toObject(), { ok: true, lastModified: result.lastModified, errors: [], created: [], updated: [], deleted: [], published: [], conflicts: [], skipped: [], resolved: [] });
  },

  async another_device_gets_what_is_new_changed_and_deleted({ device, name }) {
    const [here, there] = [device().collection(name), device().collection(name)];
    const { data: task } = await here.create({ title: "a" });
    await here.sync();
    equal(names((await there.sync()).created), ["a"]);
    await here.update({ ...task, title: "b" });
    await here.sync();
    const { updated } = await there.sync();
    equal(updated.map((change) => [change.old.title, change.new.title, change.new._status]), [["a", "b", "synced"]]);
    await there.delete(task.id);
    equal((await there.sync()).published.map(({ id, deleted }) => ({ id, deleted })), [{ id: task.id, deleted: true }]);
    equal((await here.sync()).deleted.map(({ id }) => id), [task.id]);
    equal((await here.list({}, { includeDeleted: true })).data, []);
  },

  async the_last_modified_of_a_collection_survives_the_page({ device, name, adapter }) {
    if (adapter === "memory") return; // nothing in memory survives the page
    const options = {};
    const tasks = device(options).collection(name);
    await tasks.create({});
    const { lastModified } = await tasks.sync();
    const later = device({ adapterOptions: options.used }).collection(name);
    equal(later.lastModified, null);
    await later.list();
    equal(later.lastModified, lastModified);
    await later.clear();
    equal(later.lastModified, null);
    equal((await later.sync()).created.length, 1);
  },

  async a_manual_conflict_is_listed_and_resolved({ device, name }) {
    const { here, there, id } = await inConflict(device, name);
    const result = await here.sync();
    equal([result.ok, result.conflicts.length], [false, 1]);
    const [conflict] = result.conflicts;
    equal([conflict.type, conflict.local.title, conflict.remote.title, conflict.remote.id], ["incoming", "mine", "theirs", id]);
    equal((await here.get(id)).data.title, "mine");
    const { data } = await here.resolve(conflict, { ...conflict.remote, title: "both" });
    equal([data.title, data._status, data.last_modified], ["both", "updated", conflict.remote.last_modified]);
    equal((await here.sync()).ok, true);
    await there.sync();
    equal((await there.get(id)).data.title, "both");
  },

  async taking_theirs_makes_the_record_synced({ device, name }) {
    const { here, id } = await inConflict(device, name);
    const [conflict] = (await here.sync()).conflicts;
    const { data, permissions } = await here.resolve(conflict, conflict.remote);
    equal([data.title, data._status, permissions], ["theirs", "synced", {}]);
    equal((await here.sync()).ok, true);
    equal((await here.get(id)).data.title, "theirs");
  },

  async client_wins_uploads_mine({ device, name, essaim }) {
    const { here, there, id } = await inConflict(device, name);
    const result = await here.sync({ strategy: essaim.Kinto.syncStrategy.CLIENT_WINS });
    equal([result.ok, result.conflicts, result.resolved.map((entry) => [entry.id, entry.accepted.title, entry.rejected.title])], [true, [], [[id, "mine", "theirs"]]]);
    await there.sync();
    equal([(await there.get(id)).data.title, (await here.get(id)).data._status], ["mine", "synced"]);
  },

  async server_wins_takes_theirs({ device, name, essaim }) {
    const { here, id } = await inConflict(device, name);
    const result = await here.sync({ strategy: essaim.Kinto.syncStrategy.SERVER_WINS });
    equal([result.ok, result.conflicts, result.resolved.map((entry) => [entry.id, entry.accepted.title, entry.rejected.title])], [true, [], [[id, "theirs", "mine"]]]);
    equal([(await here.get(id)).data.title, (await here.get(id)).data._status], ["theirs", "synced"]);
  },

  async pull_only_uploads_nothing({ device, name, essaim }) {
    const { here, there, id } = await inConflict(device, name);
    await here.create({ title: "new here" });
    const result = await here.sync({ strategy: essaim.Kinto.syncStrategy.PULL_ONLY });
    equal([result.ok, result.published, (await here.get(id)).data.title], [true, [], "theirs"]);
    equal(names((await there.list()).data), ["theirs"]);
    equal((await there.sync()).created, []);
  },

  async metadata_is_what_the_server_says_of_the_collection({ device, name }) {
    const tasks = device().collection(name);
    equal(await tasks.metadata(), null);
    await tasks.create({});
    await tasks.sync();
    await tasks.sync();
    equal((await tasks.metadata()).id, name);
  },

  async a_sync_tells_its_listeners({ device, name }) {
    const kinto = device();
    const tasks = kinto.collection(name);
    const log = [];
    for (const event of ["sync:success", "sync:error", "create", "change"]) kinto.events.on(event, (payload) => log.push([event, payload]));
    const result = await tasks.sync();
    ok(log[0][1].result === result);
    equal(log.splice(0).map(([event, { result: _, ...payload }]) => [event, payload]), [
      ["sync:success", { strategy: "manual", headers: {}, retry: 1, ignoreBackoff: false, remote: null, expectedTimestamp: null, bucket: "default", collection: name }],
    ]);
    await tasks.sync({ strategy: "server_wins" });
    equal(log.splice(0).map(([event, payload]) => [event, Object.keys(payload).sort()]), [["sync:success", ["bucket", "collection", "result", "strategy"]]]);
    const error = await rejects(tasks.sync({ bucket: "nobodys" }), { code: "forbidden" });
    ok(log[0][1].error === error);
    equal(log.map(([event, { bucket, collection }]) => [event, bucket, collection]), [["sync:error", "nobodys", name]]);
  },

  async transformers_encode_in_order_and_decode_backwards({ device, name }) {
    const wrap = (mark) => ({
      encode: (record) => ({ ...record, title: `${record.title}${mark}` }),
      decode: async (record) => (record.deleted ? record : { ...record, title: record.title.endsWith(mark) ? record.title.slice(0, -1) : `${record.title}?${mark}` }),
    });
    const remoteTransformers = [wrap("1"), wrap("2")];
    const [here, there, plain] = [device().collection(name, { remoteTransformers }), device().collection(name, { remoteTransformers }), device().collection(name)];
    for (const title of ["a", "b", "c"]) await here.create({ title });
    equal(names(await here.gatherLocalChanges()), ["a12", "b12", "c12"]);
    equal((await here.sync()).ok, true);
    await plain.sync();
    equal(names((await plain.list()).data), ["a12", "b12", "c12"]);
    equal(names((await there.sync()).created), ["a", "b", "c"]);
    equal(names((await here.list()).data), ["a", "b", "c"]);
  },

  async transformers_and_hooks_that_drop_the_version_lose_no_edit({ device, name }) {
    const only = ({ id, title, deleted }) => (deleted ? { id, deleted } : { id, title });
    const hooked = (payload) => ({ ...payload, changes: payload.changes.map(only) });
    const ways = [{ remoteTransformers: [{ encode: only, decode: only }] }, { hooks: { "incoming-changes": [hooked] } }];
    const plain = device().collection(name);
    for (const options of ways) {
      const there = device().collection(name, options);
      const { data } = await plain.create({ title: "theirs" });
      await plain.sync();
      await there.sync();
      for (const title of ["mine", "mine again"]) {
        await there.update({ ...(await there.get(data.id)).data, title });
        const result = await there.sync();
        equal([result.ok, names(result.published)], [true, [title]]);
      }
      await there.delete(data.id);
      equal([(await there.sync()).ok, (await plain.sync()).deleted.length], [true, 1]);
    }
  },

  async a_record_that_cannot_be_decoded_is_an_error_and_the_others_are_synced({ device, name }) {
    const here = device().collection(name);
    for (const title of ["good", "bad"]) await here.create({ title });
    await here.sync();
    const decode = (record) => { if (record.title === "bad") throw new Error("no key for this one"); return record; };
    const there = device().collection(name, { remoteTransformers: [{ encode: (record) => record, decode }] });
    const result = await there.sync();
    equal([result.ok, names(result.created), result.errors.length, result.errors[0].type], [false, ["good"], 1, "incoming"]);
    ok(/no key for this one/.test(result.errors[0].message), result.errors[0].message);
  },

  async a_record_that_the_server_refuses_is_an_error_with_the_request({ device, name }) {
    const tasks = device().collection(name, { idSchema: { generate: () => "no id for Kinto!", validate: () => true } });
    await tasks.create({ title: "a" });
    const { errors } = await tasks.sync();
    equal(errors.map(({ type, id, error, sent }) => [type, id, error.code, sent.method, sent.headers, sent.body]), [
      ["outgoing", "no id for Kinto!", 400, "PUT", { "If-None-Match": "*" }, { data: { title: "a" } }],
    ]);
    ok(errors[0].path === errors[0].sent.path && errors[0].path.startsWith(`/buckets/default/collections/${name}/records/`), errors[0].path);
  },

  async an_id_that_is_no_text_needs_a_transformer({ device, name }) {
    let next = 1;
    const idSchema = { generate: () => next++, validate: Number.isInteger };
    const tasks = device().collection(name, { idSchema });
    for (const title of ["a", "b"]) await tasks.create({ title });
    for (let times = 0; times < 2; times += 1) {
      const { ok: fine, errors, published } = await tasks.sync();
      equal([fine, errors.map(({ type, id }) => [type, id]), published], [false, [["outgoing", 1], ["outgoing", 2]], []]);
      ok(errors[0].message.startsWith("Invalid Id: 1."), errors[0].message);
      equal((await tasks.list({ order: "id" })).data.map(({ id }) => id), [1, 2]);
    }
    tasks.remoteTransformers.push({ encode: (record) => ({ ...record, id: `n${record.id}` }), decode: (record) => ({ ...record, id: Number(record.id.slice(1)) }) });
    equal([(await tasks.sync()).ok, (await tasks.sync()).ok], [true, true]);
    equal((await tasks.list({ order: "id" })).data.map(({ id, _status }) => [id, _status]), [[1, "synced"], [2, "synced"]]);
  },

  async an_error_of_the_server_has_its_answer({ essaim, device, name }) {
    const tasks = device().collection(name);
    const error = await rejects(tasks.sync({ bucket: "somebody-elses" }), { name: "ServerResponse", code: "forbidden" });
    ok(error instanceof essaim.ServerResponse);
    equal([error.data.code, error.data.errno, error.data.error, error.data.message], [403, 121, "Forbidden", "This user cannot access this resource."]);
    equal([error.response.status, error.response.statusText, error.response.headers.get("content-type")], [403, "Forbidden", "application/json"]);
    equal(Object.keys(error.data).filter((key) => key === "answer"), []);
  },

  async transformers_and_hooks_that_are_added_later_take_part({ device, name }) {
    const [here, plain] = [device().collection(name), device().collection(name)];
    await here.list();
    here.remoteTransformers.push({ encode: (record) => ({ ...record, title: "sealed" }), decode: (record) => record });
    here.hooks["incoming-changes"] = [(payload) => ({ ...payload, changes: payload.changes.map((change) => ({ ...change, seen: true })) })];
    await here.create({ title: "secret" });
    await here.sync();
    equal(names((await plain.sync()).created), ["sealed"]);
    await plain.create({ title: "more" });
    await plain.sync();
    equal((await here.sync()).created.map(({ title, seen }) => [title, seen]), [["more", true]]);
  },

  async incoming_hooks_see_and_change_what_comes_in({ device, name }) {
    const here = device().collection(name);
    for (const title of ["a", "b"]) await here.create({ title });
    await here.sync();
    const seen = [];
    const hooks = {
      "incoming-changes": [
        (payload, collection) => { seen.push(collection, payload.lastModified); return { ...payload, changes: payload.changes.map((change) => ({ ...change, title: `${change.title}1` })) }; },
        async (payload) => ({ ...payload, changes: payload.changes.filter((change) => change.title !== "b1") }),
      ],
    };
    const there = device().collection(name, { hooks });
    const { created, lastModified } = await there.sync();
    equal([names(created), seen[1]], [["a1"], lastModified]);
    ok(seen[0] === there);
  },

  async a_hook_that_throws_rejects_the_sync_with_its_error_as_the_cause({ device, name }) {
    const here = device().collection(name);
    await here.create({ title: "a" });
    await here.sync();
    const mine = new TypeError("mine");
    const there = device().collection(name, { hooks: { "incoming-changes": [() => { throw mine; }] } });
    const error = await rejects(there.sync(), { code: "callback", message: /mine/ });
    ok(error.cause === mine);
    const wrong = device().collection(name, { hooks: { "incoming-changes": [() => 1] } });
    await rejects(wrong.sync(), { code: "callback", message: /^Invalid return value for hook: 1 has no 'then\(\)' or 'changes' properties/ });
    equal((await there.list()).data, []);
  },

  async local_fields_stay_here_and_survive_a_download({ device, name }) {
    const [here, there] = [device().collection(name, { localFields: ["open"] }), device().collection(name)];
    const { data } = await here.create({ title: "a", open: true });
    await here.sync();
    await there.sync();
    equal("open" in (await there.get(data.id)).data, false);
    await there.update({ id: data.id, title: "b" });
    await there.sync();
    await here.sync();
    equal([(await here.get(data.id)).data.title, (await here.get(data.id)).data.open], ["b", true]);
  },

  async a_local_field_that_a_transformer_makes_stays_here_too({ device, name }) {
    const remoteTransformers = [{ encode: (record) => ({ ...record, open: "made", sealed: "open" in record }), decode: (record) => record }];
    const [here, there] = [device().collection(name, { localFields: ["open"], remoteTransformers }), device().collection(name)];
    await here.create({ title: "a", open: true });
    await here.sync();
    equal((await there.sync()).created.map(({ title, open, sealed }) => [title, open, sealed]), [["a", undefined, false]]);
  },

  async reset_sync_status_uploads_everything_again({ device, name }) {
    const tasks = device().collection(name);
    for (const title of ["a", "b"]) await tasks.create({ title });
    await tasks.sync();
    equal(await tasks.resetSyncStatus(), 2);
    equal(tasks.lastModified, null);
    equal((await tasks.list()).data.map((record) => [record._status, "last_modified" in record]), [["created", false], ["created", false]]);
    equal((await tasks.sync()).ok, true);
  },

  async two_syncs_at_once_are_one({ device, name }) {
    const tasks = device().collection(name);
    await tasks.create({});
    const [one, two] = await Promise.all([tasks.sync(), tasks.sync()]);
    equal([one.ok, two.ok, one.published.length, (await tasks.list()).data.length], [true, true, 1, 1]);
  },
};
