// Servers that ask clients to wait, or refuse requests.

import { asksToBackOff, refusal } from "../network.js";
import { outcome } from "../world.js";

const PATIENCE = { "Retry-After": "1" };

export const answers = [
  {
    number: 21,
    title: "Backoff is obeyed by every app, also by one that gave no emitter",
    story: "The server answers with “Backoff: 30”. The app syncs again at once.",
    async run(world) {
      const tasks = world.open();
      world.network.rule("GET /records", asksToBackOff);
      await tasks.sync();
      world.network.requests = [];
      await tasks.sync().catch(() => {});
      return { "requests made while it should wait": world.network.requests.length };
    },
    right: { "requests made while it should wait": 0 },
    fault: { "requests made while it should wait": 2 },
  },
  {
    number: 22,
    title: "Retry-After is obeyed for every request of a sync",
    story: "The server is busy for a second (503, “Retry-After: 1”): when it is asked for the metadata, or for a second page. The app says sync({ retry: 1 }).",
    async run(world) {
      await world.server.fill(12);
      const tasks = world.open({}, { retry: 0 });
      const busy = () => refusal(503, PATIENCE);
      world.network.rule("GET /collections/tasks", busy, { times: 1 });
      const first = await outcome(tasks.sync({ retry: 1, strategy: "pull_only" }));
      await tasks.clear();
      const others = world.open({}, { retry: 0 });
      let pages = 0;
      world.network.rule("GET /records", (pass) => ((pages += 1) === 2 ? busy() : pass()));
      const second = await outcome(others.sync({ retry: 1, strategy: "pull_only" }));
      return { "busy for the metadata": word(first), "busy for the second page": word(second), "records here": (await others.list()).data.length };
    },
    right: { "busy for the metadata": "waits", "busy for the second page": "waits", "records here": 12 },
    fault: { "busy for the metadata": "fails", "busy for the second page": "fails", "records here": 0 },
  },
  {
    number: 32,
    title: "collection metadata that cannot be read keeps nobody from the records",
    story: "Somebody shared one record of a collection with this user, who may read and change it, but not read the collection's own metadata (403). The user syncs, changes it, and syncs again.",
    async run(world) {
      const theirs = await world.server.ofAnother();
      await theirs.put("shared", { title: "theirs" }, { write: ["system.Authenticated"] });
      const tasks = world.open({ bucket: theirs.bucket });
      const told = await outcome(tasks.sync());
      await tasks.update({ id: "shared", title: "changed" }).catch(() => {});
      await tasks.sync().catch(() => {});
      return { "the sync": told === "fine" ? "fine" : "fails", "records here": (await tasks.list()).data.length, "on the server": (await theirs.titles())[0] };
    },
    right: { "the sync": "fine", "records here": 1, "on the server": "changed" },
    fault: { "the sync": "fails", "records here": 0, "on the server": "theirs" },
  },
];

const word = (told) => (told === "fine" ? "waits" : "fails");
