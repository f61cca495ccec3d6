// An app that was made with Kinto.js, and is now made with essaim: on the same databases, with the same account.

import { Device } from "../sync/device.mjs";
import { Server } from "../sync/server.mjs";
import { visit } from "./site.mjs";

/** One collection of one account. `dbName` and `name` are nobody else's, unless a test gives them. */
export class Scene {
  constructor(page, { server = new Server(), dbName = server.user, name = "tasks", remote = server.root, collectionOptions } = {}) {
    server.collection = name;
    Object.assign(this, { page, server, dbName, name, remote, collectionOptions });
  }

  /** The collection as the version of the app with this library has it, in the page as it is. */
  with(library, options = {}, collectionOptions = this.collectionOptions) {
    const { page, server, dbName, name, remote } = this;
    const given = { remote, headers: server.headers, adapterOptions: { dbName }, ...options };
    return Device.open(page, given, { library, name, collectionOptions });
  }

  /** The same, to somebody who comes again. */
  async visitWith(library, options, collectionOptions) {
    await visit(this.page);
    return this.with(library, options, collectionOptions);
  }

  /** Everything in Kinto.js's database, as text: stores with their rows, and the version. Null if there is no database. */
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

  /** Waits until there is no such database. */
  async gone() {
    const isGone = async (dbName) => (await indexedDB.databases()).every(({ name }) => name !== dbName);
    while (!(await this.page.evaluate(isGone, this.dbName)));
  }

  /** Something done by JavaScript in the page, with the collection of this device. */
  run(device, script, argument = null) {
    // A function, as a text is not called by every driver; made here, as the page forbids to make one there.
    const work = (0, eval)(`({ number, argument }) => (${script})(handles[number].collection, argument)`);
    return this.page.evaluate(work, { number: device.number, argument });
  }

  /** What the device was told with this event, as soon as it is. */
  async told(device, event) {
    for (;;) {
      const payload = (await device.events()).findLast(([name]) => name === event)?.[1];
      if (payload) return payload;
    }
  }
}
