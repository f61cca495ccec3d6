// What tests call.

import { fuzz } from "./queries/fuzz.js";
import { play, scenarios } from "./scenarios/index.js";
import { libraryOf } from "./world.js";

globalThis.play = ({ number, library, remote }) => play(scenarios.find((scenario) => scenario.number === number), library, remote);

/** Opens a collection with one library, for a test that meddles from outside. */
globalThis.openCollection = async (library, options) => {
  globalThis.tasks = new (await libraryOf(library))(options).collection("tasks");
};

/** How a sync of it ends. */
globalThis.syncCollection = () => globalThis.tasks.sync().then(({ ok }) => (ok ? "ok" : "not ok"), (error) => error.message);

/** Queries by chance, on IndexedDB. */
globalThis.fuzzQueries = async (plan) => {
  const kinto = new (await libraryOf("essaim"))({ adapterOptions: { dbName: crypto.randomUUID() } });
  try {
    return await fuzz(kinto, plan);
  } finally {
    kinto.close();
  }
};
