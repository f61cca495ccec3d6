// Encrypted collections behave like plain ones: each scenario is run with both kinds, and the results of their syncs are compared.

import { equal, ok, rejects } from "./expect.mjs";

const LISTS = ["created", "updated", "deleted", "published", "conflicts", "resolved", "errors"];

/**
 * Returns the result of a sync without its differences between plain and encrypted collections. Timestamps differ: for a plain collection they
 * are the server's, for an encrypted one those of a page.
 *
 * Three more things differ, but only if something was deleted. In an `outgoing` conflict, a deletion has only its id. A plain collection lists
 * changes in `skipped` that it does not merge, like tombstones of records that it deleted itself; if the server then refuses the upload, that is
 * an `outgoing` conflict. An encrypted collection merges everything before it sends anything, so all its conflicts are `incoming`.
 */
function told(result) {
  const left = new Set(["last_modified", "stack"]);
  const isDeletion = ({ id, _status, ...content }) => _status === "deleted" || Object.keys(content).length === 0;
  const local = (record) => (isDeletion(record) ? { id: record.id } : record);
  const bare = (entry) => JSON.stringify("local" in entry ? { ...entry, type: undefined, local: local(entry.local) } : entry, (name, value) => (left.has(name) ? undefined : sorted(value)));
  return { ok: result.ok, ...Object.fromEntries(LISTS.map((list) => [list, result[list].map(bare).sort()]).filter(([, entries]) => entries.length > 0)) };
}

