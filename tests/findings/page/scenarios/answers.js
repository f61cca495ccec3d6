// Servers that ask for patience, or say no.

import { refusal, withHeaders } from "../network.js";
import { Emitter, outcome } from "../world.js";

const asksToBackOff = async (pass) => withHeaders(await pass(), { Backoff: "30" });
const PATIENCE = { "Retry-After": "1" };

export const answers = [
  {
    number: 20,
    title: "a sync with another remote never moves the app's own",
    story: "The server asked to back off. The app tries a sync with another remote, which is put off, and then looks at api.remote.",
    async run(world) {
      const tasks = world.open({}, { events: new Emitter() });
      world.network.rule("GET /records", asksToBackOff, { times: 1 });
      await tasks.sync();
      const other = world.remote.replace("localhost", "127.0.0.1");
      await tasks.sync({ remote: other }).catch(() => {});
      return { "api.remote": tasks.api.remote === world.remote ? "the app's" : "the other one" };
    },
    right: { "api.remote": "the app's" },
    fault: { "api.remote": "the other one" },
  },
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
      await world.server.putAll(Array.from({ length: 12 }, (_, n) => `r${10 + n}`));
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
    story: "The user may read and write records, but not the collection's own metadata (403).",
    async run(world) {
      await world.server.putAll(["a", "b"]);
      const tasks = world.open();
      world.network.rule("GET /collections/tasks", () => refusal(403));
      const told = await outcome(tasks.sync());
      return { "the sync": told === "fine" ? "fine" : "fails", "records here": (await tasks.list()).data.length };
    },
    right: { "the sync": "fine", "records here": 2 },
    fault: { "the sync": "fails", "records here": 0 },
  },
];

const word = (told) => (told === "fine" ? "waits" : "fails");
