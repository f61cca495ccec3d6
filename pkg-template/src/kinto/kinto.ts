/** The entry point: one server, one database, and their collections. */

import { BaseAdapter, IDB } from "../storage/adapters.js";
import { type ApiClass, KintoClient } from "./api.js";
import { type GivenEvents, KintoBase } from "./kinto-base.js";
import type { KintoOptions } from "./options.js";

/**
 * A database in the browser, and the server that it syncs with. The constructor only checks the options (it throws `invalid_option`): the first
 * asynchronous call loads the WASM and opens the database.
 *
 * @example
 * ```js
 * import Kinto from "essaim";
 *
 * const kinto = new Kinto({
 *   remote: "https://kinto.example.com/v1",
 *   headers: { Authorization: "Basic " + btoa("alice:secret") },
 * });
 * const tasks = kinto.collection("tasks");
 * await tasks.create({ title: "Buy bread" });
 * await tasks.sync();
 * ```
 */
export class Kinto<E = any> extends KintoBase<E> {
  /**
   * The classes that `collection.db` can have.
   *
   * @example
   * ```js
   * tasks.db instanceof Kinto.adapters.IDB; // true
   * ```
   */
  static override get adapters(): { BaseAdapter: typeof BaseAdapter; IDB: typeof IDB } {
    return { BaseAdapter, IDB };
  }

  constructor(options: KintoOptions & { events?: GivenEvents<E> } = {}) {
    super({ ...options, adapter: options.adapter ?? "indexeddb" });
  }

  override get ApiClass(): ApiClass {
    return KintoClient;
  }
}
