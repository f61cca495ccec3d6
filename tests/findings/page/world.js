// The environment of a scenario: one library, a new account, a new database, and a real server.

import { Network } from "./network.js";
import { Server } from "./server.js";

const load = {
  "essaim": () => import("/essaim/index.js"),
  "Kinto.js": () => import("/kinto-js/kinto.js"),
};

/** The names of the libraries. */
export const LIBRARIES = Object.keys(load);

/** Resolves to the class `Kinto` of a library. */
export const libraryOf = async (name) => (await load[name]()).default;

export class World {
  static async make(library, remote) {
    const world = new World();
    const user = crypto.randomUUID();
    const authorization = `Basic ${btoa(`${user}:secret`)}`;
    Object.assign(world, { library, remote, authorization, dbName: `${library} ${user}`, opened: [] });
    world.Kinto = await libraryOf(library);
    world.server = new Server(remote, authorization, "tasks");
    world.network = new Network(authorization);
    return world;
  }

  /** Opens a collection as an app does. Every call opens the same database again. */
  open(collectionOptions = {}, options = {}) {
    const { Kinto, remote, dbName, authorization } = this;
    const kinto = new Kinto({ remote, headers: { Authorization: authorization }, adapterOptions: { dbName }, ...options });
    const collection = kinto.collection("tasks", collectionOptions);
    this.opened.push({ kinto, collection });
    return collection;
  }

  /** Opens a collection with the record `r`, which is synced. */
  async openWithRecord(collectionOptions) {
    const tasks = this.open(collectionOptions);
    await this.server.put("r", { title: "original" });
    await tasks.sync();
    return tasks;
  }

  /** Resolves to the databases that the library created in this world. */
  async databases() {
    return (await indexedDB.databases()).filter(({ name }) => name.includes(this.dbName));
  }

  async end() {
    this.network.end();
    for (const { kinto, collection } of this.opened) {
      if (kinto.close) kinto.close();
      else await collection.db.close();
    }
    for (const { name } of await this.databases()) indexedDB.deleteDatabase(name);
  }
}

/** The emitter that an app gives to either library. */
export class Emitter {
  #listeners = [];
  on(event, listener) {
    this.#listeners.push([event, listener]);
  }
  off(event, listener) {
    this.#listeners = this.#listeners.filter(([name, known]) => name !== event || known !== listener);
  }
  emit(event, payload) {
    for (const [name, listener] of this.#listeners) if (name === event) listener(payload);
  }
}

/** Resolves to `"fine"` if the promise resolves, or else to a description of its error. */
export async function outcome(promise) {
  try {
    await promise;
    return "fine";
  } catch (error) {
    return `fails: ${error.name}`;
  }
}

/** Replaces a function while `work` runs. */
export async function replaced(object, name, replace, work) {
  const original = object[name];
  object[name] = replace(original);
  try {
    return await work();
  } finally {
    object[name] = original;
  }
}
