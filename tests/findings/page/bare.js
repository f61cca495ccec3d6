// The functions that tests call in the page.

import { fuzz } from "./queries/fuzz.js";
import { play, scenarios } from "./scenarios/index.js";
import { libraryOf } from "./world.js";

globalThis.play = ({ number, library, remote }) => play(scenarios.find((scenario) => scenario.number === number), library, remote);

/** Opens a collection with one library, for a test that changes answers with a proxy. */
globalThis.openCollection = async (library, options) => {
  globalThis.tasks = new (await libraryOf(library))(options).collection("tasks");
};

/** Syncs the collection. Resolves to "ok", to "not ok", or to the message of the error. */
globalThis.syncCollection = () => globalThis.tasks.sync().then(({ ok }) => (ok ? "ok" : "not ok"), (error) => error.message);

/** Runs random queries on a collection in IndexedDB. */
globalThis.fuzzQueries = async (plan) => {
  const kinto = new (await libraryOf("essaim"))({ adapterOptions: { dbName: crypto.randomUUID() } });
  try {
    return await fuzz(kinto, plan);
  } finally {
    kinto.close();
  }
};
