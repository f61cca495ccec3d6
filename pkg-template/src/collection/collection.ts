/** The class `Collection`. Most of its methods call functions in the other files of this directory. */

import { invalidOption } from "../errors.js";
import { type Emitter, Events } from "../events.js";
import { absoluteRemote, readRemote } from "../http/address.js";
import type { KintoClient } from "../http/client.js";
import { type Shared, sharedBy } from "../kinto/shared.js";
import { type AdapterOption, makeAdapter, storageOf } from "../storage/adapter-option.js";
import type { AdapterOptions, BaseAdapter } from "../storage/adapters.js";
import type {
  AdoptedLeftovers,
  AdoptLeftoversOptions,
  Conflict,
  CreateOptions,
  DeleteAnyResult,
  DeleteOptions,
  ExecuteOptions,
  GetOptions,
  IdOf,
  IdSchema,
  ImportedRecord,
  IncomingChanges,
  JournalDestination,
  JournalHead,
  JournalPage,
  ListParams,
  ListResult,
  MaybeRecordResult,
  NewRecord,
  PullOptions,
  RecordPatch,
  RecordResult,
  RemoteCollection,
  RemoteTransformer,
  StepOptions,
  StoredRecord,
  Strategy,
  SyncOptions,
  UpdateOptions,
  UpdateResult,
  UpsertResult,
  WholeRecord,
} from "../types/index.js";
import { withoutLocalFields } from "../values/equality.js";
import { readIdSchema } from "../values/ids.js";
import { keepInside } from "../values/inside.js";
import { recordText } from "../values/json.js";
import { syncStrategy } from "../values/strategy.js";
import type { OpenCollection } from "../wasm/connection.js";
import { Handle } from "../wasm/handle.js";
import { type KeyOption, readKey } from "../wasm/key.js";
import { Callbacks } from "./callbacks.js";
import { readHooks, readName, readTransformers } from "./options.js";
import * as records from "./records.js";
import { SyncResultObject } from "./result.js";
import * as pulling from "./steps/pull.js";
import { pushChanges } from "./steps/push.js";
import { assertPlain, inStep } from "./steps/run.js";
import { replacesSteps, syncStepwise } from "./steps/stepwise.js";
import { synchronize } from "./sync.js";
import type { CollectionTransaction } from "./transaction.js";

/** The object that a collection belongs to: a `Kinto`, or any object with an `api`. */
export interface KintoLike {
  readonly api: KintoClient;
  readonly events?: Emitter | undefined;
}

/**
 * A function that is called with the downloaded changes before they are stored, and returns the changes to store. If a collection has
 * several, each gets what the previous one returned.
 *
 * A hook can call `sync()` of its collection but must not await it: the new sync begins only when the current sync has ended, and the
 * current sync waits for the hook.
 */
export type IncomingHook = (payload: IncomingChanges, collection: Collection<any>) => IncomingChanges | Promise<IncomingChanges>;

/** Functions of the app that are called during a sync. */
export interface Hooks {
  "incoming-changes"?: IncomingHook[];
}

/** The options of `kinto.collection()`. */
export interface CollectionOptions {
  /** The bucket of the collection. Default: the bucket of the `Kinto`. */
  bucket?: string;
  /** The emitter for events of this collection. Default: the emitter of the `Kinto`. */
  events?: Emitter;
  /** Where the collection is stored. Default: the adapter of the `Kinto`. */
  adapter?: AdapterOption;
  adapterOptions?: AdapterOptions;
  /** Generates and validates ids. Default: generates random UUIDs (version 4), and accepts the ids that a Kinto server accepts. */
  idSchema?: IdSchema;
  /** Functions that change records on their way to and from the server. Default: none. */
  remoteTransformers?: RemoteTransformer[];
  hooks?: Hooks;
  /** Names of fields that are never uploaded and never overwritten by a download. Default: none. */
  localFields?: string[];
  /**
   * A key from `makeKey()`, or a promise of one. With a key, the collection is encrypted before it leaves the device, so that nobody
   * without the key can read it on the server. If the key is lost, the data on the server is lost too. With a mistyped key, calls reject
   * with `invalid_key`. A different key opens a different collection on the server.
   *
   * The key and the name of the collection together identify it; bucket, account and server do not, so that its pages can be moved between
   * them. If two collections have the same name (in two buckets, or of two users), give each a key of its own.
   */
  key?: KeyOption;
}

