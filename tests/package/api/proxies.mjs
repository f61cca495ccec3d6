// Frameworks wrap the objects of an app in proxies, and also all values that are read through these. Everything must work through proxies.

import { equal, ok } from "./expect.mjs";

const WRAPPED = ["Object", "Array", "Map", "Set", "WeakMap", "WeakSet"];

/** Returns a function like Vue's `reactive()`: it wraps plain objects, instances of classes, and collections, and also the values read from them. */
function reactive() {
  const proxies = new WeakMap();
  const wrap = (value) => {
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (typeof value !== "object" || value === null || !WRAPPED.includes(kind) || !Object.isExtensible(value)) return value;
    if (!proxies.has(value)) proxies.set(value, new Proxy(value, { get: (target, key, proxy) => read(target, key, proxy, kind) }));
    return proxies.get(value);
  };
  const read = (target, key, proxy, kind) => {
    const fixed = Object.getOwnPropertyDescriptor(target, key);
    if (kind !== "Object" && kind !== "Array") {
      const member = Reflect.get(target, key);
      return typeof member === "function" ? member.bind(target) : member;
    }
    const value = Reflect.get(target, key, proxy);
    return fixed && !fixed.configurable && !fixed.writable ? value : wrap(value);
  };
  return wrap;
}

export const proxies = {
  async collections_and_transactions_work_behind_proxies({ device, essaim }) {
    const wrap = reactive();
    for (const options of [{}, { key: await essaim.makeKey() }]) {
      const kinto = wrap(device());
      const changes = [];
      const listener = ({ targets }) => changes.push(targets.length);
      kinto.events.on("change", listener);
      const tasks = wrap(kinto.collection("tasks", options));
      const { data } = wrap(await tasks.create({ title: "a" }));
      await tasks.update({ ...data, title: "b" });
      await tasks.execute((txn) => {
        const wrapped = wrap(txn);
        wrapped.create({ id: "y", title: "y" });
        wrapped.deleteAny(wrapped.get("y").data.id);
        wrapped.upsert({ id: "z", title: "z" });
      });
      await tasks.db.execute((proxy) => wrap(proxy).get("z"));
      kinto.events.off("change", listener);
      await tasks.delete("z");
      equal((await tasks.list()).data.map(({ title }) => title), ["b"]);
      equal([changes.length, tasks.persistent === undefined, tasks.lastModified], [3, false, null]);
      await kinto.close();
    }
  },

  async syncs_their_results_and_the_http_client_work_behind_proxies({ device }) {
    const wrap = reactive();
    const [here, there] = [wrap(device()), wrap(device())];
    await here.collection("tasks").create({ title: "a" });
    const result = wrap(await here.collection("tasks").sync());
    equal([result.ok, result.published.length, wrap(result.toObject()).conflicts], [true, 1, []]);
    ok(result.add("skipped", { id: "x" }).skipped.length === 1 && result.reset("skipped").skipped.length === 0);
    const remote = wrap(here.api).bucket("default").collection("tasks");
    equal((await remote.listRecords()).data.map(({ title }) => title), ["a"]);
    await remote.batch((batch) => wrap(batch).createRecord({ id: "b", title: "b" }));
    // A stepwise sync, as for an app that replaces a step.
    const tasks = wrap(there.collection("tasks"));
    const { pullChanges } = tasks;
    tasks.pullChanges = (...given) => pullChanges.apply(tasks, given);
    equal((await tasks.sync()).ok, true);
    equal((await tasks.list({ order: "title" })).data.map(({ title }) => title), ["a", "b"]);
  },

  async credentials_are_not_among_what_a_proxy_shows({ device }) {
    const api = reactive()(device().api);
    api.setHeaders({ Authorization: "Basic c2VjcmV0LXRva2VuLW9mLXRoaXMtdGVzdA==" });
    ok(!JSON.stringify([api, api.bucket("a"), api.bucket("a").collection("b")]).includes("c2VjcmV0"));
  },
};
