/** `collection.db`: low-level access to the local storage of a collection. */

import { invalidOption } from "../errors.js";
import type { ListParams, RecordData, StoredRecord } from "../types/records.js";
import { readFilters } from "../values/filters.js";
import { keepInside } from "../values/inside.js";
import { asRecord, idText, recordsText, recordText } from "../values/json.js";
import type { Handle } from "../wasm/handle.js";
import { type Call, type OpenTransaction, runTransaction } from "../wasm/transaction.js";

const DEFAULT_DB_NAME = "KintoDB";

/** Options of the local storage. */
export interface AdapterOptions {
  /**
   * The first part of the names of the databases. Default `KintoDB`. Use different names to separate the data of two accounts. Data that Kinto.js
   * stored under this name is migrated.
   */
  dbName?: string;
  /** @deprecated An option of Kinto.js without effect: data of Kinto.js versions up to 11 is always migrated. */
  migrateOldData?: boolean;
}

/** @internal The parts of a collection that its `db` uses. */
export interface Source {
  handle: Handle;
  disconnect: () => void;
}

/** The argument of the callback of {@link BaseAdapter.execute}. Records are read and written as they are, with any status. */
export interface StorageProxy<T extends object = RecordData> {
  create(record: StoredRecord<T>): void;
  update(record: StoredRecord<T>): void;
  delete(id: unknown): void;
  get(id: unknown): StoredRecord<T> | undefined;
}

/**
 * Low-level access to the local storage of a collection: `collection.db`. Its methods do not validate ids, do not update statuses and emit no
 * events. Prefer the methods of the collection where they can do the same.
 *
 * Unlike in Kinto.js, an app cannot derive an adapter of its own from this class. Implement a `StorageAdapter` instead.
 *
 * @example
 * ```js
 * const timestamp = await tasks.db.getLastModified();
 * ```
 */
export class BaseAdapter<T extends object = RecordData> {
  /** The collection, as `bucket/name`. */
  readonly cid: string;
  /** The first part of the names of the databases. */
  readonly dbName: string;
  /** @internal Returns the parts of the collection that this adapter uses. Undefined until the adapter belongs to a collection. */
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
   * Opens the database. Calling it is optional: every other method opens the database if necessary.
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
   * Resolves to the record or tombstone with this id, or to undefined.
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
   * Resolves to the records and tombstones that match the filters.
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
   * Runs a function as a transaction that reads and writes records. `preload` is an option of Kinto.js without effect: the function can read every
   * record.
   *
   * @returns The return value of the function.
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
   * Stores records as they are given, and replaces those that exist. Resolves to the given records.
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
   * Sets the server's timestamp (milliseconds since 1970) up to which all changes are stored here: the next sync downloads only newer changes. Null
   * makes it download everything. The timestamp is not verified: if an older change is missing here, no sync will download it. Resolves to
   * the stored timestamp.
   *
   * @example
   * ```js
   * await tasks.importBulk(dump);                           // all of the collection,
   * await tasks.db.saveLastModified(timestampOfTheDump);    // at this time
   * ```
   */
  saveLastModified(lastModified: number | null | undefined): Promise<number | null>;
  /** @internal Rejects with `interrupted` if the collection is in another epoch. */
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
   * Resolves to the server's timestamp of the last sync, in milliseconds since 1970, or to null.
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
   * Stores the server's data about the collection itself; null removes it.
   *
   * @example
   * ```js
   * await tasks.db.saveMetadata({ id: "tasks", displayFields: ["title"], last_modified: 12 });
   * ```
   */
  saveMetadata<M>(metadata: M): Promise<M>;
  /** @internal Rejects with `interrupted` if the collection is in another epoch. */
  saveMetadata<M>(metadata: M, epoch: string | undefined): Promise<M>;
  async saveMetadata<M>(metadata: M, epoch?: string): Promise<M> {
    const text = metadata === undefined || metadata === null ? "null" : recordText(metadata as object);
    await this.handle.call((raw) => raw.save_metadata(text, epoch));
    return metadata;
  }

  /**
   * Resolves to the data that {@link BaseAdapter.saveMetadata} or the last sync stored, or to null.
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
 * `Kinto.adapters.IDB`: stores the collection in IndexedDB. It is the class of `collection.db` for `adapter: "indexeddb"`, the default.
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
