// Runs one test of the API contract in a page.

import * as essaim from "/essaim/index.js";
import * as lib from "/essaim/lib-collection.js";
import * as secondCopy from "/copy/index.js";
import { MapStorage } from "./map-storage.mjs";

/** The custom storage. Like IndexedDB, all of the page shares it. */
const storageOfTheApp = new MapStorage();

/** Runs the test `{ group, name, storage, account }`. Resolves to the text of the failure, or to undefined. */
globalThis.runTest = async ({ group, name, storage: kind, account }) => {
  const adapter = kind === "app" ? storageOfTheApp : kind;
  const { [group]: tests } = await import(`./${group}.mjs`);
  const opened = [];
  // Each device has a database of its own, unless `adapterOptions` names one. `options.used` is set to the adapter options of the database.
  const device = (options = {}) => {
    const adapterOptions = options.adapterOptions ?? { dbName: crypto.randomUUID() };
    options.used = adapterOptions;
    const kinto = new essaim.Kinto({ ...account, adapter, adapterOptions });
    opened.push(kinto);
    return kinto;
  };
  const storage = { adapter, adapterOptions: { dbName: crypto.randomUUID() } };
  const kinto = device(storage);
  try {
    await tests[name]({ essaim, lib, secondCopy, kinto, tasks: kinto.collection("tasks"), name: "tasks", storage, adapter, device });
    return undefined;
  } catch (error) {
    return error.stack?.includes(error.message) ? error.stack : `${error.message}\n${error.stack}`;
  } finally {
    for (const used of opened) used.close();
  }
};
