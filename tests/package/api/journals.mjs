// Features of encrypted collections: heads, pages, limits; and data that their snapshots must not lose.

import { equal, ok, rejects } from "./expect.mjs";

const USE = { useRecordId: true };
const ids = async (collection) => (await collection.list({ order: "id" })).data.map(({ id }) => id);

/** Makes a key. Each call of `open()` returns the collection of a new device with this key. */
async function devices({ essaim, device, name }) {
  const key = await essaim.makeKey();
  return { key, open: (options = {}, used = {}) => device(used).collection(name, { key, ...options }) };
}

/** Resolves to the requests that `work` makes, as `METHOD path`. */
async function requests(work) {
  const { fetch } = globalThis;
  const seen = [];
  globalThis.fetch = (resource, init) => {
    seen.push(`${init?.method ?? resource.method} ${new URL(resource.url ?? resource).pathname.split("/").pop()}`);
    return fetch(resource, init);
  };
  try {
    await work();
  } finally {
    globalThis.fetch = fetch;
  }
  return seen;
}

/** Edits a record and syncs until this device has written a snapshot. */
async function untilSnapshot(collection, id) {
  for (let n = 0; n < 100; n += 1) {
    await collection.upsert({ id, n });
    equal((await collection.sync()).ok, true);
    if ((await collection.pages()).some(({ kind }) => kind === "snapshot")) return;
  }
  throw new Error("no snapshot after 100 pages");
}

