// The HTTP client `kinto.api`.

import { asksToBackOff } from "../network.js";
import { Emitter } from "../world.js";

export const client = [
  {
    number: 11,
    title: "deleteRecords() deletes every page",
    story: "The server has 12 records, and deletes page by page. The app says deleteRecords({ pages: Infinity }).",
    async run(world) {
      await world.server.fill(12);
      const { api } = world.open();
      await api.bucket("default").collection("tasks").deleteRecords({ pages: Infinity });
      return { "left on the server": (await world.server.records()).length };
    },
    right: { "left on the server": 0 },
    fault: { "left on the server": 7 },
  },
  {
    number: 20,
    title: "a sync with another remote never moves the app's own",
    story: "The app syncs with another remote, and looks at api.remote meanwhile. Then the server asks to back off; one more sync with the other remote is put off, and the app looks again.",
    async run(world) {
      const tasks = world.open({}, { events: new Emitter() });
      const theAppsOwn = () => (tasks.api.remote === world.remote ? "the app's" : "the other one");
      const other = world.remote.replace("localhost", "127.0.0.1");
      let meanwhile;
      world.network.before("GET /records", () => (meanwhile = theAppsOwn()));
      await tasks.sync({ remote: other });
      world.network.rule("GET /records", asksToBackOff, { times: 1 });
      await tasks.sync();
      await tasks.sync({ remote: other }).catch(() => {});
      return { "api.remote meanwhile": meanwhile, "api.remote afterwards": theAppsOwn() };
    },
    right: { "api.remote meanwhile": "the app's", "api.remote afterwards": "the app's" },
    fault: { "api.remote meanwhile": "the other one", "api.remote afterwards": "the other one" },
  },
];
