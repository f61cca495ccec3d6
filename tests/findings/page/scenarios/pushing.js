// Pushing: what happens to changes on their way to the server.

import { refusal } from "../network.js";

const withId = { useRecordId: true };

export const pushing = [
  {
    number: 1,
    title: "an edit made while a push is in flight is kept, and pushed next",
    story: "A record is edited. While that is on its way to the server it is edited again. Then the device syncs once more.",
    async run(world) {
      const tasks = await world.openWithRecord();
      await tasks.update({ id: "r", title: "first" });
      world.network.before("POST /batch", () => tasks.update({ id: "r", title: "second" }));
      await tasks.sync();
      await tasks.sync();
      return { "on the device": (await tasks.get("r")).data.title, "on the server": (await world.server.titles())[0] };
    },
    right: { "on the device": "second", "on the server": "second" },
    fault: { "on the device": "first", "on the server": "first" },
  },
  {
    number: 13,
    title: "a record made and deleted before any push leaves nothing behind",
    story: "A record is made offline and deleted again. Then the device syncs.",
    async run(world) {
      const tasks = world.open();
      await tasks.create({ id: "brief", title: "brief" }, withId);
      await tasks.delete("brief");
      await tasks.sync();
      const { data } = await tasks.list({}, { includeDeleted: true });
      return { "tombstones left": data.length };
    },
    right: { "tombstones left": 0 },
    fault: { "tombstones left": 1 },
  },
  {
    number: 14,
    title: "a record that the server refuses for good costs the next syncs nothing",
    story: "One of two new records has an id that the server does not take. Then the device syncs again.",
    async run(world) {
      const tasks = world.open({ idSchema: { generate: () => "", validate: () => true } });
      await world.server.putAll(["a", "b"]);
      await tasks.create({ id: "not valid!", title: "refused" }, withId);
      await tasks.create({ id: "c", title: "c" }, withId);
      await tasks.sync();
      world.network.requests = [];
      await tasks.sync();
      const listing = world.network.requests.find((request) => request.includes("/records?"));
      return { "on the server": await world.server.titles(), "the next sync asks for": listing.includes("_since=") ? "what is new" : "everything again" };
    },
    right: { "on the server": ["a", "b", "c"], "the next sync asks for": "what is new" },
    fault: { "on the server": ["a", "b", "c"], "the next sync asks for": "everything again" },
  },
  {
    number: 28,
    title: "what the server accepted is known at once, also when a later batch fails",
    story: "More new records than fit in two batches. The server takes the first batch, and fails from the second on.",
    async run(world) {
      const { batch_max_requests: batch } = await world.server.settings();
      const tasks = world.open();
      const count = Math.ceil(2.5 * batch);
      for (let n = 0; n < count; n += 1) await tasks.create({ id: `r${1000 + n}`, title: "new" }, withId);
      let batches = 0;
      world.network.rule("POST /batch", (pass) => ((batches += 1) === 1 ? pass() : refusal(503)));
      await tasks.sync().catch(() => {});
      const known = (await tasks.list({ filters: { _status: "synced" } })).data.length;
      const there = (await world.server.records()).length;
      world.network.behave();
      const result = await tasks.sync();
      return {
        "batches accepted": there / batch,
        "batches known to be there": known / batch,
        "then sent": result.published.length === count - there ? "the rest" : `${result.published.length} of ${count}`,
        "met as already there": result.updated.length / batch,
      };
    },
    right: { "batches accepted": 1, "batches known to be there": 1, "then sent": "the rest", "met as already there": 0 },
    fault: { "batches accepted": 1, "batches known to be there": 0, "then sent": "the rest", "met as already there": 1 },
  },
  {
    number: 30,
    title: "what JSON cannot hold is refused at once, instead of being changed by the first sync",
    story: "A record with a NaN, one with a Map, and one with a Date are stored. Those that could be are synced, changed on the server, and synced again.",
    async run(world) {
      const tasks = world.open();
      const store = (id, value) => tasks.create({ id, value }, withId).then(() => true, () => false);
      const stored = { NaN: await store("nan", NaN), Map: await store("map", new Map([[1, 2]])), Date: await store("date", new Date(0)) };
      const before = await texts(tasks);
      await tasks.sync();
      for (const { id, value } of await world.server.records()) await world.server.put(id, { value, touched: true });
      await tasks.sync();
      const after = await texts(tasks);
      return { "NaN": stored.NaN ? "accepted" : "refused", "Map": stored.Map ? "accepted" : "refused", "stored values that a sync changed": before.filter((text, at) => text !== after[at]).length };
    },
    right: { "NaN": "refused", "Map": "refused", "stored values that a sync changed": 0 },
    fault: { "NaN": "accepted", "Map": "accepted", "stored values that a sync changed": 3 },
  },
];

/** Resolves to the values of the records as texts, with their types. */
async function texts(tasks) {
  const { data } = await tasks.list({ order: "id" });
  return data.map(({ value }) => `${Object.prototype.toString.call(value)} ${value instanceof Map ? value.size : value}`);
}