/** @internal The private state of a collection. */
interface Inside {
  readonly handle: Handle;
  readonly shared: Shared;
  readonly callbacks: Callbacks;
  readonly isEncrypted: boolean;
  /** Stepwise syncs that have not begun yet. The keys are their requests as JSON text. */
  readonly waiting: Map<string, Promise<SyncResultObject>>;
}

/**
 * A collection of records, stored in the browser and synced with a Kinto server. `kinto.collection()` makes one. Methods reject with a
 * {@link KintoError}.
 *
 * @example
 * ```js
 * const tasks = kinto.collection("tasks");
 * await tasks.create({ title: "Buy bread" });
 * const { data } = await tasks.list({ order: "title" });
 * ```
 */
export class Collection<T extends object = any> {
  /** The same as `Kinto.syncStrategy`. */
  static readonly strategy = syncStrategy;

  readonly bucket: string;
  readonly name: string;
  /** The `Kinto` that made this collection, or the object that was given to the constructor. */
  readonly kinto: KintoLike;
  /** Low-level access to the local storage of this collection. */
  readonly db: BaseAdapter<T>;
  readonly events: Emitter;
  readonly idSchema: IdSchema;
  readonly remoteTransformers: RemoteTransformer[];
  readonly hooks: Hooks;
  readonly localFields: string[];
  /** @internal */
  declare readonly inside: () => Inside;

  /**
   * Apps usually call `kinto.collection()` instead. With the constructor, `kinto` can be any object that has an `api`. If that object is
   * not a `Kinto` of essaim, the collection syncs step by step through `api`, as Kinto.js does.
   *
   * @example
   * ```js
   * import { Collection } from "essaim/lib/collection";
   * const tasks = new Collection("default", "tasks", kinto, { localFields: ["selected"] });
   * ```
   */
  constructor(bucket: string, name: string, kinto: KintoLike, options: CollectionOptions = {}) {
    this.bucket = readName(bucket);
    this.name = readName(name);
    this.kinto = kinto;
    this.events = options.events ?? kinto.events ?? new Events();
    this.idSchema = readIdSchema(options.idSchema);
    this.remoteTransformers = readTransformers(options.remoteTransformers);
    this.hooks = readHooks(options.hooks);
    this.localFields = [...(options.localFields ?? [])];
    const key = readKey(options);
    const shared = sharedBy(kinto);
    const { adapter, adapterOptions, connection } = shared;
    this.db = makeAdapter<T>(options.adapter ?? adapter, `${bucket}/${name}`, options.adapterOptions ?? adapterOptions);
    const place = { dbName: this.db.dbName, storage: storageOf(this.db) };
    const callbacks = new Callbacks(this);
    const handle = new Handle(opener(this, key, (given) => connection.open({ ...given, place, app: callbacks })));
    keepInside<Inside>(this, { handle, shared, callbacks, isEncrypted: key !== undefined, waiting: new Map() });
    this.db.bind({ handle, disconnect: () => connection.disconnect(place) });
  }

  /** The HTTP client of the server, the same as `kinto.api`. */
  get api(): KintoClient {
    return this.kinto.api;
  }

  /** The private name that Kinto.js has for {@link Collection.name}; some apps use it. */
  get _name(): string {
    return this.name;
  }

  /** The server's timestamp of the last sync, in milliseconds since 1970; null before the first sync. The value is as of the last awaited call. */
  get lastModified(): number | null {
    return this.inside().handle.lastModified;
  }

  /** The private name that Kinto.js has for {@link Collection.lastModified}. A value that an app sets is overwritten by the next awaited call. */
  get _lastModified(): number | null {
    return this.inside().handle.lastModified;
  }
  set _lastModified(lastModified: number | null) {
    this.inside().handle.lastModified = lastModified;
  }

