// The database on the device: writes, transactions, queries, events.

import { Emitter, outcome, replaced } from "../world.js";

const withId = { useRecordId: true };

export const local = [
  {
    number: 9,
    title: "a deleted record cannot be updated",
    story: "A synced record is deleted here, then updated.",
    async run(world) {
      const tasks = await world.openWithRecord();
      await tasks.delete("r");
      const told = await tasks.update({ id: "r", title: "again" }).then(() => "accepted", (error) => error.message);
      return { "update()": told, "status": (await tasks.getAny("r")).data._status };
    },
    right: { "update()": "Record with id=r not found.", "status": "deleted" },
    fault: { "update()": "accepted", "status": "updated" },
  },
  {
    number: 10,
    title: "a transaction reads what it wrote, and knows records that were not preloaded",
    story: "A transaction upserts a synced record that it did not preload. Another one updates a record and reads it.",
    async run(world) {
      const tasks = await world.openWithRecord();
      await tasks.execute((txn) => txn.upsert({ id: "r", title: "mine" }));
      const { _status, last_modified } = (await tasks.get("r")).data;
      const read = await tasks.execute(
        (txn) => {
          txn.update({ id: "r", title: "newer" });
          return txn.get("r").data.title;
        },
        { preloadIds: ["r"] },
      );
      return { "status after the upsert": _status, "its version": last_modified ? "kept" : "lost", "read after a write": read };
    },
    right: { "status after the upsert": "updated", "its version": "kept", "read after a write": "newer" },
    fault: { "status after the upsert": "created", "its version": "lost", "read after a write": "mine" },
  },
  {
    number: 12,
    title: "events tell of what is stored, and a listener that throws undoes nothing",
    story: "A record is made twice with one id. Then another is made while a listener throws.",
    async run(world) {
      const events = new Emitter();
      const tasks = world.open({}, { events });
      const told = [];
      events.on("create", ({ data }) => told.push(data.id));
      await tasks.create({ id: "a", title: "a" }, withId);
      await tasks.create({ id: "a", title: "again" }, withId).catch(() => {});
      events.on("create", () => { throw new Error("a listener's own fault"); });
      await tasks.create({ id: "b", title: "b" }, withId).catch(() => {});
      return { "events for “a”": told.filter((id) => id === "a").length, "“b”": (await tasks.getAny("b")).data ? "stored" : "lost" };
    },
    right: { "events for “a”": 1, "“b”": "stored" },
    fault: { "events for “a”": 2, "“b”": "lost" },
  },
  {
    number: 17,
    title: "filters: null, nested fields that some records lack, and undefined are all answered",
    story: "Four records are filtered by null; by a nested field that one of them lacks; by that and _status; and by nothing.",
    async run(world) {
      const tasks = world.open();
      const records = [{ id: "a", n: null, deep: { x: 1 } }, { id: "b", n: 1, deep: { x: 2 } }, { id: "c" }, { id: "d", n: null, deep: { x: 1 } }];
      for (const record of records) await tasks.create(record, withId);
      const found = (filters) => tasks.list({ filters, order: "id" }).then(({ data }) => data.map(({ id }) => id).join(" "), (error) => error.name);
      return {
        "{ n: null }": await found({ n: null }),
        "{ \"deep.x\": 1 }": await found({ "deep.x": 1 }),
        "{ _status: \"created\", \"deep.x\": 1 }": await found({ _status: "created", "deep.x": 1 }),
        "undefined": await found(undefined),
      };
    },
    right: { "{ n: null }": "a d", "{ \"deep.x\": 1 }": "a d", "{ _status: \"created\", \"deep.x\": 1 }": "a d", "undefined": "a b c d" },
    fault: { "{ n: null }": "AbortError", "{ \"deep.x\": 1 }": "AbortError", "{ _status: \"created\", \"deep.x\": 1 }": "", "undefined": "TypeError" },
  },
  {
    number: 18,
    title: "numbers are numbers: as ids, and in filters by any of several",
    story: "Records with the ids 2 and 10 are filtered by both, and preloaded by both.",
    async run(world) {
      const tasks = world.open({ idSchema: { generate: () => 0, validate: Number.isInteger } });
      for (const id of [2, 10]) await tasks.create({ id, last_modified: id }, { synced: true });
      const found = (filters) => tasks.list({ filters, order: "id" }).then(({ data }) => data.map(({ id }) => id), (error) => error.name);
      const preloaded = tasks.execute((txn) => [2, 10].map((id) => txn.get(id).data.id), { preloadIds: [2, 10] });
      return { "{ id: [2, 10] }": await found({ id: [2, 10] }), "{ last_modified: [2, 10] }": await found({ last_modified: [2, 10] }), "execute()": await preloaded.catch((error) => error.name) };
    },
    right: { "{ id: [2, 10] }": [2, 10], "{ last_modified: [2, 10] }": [2, 10], "execute()": [2, 10] },
    fault: { "{ id: [2, 10] }": "DataError", "{ last_modified: [2, 10] }": "DataError", "execute()": "DataError" },
  },
  {
    number: 19,
    title: "importBulk takes as many records as there are",
    story: "130,000 records are imported at once.",
    slow: true,
    async run(world) {
      const tasks = world.open();
      const records = Array.from({ length: 130_000 }, (_, n) => ({ id: `r${n}`, last_modified: n + 1 }));
      const told = await tasks.importBulk(records).then(({ length }) => length, (error) => error.name);
      return { "importBulk": told, "the last one": (await tasks.getAny("r129999")).data ? "here" : "missing" };
    },
    right: { "importBulk": 130_000, "the last one": "here" },
    fault: { "importBulk": "RangeError", "the last one": "here" },
  },
  {
    number: 25,
    title: "reading waits for nobody, asks for no lock and writes nothing on the console",
    story: "A record is read ten times, and one that is not there. Then it is read while another collection is being filled.",
    async run(world) {
      const tasks = world.open();
      const others = tasks.kinto.collection("others");
      await tasks.create({ id: "a" }, withId);
      await others.list();
      let locks = 0;
      let locked = () => {};
      const watching = (transaction) => function (stores, mode, ...rest) {
        const begun = transaction.call(this, stores, mode, ...rest);
        if (mode === "readwrite") locked(begun, (locks += 1));
        return begun;
      };
      return replaced(IDBDatabase.prototype, "transaction", watching, async () => {
        let errors = 0;
        await replaced(console, "error", () => () => (errors += 1), async () => {
          for (let n = 0; n < 10; n += 1) await tasks.get("a");
          await outcome(tasks.get("missing"));
        });
        const seen = { "write locks": locks, "errors on the console": errors };
        const ended = [];
        const filling = new Promise((resolve) => (locked = resolve));
        // Listens to the IndexedDB transaction directly. The library resolves its promise later.
        filling.then((write) => write.addEventListener("complete", () => ended.push("the other's write")));
        const filled = others.importBulk(Array.from({ length: 2_000 }, (_, n) => ({ id: `o${n}`, last_modified: n + 1 })));
        await filling;
        await Promise.all([tasks.get("a").then(() => ended.push("the read")), filled]);
        return { ...seen, "ends first": ended[0] };
      });
    },
    right: { "write locks": 0, "errors on the console": 0, "ends first": "the read" },
    fault: { "write locks": 11, "errors on the console": 1, "ends first": "the other's write" },
  },
];
