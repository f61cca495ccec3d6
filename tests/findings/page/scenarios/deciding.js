// Conflicts, and their resolution by strategies and by users.

import { outcome } from "../world.js";

const withId = { useRecordId: true };
const listed = async (tasks) => (await tasks.list()).data.length;

/** Edits the record `r` here, and calls `change` to change it on the server. */
async function edited(world, change) {
  const tasks = await world.openWithRecord();
  await tasks.update({ id: "r", title: "mine" });
  await change(world.server);
  return tasks;
}

export const deciding = [
  {
    number: 5,
    title: "server_wins against a deletion deletes, and leaves no ghost",
    story: "A record is edited here and deleted on the server. Two syncs with SERVER_WINS.",
    async run(world) {
      const tasks = await edited(world, (server) => server.remove("r"));
      await tasks.sync({ strategy: "server_wins" });
      await tasks.sync({ strategy: "server_wins" });
      return { "records on the server": (await world.server.records()).length, "records listed here": await listed(tasks) };
    },
    right: { "records on the server": 0, "records listed here": 0 },
    fault: { "records on the server": 0, "records listed here": 1 },
  },
  {
    number: 6,
    title: "resolve(conflict, conflict.remote) deletes what was deleted there, whenever that was met",
    story: "A record is edited here and deleted on the server: before the sync, or while it is being pushed. The app takes theirs.",
    async run(world) {
      const tasks = await edited(world, (server) => server.remove("r"));
      const { conflicts: [incoming] } = await tasks.sync();
      await tasks.resolve(incoming, incoming.remote);
      const left = await listed(tasks);
      const other = world.open();
      await other.clear();
      await world.server.put("s", { title: "original" });
      await tasks.sync();
      await tasks.update({ id: "s", title: "mine" });
      world.network.before("POST /batch", () => world.server.remove("s"));
      const { conflicts: [outgoing] } = await tasks.sync();
      return { "records listed here": left, "met during the push": await outcome(tasks.resolve(outgoing, outgoing.remote)) };
    },
    right: { "records listed here": 0, "met during the push": "fine" },
    fault: { "records listed here": 1, "met during the push": "fails: DataError" },
  },
  {
    number: 26,
    title: "client_wins sends what it decided once",
    story: "A record is edited here and on the server. One sync with CLIENT_WINS.",
    async run(world) {
      const tasks = await edited(world, (server) => server.put("r", { title: "theirs" }));
      world.network.requests = [];
      await tasks.sync({ strategy: "client_wins" });
      return { "on the server": (await world.server.titles())[0], "batches sent": world.network.count("POST /batch") };
    },
    right: { "on the server": "mine", "batches sent": 1 },
    fault: { "on the server": "mine", "batches sent": 2 },
  },
  {
    number: 27,
    title: "a conflict holds back its own record, and no other",
    story: "One record is in conflict, another is new here. One sync with MANUAL.",
    async run(world) {
      const tasks = await edited(world, (server) => server.put("r", { title: "theirs" }));
      await tasks.create({ id: "new", title: "new" }, withId);
      const result = await tasks.sync();
      return { "conflicts": result.conflicts.length, "on the server": await world.server.titles() };
    },
    right: { "conflicts": 1, "on the server": ["new", "theirs"] },
    fault: { "conflicts": 1, "on the server": ["theirs"] },
  },
];