  /** False if the data will be lost when the page is closed; undefined until the first call was awaited. */
  get persistent(): boolean | undefined {
    return this.inside().handle.persistent;
  }

  /**
   * Creates a record. The record gets a new id and must not have one, unless the option `useRecordId` or `synced` is set: then it must have
   * its id. Rejects with `invalid_record`, with `invalid_id`, and with `already_exists` if there is a record with this id.
   *
   * @example
   * ```js
   * const { data } = await tasks.create({ title: "Buy bread" });
   * data; // { id: "c8d7…", title: "Buy bread", _status: "created" }
   * await tasks.create({ id: "bread", title: "Buy bread" }, { useRecordId: true });
   * ```
   */
  create(record: NewRecord<T>, options: CreateOptions = {}): Promise<RecordResult<T>> {
    return records.create(this, record, options).then((data) => ({ data, permissions: {} }));
  }

  /**
   * Replaces the record that has this id. With the option `patch`, merges the given fields into the record instead; a field that is given as
   * `undefined` is removed. Rejects with `not_found` if there is no such record.
   *
   * @example
   * ```js
   * await tasks.update({ ...task, done: true });
   * await tasks.update({ id: task.id, done: true }, { patch: true });
   * ```
   */
  async update(record: WholeRecord<T>, options?: UpdateOptions & { patch?: false }): Promise<UpdateResult<T>>;
  async update(record: RecordPatch<T>, options: UpdateOptions & { patch: true }): Promise<UpdateResult<T>>;
  async update(record: object, options: UpdateOptions = {}): Promise<UpdateResult<T>> {
    const { data, oldRecord } = await records.update(this, record, options);
    return { data, oldRecord, permissions: {} };
  }

  /**
   * Creates the record, or replaces the record that has its id.
   *
   * @example
   * ```js
   * await settings.upsert({ id: "theme", value: "dark" });
   * ```
   */
  async upsert(record: WholeRecord<T>): Promise<UpsertResult<T>> {
    const { data, oldRecord } = await records.upsert(this, record);
    return { data, oldRecord, permissions: {} };
  }

  /**
   * Resolves to the record with this id. Rejects with `not_found` if there is none.
   *
   * @example
   * ```js
   * const { data } = await tasks.get("bread");
   * ```
   */
  async get(id: IdOf<T>, { includeDeleted = false }: GetOptions = {}): Promise<RecordResult<T>> {
    return { data: await records.get(this, id, includeDeleted), permissions: {} };
  }

  /**
   * Resolves to the record with this id, or to `data: undefined`. Also finds a record that is deleted here but not yet on the server; its
   * `_status` is `deleted`.
   *
   * @example
   * ```js
   * const { data } = await tasks.getAny("bread");
   * if (data?._status === "deleted") …
   * ```
   */
  async getAny(id: IdOf<T>): Promise<MaybeRecordResult<T>> {
    return { data: await records.getAny(this, id), permissions: {} };
  }

  /**
   * Deletes a record: here at once, and on the server at the next sync. Resolves to the record as it was. Rejects with `not_found` if there
   * is no such record. With `virtual: false` the record is not deleted on the server.
   *
   * @example
   * ```js
   * await tasks.delete("bread");
   * ```
   */
  async delete(id: IdOf<T>, { virtual = true }: DeleteOptions = {}): Promise<RecordResult<T>> {
    return { data: await records.remove(this, id, virtual), permissions: {} };
  }

  /**
   * Deletes the record with this id if there is one. Resolves to `deleted: false` and `data: { id }` if there is none.
   *
   * @example
   * ```js
   * const { deleted } = await tasks.deleteAny("bread");
   * ```
   */
  async deleteAny(id: IdOf<T>): Promise<DeleteAnyResult<T>> {
    const { data, deleted } = await records.removeAny(this, id);
    return { data, deleted, permissions: {} };
  }

  /**
   * Deletes all records: here at once, and on the server at the next sync. Resolves to the records as they were.
   *
   * @example
   * ```js
   * const { data } = await tasks.deleteAll();
   * ```
   */
  async deleteAll(): Promise<ListResult<T>> {
    return { data: await records.removeAll(this), permissions: {} };
  }

