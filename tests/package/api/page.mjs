// Runs one test of the API contract in the page.

import * as essaim from "/essaim/index.js";
import * as lib from "/essaim/lib-collection.js";
import * as secondCopy from "/copy/index.js";
import { MapStorage } from "./map-storage.mjs";

/** The app's own storage: like IndexedDB, one for all of the page. */
const storageOfTheApp = new MapStorage();

/** `{ group, name, storage, account }` → the text of what failed, or undefined. */
globalThis.runTest = async ({ group, name, storage: kind, account }) => {
  const adapter = kind === "app" ? storageOfTheApp : kind;
  const { [group]: tests } = await import(`./${group}.mjs`);
  const opened = [];
  // Every test has databases of its own. `options.used`, if asked for, is told which one this is.
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