export const journals = {
  async a_head_is_null_before_the_first_sync_and_four_words_after(context) {
    const { open } = await devices(context);
    const [here, there] = [open(), open()];
    equal([await here.head(), await here.pages()], [null, []]);
    await here.create({ title: "a" });
    equal(await here.head(), null);
    await here.sync();
    const head = await here.head();
    equal([Object.keys(head).sort(), head.position], [["hash", "position", "words"], 1]);
    ok(/^[A-Za-z0-9_-]{43}$/.test(head.hash), head.hash);
    const { WORDS } = await import("/essaim/words.js").catch(() => ({}));
    equal(head.words.length, 4);
    for (const word of head.words) ok(/^[a-z]{3,8}$/.test(word) && (!WORDS || WORDS.includes(word)), word);
    await there.sync();
    equal(await there.head(), head);
    await there.create({ title: "b" });
    await there.sync();
    ok((await there.head()).words.join() !== head.words.join());
    await here.sync();
    equal(await here.head(), await there.head());
  },

  async pages_are_told_newest_first(context) {
    const { open } = await devices(context);
    const [here, there] = [open(), open()];
    const begun = Date.now();
    for (const [collection, title] of [[here, "a"], [there, "b"], [here, "c"]]) {
      await collection.sync();
      await collection.create({ title });
      await collection.sync();
    }
    const pages = await here.pages();
    equal(pages.map(({ position, kind }) => [position, kind]), [[3, "changes"], [2, "changes"], [1, "changes"]]);
    equal([pages[0].device === pages[2].device, pages[0].device === pages[1].device], [true, false]);
    for (const { bytes, time } of pages) ok(bytes >= 1024 && bytes < 1200 && time >= begun - 1000 && time <= Date.now() + 1000, `${bytes} bytes at ${time}`);
    equal((await here.pages({ limit: 1 })).map(({ position }) => position), [3]);
    equal(await here.pages({ limit: 0 }), []);
    await rejects(here.pages({ limit: -1 }), { code: "invalid_option" });
  },

  async an_idle_sync_is_one_request(context) {
    const { open } = await devices(context);
    const [here, there] = [open(), open()];
    await here.create({ title: "a" });
    equal(await requests(() => here.sync()), ["GET records", "PUT p000000000001"]);
    equal(await requests(() => there.sync()), ["GET records"]);
    for (const collection of [here, there, here, there]) equal(await requests(() => collection.sync()), ["GET records"]);
  },

  async a_record_over_512_kib_is_refused_and_nothing_is_written(context) {
    const { open } = await devices(context);
    const tasks = open();
    await tasks.create({ id: "a", title: "a" }, USE);
    const large = { text: "x".repeat(524_288) };
    const refusals = [
      () => tasks.create({ id: "b", ...large }, USE),
      () => tasks.update({ id: "a", ...large }),
      () => tasks.update({ id: "a", ...large }, { patch: true }),
      () => tasks.upsert({ id: "a", ...large }),
      () => tasks.importBulk([{ id: "c", last_modified: 1 }, { id: "d", last_modified: 1, ...large }]),
    ];
    for (const refused of refusals) {
      const { data } = await rejects(refused(), { code: "limit" });
      ok(data.limitBytes === 524_288 && data.bytes > data.limitBytes && data.bytes < 525_000 && /^[abd]$/.test(data.id), JSON.stringify(data));
    }
    equal((await tasks.list()).data.map(({ id, title }) => [id, title]), [["a", "a"]]);
    await tasks.create({ id: "e", text: "x".repeat(524_000) }, USE);
    equal((await tasks.sync()).ok, true);
    const there = open();
    await there.sync();
    equal(await ids(there), ["a", "e"]);
    equal((await there.get("e")).data.text.length, 524_000);
  },

  async a_transaction_over_512_kib_is_refused_and_nothing_is_written(context) {
    const { open } = await devices(context);
    const tasks = open();
    await rejects(tasks.execute((txn) => { for (let n = 0; n < 600; n += 1) txn.create({ id: `r${n}`, text: "x".repeat(1000) }); }), { code: "limit" });
    equal((await tasks.list({}, { includeDeleted: true })).data, []);
    await tasks.execute((txn) => { for (let n = 0; n < 500; n += 1) txn.create({ id: `r${n}`, text: "x".repeat(1000) }); });
    equal((await tasks.list()).data.length, 500);
    equal((await tasks.sync()).published.length, 500);
    equal((await tasks.pages()).length, 1);
  },

  async what_is_imported_goes_up(context) {
    const { open } = await devices(context);
    const [here, there] = [open(), open()];
    await here.importBulk([{ id: "a", title: "a", last_modified: 1 }, { id: "b", title: "b", last_modified: 2 }]);
    equal((await here.sync()).published.map(({ id }) => id).sort(), ["a", "b"]);
    equal((await there.sync()).created.map(({ title }) => title).sort(), ["a", "b"]);
    equal((await here.sync()).published, []);
  },

  async after_clear_a_sync_pulls_everything_again(context) {
    const { open } = await devices(context);
    const tasks = open();
    for (const id of ["a", "b"]) await tasks.create({ id }, USE);
    await tasks.sync();
    const head = await tasks.head();
    await tasks.clear();
    equal([await ids(tasks), await tasks.head(), tasks.lastModified], [[], null, null]);
    equal((await tasks.sync()).created.length, 2);
    equal([await ids(tasks), await tasks.head()], [["a", "b"], head]);
  },

  async reset_sync_status_begins_anew_and_doubles_nothing(context) {
    const { open } = await devices(context);
    const [here, there] = [open(), open()];
    for (const id of ["a", "b"]) await here.create({ id, title: id }, USE);
    await here.sync();
    await there.sync();
    equal(await here.resetSyncStatus(), 2);
    equal([await here.head(), here.lastModified, (await here.list()).data.map(({ _status }) => _status)], [null, null, ["created", "created"]]);
    await there.update({ id: "b", title: "theirs" });
    await there.sync();
    const result = await here.sync({ strategy: "server_wins" });
    equal([result.ok, result.conflicts], [true, []]);
    await there.sync();
    equal([await here.head(), (await here.list({ order: "id" })).data], [await there.head(), (await there.list({ order: "id" })).data]);
  },

  async an_unresolved_conflict_is_met_again_until_it_is_resolved(context) {
    const { open } = await devices(context);
    const used = {};
    const [here, there] = [open({}, used), open()];
    await here.create({ id: "a", title: "original" }, USE);
    await here.sync();
    await there.sync();
    await there.update({ id: "a", title: "theirs" });
    await there.sync();
    await here.update({ id: "a", title: "mine" });
    for (let n = 0; n < 3; n += 1) {
      const { ok: all, conflicts, published } = await here.sync();
      equal([all, published, conflicts.map(({ type, local, remote }) => [type, local.title, remote.title])], [false, [], [["incoming", "mine", "theirs"]]]);
    }
    await here.create({ id: "b" }, USE);
    equal((await here.sync()).published.map(({ id }) => id), ["b"], "others go on");
    const later = context.adapter === "memory" ? here : open({}, { adapterOptions: used.used });
    const { conflicts: [conflict] } = await later.sync();
    await later.resolve(conflict, { ...conflict.local, title: "both" });
    equal([(await later.sync()).ok, (await later.sync()).ok], [true, true]);
    await there.sync();
    equal((await there.get("a")).data.title, "both");
  },

  async what_could_not_be_decoded_is_met_again(context) {
    const { open } = await devices(context);
    let broken = true;
    const decode = (record) => { if (broken && record.title === "bad") throw new Error("not yet"); return record; };
    const [here, there] = [open(), open({ remoteTransformers: [{ encode: (record) => record, decode }] })];
    for (const title of ["good", "bad"]) await here.create({ id: title, title }, USE);
    await here.sync();
    for (let n = 0; n < 2; n += 1) {
      const { errors } = await there.sync();
      equal(errors.map(({ type, message }) => [type, /not yet/.test(message)]), [["incoming", true]]);
    }
    equal(await ids(there), ["good"]);
    broken = false;
    equal((await there.sync()).created.map(({ title }) => title), ["bad"]);
    equal([(await there.sync()).ok, await ids(there)], [true, ["bad", "good"]]);
  },

  async what_is_hidden_here_stays_in_later_snapshots(context) {
    const { open } = await devices(context);
    const hooks = { "incoming-changes": [(payload) => ({ ...payload, changes: payload.changes.filter(({ id }) => id !== "unwanted").map((change) => ({ ...change, seen: true })) })] };
    const [here, there, hooked] = [open(), open(), open({ hooks })];
    for (const id of ["kept", "hidden", "unwanted"]) await there.create({ id, title: id }, USE);
    await there.sync();
    await here.sync();
    await hooked.sync();
    await here.delete("hidden", { virtual: false });
    equal([await ids(here), await ids(hooked)], [["kept", "unwanted"], ["hidden", "kept"]]);
    await untilSnapshot(here, "edited");
    for (const collection of [there, hooked, here]) equal((await collection.sync()).ok, true);
    await untilSnapshot(hooked, "edited");
    for (const collection of [there, here, hooked]) equal((await collection.sync()).ok, true);
    const fresh = open();
    equal((await fresh.sync()).ok, true);
    const whole = ["edited", "hidden", "kept", "unwanted"];
    equal([await ids(there), await ids(fresh), await ids(here), await ids(hooked)], [whole, whole, ["edited", "kept", "unwanted"], ["edited", "hidden", "kept"]]);
    equal((await fresh.list()).data.filter((record) => "seen" in record && record.id !== "edited"), []);
    const heads = await Promise.all([there, fresh, here, hooked].map((collection) => collection.head()));
    for (const head of heads) equal(head, heads[0]);
  },

  async what_one_execute_wrote_is_never_seen_half(context) {
    const { open } = await devices(context);
    const [here, there, third] = [open(), open(), open()];
    let halves = 0;
    let looks = 0;
    const look = async () => {
      await there.sync({ strategy: "server_wins" });
      const { data } = await there.list();
      const byPair = Map.groupBy ? Map.groupBy(data, ({ pair }) => pair) : data.reduce((map, record) => map.set(record.pair, [...(map.get(record.pair) ?? []), record]), new Map());
      for (const [pair, records] of byPair) if (pair !== undefined && (records.length !== 3 || new Set(records.map(({ n }) => n)).size !== 1)) halves += 1;
      looks += 1;
    };
    for (let n = 0; n < 12; n += 1) {
      const write = (pair, text) => here.execute((txn) => { for (const part of ["x", "y", "z"]) txn.upsert({ id: `${pair}-${part}`, pair, n, text: text.repeat(30_000) }); });
      // Together more than one page can hold. It is synced while the other devices sync.
      await Promise.all([write("p", "a"), write("q", "b"), write("r", "c")]);
      await third.create({ n });
      await Promise.all([here.sync(), third.sync({ strategy: "server_wins" }), look()]);
      await look();
    }
    equal([halves, looks], [0, 24]);
    await here.sync();
    await look();
    equal((await there.list()).data.filter(({ pair }) => pair).map(({ n }) => n), Array(9).fill(11));
  },
};