  /**
   * Resolves to the records that match all filters, in the order that `order` names; see {@link ListParams}.
   *
   * @example
   * ```js
   * const { data } = await tasks.list({ filters: { done: false, "owner.name": ["Ada", "Bob"] }, order: "title" });
   * ```
   */
  async list(params?: ListParams | null, { includeDeleted = false }: GetOptions = {}): Promise<ListResult<T>> {
    return { data: await records.list(this, params, includeDeleted), permissions: {} };
  }

  /**
   * Removes all local data of the collection, unsynced changes too. The data on the server stays; the next sync downloads it again.
   *
   * @example
   * ```js
   * await tasks.clear();
   * ```
   */
  async clear(): Promise<ListResult<T>> {
    await this.inside().handle.call((raw) => raw.clear());
    return { data: [], permissions: {} };
  }

  /**
   * Stores records that come from a server or a dump, with the status `synced`. Does not overwrite a local record that is unsynced, or that
   * is as new or newer. Resolves to the records that were written. Emits no events.
   *
   * @example
   * ```js
   * const dump = await (await fetch("/tasks.json")).json(); // [{ id, last_modified, … }, …]
   * const written = await tasks.importBulk(dump);
   * ```
   */
  async importBulk(imported: readonly ImportedRecord<T>[]): Promise<StoredRecord<T>[]> {
    return records.importBulk(this, imported);
  }

  /** @deprecated The old name of {@link Collection.importBulk}. */
  async loadDump(imported: readonly ImportedRecord<T>[]): Promise<StoredRecord<T>[]> {
    return this.importBulk(imported);
  }

  /**
   * Runs a function as a transaction that reads and writes several records: either all its writes are stored, or none. The function is
   * called once and must not be async. If it throws, nothing is stored, and the promise rejects with the same error.
   *
   * @returns The return value of the function.
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
    return records.execute(this, callback, preloadIds);
  }

  /**
   * Reads the latest writes of other tabs. Other reads see these writes even without this call, but perhaps a moment later.
   *
   * @example
   * ```js
   * await tasks.refresh();
   * ```
   */
  async refresh(): Promise<void> {
    await this.inside().handle.call((raw) => raw.refresh());
  }

  /**
   * Downloads the changes of the server, and uploads the local changes. Only one sync of a collection runs at a time. If an error ends the
   * sync early, the records that are already synced stay synced, and the next sync continues from there.
   *
   * Usually the sync runs in WASM. It consists of the public steps `pullMetadata`, `pullChanges`, `importChanges`, `pushChanges` and
   * `gatherLocalChanges`, with requests through `api`, if the app replaced one of these steps or the function that sends the requests of
   * `api`, or if it constructed the collection for an `api` of its own. This does not apply to encrypted collections.
   *
   * @example
   * ```js
   * const { ok, conflicts } = await tasks.sync();
   * for (const conflict of conflicts) {
   *   await tasks.resolve(conflict, { ...conflict.remote, title: conflict.local.title });
   * }
   * if (!ok) await tasks.sync();
   *
   * await tasks.sync({ strategy: Kinto.syncStrategy.SERVER_WINS });
   * ```
   */
  async sync(options?: SyncOptions): Promise<SyncResultObject<T>> {
    const { isEncrypted, shared } = this.inside();
    const inSteps = !isEncrypted && (shared.byHand || replacesSteps(this, Collection.prototype));
    return synchronize(this, options, (raw, request) => raw.sync(request), inSteps ? (named, run) => syncStepwise(this, named, run) : undefined);
  }

