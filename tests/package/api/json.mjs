// Records are stored as JSON: which values are converted, and which are refused.

import { equal, ok, rejects } from "./expect.mjs";

const refused = (path) => ({ code: "invalid_record", data: { path } });

export const json = {
  async undefined_is_dropped_and_to_json_is_honoured_at_once({ tasks }) {
    class Money {
      constructor(cents) { this.cents = cents; }
      toJSON() { return `${this.cents} ct`; }
    }
    const { data } = await tasks.create({ gone: undefined, at: new Date(0), price: new Money(5), list: [undefined] });
    equal(data, { id: data.id, at: "1970-01-01T00:00:00.000Z", price: "5 ct", list: [null], _status: "created" });
    ok(!("gone" in data));
    equal((await tasks.get(data.id)).data, data);
  },

  async a_record_with_a_to_json_of_its_own_is_what_that_gives({ tasks }) {
    class Task {
      constructor(title) { this.title = title; this.cache = new Map(); }
      toJSON() { return { title: this.title }; }
    }
    const { data } = await tasks.create(new Task("bread"));
    equal(data, { id: data.id, title: "bread", _status: "created" });
  },

  async what_json_would_lose_is_refused_with_its_path({ tasks }) {
    await rejects(tasks.create({ n: NaN }), { ...refused("n"), message: /^n is NaN, which JSON cannot hold/ });
    await rejects(tasks.create({ a: { b: [1, 2, Infinity] } }), refused("a.b[2]"));
    await rejects(tasks.create({ "a b": { c: -Infinity } }), refused('["a b"].c'));
    await rejects(tasks.create({ n: 1n }), refused("n"));
    await rejects(tasks.create({ f() {} }), refused("f"));
    await rejects(tasks.create({ s: Symbol("s") }), refused("s"));
    for (const value of [new Map(), new Set(), new Blob([]), new Uint8Array(1), new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), /x/, Promise.resolve()]) {
      await rejects(tasks.create({ a: [{ value }] }), refused("a[0].value"));
    }
    equal((await tasks.list()).data, []);
  },

  async every_way_in_refuses_it({ tasks }) {
    await tasks.create({ id: "a", n: 1 }, { useRecordId: true });
    await rejects(tasks.update({ id: "a", n: NaN }), refused("n"));
    await rejects(tasks.update({ id: "a", n: NaN }, { patch: true }), refused("n"));
    await rejects(tasks.upsert({ id: "a", n: NaN }), refused("n"));
    await rejects(tasks.importBulk([{ id: "b", last_modified: 1 }, { id: "a", last_modified: 9, n: NaN }]), refused("[1].n"));
    await rejects(tasks.execute((txn) => txn.upsert({ id: "a", n: NaN })), refused("n"));
    equal((await tasks.list()).data, [{ id: "a", n: 1, _status: "created" }]);
  },

  async a_cycle_is_refused_and_a_shared_part_is_not({ tasks }) {
    const loop = { a: {} };
    loop.a.back = loop;
    await rejects(tasks.create({ loop }), refused("loop.a.back"));
    const part = { n: 1 };
    const { data } = await tasks.create({ x: part, y: [part, part] });
    equal(data.y, [{ n: 1 }, { n: 1 }]);
  },

  async deep_records_come_back_unchanged({ tasks }) {
    let deep = "bottom";
    for (let i = 0; i < 300; i += 1) deep = i % 2 ? [deep] : { deep };
    const { data } = await tasks.create({ deep });
    equal((await tasks.get(data.id)).data.deep, deep);
  },

  async what_javascript_can_say_comes_back_unchanged({ tasks }) {
    const odd = {
      "": "empty name", "a.b": 1, __proto__x: 1, lone: "\ud800", emoji: "🐝", nul: "\u0000", quote: '"\\', long: "x".repeat(100_000),
      numbers: [0.1, 1e300, 5e-324, 2 ** 53 + 2, -1.5, 1e21, 123456789012345680000], nested: { null: null, true: true, empty: {}, list: [[]] },
    };
    const { data } = await tasks.create(odd);
    equal(data, { ...odd, id: data.id, _status: "created" });
    equal((await tasks.get(data.id)).data, data);
    for (let i = 0; i < 200; i += 1) odd.numbers[i] = Math.random() * 10 ** (i % 40 - 20);
    equal((await tasks.update({ ...odd, id: data.id })).data.numbers, odd.numbers);
  },
};
