/** What every `Kinto` is: one server, one database, and their collections. */

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

/** @internal What a `Kinto` keeps for itself. The client is made when it is first used. */
interface Inside {
  options: KintoOptions;
  servers: Servers;
  api: KintoClient | undefined;
}

/**
 * The emitter of a `Kinto<E>`. `Kinto` alone is `Kinto<any>`, as in Kinto.js, so that every `Kinto` can be passed where one is
 * wanted, whatever its emitter. What is no emitter is Kinto.js's type of a record, which says nothing here.
 */
export type EventsOf<E> = 0 extends 1 & E ? Events : E extends Emitter ? E : Events;
export type GivenEvents<E> = E extends Emitter ? E : Emitter;

/**
 * A `Kinto` without defaults: it must be told its `adapter`, and a class derived from it says by `ApiClass` how it
 * reaches the server. {@link Kinto} is what apps use.
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
  /** What a sync does when a record was changed both here and on the server. */
  static readonly syncStrategy = syncStrategy;

  /** What `collection.db` can be. */
  static get adapters(): { BaseAdapter: typeof BaseAdapter } {
    return { BaseAdapter };
  }

  /** Where events are emitted: the `events` option, or an emitter of its own. */
  readonly events: EventsOf<E>;
  /** The bucket of collections that name none. */
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

  /** The class of `api`, which a derived class has to name. */
  get ApiClass(): ApiClass {
    throw invalidOption("ApiClass() must be implemented by subclasses.");
  }

  /**
   * The HTTP client of the server, with the options of this `Kinto`. Throws `invalid_option` if `remote` does not end in its
   * version, like `/v1`.
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
   * A collection of records, of this type if one is given. Any name will do that is one on the server too.
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
   * Deletes the database that Kinto.js left in this browser, of which collections take over what they find when they are first
   * opened (`storage:adopted`): the whole database, with collections that were never opened here and leftovers that were
   * never taken over. Before that it is not touched, so an app can go back to Kinto.js. Rejects with `storage_blocked` while
   * another tab holds it open; the browser then deletes it as soon as that tab is closed.
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
   * Closes the databases, at once. Calls that come later, on its collections too, reject with `closed`. The promise resolves when
   * the content of deleted records is gone from the databases, and none is being opened any more; a page that does not wait leaves
   * that to the next visit. Requests that the app makes by `api` are its own: they go on.
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