  /**
   * Reconciles this device with a server that lost data: uploads the records that the server does not have, and syncs. Call it when the user
   * has agreed. No local data is lost, and a record that was deleted on either side stays deleted. A record that was changed on both sides
   * is a conflict, as in any sync.
   *
   * After the error `server_flushed` (the server was flushed or restored from a backup, or it is another server), `repair()` uploads what the
   * server does not have.
   *
   * @example
   * ```js
   * try {
   *   await tasks.sync();
   * } catch (error) {
   *   if (!KintoError.is(error, "server_flushed") || error.data.found === "another") throw error;
   *   await tasks.repair();
   * }
   * ```
   *
   * After an alarm of an encrypted collection, `repair()` accepts the state that the server shows, and continues from it. It does not destroy
   * data that another device may still be able to read: if only another device has what the server lost, `repair()` rejects (`omission`,
   * `tampered`) and writes nothing. Then repair on that device.
   *
   * @example
   * ```js
   * try {
   *   await notes.sync();
   * } catch (error) {
   *   if (!KintoError.is(error, "rollback") || !confirm("The server shows an old state. Repair it?")) throw error;
   *   await notes.repair();
   * }
   * ```
   */
  async repair(options?: SyncOptions): Promise<SyncResultObject<T>> {
    return synchronize(this, options, (raw, request) => raw.repair(request));
  }

  /**
   * Closes an encrypted collection on its server, because it moves to another server: syncs, and then writes a last page that names the
   * destination. From then on `sync()` with the old server rejects with `moved` on every device; unsynced changes are kept and uploaded to the
   * new server. After this call, copy the server's records to the new server unchanged (no key is needed), then sync with the new server.
   *
   * If a record cannot be uploaded or is in conflict, the result lists it, as after a sync: then `ok` is false, and the collection was not
   * closed. Closing again with the same destination succeeds.
   *
   * @example
   * ```js
   * const { ok } = await notes.closeJournal({ remote: "https://mine.example/v1" });
   * ```
   */
  async closeJournal(destination: JournalDestination, options?: SyncOptions): Promise<SyncResultObject<T>> {
    const remote = absoluteRemote(readRemote(destination?.remote));
    const text = JSON.stringify({ ...destination, remote });
    return synchronize(this, options, (raw, request) => raw.close_journal(text, request));
  }

  /**
   * Resolves to the head of an encrypted collection: the number and the hash of the newest page that this device knows. Compare it with the
   * head on another device: if the server shows the two devices different histories, their heads differ. Null before the first sync.
   *
   * @example
   * ```js
   * const head = await notes.head();
   * head.words.join(" "); // "plastic amused tornado wine"
   * ```
   */
  async head(): Promise<JournalHead | null> {
    const head = await this.inside().handle.call<{ position: number; hash: string } | null>((raw) => raw.head());
    if (!head) return null;
    const { fourWords } = await import("../values/words.js");
    return { ...head, words: fourWords(head.hash) };
  }

  /**
   * Resolves to the newest pages of an encrypted collection since its latest snapshot, newest first, at most `limit` of them (default 100).
   * The server sees the same properties of a page, except `time` and `device`, which are encrypted.
   *
   * @example
   * ```js
   * const [newest] = await notes.pages({ limit: 1 });
   * ```
   */
  async pages({ limit = 100 }: { limit?: number } = {}): Promise<JournalPage[]> {
    if (!(limit >= 0)) throw invalidOption("limit must be a number, 0 or more.");
    const pages = await this.inside().handle.call<JournalPage[]>((raw) => raw.pages(limit));
    return pages.map((page) => ({ ...page, time: page.time || null, device: page.device || null }));
  }

  /**
   * Resolves a conflict. `resolution` is the new content of the record: here at once, and on the server after the next sync. Null deletes the
   * record. Emits no events.
   *
   * @example
   * ```js
   * await tasks.resolve(conflict, conflict.local);   // mine
   * await tasks.resolve(conflict, conflict.remote);  // theirs
   * ```
   */
  async resolve(conflict: Conflict<T>, resolution: (Partial<T> & object) | null): Promise<RecordResult<T>> {
    if (typeof conflict !== "object" || conflict === null) {
      throw invalidOption("resolve() needs a conflict, as sync() lists them: {type, local, remote}.");
    }
    const [conflictText, resolutionText] = [recordText(conflict), resolution === null ? "null" : recordText(resolution)];
    const data = await this.inside().handle.call<StoredRecord<T>>((raw) => raw.resolve(conflictText, resolutionText));
    return { data, permissions: {} };
  }

