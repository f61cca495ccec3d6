// An app that used Kinto.js and now uses essaim, with the same database names and the same account.

import { Device } from "../sync/device.mjs";
import { Server } from "../sync/server.mjs";
import { visit } from "./site.mjs";

/** One collection of one account. The database is new, unless a test gives `dbName`. */
export class Scene {
  constructor(page, { server = new Server(), dbName = server.user, name = "tasks", remote = server.root, collectionOptions } = {}) {
    server.collection = name;
    Object.assign(this, { page, server, dbName, name, remote, collectionOptions });
  }

  /** Opens the collection with this library, in the current page. */
  with(library, options = {}, collectionOptions = this.collectionOptions) {
    const { page, server, dbName, name, remote } = this;
    const given = { remote, headers: server.headers, adapterOptions: { dbName }, ...options };
    return Device.open(page, given, { library, name, collectionOptions });
  }

  /** As `with`, but in a page that was loaded again. */
  async visitWith(library, options, collectionOptions) {
    await visit(this.page);
    return this.with(library, options, collectionOptions);
  }

  /** Resolves to everything in Kinto.js's database as text: its version, and its object stores with their rows. Null if there is no database. */
  dump(dbName = this.dbName) {
    return this.page.evaluate(async (dbName) => {
      if (!(await indexedDB.databases()).some(({ name }) => name === dbName)) return null;
      const answer = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const database = await answer(indexedDB.open(dbName));
      const stores = {};
      for (const store of database.objectStoreNames) stores[store] = await answer(database.transaction(store).objectStore(store).getAll());
      const { version } = database;
      database.close();
      return JSON.stringify({ version, stores });
    }, dbName);
  }

  /** Waits until Kinto.js's database does not exist any more. */
  async gone() {
    const isGone = async (dbName) => (await indexedDB.databases()).every(({ name }) => name !== dbName);
    while (!(await this.page.evaluate(isGone, this.dbName)));
  }

  /** Calls a function, given as source text, in the page, with the collection of this device and `argument`. */
  run(device, script, argument = null) {
    // The function is made here, because not every driver calls a text, and the Content-Security-Policy of the page forbids `eval`.
    const work = (0, eval)(`({ number, argument }) => (${script})(handles[number].collection, argument)`);
    return this.page.evaluate(work, { number: device.number, argument });
  }

  /** Waits for an event of the device, and resolves to its payload. */
  async told(device, event) {
    for (;;) {
      const payload = (await device.events()).findLast(([name]) => name === event)?.[1];
      if (payload) return payload;
    }
  }
}
