// What is emitted, when, and with what.

import { equal, ok, rejects } from "./expect.mjs";

const EVENTS = ["create", "update", "delete", "deleteAll", "change"];

/** Everything that is emitted from now on, as `[event, payload]`. */
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

/** An emitter that lets listeners' errors through, as most do. */
function throwingEmitter() {
  const listeners = [];
  return {
    on: (event, listener) => void listeners.push([event, listener]),
    off: () => {},
    emit: (event, payload) => listeners.filter(([name]) => name === event).forEach(([, listener]) => listener(payload)),
  };
}