  /**
   * Marks every record as never synced: the next sync uploads all of them as new records, even those that were deleted on the server. After
   * `server_flushed` prefer {@link Collection.repair}, which uploads only what the server does not have.
   *
   * @returns The number of records that were marked.
   * @example
   * ```js
   * await tasks.resetSyncStatus();
   * await tasks.sync();
   * ```
   */
  async resetSyncStatus(): Promise<number> {
    return this.inside().handle.call((raw) => raw.reset_sync_status());
  }

  /**
   * Resolves to the server's data about the collection itself, as of the last sync; null before the first sync.
   *
   * @example
   * ```js
   * const metadata = await tasks.metadata(); // { id: "tasks", last_modified: 1732…, … }
   * ```
   */
  async metadata(): Promise<Record<string, any> | null> {
    return this.inside().handle.call((raw) => raw.metadata());
  }

  /**
   * Resolves to the unsynced records and deletions in Kinto.js's database that were not migrated: an old tab or an old version of the app
   * wrote them after the migration. The event `storage:leftover` reports that there are some. Empty for encrypted collections.
   *
   * @example
   * ```js
   * const titles = (await tasks.leftovers()).map((task) => task.title);
   * ```
   */
  async leftovers(): Promise<StoredRecord<T>[]> {
    return this.inside().handle.call((raw) => raw.leftovers());
  }

  /**
   * Migrates the changes that {@link Collection.leftovers} lists, as unsynced changes. If the record was also changed here, or a newer
   * version was downloaded, neither version replaces the other unless `prefer` chooses one: the record is listed in `conflicts` and remains in
   * `leftovers()`. Kinto.js's database is only read.
   *
   * @example
   * ```js
   * kinto.events.on("storage:leftover", async ({ collection }) => {
   *   const { conflicts } = await kinto.collection(collection).adoptLeftovers();
   *   if (conflicts.length > 0 && confirm("Take the older version's changes?")) {
   *     await kinto.collection(collection).adoptLeftovers({ prefer: "leftover" });
   *   }
   * });
   * ```
   */
  async adoptLeftovers({ prefer }: AdoptLeftoversOptions = {}): Promise<AdoptedLeftovers<T>> {
    return this.inside().handle.call((raw) => raw.adopt_leftovers(String(prefer ?? "")));
  }

  /**
   * A step of a sync: downloads the server's data about the collection itself, and stores it for `metadata()`. Resolves to this data. Rejects
   * with `invalid_option` if the collection is encrypted.
   *
   * @example
   * ```js
   * const client = tasks.api.bucket("default").collection("tasks");
   * await tasks.pullMetadata(client, { headers: { Authorization } });
   * ```
   */
  async pullMetadata(client: Pick<RemoteCollection, "getData">, options: PullOptions = {}): Promise<any> {
    assertPlain(this, "pullMetadata");
    return inStep(this, client, (run) => pulling.pullMetadata(this, client, options, run));
  }

  /**
   * A step of a sync: downloads the changes of the server and stores them here. `sync()` does more: it stores each page as it arrives, resumes
   * an interrupted download, and notices what is written meanwhile. Does nothing if `result` already has errors or conflicts. Rejects with
   * `invalid_option` if the collection is encrypted.
   *
   * @example
   * ```js
   * const client = tasks.api.bucket("default").collection("tasks");
   * const result = await tasks.pullChanges(client, new SyncResultObject(), { strategy: "server_wins" });
   * ```
   */
  async pullChanges(
    client: Pick<RemoteCollection, "listRecords">,
    result: SyncResultObject<T> = new SyncResultObject<T>(),
    options: PullOptions = {},
  ): Promise<SyncResultObject<T>> {
    assertPlain(this, "pullChanges");
    if (!result.ok) return result;
    return inStep(this, result, (run) => pulling.pullChanges(this, client, result, options, run));
  }

