// Pulling: everything on the server is downloaded, once, and inconsistencies are noticed.

import { outcome } from "../world.js";

export const pulling = [
  {
    number: 2,
    title: "a record written between two pages of a pull is fetched",
    story: "The server gives its records page by page. Between two pages somebody else writes a new one. Then the device syncs once more.",
    async run(world) {
      await world.server.fill(12);
      const tasks = world.open();
      let pages = 0;
      world.network.rule("GET /records", async (pass) => {
        pages += 1;
        if (pages === 2) await world.server.put("between", { title: "between" });
        return pass();
      });
      await tasks.sync();
      await tasks.sync();
      return { "on the server": (await world.server.records()).length, "on the device": (await tasks.list()).data.length };
    },
    right: { "on the server": 13, "on the device": 13 },
    fault: { "on the server": 13, "on the device": 12 },
  },
  {
    number: 3,
    title: "clear() and sync() bring everything back",
    story: "A device synced one record. Its app calls clear(), then syncs.",
    async run(world) {
      const tasks = await world.openWithRecord();
      await tasks.clear();
      await tasks.sync();
      return { "on the server": (await world.server.records()).length, "on the device": (await tasks.list()).data.length };
    },
    right: { "on the server": 1, "on the device": 1 },
    fault: { "on the server": 1, "on the device": 0 },
  },
  {
    number: 7,
    title: "a server that lost its data is noticed, also when somebody has used it since",
    story: "Two records are synced. The server loses everything, and somebody else writes one record. The app syncs, and follows the advice if it gets any.",
    async run(world) {
      const tasks = world.open();
      for (const id of ["a", "b"]) await tasks.create({ id, title: id }, { useRecordId: true });
      await tasks.sync();
      await world.server.forget();
      await world.server.put("new", { title: "new" });
      const told = await outcome(tasks.sync());
      if (told === "fails: ServerWasFlushedError") {
        await tasks.resetSyncStatus();
        await tasks.sync();
      }
      return { "the sync": told, "on the device": (await tasks.list()).data.length, "on the server": (await world.server.records()).length };
    },
    right: { "the sync": "fails: ServerWasFlushedError", "on the device": 3, "on the server": 3 },
    fault: { "the sync": "fine", "on the device": 3, "on the server": 1 },
  },
  {
    number: 31,
    title: "lastModified is known after a reload",
    story: "A device syncs. Its app is started again, and lists its records.",
    async run(world) {
      const before = await world.openWithRecord();
      const after = world.open();
      await after.list();
      return { "after the sync": typeof before.lastModified, "after a restart": after.lastModified === before.lastModified ? "the same" : String(after.lastModified) };
    },
    right: { "after the sync": "number", "after a restart": "the same" },
    fault: { "after the sync": "number", "after a restart": "null" },
  },
  {
    number: 33,
    title: "what a dump brought is not downloaded again by the first sync",
    story: "A new device imports a dump of all 12 records, written one a minute, then syncs for the first time.",
    async run(world) {
      // essaim always lists the last ten seconds again, because changes with such timestamps may still become visible. So these records are older.
      for (let n = 0; n < 12; n += 1) await world.server.put(`r${n}`, { title: "old", last_modified: Date.now() - 60_000 * (12 - n) });
      const tasks = world.open();
      await tasks.importBulk(await world.server.records());
      let downloaded = 0;
      world.network.rule("GET /records", async (pass) => {
        const answer = await pass();
        const { data } = await answer.clone().json();
        downloaded += data.filter((record) => "title" in record).length;
        return answer;
      });
      await tasks.sync();
      return { "downloaded again": downloaded > 1 ? "everything" : "at most the youngest", "here": (await tasks.list()).data.length };
    },
    right: { "downloaded again": "at most the youngest", "here": 12 },
    fault: { "downloaded again": "everything", "here": 12 },
  },
];
