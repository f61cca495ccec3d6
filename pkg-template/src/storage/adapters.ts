/** `collection.db`: what is kept of a collection, for apps that reach below it. */

import { invalidOption, KintoError } from "../errors.js";
import { enterNow } from "../wasm/call.js";
import type { RawTransaction } from "../wasm/essaim_wasm.js";
import { readFilters } from "../values/filters.js";
import type { Handle } from "../wasm/handle.js";
import { asRecord, idText, recordText, recordsText } from "../values/json.js";
import { refusePromise } from "../collection/transaction.js";
import type { AdapterOptions, ListParams, RecordData, StoredRecord } from "../types/index.js";

const DEFAULT_DB_NAME = "KintoDB";

/** What a collection lets its `db` use. */
interface Source {
  handle: Handle;
  disconnect: () => void;
}

/** What the callback of {@link BaseAdapter.execute} works with: records as they are given, whatever their status. */
export interface StorageProxy<T extends object = RecordData> {
  create(record: StoredRecord<T>): void;
  update(record: StoredRecord<T>): void;
  delete(id: unknown): void;
  get(id: unknown): StoredRecord<T> | undefined;
}

/**
 * What is kept of a collection, one level below it: `collection.db`. Nothing here validates, keeps statuses right or emits
 * events; what is for a collection's methods is better done with them.
 *
 * Unlike in Kinto.js nobody can derive an adapter of their own from it: see `StorageAdapter` for that.
 *
 * @example
 * ```js
 * const timestamp = await tasks.db.getLastModified();
 * ```
 */
export class BaseAdapter<T extends object = RecordData> {
  /** The collection, as `bucket/name`. */
  readonly cid: string;
  /** First part of the names of the databases. */
  readonly dbName: string;
  #source: Source | undefined;

  constructor(cid: string, options: AdapterOptions | undefined) {
    const dbName = options?.dbName ?? DEFAULT_DB_NAME;
    if (typeof dbName !== "string" || dbName === "") throw invalidOption("dbName must be a string that is not empty.");
    this.cid = cid;
    this.dbName = dbName;
  }

  /** @internal */
  bind(source: Source): void {
    this.#source = source;
  }