  /**
   * A step of a sync: merges decoded changes of the server, including tombstones (`deleted: true`), into the local records. Changes that cannot
   * be stored are listed in the `errors` of the result. Rejects with `invalid_option` if the collection is encrypted.
   *
   * @example
   * ```js
   * await tasks.importChanges(new SyncResultObject(), [{ id: "1", title: "a", last_modified: 12 }]);
   * ```
   */
  async importChanges(result: SyncResultObject<T>, decodedChanges: readonly object[], strategy: Strategy = "manual"): Promise<SyncResultObject<T>> {
    assertPlain(this, "importChanges");
    return pulling.importChanges(this, result, decodedChanges, strategy);
  }

  /**
   * A step of a sync: uploads changes from `gatherLocalChanges()` in one batch, and acknowledges them by the server's answers. A record that was
   * edited meanwhile stays unsynced. Does nothing if `result` already has errors or conflicts. Rejects with `invalid_option` if the collection
   * is encrypted.
   *
   * @example
   * ```js
   * const client = tasks.api.bucket("default").collection("tasks");
   * const result = await tasks.pushChanges(client, await tasks.gatherLocalChanges(), new SyncResultObject());
   * ```
   */
  async pushChanges(
    client: Pick<RemoteCollection, "batch">,
    changes: readonly any[],
    result: SyncResultObject<T> = new SyncResultObject<T>(),
    options: StepOptions = {},
  ): Promise<SyncResultObject<T>> {
    assertPlain(this, "pushChanges");
    if (!result.ok) return result;
    return inStep(this, result, (run) => pushChanges(this, client, changes, result, options, run));
  }

  /**
   * Calls the functions of a hook in turn; each gets what the previous one returned. Resolves to what the last one returned.
   *
   * @example
   * ```js
   * const { changes } = await tasks.applyHook("incoming-changes", { lastModified: 12, changes: [] });
   * ```
   */
  async applyHook(name: keyof Hooks, payload: IncomingChanges): Promise<IncomingChanges> {
    return pulling.applyHook(this.hooks[name], payload, this);
  }

  /**
   * Resolves to the records that the next sync would upload, as the transformers encode them: changed records first, then deleted ones.
   *
   * @example
   * ```js
   * const unsynced = (await tasks.gatherLocalChanges()).length;
   * ```
   */
  async gatherLocalChanges(): Promise<any[]> {
    return this.inside().handle.call((raw) => raw.gather_local_changes());
  }

  /**
   * Returns a copy of the record without `_status` and the local fields. This is the form in which records are uploaded.
   *
   * @example
   * ```js
   * tasks.cleanLocalFields({ id: "1", title: "a", _status: "created" }); // { id: "1", title: "a" }
   * ```
   */
  cleanLocalFields(record: object): Record<string, unknown> {
    return withoutLocalFields(record, this.localFields);
  }

  /** A private method of Kinto.js's collections that some apps call: returns the record as the transformers encode it. */
  async _encodeRecord(_type: "remote", record: object): Promise<any> {
    return this.remoteTransformers.reduce<Promise<unknown>>(
      async (encoded, { encode }, at) => encode.call(this.remoteTransformers[at], await encoded),
      Promise.resolve(record),
    );
  }

  /** A private method of Kinto.js's collections that some apps call: returns the record as the transformers decode it. */
  async _decodeRecord(_type: "remote", record: object): Promise<any> {
    return this.remoteTransformers.reduceRight<Promise<unknown>>(
      async (decoded, { decode }, at) => decode.call(this.remoteTransformers[at], await decoded),
      Promise.resolve(record),
    );
  }
}

/** Returns a function that opens the collection. The function keeps the key only until the collection is open; afterwards only WASM has it. */
function opener(
  collection: Collection,
  key: KeyOption | undefined,
  open: (given: { bucket: string; name: string; localFields: string[]; key: KeyOption | undefined; events: Emitter }) => Promise<OpenCollection>,
): () => Promise<OpenCollection> {
  let kept = key;
  return async () => {
    const { bucket, name, localFields, events } = collection;
    const opened = await open({ bucket, name, localFields, key: kept, events });
    kept = undefined;
    return opened;
  };
}
