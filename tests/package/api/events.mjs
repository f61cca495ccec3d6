// Events: which are emitted, when, and with what payload.

import { equal, ok, rejects } from "./expect.mjs";

const EVENTS = ["create", "update", "delete", "deleteAll", "change"];

const USE = { useRecordId: true };

/** Returns a map of the collection's records that is kept up to date only by `change` events. */
function keepView(emitter) {
  const view = new Map();
  emitter.on("change", ({ targets }) => {
    for (const { action, data } of targets) {
      if (action === "delete") view.delete(data.id);
      else if (action !== "deleteAll") view.set(data.id, data);
    }
  });
  return view;
}

async function isTheDatabase(view, tasks) {
  equal([...view.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), (await tasks.list({ order: "id" })).data, "view");
}

/** Returns an array to which every event from now on is added, as `[event, payload]`. */
function recorded(emitter, events = EVENTS) {
  const log = [];
  for (const event of events) emitter.on(event, (payload) => log.push([event, payload]));
  return log;
}

export const events = {
  async each_write_emits_its_event_then_change_before_it_resolves({ kinto, tasks }) {
    const log = recorded(kinto.events);
    const { data } = await tasks.create({ title: "bread" });
    equal(log.splice(0), [["create", { data }], ["change", { targets: [{ action: "create", data }] }]]);
    const { data: updated, oldRecord } = await tasks.update({ ...data, title: "milk" });
    equal(log.splice(0), [["update", { data: updated, oldRecord }], ["change", { targets: [{ action: "update", data: updated, oldRecord }] }]]);
    await tasks.upsert({ id: "a" });
    await tasks.upsert({ id: "a", n: 1 });
    equal(log.splice(0).map(([event]) => event), ["create", "change", "update", "change"]);
    const { data: deleted } = await tasks.delete(data.id);
    equal(log.splice(0), [["delete", { data: deleted }], ["change", { targets: [{ action: "delete", data: deleted }] }]]);
    await tasks.deleteAny("nowhere");
    equal(log, []);
  },

  async delete_all_emits_a_delete_for_each_record_and_one_for_all({ kinto, tasks }) {
    await tasks.importBulk([{ id: "a", last_modified: 1 }, { id: "b", last_modified: 2 }]);
    const log = recorded(kinto.events);
    const { data } = await tasks.deleteAll();
    equal(log.map(([event]) => event), ["delete", "delete", "deleteAll", "change"]);
    equal(log[2][1], { data });
    equal(log[3][1].targets.map(({ action }) => action), ["delete", "delete", "deleteAll"]);
  },

  async events_come_in_the_order_of_the_commits_whatever_the_calls_are({ kinto, tasks }) {
    const [log, view] = [recorded(kinto.events), keepView(kinto.events)];
    await Promise.all([
      tasks.create({ id: "a", x: 1 }, USE), tasks.update({ id: "a", x: 2 }), tasks.upsert({ id: "a", x: 3 }),
      tasks.create({ id: "b" }, USE), tasks.delete("b"),
      tasks.upsert({ id: "c", x: 1 }), tasks.deleteAny("c"), tasks.create({ id: "d", x: 1 }, USE),
      tasks.execute((txn) => { txn.update({ id: "d", x: 2 }); txn.create({ id: "e", x: 1 }); }),
      tasks.update({ id: "e", x: 2 }, { patch: true }), tasks.update({ id: "d", x: 3 }),
      tasks.create({ id: "a" }, USE).catch(() => {}),
    ]);
    const told = log.filter(([event]) => event !== "change").map(([event, { data }]) => `${event} ${data.id}`);
    equal(told, ["create a", "update a", "update a", "create b", "delete b", "create c", "delete c", "create d", "update d", "create e", "update e", "update d"]);
    await isTheDatabase(view, tasks);
    await Promise.all([tasks.create({ id: "f" }, USE), tasks.deleteAll(), tasks.create({ id: "g" }, USE)]);
    await isTheDatabase(view, tasks);
  },

  async events_come_before_the_promise_of_their_call_resolves({ kinto, tasks }) {
    const order = [];
    kinto.events.on("change", ({ targets: [{ action }] }) => order.push(action));
    await Promise.all([
      tasks.create({ id: "a" }, USE).then(() => order.push("created")),
      tasks.update({ id: "a", x: 1 }).then(() => order.push("updated")),
      tasks.delete("a").then(() => order.push("deleted")),
    ]);
    equal(order.slice(0, 3), ["create", "update", "delete"]);
    equal(order.slice(3).sort(), ["created", "deleted", "updated"]);
  },

  async a_listener_may_call_the_collection_and_what_it_does_comes_after({ kinto, tasks }) {
    const [log, view] = [recorded(kinto.events, ["create", "update"]), keepView(kinto.events)];
    const calls = [];
    kinto.events.on("create", ({ data }) => calls.push(tasks.update({ ...data, seen: true }), tasks.list()));
    await Promise.all([tasks.create({ id: "a" }, USE), tasks.create({ id: "b" }, USE)]);
    await Promise.all(calls);
    equal(log.map(([event, { data }]) => `${event} ${data.id}`), ["create a", "create b", "update a", "update b"]);
    await isTheDatabase(view, tasks);
  },

  async handles_of_one_collection_have_one_sequence({ kinto, tasks, name }) {
    const [other, view] = [kinto.collection(name), keepView(kinto.events)];
    await Promise.all([tasks, other].map((handle) => handle.list()));
    await Promise.all([tasks.create({ id: "a", x: 1 }, USE), other.update({ id: "a", x: 2 }), tasks.update({ id: "a", x: 3 }), other.upsert({ id: "a", x: 4 })]);
    equal((await tasks.get("a")).data.x, 4);
    await isTheDatabase(view, tasks);
  },

  async what_another_object_of_the_page_does_is_told_as_elsewhere({ kinto, tasks, device, name, adapter, storage }) {
    if (adapter === "memory") return; // each Kinto has its own memory
    const other = device({ adapterOptions: storage.used }).collection(name);
    await Promise.all([tasks, other].map((handle) => handle.list()));
    const [log, view] = [recorded(kinto.events), keepView(kinto.events)];
    await other.create({ id: "a", x: 1 }, USE);
    await other.create({ id: "b", x: 1 }, USE);
    await tasks.update({ id: "a", x: 2 });
    await other.update({ id: "a", x: 3 });
    await other.delete("b");
    await other.importBulk([{ id: "c", last_modified: 5 }]);
    for (let waited = 0; view.size !== 2 || view.get("a").x !== 3; waited += 5) {
      ok(waited < 2_000, JSON.stringify([...view]));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await isTheDatabase(view, tasks);
    equal(log.filter(([event, { origin }]) => event === "change" && !origin).map(([, { targets: [{ action, data }] }]) => [action, data.x]), [["update", 2]]);
    equal(log.filter(([event]) => event !== "change").map(([event]) => event), ["update"]);
    await other.clear();
    await tasks.list();
    equal([...view], []);
  },

  async a_transaction_emits_once_it_is_stored({ kinto, tasks }) {
    const log = recorded(kinto.events);
    await tasks.execute((txn) => {
      txn.create({ id: "a" });
      txn.delete("a");
      equal(log, [], "events inside the transaction");
    });
    equal(log.map(([event]) => event), ["create", "delete", "change"]);
    equal(log[2][1].targets.length, 2);
  },

  async what_is_not_stored_emits_nothing({ kinto, tasks }) {
    await tasks.create({ id: "a" }, { useRecordId: true });
    const log = recorded(kinto.events);
    await rejects(tasks.create({ id: "a" }, { useRecordId: true }), { code: "already_exists" });
    await rejects(tasks.execute((txn) => { txn.create({ id: "b" }); throw new Error("no"); }), { message: "no" });
    equal(log, []);
  },

  async reads_imports_and_clear_emit_nothing({ kinto, tasks }) {
    const log = recorded(kinto.events);
    await tasks.importBulk([{ id: "a", last_modified: 1 }]);
    await tasks.get("a");
    await tasks.list();
    await tasks.execute((txn) => txn.get("a"));
    await tasks.clear();
    equal(log, []);
  },

  async a_listener_that_throws_changes_nothing({ essaim, name, storage }) {
    const heard = [];
    const silent = console.error;
    console.error = () => {};
    try {
      for (const emitter of [new essaim.Events(), throwingEmitter()]) {
        const tasks = new essaim.Kinto({ ...storage, events: emitter }).collection(name);
        emitter.on("create", () => { throw new Error("a listener's own business"); });
        emitter.on("change", () => heard.push("change"));
        const { data } = await tasks.create({ n: 1 });
        equal((await tasks.get(data.id)).data, data);
      }
    } finally {
      console.error = silent;
    }
    equal(heard, ["change", "change"]);
  },

  async an_emitter_of_the_app_is_used_and_a_collection_may_have_its_own({ essaim, name, storage }) {
    const [shared, own] = [new essaim.Events(), new essaim.Events()];
    const kinto = new essaim.Kinto({ ...storage, events: shared });
    ok(kinto.events === shared);
    const log = recorded(shared);
    const ownLog = recorded(own);
    await kinto.collection(name, { events: own }).create({});
    equal([log.length, ownLog.length], [0, 2]);
    await kinto.collection(name).create({});
    equal([log.length, ownLog.length], [2, 2]);
  },

  async off_stops_a_listener({ kinto, tasks }) {
    let heard = 0;
    const listener = () => (heard += 1);
    kinto.events.on("create", listener);
    await tasks.create({});
    kinto.events.off("create", listener);
    await tasks.create({});
    equal(heard, 1);
  },
};

/** Returns an emitter whose `emit` throws the errors of listeners, as most emitters do. */
function throwingEmitter() {
  const listeners = [];
  return {
    on: (event, listener) => void listeners.push([event, listener]),
    off: () => {},
    emit: (event, payload) => listeners.filter(([name]) => name === event).forEach(([, listener]) => listener(payload)),
  };
}
