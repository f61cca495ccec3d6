// What tests call.

import { play, scenarios } from "./scenarios/index.js";
import { libraryOf } from "./world.js";

globalThis.play = ({ number, library, remote }) => play(scenarios.find((scenario) => scenario.number === number), library, remote);

/** Opens a collection with one library, for a test that meddles from outside. */
globalThis.openCollection = async (library, options) => {
  globalThis.tasks = new (await libraryOf(library))(options).collection("tasks");
};

/** How a sync of it ends. */
globalThis.syncCollection = () => globalThis.tasks.sync().then(({ ok }) => (ok ? "ok" : "not ok"), (error) => error.message);
