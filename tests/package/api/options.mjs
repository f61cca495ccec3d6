// Options, and other functions that are synchronous in Kinto.js.

import { equal, ok, rejects, throws } from "./expect.mjs";

const invalid = (message) => ({ code: "invalid_option", message });

export const options = {
  async a_kinto_has_the_defaults_of_kinto_js({ essaim }) {
    const kinto = new essaim.Kinto();
    ok(essaim.default === essaim.Kinto);
    equal(kinto.api.remote, "http://localhost:8888/v1");
    equal([kinto.bucket, kinto.collection("tasks").bucket, kinto.collection("tasks", { bucket: "b" }).bucket], ["default", "default", "b"]);
    equal(essaim.Kinto.syncStrategy, { CLIENT_WINS: "client_wins", SERVER_WINS: "server_wins", PULL_ONLY: "pull_only", MANUAL: "manual" });
    const tasks = kinto.collection("tasks");
    equal([tasks.name, tasks.lastModified, tasks.persistent, tasks.localFields, tasks.hooks, tasks.remoteTransformers], ["tasks", null, undefined, [], {}, []]);
    ok(tasks.kinto === kinto && tasks.api === kinto.api && tasks.events === kinto.events && kinto.collection("tasks") !== tasks);
    equal(tasks.constructor.strategy, essaim.Kinto.syncStrategy);
  },

  async a_remote_must_contain_its_version_where_it_is_needed({ essaim, name, storage }) {
    const kinto = new essaim.Kinto({ ...storage, remote: "http://localhost/" });
    const tasks = kinto.collection(name);
    await tasks.create({});
    const refused = invalid("The remote URL must contain the version: http://localhost/");
    throws(() => kinto.api, refused);
    await rejects(tasks.sync(), refused);
    equal((await tasks.list()).data.length, 1);
    const good = new essaim.Kinto({ remote: "http://localhost/v1/" });
    equal(good.api.remote, "http://localhost/v1");
    throws(() => (good.api.remote = "http://localhost"), invalid("The remote URL must contain the version: http://localhost"));
    throws(() => (good.api.remote = "http://localhost/v2"), invalid("Unsupported protocol version: v2"));
    good.api.remote = "http://elsewhere/v1";
    equal([good.api.remote, good.api.backoff], ["http://elsewhere/v1", 0]);
  },

  async a_remote_that_no_request_can_go_to_is_refused({ essaim, name, storage }) {
    const tasks = (remote) => new essaim.Kinto({ ...storage, remote }).collection(name);
    await rejects(tasks("ftp://localhost/v1").sync(), { code: "invalid_option", message: /https:/ });
    await rejects(tasks("http://me:secret@localhost/v1").sync(), { code: "invalid_option", message: /password/ });
    await rejects(tasks("http://localhost/v1").sync({ remote: "http://other" }), invalid("The remote URL must contain the version: http://other"));
    await rejects(tasks("http://localhost/v1").sync({ strategy: "mine" }), { code: "invalid_option", message: /Unknown strategy "mine"/ });
    await rejects(tasks("http://localhost/v1").sync({ headers: { "a b": "secret" } }), { code: "invalid_option", message: /^(?!.*secret)/ });
  },

  async bad_options_are_refused_at_once({ essaim }) {
    const { Kinto } = essaim;
    for (const bad of [{ timeout: -1 }, { timeout: "5" }, { retry: -1 }, { bucket: "" }, { bucket: 1 }, { durability: "maybe" }, { requestMode: "navigate" }, { events: {} }, { events: 1 }, { headers: { "a b": "c" } }]) {
      throws(() => new Kinto(bad), { code: "invalid_option" });
    }
    throws(() => new Kinto().collection(), invalid("missing collection name"));
    throws(() => new Kinto().collection(""), invalid("missing collection name"));
    // Two names that differ only in a lone surrogate would be the same collection.
    for (const half of ["\ud83d", "tasks\udc1d"]) {
      throws(() => new Kinto().collection(half), { code: "invalid_option" });
      throws(() => new Kinto({ bucket: half }).collection("tasks"), { code: "invalid_option" });
    }
    equal(new Kinto().collection("\ud83d\udc1d").name, "\ud83d\udc1d");
    throws(() => new Kinto({ adapter: () => {} }).collection("a"), { code: "invalid_option", message: /^Unsupported adapter\./ });
    throws(() => new Kinto({ adapterOptions: { dbName: "" } }).collection("a"), { code: "invalid_option" });
  },

  async what_is_null_is_not_given({ essaim, storage, name }) {
    const kinto = new essaim.Kinto({ ...storage, events: null, retry: null, headers: null, timeout: 0 });
    const tasks = kinto.collection(name, { hooks: null, localFields: null, events: null });
    equal([tasks.hooks, tasks.localFields], [{}, []]);
    ok(tasks.events === kinto.events && kinto.events instanceof essaim.Events);
    await tasks.create({ id: "a" }, { useRecordId: true });
    equal((await tasks.list(null)).data.length, 1);
    kinto.close();
  },

  async bad_collection_options_are_refused_in_the_words_of_kinto_js({ kinto }) {
    const refuses = (options, message) => throws(() => kinto.collection("a", options), invalid(message));
    const f = () => {};
    refuses({ idSchema: 1 }, "idSchema must be an object.");
    refuses({ idSchema: {} }, "idSchema must provide a generate function.");
    refuses({ idSchema: { generate: f } }, "idSchema must provide a validate function.");
    refuses({ remoteTransformers: {} }, "remoteTransformers should be an array.");
    refuses({ remoteTransformers: [f] }, "A transformer must be an object.");
    refuses({ remoteTransformers: [{ decode: f }] }, "A transformer must provide an encode function.");
    refuses({ remoteTransformers: [{ encode: f }] }, "A transformer must provide a decode function.");
    refuses({ hooks: [] }, "hooks should be an object, not an array.");
    refuses({ hooks: 1 }, "hooks should be an object.");
    refuses({ hooks: { invalid: [f] } }, "The hook should be one of incoming-changes");
    refuses({ hooks: { "incoming-changes": f } }, "A hook definition should be an array of functions.");
    refuses({ hooks: { "incoming-changes": [1] } }, "A hook definition should be an array of functions.");
  },

  async a_key_value_schema_takes_any_id_and_makes_none({ essaim, kinto, name }) {
    const settings = kinto.collection(name, { idSchema: essaim.createKeyValueStoreIdSchema() });
    await settings.upsert({ id: "any text, even this", value: 1 });
    equal((await settings.get("any text, even this")).data.value, 1);
    throws(() => settings.create({ value: 2 }), { message: "createKeyValueStoreIdSchema() does not generate an id" });
  },

  async records_are_compared_without_their_bookkeeping({ essaim }) {
    const { recordsEqual, getDeepKey } = essaim;
    ok(recordsEqual({ id: "1", a: { b: [1] }, _status: "created" }, { a: { b: [1] }, id: "1", last_modified: 3 }));
    ok(!recordsEqual({ id: "1", a: 1 }, { id: "1", a: 2 }));
    ok(!recordsEqual({ id: "1", a: [1, 2] }, { id: "1", a: [2, 1] }));
    ok(recordsEqual({ id: "1", open: true }, { id: "1" }, ["open"]));
    equal([getDeepKey({ a: { b: 1 } }, "a.b"), getDeepKey({ a: null }, "a.b.c")], [1, undefined]);
  },

  async errors_are_told_by_their_code_even_in_two_copies_of_the_package({ essaim, secondCopy, tasks }) {
    const { KintoError, ServerWasFlushedError } = essaim;
    const error = await rejects(tasks.get("nowhere"), { code: "not_found" });
    ok(error instanceof KintoError && error instanceof Error);
    equal([error.name, error.data, KintoError.is(error), KintoError.is(error, "not_found"), KintoError.is(error, "network")], ["KintoError", { id: "nowhere" }, true, true, false]);
    equal([KintoError.is(new Error("x")), KintoError.is(null), KintoError.is("not_found")], [false, false, false]);
    const flushed = new ServerWasFlushedError(1, 2, "…");
    equal([flushed.name, flushed.code, flushed.message, flushed.clientTimestamp, flushed.serverTimestamp], ["ServerWasFlushedError", "server_flushed", "…", 1, 2]);
    ok(!(error instanceof secondCopy.KintoError) && secondCopy.KintoError.is(error, "not_found"));
  },

  async a_sync_result_keeps_the_last_entry_of_each_id({ essaim }) {
    const result = new essaim.SyncResultObject();
    equal([result.ok, result.lastModified, result.created], [true, null, []]);
    result.add("created", [{ id: "a", n: 1 }, { n: 0 }]).add("created", { id: "b" }).add("created", { id: "a", n: 2 });
    equal(result.created, [{ id: "a", n: 2 }, { id: "b" }, { n: 0 }]);
    result.add("conflicts", { type: "incoming" }).add("conflicts", { type: "incoming" });
    equal([result.conflicts.length, result.ok, result.reset("conflicts").ok], [2, false, true]);
    equal([result.add("errors", { message: "x" }).ok, JSON.parse(JSON.stringify(result)).errors], [false, [{ message: "x" }]]);
    const silent = console.warn;
    const warned = [];
    console.warn = (text) => warned.push(text);
    result.add("nonsense", 1);
    console.warn = silent;
    equal(warned, ['Unknown type "nonsense"']);
  },

  async a_closed_kinto_refuses_every_call({ essaim, name, storage }) {
    const kinto = new essaim.Kinto(storage);
    const tasks = kinto.collection(name);
    await tasks.create({});
    kinto.close();
    kinto.close();
    await rejects(tasks.create({}), { code: "closed" });
    await rejects(tasks.list(), { code: "closed" });
    await rejects(kinto.collection("other").list(), { code: "closed" });
    equal((await new essaim.Kinto(storage).collection(name).list()).data.length, storage.adapter === "memory" ? 0 : 1);
  },

  async all_handles_of_a_collection_show_the_same({ kinto, name }) {
    const [one, two] = [kinto.collection(name), kinto.collection(name)];
    const { data } = await one.create({ n: 1 });
    equal((await two.list()).data, [data]);
  },
};