  get #handle(): Handle {
    return this.#bound.handle;
  }

  get #bound(): Source {
    if (!this.#source) throw invalidOption("This adapter is of no collection: give it to one, and use its `db`.");
    return this.#source;
  }

  /**
   * Opens the database. Every method does so by itself.
   *
   * @example
   * ```js
   * await tasks.db.open(); // loads what the first call would load
   * ```
   */
  async open(): Promise<this> {
    await this.#handle.call((raw) => raw.refresh());
    return this;
  }

  /**
   * Closes the connections to the databases of this `dbName`. The next call opens them again.
   *
   * @example
   * ```js
   * await tasks.db.close();
   * ```
   */
  async close(): Promise<void> {
    this.#bound.disconnect();
  }

  /**
   * Removes all records, the timestamp and the metadata.
   *
   * @example
   * ```js
   * await tasks.db.clear();
   * ```
   */
  async clear(): Promise<void> {
    await this.#handle.call((raw) => raw.clear());
  }

  /**
   * The record or tombstone, or undefined.
   *
   * @example
   * ```js
   * const stored = await tasks.db.get("bread"); // { id: "bread", title: "Buy bread", _status: "deleted" }
   * ```
   */
  async get(id: unknown): Promise<StoredRecord<T> | undefined> {
    return (await this.#handle.call<StoredRecord<T> | null>((raw) => raw.get_any(idText(id)))) ?? undefined;
  }

  /**
   * The records that match, tombstones too.
   *
   * @example
   * ```js
   * const deleted = await tasks.db.list({ filters: { _status: "deleted" } });
   * ```
   */
  async list({ filters, order }: ListParams = {}): Promise<StoredRecord<T>[]> {
    const query = JSON.stringify({ filters: readFilters(filters), order: order ?? "", includeDeleted: true });
    return this.#handle.call((raw) => raw.list(query));
  }

  /**
   * Runs a function that reads and writes records as one. `preload` is Kinto.js's: every record can be read anyway.
   *
   * @returns What the function returns.
   * @example
   * ```js
   * await tasks.db.execute((proxy) => proxy.update({ ...proxy.get("1"), _status: "updated" }));
   * ```
   */
  async execute<R>(callback: (proxy: StorageProxy<T>) => R, _options?: { preload?: unknown[] }): Promise<R> {
    const outcome: { value?: R; thrown?: { error: unknown } } = {};
    const run = (raw: RawTransaction): void => {
      let over = false;
      const enter = <A>(work: () => A): A => {
        if (over) throw new KintoError("closed", "This transaction is over: it ends with the callback of execute().", {});
        return enterNow(work);
      };
      const proxy: StorageProxy<T> = {
        create: (record) => void enter(() => raw.create(recordText(asRecord(record)))),
        update: (record) => void enter(() => raw.put(recordText(asRecord(record)))),
        delete: (id) => void enter(() => raw.get(idText(id)) === undefined || raw.delete(idText(id), false)),
        get: (id) => {
          const text = enter(() => raw.get(idText(id)));
          return text === undefined ? undefined : (JSON.parse(text) as StoredRecord<T>);
        },
      };
      try {
        outcome.value = callback(proxy);
        refusePromise(outcome.value);
      } catch (error) {
        outcome.thrown = { error };
        throw new Error("aborted by the callback");
      } finally {
        over = true;
      }
    };
    await this.#handle.call((raw) => raw.execute("[]", run, () => {})).catch((error: unknown) => {
      throw outcome.thrown ? outcome.thrown.error : error;
    });
    return outcome.value as R;
  }

  /**
   * Stores records as they are given; those that are there are replaced.
   *
   * @example
   * ```js
   * await tasks.db.importBulk([{ id: "bread", title: "Buy bread", _status: "synced", last_modified: 12 }]);
   * ```
   */
  async importBulk(records: StoredRecord<T>[]): Promise<StoredRecord<T>[]> {
    recordsText(records);
    await this.execute((proxy) => records.forEach((record) => proxy.update(record)));
    return records;
  }

  /** @deprecated The old name of {@link BaseAdapter.importBulk}. */
  async loadDump(records: StoredRecord<T>[]): Promise<StoredRecord<T>[]> {
    return this.importBulk(records);
  }

  /**
   * Says up to which of the server's timestamps (milliseconds) everything is here: the next sync fetches only what is
   * younger. Null makes it fetch everything. It is believed: what is older and not here never comes.
   *
   * @example
   * ```js
   * await tasks.importBulk(dump);                           // all of the collection,
   * await tasks.db.saveLastModified(timestampOfTheDump);    // at this time
   * ```
   */
  saveLastModified(lastModified: number | null | undefined): Promise<number | null>;
  /** @internal In this epoch only. */
  saveLastModified(lastModified: number | null | undefined, epoch: string | undefined): Promise<number | null>;
  async saveLastModified(lastModified: number | null | undefined, epoch?: string): Promise<number | null> {
    const value = Math.trunc(Number(lastModified)) || null;
    if (value !== null && !(value > 0 && Number.isSafeInteger(value))) {
      throw invalidOption("A timestamp is a whole number of milliseconds, or null.");
    }
    await this.#handle.call((raw) => raw.save_last_modified(value, epoch));
    return value;
  }

  /**
   * The server's timestamp of the last sync, in milliseconds, or null.
   *
   * @example
   * ```js
   * const timestamp = await tasks.db.getLastModified(); // 1732…
   * ```
   */
  async getLastModified(): Promise<number | null> {
    await this.#handle.call((raw) => raw.metadata());
    return this.#handle.lastModified;
  }

  /**
   * Keeps the server's data on the collection itself; null removes it.
   *
   * @example
   * ```js
   * await tasks.db.saveMetadata({ id: "tasks", displayFields: ["title"], last_modified: 12 });
   * ```
   */
  saveMetadata<M>(metadata: M): Promise<M>;
  /** @internal In this epoch only. */
  saveMetadata<M>(metadata: M, epoch: string | undefined): Promise<M>;
  async saveMetadata<M>(metadata: M, epoch?: string): Promise<M> {
    const text = metadata === undefined || metadata === null ? "null" : recordText(metadata as object);
    await this.#handle.call((raw) => raw.save_metadata(text, epoch));
    return metadata;
  }

  /**
   * What {@link BaseAdapter.saveMetadata} or the last sync kept, or null.
   *
   * @example
   * ```js
   * const { displayFields } = (await tasks.db.getMetadata()) ?? {};
   * ```
   */
  async getMetadata(): Promise<Record<string, any> | null> {
    return this.#handle.call((raw) => raw.metadata());
  }
}

/**
 * `Kinto.adapters.IDB`: the collection is kept in IndexedDB. What `adapter: "indexeddb"`, the default, makes.
 *
 * @example
 * ```js
 * new Kinto({ adapter: (name, options) => new Kinto.adapters.IDB(name, { ...options, dbName: "alice" }) });
 * ```
 */
export class IDB<T extends object = RecordData> extends BaseAdapter<T> {
  constructor(cid: string, options?: AdapterOptions) {
    super(cid, options);
  }
}
