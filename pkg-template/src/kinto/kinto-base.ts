/** The base class of `Kinto`: one server, one database, and their collections. */

import { Collection, type CollectionOptions } from "../collection/collection.js";
import { invalidOption } from "../errors.js";
import { type Emitter, Events } from "../events.js";
import { Servers } from "../http/servers.js";
import { BaseAdapter } from "../storage/adapters.js";
import type { RecordData } from "../types/records.js";
import { keepInside } from "../values/inside.js";
import { syncStrategy } from "../values/strategy.js";
import { Connection } from "../wasm/connection.js";
import { type ApiClass, type KintoClient, makeApi } from "./api.js";
import { type KintoOptions, readOptions } from "./options.js";
import { share, sharedBy } from "./shared.js";

const DEFAULT_BUCKET = "default";

/** @internal The private state of a `Kinto`. `api` is undefined until it is first used. */
interface Inside {
  options: KintoOptions;
  servers: Servers;
  api: KintoClient | undefined;
}

/**
 * The type of the emitter of a `Kinto<E>`. `Kinto` without a type argument is `Kinto<any>`, as in Kinto.js, so that a `Kinto` with any emitter can
 * be passed where a `Kinto` is expected. In Kinto.js, the type argument is the type of a record; so an `E` that is not an emitter is ignored.
 */
export type EventsOf<E> = 0 extends 1 & E ? Events : E extends Emitter ? E : Events;
export type GivenEvents<E> = E extends Emitter ? E : Emitter;

/**
 * A `Kinto` without defaults: the option `adapter` is required, and a derived class must define `ApiClass`, the class of its HTTP client. Apps
 * usually use {@link Kinto}.
 *
 * @example
 * ```js
 * class MyKinto extends KintoBase {
 *   get ApiClass() {
 *     return KintoClient;
 *   }
 * }
 * const kinto = new MyKinto({ adapter: "memory" });
 * ```
 */
export class KintoBase<E = any> {
  /** The possible values of the option `strategy`: what a sync does with a record that was changed both here and on the server. */
  static readonly syncStrategy = syncStrategy;

  /** The classes that `collection.db` can have. */
  static get adapters(): { BaseAdapter: typeof BaseAdapter } {
    return { BaseAdapter };
  }

  /** The emitter of events: the option `events`, or a new {@link Events}. */
  readonly events: EventsOf<E>;
  /** The bucket of collections that are made without the option `bucket`. */
  readonly bucket: string;
  /** @internal */
  declare readonly inside: () => Inside;

  constructor(given: KintoOptions & { events?: GivenEvents<E> } = {}) {
    const options = readOptions(given);
    if (!options.adapter) throw invalidOption("No adapter provided");
    this.bucket = options.bucket ?? DEFAULT_BUCKET;
    const events = options.events ?? new Events();
    this.events = events as EventsOf<E>;
    const { durability = "relaxed", requestMode = "cors", adapter, adapterOptions, headers, retry = 1 } = options;
    const servers = new Servers(events);
    const connection = new Connection({ durability, requestMode }, servers);
    share(this, { connection, adapter, adapterOptions, headers, retry, timeout: options.timeout || null });
    keepInside<Inside>(this, { options, servers, api: undefined });
  }

  /** The class of `api`. A derived class must override it. */
  get ApiClass(): ApiClass {
    throw invalidOption("ApiClass() must be implemented by subclasses.");
  }

  /**
   * The HTTP client of the server, with the options of this `Kinto`. Throws `invalid_option` if the option `remote` is not a valid URL that ends
   * in the version of the API, like `/v1`.
   *
   * @example
   * ```js
   * kinto.api.setHeaders({ Authorization: "Bearer …" }); // for syncs too
   * const { user } = await kinto.api.fetchServerInfo();
   * ```
   */
  get api(): KintoClient {
    const inside = this.inside();
    inside.api ??= makeApi(this.ApiClass, inside.options, this.events as Emitter, inside.servers);
    return inside.api;
  }

  /**
   * Returns a collection of records. `T` is the type of its records. `name` must be valid as the name of a collection on the server too, if the
   * collection is synced without a key. Throws `invalid_option`, also for invalid `options`.
   *
   * @example
   * ```ts
   * interface Task { title: string; done?: boolean }
   * const tasks = kinto.collection<Task>("tasks", { localFields: ["selected"] });
   * ```
   */
  collection<T extends object = RecordData>(name: string, options: CollectionOptions = {}): Collection<T> {
    if (!name) throw invalidOption("missing collection name");
    if (typeof name !== "string") throw invalidOption("The name of a collection must be a string.");
    return new Collection<T>(options.bucket ?? this.bucket, name, this, options);
  }

  /**
   * Deletes the database that Kinto.js left in this browser: all of it, including collections that were never opened with essaim and leftovers
   * that were never migrated. (A collection is migrated when it is first opened; see the event `storage:adopted`.) Until this call Kinto.js's
   * database is not changed, so an app can go back to Kinto.js. Rejects with `storage_blocked` while another tab holds the database open; the
   * browser then deletes it as soon as that tab is closed.
   *
   * @example
   * ```js
   * await tasks.sync();
   * if ((await tasks.leftovers()).length === 0) await kinto.forgetKintoJs();
   * ```
   */
  async forgetKintoJs(): Promise<void> {
    const { connection, adapterOptions } = sharedBy(this);
    const { dbName } = new BaseAdapter("", adapterOptions);
    await connection.forgetKintoJs(dbName);
  }

  /**
   * Closes the databases immediately. Later calls reject with `closed`, also those on collections of this `Kinto`. The promise resolves when the
   * content of deleted records is erased from the databases, and no database is being opened any more. If a page does not wait for the promise,
   * the erasure is completed at the next visit. Requests that the app makes through `api` continue.
   *
   * @example
   * ```js
   * await kinto.close(); // before another account logs in
   * ```
   */
  async close(): Promise<void> {
    await sharedBy(this).connection.close();
  }
}
