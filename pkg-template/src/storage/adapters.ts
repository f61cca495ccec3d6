/** `collection.db`: the storage of a collection, one level below its methods. */

import { invalidOption } from "../errors.js";
import type { ListParams, RecordData, StoredRecord } from "../types/records.js";
import { readFilters } from "../values/filters.js";
import { keepInside } from "../values/inside.js";
import { asRecord, idText, recordsText, recordText } from "../values/json.js";
import type { Handle } from "../wasm/handle.js";
import { type Call, type OpenTransaction, runTransaction } from "../wasm/transaction.js";

const DEFAULT_DB_NAME = "KintoDB";

/** Where in the browser data is kept. */
export interface AdapterOptions {
  /**
   * First part of the names of the databases. Default `KintoDB`; choose another to keep two accounts apart. What Kinto.js has
   * under this name is taken over.
   */
  dbName?: string;
  /** @deprecated Kinto.js's. What its versions up to 11 wrote is taken over in any case. */
  migrateOldData?: boolean;
}

/** @internal What a collection lets its `db` use. */
export interface Source {
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
  /** @internal What the collection lets this adapter use; undefined until the adapter belongs to a collection. */
  declare readonly inside: (() => Source) | undefined;

  constructor(cid: string, options: AdapterOptions | undefined) {
    const dbName = options?.dbName ?? DEFAULT_DB_NAME;
    if (typeof dbName !== "string" || dbName === "") throw invalidOption("dbName must be a string that is not empty.");
    this.cid = cid;
    this.dbName = dbName;
  }

  /** @internal */
  bind(source: Source): void {
    keepInside(this, source);
  }

  private get source(): Source {
    if (!this.inside) throw invalidOption("This adapter belongs to no collection. Give it to one, and use the `db` of that collection.");
    return this.inside();
  }

  private get handle(): Handle {
    return this.source.handle;
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
    await this.handle.call((raw) => raw.refresh());
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
    this.source.disconnect();
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
    await this.handle.call((raw) => raw.clear());
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
    return (await this.handle.call<StoredRecord<T> | null>((raw) => raw.get_any(idText(id)))) ?? undefined;
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
    return this.handle.call((raw) => raw.list(query));
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
    const call: Call = (work) => this.handle.call(work);
    return runTransaction(
      call,
      [],
      (txn) => callback(storageProxy<T>(txn)),
      () => {},
    );
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
    await this.execute((proxy) => {
      for (const record of records) proxy.update(record);
    });
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
    await this.handle.call((raw) => raw.save_last_modified(value, epoch));
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
    await this.handle.call((raw) => raw.metadata());
    return this.handle.lastModified;
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
    await this.handle.call((raw) => raw.save_metadata(text, epoch));
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
    return this.handle.call((raw) => raw.metadata());
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

function storageProxy<T extends object>(txn: OpenTransaction): StorageProxy<T> {
  return {
    create: (record) => txn.enter((raw) => void raw.create(recordText(asRecord(record)))),
    update: (record) => txn.enter((raw) => void raw.put(recordText(asRecord(record)))),
    delete: (id) => txn.enter((raw) => void (raw.get(idText(id)) === undefined || raw.delete(idText(id), false))),
    get: (id) => {
      const text = txn.enter((raw) => raw.get(idText(id)));
      return text === undefined ? undefined : (JSON.parse(text) as StoredRecord<T>);
    },
  };
}
