// What a scenario plays in: one library, an account and a database that nobody else has, and a real server.

import { Network } from "./network.js";
import { Server } from "./server.js";

const load = {
  "essaim": () => import("/essaim/index.js"),
  "Kinto.js": () => import("/kinto-js/kinto.js"),
};

/** The libraries, by the names that they have here. */
export const LIBRARIES = Object.keys(load);

/** The class `Kinto` of one. */
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

  /** A collection as an app opens it; every call opens the same database anew. */
  open(collectionOptions = {}, options = {}) {
    const { Kinto, remote, dbName, authorization } = this;
    const kinto = new Kinto({ remote, headers: { Authorization: authorization }, adapterOptions: { dbName }, ...options });
    const collection = kinto.collection("tasks", collectionOptions);
    this.opened.push({ kinto, collection });
    return collection;
  }

  /** A collection with the record `r`, the same here and on the server. */
  async openWithRecord(collectionOptions) {
    const tasks = this.open(collectionOptions);
    await this.server.put("r", { title: "original" });
    await tasks.sync();
    return tasks;
  }

  /** The databases that this library made here. */
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

/** What an app hands to both libraries. */
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

/** `"fine"`, or what a promise is rejected with. */
export async function outcome(promise) {
  try {
    await promise;
    return "fine";
  } catch (error) {
    return `fails: ${error.name}`;
  }
}

/** Puts a function in the place of another for the time of `work`. */
export async function replaced(object, name, replace, work) {
  const original = object[name];
  object[name] = replace(original);
  try {
    return await work();
  } finally {
    object[name] = original;
  }
}
