/** The half of a collection that needs no server. */

import { BaseAdapter } from "../storage/adapters.js";
import type { OpenCollection } from "../wasm/connection.js";
import { invalidRecord, KintoError } from "../errors.js";
import { Changes, type Emitter } from "../events.js";
import type { RawCollection, RawTold, RawTransaction } from "../wasm/essaim_wasm.js";
import { readFilters } from "../values/filters.js";
import { Handle } from "../wasm/handle.js";
import { asRecord, idText, kindOf, recordsText, recordText, withoutText } from "../values/json.js";
import { assertId, isValidId } from "../values/ids.js";
import { CollectionTransaction, refusePromise } from "./transaction.js";
import type {
  CreateOptions,
  DeleteAnyResult,
  DeleteOptions,
  ExecuteOptions,
  GetOptions,
  IdOf,
  IdSchema,
  ImportedRecord,
  ListParams,
  ListResult,
  MaybeRecordResult,
  NewRecord,
  RecordPatch,
  RecordResult,
  StoredRecord,
  UpdateOptions,
  UpdateResult,
  UpsertResult,
  WholeRecord,
} from "../types/index.js";

/** Reading and writing records in the browser. Every method resolves when the change is stored. */
export abstract class LocalCollection<T extends object> {
  abstract readonly events: Emitter;
  abstract readonly idSchema: IdSchema;
  abstract readonly db: BaseAdapter<T>;
  /** @internal */
  protected readonly handle = new Handle(() => this.open());

  /** @internal */
  protected abstract open(): Promise<OpenCollection>;

  /** The server's timestamp of the last sync, in milliseconds; null before the first. As of the last awaited call. */
  get lastModified(): number | null {
    return this.handle.lastModified;
  }

  /** Kinto.js's inner name of {@link LocalCollection.lastModified}. What is set holds until the next awaited call. */
  get _lastModified(): number | null {
    return this.handle.lastModified;
  }
  set _lastModified(lastModified: number | null) {
    this.handle.lastModified = lastModified;
  }

  /** False if the data will be gone when the page is closed; undefined until a call was awaited. */
  get persistent(): boolean | undefined {
    return this.handle.persistent;
  }

  /**
   * Creates a record. It gets a new id, unless `useRecordId` or `synced` says that it has one.
   *
   * @example
   * ```js
   * const { data } = await tasks.create({ title: "Buy bread" });
   * data; // { id: "c8d7…", title: "Buy bread", _status: "created" }
   * await tasks.create({ id: "bread", title: "Buy bread" }, { useRecordId: true });
   * ```
   */
  create(record: NewRecord<T>, { useRecordId = false, synced = false }: CreateOptions = {}): Promise<RecordResult<T>> {
    let fields: Record<string, unknown>;
    try {
      fields = asRecord(record);
      assertIdPresence(fields, useRecordId || synced);
    } catch (error) {
      return Promise.reject(error);
    }
    // Outside the promise: what an app's `generate` throws is thrown by create(), as in Kinto.js.
    const id: unknown = useRecordId || synced ? fields["id"] : this.idSchema.generate(record);
    return this.#create({ ...fields, id }, useRecordId, synced);
  }