function sorted(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function contents(collection) {
  const { data } = await collection.list({ order: "id" }, { includeDeleted: true });
  return data.map(({ last_modified, ...record }) => record);
}

/** Runs a scenario with plain and with encrypted collections, and asserts that both return the same. */
async function alike({ essaim, device, name }, scenario) {
  const play = (options) => scenario((own = {}, used = {}) => device(used).collection(name, { ...options, ...own }));
  const plain = await play({});
  const sealed = await play({ key: await essaim.makeKey() });
  equal(sealed.length, plain.length);
  plain.forEach((expected, step) => {
    for (const part of Object.keys({ ...expected, ...sealed[step] })) equal(sealed[step][part], expected[part], `${part} in step ${step} of the encrypted one`);
  });
  return plain;
}

const IDS = ["edited-both", "same-edit", "edited-deleted", "deleted-edited", "deleted-both", "only-mine", "only-theirs", "untouched"];
const USE = { useRecordId: true };

/**
 * Makes each combination of changes of a record on two devices, then syncs with this strategy, and again until nothing is left to sync. Returns
 * all results.
 */
async function everyMeeting(open, strategy) {
  const [here, there] = [open(), open()];
  const steps = [];
  const sync = async (device, options) => steps.push(told(await device.sync(options)));
  for (const id of IDS) await here.create({ id, title: "original", kept: [1, { a: null }] }, USE);
  await sync(here);
  await sync(there);
  await there.update({ id: "edited-both", title: "theirs" });
  await there.update({ id: "same-edit", title: "same" });
  await there.delete("edited-deleted");
  await there.update({ id: "deleted-edited", title: "theirs" });
  await there.delete("deleted-both");
  await there.update({ id: "only-theirs", title: "theirs" }, { patch: true });
  await there.create({ id: "created-both", title: "theirs" }, USE);
  await there.create({ id: "created-same", title: "same" }, USE);
  await there.create({ id: "new-theirs", title: "theirs" }, USE);
  await sync(there);
  await here.update({ id: "edited-both", title: "mine" });
  await here.update({ id: "same-edit", title: "same" });
  await here.update({ id: "edited-deleted", title: "mine" });
  await here.delete("deleted-edited");
  await here.delete("deleted-both");
  await here.update({ id: "only-mine", title: "mine" }, { patch: true });
  await here.create({ id: "created-both", title: "mine" }, USE);
  await here.create({ id: "created-same", title: "same" }, USE);
  await here.create({ id: "new-mine", title: "mine" }, USE);
  await here.create({ id: "never-there", title: "mine" }, USE);
  await here.delete("never-there");
  await sync(here, { strategy });
  steps.push(await contents(here));
  return { here, there, steps, sync };
}

export const kinds = {
  async manual_conflicts_are_the_same_and_end_the_same(context) {
    await alike(context, async (open) => {
      const { here, there, steps, sync } = await everyMeeting(open, "manual");
      const { conflicts } = await here.sync();
      for (const conflict of conflicts) await here.resolve(conflict, conflict.local.title === "mine" ? conflict.local : conflict.remote);
      await sync(here);
      await sync(there);
      return [...steps, await contents(here), await contents(there)];
    });
  },

  async client_wins_is_the_same(context) {
    await alike(context, async (open) => {
      const { here, there, steps, sync } = await everyMeeting(open, "client_wins");
      await sync(there);
      return [...steps, await contents(here), await contents(there)];
    });
  },

  async server_wins_is_the_same(context) {
    await alike(context, async (open) => {
      const { here, there, steps, sync } = await everyMeeting(open, "server_wins");
      await sync(there);
      return [...steps, await contents(here), await contents(there)];
    });
  },

  async pull_only_is_the_same(context) {
    await alike(context, async (open) => {
      const { here, there, steps, sync } = await everyMeeting(open, "pull_only");
      await sync(there);
      return [...steps, await contents(here), await contents(there)];
    });
  },

  async conflicts_are_resolved_to_something_third_or_to_nothing(context) {
    await alike(context, async (open) => {
      const [here, there] = [open(), open()];
      for (const id of ["a", "b", "c"]) await here.create({ id, title: "original" }, USE);
      await here.sync();
      await there.sync();
      for (const id of ["a", "b", "c"]) await there.update({ id, title: "theirs" });
      for (const id of ["a", "b", "c"]) await here.update({ id, title: "mine" });
      await there.sync();
      const { conflicts } = await here.sync();
      const by = (wanted) => conflicts.find(({ local: { id } }) => id === wanted);
      const { data } = await here.resolve(by("a"), { ...by("a").remote, title: "both" });
      await here.resolve(by("b"), null);
      const steps = [[data.title, data._status], told(await here.sync())];
      await here.resolve(by("c"), by("c").remote);
      steps.push(told(await here.sync()), told(await there.sync()), await contents(here), await contents(there));
      return steps;
    });
  },

  async transformers_sync_and_async_are_the_same(context) {
    await alike(context, async (open) => {
      const wrap = (mark) => ({
        encode: async (record) => ({ ...record, title: `${record.title}${mark}` }),
        decode: (record) => (record.deleted ? record : { ...record, title: record.title.endsWith(mark) ? record.title.slice(0, -1) : `${record.title}?${mark}` }),
      });
      const remoteTransformers = [wrap("1"), wrap("2")];
      const [here, there, bare] = [open({ remoteTransformers }), open({ remoteTransformers }), open()];
      for (const id of ["a", "b"]) await here.create({ id, title: id }, USE);
      const steps = [(await here.gatherLocalChanges()).map(({ title }) => title).sort(), told(await here.sync()), told(await bare.sync())];
      steps.push(told(await there.sync()), await contents(there));
      await there.update({ id: "a", title: "changed" });
      await there.delete("b");
      steps.push(told(await there.sync()), told(await here.sync()), told(await bare.sync()), await contents(here), await contents(bare));
      return steps;
    });
  },

  async a_transformer_that_throws_for_one_record_holds_up_no_other(context) {
    await alike(context, async (open) => {
      let broken = true;
      const fail = (record) => { if (broken && record.title === "bad") throw new Error("no key for this one"); return record; };
      const [here, there] = [open({ remoteTransformers: [{ encode: fail, decode: (record) => record }] }), open({ remoteTransformers: [{ encode: (record) => record, decode: fail }] })];
      for (const title of ["good", "bad", "fine"]) await here.create({ id: title, title }, USE);
      const first = told(await here.sync());
      equal([first.ok, first.published.length, first.errors.length], [false, 2, 1]);
      broken = false;
      const steps = [first, told(await here.sync())];
      broken = true;
      const second = told(await there.sync());
      equal([second.ok, second.created.length, second.errors.length], [false, 2, 1]);
      return [...steps, second, await contents(there)];
    });
  },

  async hooks_see_and_change_and_leave_out_what_comes_in(context) {
    await alike(context, async (open) => {
      const seen = [];
      const hooks = {
        "incoming-changes": [
          (payload) => { seen.push(payload.changes.map(({ id, deleted = false, title }) => [id, deleted, title]).sort()); return payload; },
          async (payload) => ({ ...payload, changes: payload.changes.filter(({ id }) => id !== "b").map((change) => (change.deleted ? change : { ...change, title: `${change.title}!` })) }),
        ],
      };
      const [here, there] = [open(), open({ hooks })];
      for (const id of ["a", "b", "c"]) await here.create({ id, title: id }, USE);
      await here.sync();
      const steps = [told(await there.sync()), await contents(there)];
      await here.update({ id: "a", title: "changed" });
      await here.update({ id: "b", title: "changed" });
      await here.delete("c");
      await here.sync();
      steps.push(told(await there.sync()), await contents(there), seen.splice(0));
      // One more sync of each device, because a plain collection lists the last seconds again.
      steps.push(told(await there.sync()), told(await here.sync()), await contents(here));
      return steps;
    });
  },

  async a_hook_sees_each_change_once(context) {
    await alike(context, async (open) => {
      const seen = [];
      const hooks = { "incoming-changes": [(payload) => { seen.push(payload.changes.map(({ id, deleted = false }) => [id, deleted]).sort()); return payload; }] };
      const [here, there] = [open(), open({ hooks })];
      for (const id of ["a", "b"]) await here.create({ id, title: id }, USE);
      await here.sync();
      for (const made of ["c", "d"]) {
        await there.sync();
        await there.create({ id: made, title: made }, USE);
      }
      await here.delete("a");
      await here.sync();
      for (let n = 0; n < 3; n += 1) await there.sync();
      equal(seen, [[["a", false], ["b", false]], [["a", true]]]);
      return [seen];
    });
  },

  async a_hook_that_throws_rejects_the_sync_and_the_next_one_brings_all(context) {
    await alike(context, async (open) => {
      const here = open();
      await here.create({ id: "a", title: "a" }, USE);
      await here.sync();
      const mine = new TypeError("mine");
      let broken = true;
      const there = open({ hooks: { "incoming-changes": [(payload) => { if (broken) throw mine; return payload; }] } });
      const error = await rejects(there.sync(), { code: "callback", message: /mine/ });
      ok(error.cause === mine);
      const steps = [await contents(there)];
      broken = false;
      return [...steps, told(await there.sync()), await contents(there)];
    });
  },

  async local_fields_stay_here_and_survive_a_download(context) {
    await alike(context, async (open) => {
      const [here, there] = [open({ localFields: ["open"] }), open()];
      await here.create({ id: "a", title: "a", open: true }, USE);
      await here.sync();
      const steps = [told(await there.sync()), await contents(there)];
      await there.update({ id: "a", title: "b" });
      await there.sync();
      steps.push(told(await here.sync()), await contents(here));
      await here.update({ id: "a", open: false }, { patch: true });
      await there.update({ id: "a", title: "c" });
      await there.sync();
      steps.push(told(await here.sync({ strategy: "server_wins" })), await contents(here));
      return steps;
    });
  },

  async a_sync_tells_its_listeners_the_same(context) {
    await alike(context, async (open) => {
      const tasks = open();
      const log = [];
      for (const event of ["sync:success", "sync:error", "create", "change"]) tasks.events.on(event, (payload) => log.push([event, payload]));
      const result = await tasks.sync();
      ok(log[0][1].result === result);
      await tasks.sync({ strategy: "server_wins" });
      await rejects(tasks.sync({ bucket: "nobodys" }), { code: "forbidden" });
      return log.map(([event, { result: _, error, ...payload }]) => [event, payload, error?.code]);
    });
  },

  async local_calls_are_the_same(context) {
    await alike(context, async (open) => {
      const tasks = open();
      const steps = [];
      const done = async (promise) => steps.push(await promise.then((answer) => JSON.parse(JSON.stringify(answer)), (error) => [error.code, error.message]));
      await done(tasks.create({ id: "a", n: 1 }, USE));
      await done(tasks.create({ id: "a" }, USE));
      await done(tasks.update({ id: "a", n: 2 }, { patch: true }));
      await done(tasks.upsert({ id: "b", n: 3 }));
      await done(tasks.importBulk([{ id: "c", n: 4, last_modified: 5 }]));
      await done(tasks.execute((txn) => [txn.create({ id: "d" }), txn.delete("a"), txn.get("c")]));
      await done(tasks.list({ filters: { n: [2, 3, 4] }, order: "-n" }));
      await done(tasks.get("a"));
      await done(tasks.get("a", { includeDeleted: true }));
      await done(tasks.deleteAny("nowhere"));
      await done(tasks.gatherLocalChanges());
      await done(tasks.metadata());
      await done(tasks.deleteAll());
      await done(tasks.clear());
      await done(tasks.list({}, { includeDeleted: true }));
      return steps;
    });
  },
};
