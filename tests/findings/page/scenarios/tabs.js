// Several `Kinto` objects, or tabs, with one database.

import { replaced } from "../world.js";

export const tabs = [
  {
    number: 8,
    title: "two objects on one collection know of one another, and two syncs at once join",
    story: "Two tabs of an app on one database. One resets its sync status, the other syncs; then both sync at once.",
    async run(world) {
      const one = world.open();
      const two = world.open();
      await world.server.putAll(["a", "b"]);
      for (const tasks of [one, two]) await tasks.sync();
      await one.resetSyncStatus();
      const afterReset = await two.sync();
      await two.sync({ strategy: "server_wins" });
      for (const id of ["c", "d", "e", "f"]) await one.create({ id, title: id }, { useRecordId: true });
      const together = await Promise.all([one.sync(), one.sync()]);
      return {
        "conflicts after the reset": afterReset.conflicts.length,
        "both at once": together.every(({ ok }) => ok) ? "ok" : "not ok",
        "on the server": (await world.server.titles()).join(" "),
      };
    },
    right: { "conflicts after the reset": 0, "both at once": "ok", "on the server": "a b c d e f" },
    fault: { "conflicts after the reset": 2, "both at once": "not ok", "on the server": "a b c d e f" },
  },
  {
    number: 24,
    title: "five first calls at once open no more connections than one, and nobody's upgrade is held up",
    story: "An app makes five calls at once, the first ones ever. Then another tab, with a newer version of the app, opens the database.",
    async run(world) {
      const one = await connections(world, "one", ["a"]);
      const five = await connections(world, "five", ["a", "b", "c", "d", "e"]);
      const database = (await world.databases()).find(({ name }) => name.includes("five"));
      return { "connections too many": five - one, "the upgrade": await upgrade(database.name, database.version + 1) };
    },
    right: { "connections too many": 0, "the upgrade": "done" },
    fault: { "connections too many": 4, "the upgrade": "blocked" },
  },
];

/** Makes the first calls of an app, all at the same time. Resolves to the number of database connections that they open. */
async function connections(world, app, ids) {
  const adapterOptions = { dbName: `${world.dbName} ${app}` };
  const names = [];
  const counting = (open) => function (name, ...rest) { names.push(name); return open.call(this, name, ...rest); };
  await replaced(IDBFactory.prototype, "open", counting, () => {
    const tasks = world.open({ adapterOptions });
    return Promise.all(ids.map((id) => tasks.getAny(id)));
  });
  return names.filter((name) => name.includes(adapterOptions.dbName)).length;
}

/** Upgrades a database, as a tab with a newer version of the app does. Resolves to whether another connection blocks the upgrade. */
function upgrade(name, version) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onblocked = () => resolve("blocked");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      request.result.close();
      resolve("done");
    };
  });
}