  async #create(record: Record<string, unknown>, useRecordId: boolean, synced: boolean): Promise<RecordResult<T>> {
    assertId(this.idSchema, record["id"]);
    const text = recordText(record);
    const created = this.#change<StoredRecord<T>>(
      [record["id"]],
      (raw, told) => raw.create(text, synced, told),
      (changes, data) => changes.add({ action: "create", data }),
    );
    const data = await created.catch((error: unknown) => {
      if (!useRecordId || !KintoError.is(error, "already_exists")) throw error;
      const message = "Couldn't create record. It may have been virtually deleted.";
      throw new KintoError("already_exists", message, error.data, { cause: error });
    });
    return { data, permissions: {} };
  }

  /**
   * Replaces a record, or with `patch` merges the fields given into it; one that is given as `undefined` is taken away. Rejects
   * with `not_found` if there is none.
   *
   * @example
   * ```js
   * await tasks.update({ ...task, done: true });
   * await tasks.update({ id: task.id, done: true }, { patch: true });
   * ```
   */
  async update(record: WholeRecord<T>, options?: UpdateOptions & { patch?: false }): Promise<UpdateResult<T>>;
  async update(record: RecordPatch<T>, options: UpdateOptions & { patch: true }): Promise<UpdateResult<T>>;
  async update(record: object, { patch = false, synced = false }: UpdateOptions = {}): Promise<UpdateResult<T>> {
    const { id, text } = this.#withId(record);
    const { data, oldRecord } = await this.#change<UpdateResult<T>>(
      [id],
      (raw, told) => raw.update(text, patch ? withoutText(record) : undefined, synced, told),
      (changes, { data, oldRecord }) => changes.add({ action: "update", data, oldRecord }),
    );
    return { data, oldRecord, permissions: {} };
  }

  /**
   * Creates a record, or replaces the one with its id.
   *
   * @example
   * ```js
   * await settings.upsert({ id: "theme", value: "dark" });
   * ```
   */
  async upsert(record: WholeRecord<T>): Promise<UpsertResult<T>> {
    const { id, text } = this.#withId(record);
    const { data, oldRecord } = await this.#change<UpsertResult<T>>(
      [id],
      (raw, told) => raw.upsert(text, told),
      (changes, { data, oldRecord }) => changes.addWritten(data, oldRecord),
    );
    return { data, oldRecord, permissions: {} };
  }

  /**
   * The record with this id. Rejects with `not_found` if there is none.
   *
   * @example
   * ```js
   * const { data } = await tasks.get("bread");
   * ```
   */
  async get(id: IdOf<T>, { includeDeleted = false }: GetOptions = {}): Promise<RecordResult<T>> {
    assertId(this.idSchema, id);
    return { data: await this.touch([id], (raw) => raw.get(idText(id), includeDeleted)), permissions: {} };
  }

  /**
   * The record with this id, or undefined; also one that is deleted here, but not yet on the server.
   *
   * @example
   * ```js
   * const { data } = await tasks.getAny("bread");
   * if (data?._status === "deleted") …
   * ```
   */
  async getAny(id: IdOf<T>): Promise<MaybeRecordResult<T>> {
    assertId(this.idSchema, id);
    const data = await this.touch<StoredRecord<T> | null>([id], (raw) => raw.get_any(idText(id)));
    return { data: data ?? undefined, permissions: {} };
  }

  /**
   * Deletes a record, here at once and on the server at the next sync; gives it as it was. Rejects with `not_found` if
   * there is none. With `virtual: false` the server is not told.
   *
   * @example
   * ```js
   * await tasks.delete("bread");
   * ```
   */
  async delete(id: IdOf<T>, { virtual = true }: DeleteOptions = {}): Promise<RecordResult<T>> {
    assertId(this.idSchema, id);
    const data = await this.#change<StoredRecord<T>>(
      [id],
      (raw, told) => raw.delete(idText(id), virtual, told),
      (changes, data) => changes.add({ action: "delete", data }),
    );
    return { data, permissions: {} };
  }

  /**
   * Deletes a record if there is one.
   *
   * @example
   * ```js
   * const { deleted } = await tasks.deleteAny("bread");
   * ```
   */
  async deleteAny(id: IdOf<T>): Promise<DeleteAnyResult<T>> {
    assertId(this.idSchema, id);
    const { data, deleted } = await this.#change<DeleteAnyResult<T>>(
      [id],
      (raw, told) => raw.delete_any(idText(id), told),
      (changes, { data, deleted }) => deleted && changes.add({ action: "delete", data: data as StoredRecord<T> }),
    );
    return { data, deleted, permissions: {} };
  }

  /**
   * Deletes all records, here at once and on the server at the next sync; gives them as they were.
   *
   * @example
   * ```js
   * const { data } = await tasks.deleteAll();
   * ```
   */
  async deleteAll(): Promise<ListResult<T>> {
    const data = await this.#change<StoredRecord<T>[]>(
      [],
      (raw, told) => raw.delete_all(told),
      (changes, data) => changes.addDeletedAll(data),
    );
    return { data, permissions: {} };
  }

  /**
   * The records that match all filters, in order.
   *
   * @example
   * ```js
   * const { data } = await tasks.list({ filters: { done: false, "owner.name": ["Ada", "Bob"] }, order: "title" });
   * ```
   */
  async list(params?: ListParams | null, { includeDeleted = false }: GetOptions = {}): Promise<ListResult<T>> {
    const { filters, order = "-last_modified" } = params ?? {};
    const query = JSON.stringify({ filters: readFilters(filters), order: String(order ?? ""), includeDeleted });
    return { data: await this.handle.call((raw) => raw.list(query)), permissions: {} };
  }

  /**
   * Forgets everything that is here, unsynced changes too; the next sync fetches what the server has.
   *
   * @example
   * ```js
   * await tasks.clear();
   * ```
   */
  async clear(): Promise<ListResult<T>> {
    await this.handle.call((raw) => raw.clear());
    return { data: [], permissions: {} };
  }

  /**
   * Stores records that come from the server or a dump, as `synced`. Those that are unsynced here, or not older here,
   * are left alone. Resolves to the records that were written. Emits no events.
   *
   * @example
   * ```js
   * const dump = await (await fetch("/tasks.json")).json(); // [{ id, last_modified, … }, …]
   * const written = await tasks.importBulk(dump);
   * ```
   */
  async importBulk(records: readonly ImportedRecord<T>[]): Promise<StoredRecord<T>[]> {
    if (!Array.isArray(records)) throw invalidRecord("Records is not an array.");
    const text = recordsText(records);
    for (const [index, record] of records.map(asRecord).entries()) {
      const { id, last_modified } = { ...record };
      const [ofId, ofTime] = [`[${index}].id`, `[${index}].last_modified`];
      if (!isValidId(this.idSchema, id)) throw invalidRecord(`Record has invalid ID: ${ofId} is ${id === undefined ? "missing" : `${kindOf(id)} that is no id`}`, ofId);
      if (!last_modified) throw invalidRecord(`Record has no last_modified value: ${ofTime} is ${last_modified === undefined ? "missing" : kindOf(last_modified)}`, ofTime);
    }
    return this.handle.call((raw) => raw.import_bulk(text));
  }

  /** @deprecated The old name of {@link LocalCollection.importBulk}. */
  async loadDump(records: readonly ImportedRecord<T>[]): Promise<StoredRecord<T>[]> {
    return this.importBulk(records);
  }

  /**
   * Runs a function that reads and writes several records as one: all of it is stored, or nothing. The function is
   * called once, and must not be async. If it throws, nothing is stored and the promise rejects with what it threw.
   *
   * @returns What the function returns.
   * @example
   * ```js
   * const count = await tasks.execute((txn) => {
   *   const { data } = txn.get("counter");
   *   txn.update({ ...data, value: data.value + 1 });
   *   return data.value + 1;
   * }, { preloadIds: ["counter"] });
   * ```
   */
  async execute<R>(callback: (txn: CollectionTransaction<T>) => R, { preloadIds = [] }: ExecuteOptions = {}): Promise<R> {
    for (const id of preloadIds) assertId(this.idSchema, id);
    const changes = new Changes<T>();
    const outcome: { value?: R; thrown?: { error: unknown } } = {};
    const run = (raw: RawTransaction): void => {
      const txn = new CollectionTransaction<T>(raw, this.idSchema, changes);
      try {
        outcome.value = callback(txn);
        refusePromise(outcome.value);
      } catch (error) {
        // Kept here: WASM must not take a user's error for one of its own.
        outcome.thrown = { error };
        throw new Error("aborted by the callback");
      } finally {
        txn.end();
      }
    };
    const told = () => changes.emit(this.events);
    await this.touch(preloadIds, (raw) => raw.execute(JSON.stringify(preloadIds), run, told)).catch((error: unknown) => {
      throw outcome.thrown ? outcome.thrown.error : error;
    });
    return outcome.value as R;
  }

  /**
   * Reads what other tabs wrote. Reads see it without this, but perhaps a moment later.
   *
   * @example
   * ```js
   * await tasks.refresh();
   * ```
   */
  async refresh(): Promise<void> {
    await this.handle.call((raw) => raw.refresh());
  }

  /**
   * @internal Reads or writes records. In Kinto.js all of that goes through `db.execute()`, and there apps make storage fail in
   * their tests, or listen: what they put in its place is asked first, and if it rejects, nothing happens.
   */
  protected async touch<R>(preload: unknown[], work: (raw: RawCollection) => Promise<string>): Promise<R> {
    if (this.db.execute !== BaseAdapter.prototype.execute) await this.db.execute(() => undefined, { preload });
    return this.handle.call<R>(work);
  }

  /** A change, and its events. */
  async #change<R>(preload: unknown[], work: (raw: RawCollection, told: RawTold) => Promise<string>, describe: (changes: Changes<T>, result: R) => void): Promise<R> {
    let result!: R;
    const told = (text: string) => {
      result = JSON.parse(text) as R;
      const changes = new Changes<T>();
      describe(changes, result);
      changes.emit(this.events);
    };
    await this.touch(preload, (raw) => work(raw, told));
    return result;
  }

  #withId(given: object): { id: unknown; text: string } {
    const record = asRecord(given);
    if (!Object.hasOwn(record, "id")) throw invalidRecord("Cannot update a record missing id.");
    assertId(this.idSchema, record["id"]);
    return { id: record["id"], text: recordText(record) };
  }
}

function assertIdPresence(record: object, expected: boolean): void {
  const present = Object.hasOwn(record, "id");
  if (expected && !present) throw invalidRecord("Missing required Id; synced and useRecordId options require one");
  if (!expected && present) throw invalidRecord("Extraneous Id; can't create a record having one set.");
}
