/** A collection: the class, whose parts are functions in other files. */

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

/** What a collection is made for: a `Kinto`, or any object with an `api`. */
export interface KintoLike {
  readonly api: KintoClient;
  readonly events?: Emitter | undefined;
}

/**
 * Each gets what the one before returned. A hook can call `sync()` of its collection, but must not wait for it: that sync begins when this
 * one, which waits for the hook, has ended.
 */
export type IncomingHook = (payload: IncomingChanges, collection: Collection<any>) => IncomingChanges | Promise<IncomingChanges>;

/** The app's own functions in a sync. */
export interface Hooks {
  "incoming-changes"?: IncomingHook[];
}

/** The options of `kinto.collection()`. */
export interface CollectionOptions {
  /** Instead of the bucket of the `Kinto`. */
  bucket?: string;
  /** Instead of the emitter of the `Kinto`. */
  events?: Emitter;
  /** Instead of the adapter of the `Kinto`. */
  adapter?: AdapterOption;
  adapterOptions?: AdapterOptions;
  /** How ids are made and checked. Default: random UUIDs, and what Kinto accepts. */
  idSchema?: IdSchema;
  remoteTransformers?: RemoteTransformer[];
  hooks?: Hooks;
  /** Fields that are never uploaded and that no download overwrites. */
  localFields?: string[];
  /**
   * Encrypts the collection on the server, so that nobody without this key can read it: what `makeKey()` made. Whoever
   * loses the key loses what is on the server. A mistyped one is `invalid_key`; another one is another collection.
   *
   * One key and one name are one collection, whatever the bucket, the account and the server: its pages can move between them.
   * Where a name comes twice (two buckets, two users), give each collection a key of its own.
   */
  key?: KeyOption;
}

/** @internal What a collection keeps for itself. */
interface Inside {
  readonly handle: Handle;
  readonly shared: Shared;
  readonly callbacks: Callbacks;
  readonly isEncrypted: boolean;
  /** Stepwise syncs that have not begun, by their requests. */
  readonly waiting: Map<string, Promise<SyncResultObject>>;
}

/**
 * Records of one kind. Made by `kinto.collection()`.
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
  /** The `Kinto` that made it. */
  readonly kinto: KintoLike;
  /** What is kept of it in the browser, one level below. */
  readonly db: BaseAdapter<T>;
  readonly events: Emitter;
  readonly idSchema: IdSchema;
  readonly remoteTransformers: RemoteTransformer[];
  readonly hooks: Hooks;
  readonly localFields: string[];
  /** @internal */
  declare readonly inside: () => Inside;

  /**
   * `kinto.collection()` makes one. By hand it needs no `Kinto`, but an object with the `api` to sync with: it then syncs
   * step by step through that, as Kinto.js does.
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

  /** The handle on the server, the same as `kinto.api`. */
  get api(): KintoClient {
    return this.kinto.api;
  }

  /** Kinto.js's inner name of {@link Collection.name}. */
  get _name(): string {
    return this.name;
  }

  /** The server's timestamp of the last sync, in milliseconds; null before the first. As of the last awaited call. */
  get lastModified(): number | null {
    return this.inside().handle.lastModified;
  }

  /** Kinto.js's inner name of {@link Collection.lastModified}. What is set holds until the next awaited call. */
  get _lastModified(): number | null {
    return this.inside().handle.lastModified;
  }
  set _lastModified(lastModified: number | null) {
    this.inside().handle.lastModified = lastModified;
  }

  /** False if the data will be gone when the page is closed; undefined until a call was awaited. */
  get persistent(): boolean | undefined {
    return this.inside().handle.persistent;
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
  create(record: NewRecord<T>, options: CreateOptions = {}): Promise<RecordResult<T>> {
    return records.create(this, record, options).then((data) => ({ data, permissions: {} }));
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
  async update(record: object, options: UpdateOptions = {}): Promise<UpdateResult<T>> {
    const { data, oldRecord } = await records.update(this, record, options);
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
    const { data, oldRecord } = await records.upsert(this, record);
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
    return { data: await records.get(this, id, includeDeleted), permissions: {} };
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
    return { data: await records.getAny(this, id), permissions: {} };
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
    return { data: await records.remove(this, id, virtual), permissions: {} };
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
    const { data, deleted } = await records.removeAny(this, id);
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
    return { data: await records.removeAll(this), permissions: {} };
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
    return { data: await records.list(this, params, includeDeleted), permissions: {} };
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
    await this.inside().handle.call((raw) => raw.clear());
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
  async importBulk(imported: readonly ImportedRecord<T>[]): Promise<StoredRecord<T>[]> {
    return records.importBulk(this, imported);
  }

  /** @deprecated The old name of {@link Collection.importBulk}. */
  async loadDump(imported: readonly ImportedRecord<T>[]): Promise<StoredRecord<T>[]> {
    return this.importBulk(imported);
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
    return records.execute(this, callback, preloadIds);
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
    await this.inside().handle.call((raw) => raw.refresh());
  }

  /**
   * Brings here what changed on the server, and there what changed here. One sync of a collection runs at a time.
   * What was synced when an error breaks it off stays synced, and the next sync goes on from there.
   *
   * Where an app replaced a step of it (`pullMetadata pullChanges importChanges pushChanges gatherLocalChanges`) or what sends
   * the requests of `api`, or made the collection for an `api` of its own, it is made of these steps, over `api`.
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
   * Brings this device and its server together again that parted, on the user's word: uploads what the server lost, and syncs.
   * Nothing that is here is lost, and what was deleted, here or there, stays deleted. What was changed on both sides is in
   * conflict, as in any sync.
   *
   * After `server_flushed`: a server that was flushed or restored from a backup, or another one, gets what it does not have.
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
   * After an alarm of an encrypted collection it takes what the server has as it stands. What somebody may still read is not
   * destroyed: where only another device has what the server lost, this one rejects (`omission`, `tampered`) and writes
   * nothing; repair on that one.
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
   * Closes an encrypted collection at its server, when it moves to another: syncs, and says as its last page where it goes on.
   * From then on every device that syncs here gets `moved`; its unsynced changes wait, and go to the new server. Copy the
   * server's records there as they are (they need no key), then sync with it.
   *
   * What cannot be sent, or is in conflict, is in the result as after a sync: then `ok` is false, and nothing was closed. Closing
   * again with the same destination succeeds.
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
   * The head of an encrypted collection, to be compared with that of another device: a server that shows two
   * devices different histories cannot make their heads equal. Null before the first sync.
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
   * The pages of an encrypted collection since its latest snapshot, the newest first: all that the server sees, but for
   * the device and the author's time, which are sealed too.
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
   * Settles a conflict: `resolution` is what the record becomes, here and at the next sync on the server. Null deletes it.
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
   * Forgets what the server knew: every record will be uploaded again, as if it were new, also one that was deleted there.
   * After `server_flushed`, {@link Collection.repair} does no more than is needed.
   *
   * @returns The number of records concerned.
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
   * The server's data on the collection itself, as of the last sync; null before the first.
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
   * The records, and deletions, that are unsynced in Kinto.js's database and were not taken over: written by an old tab, or by
   * an old version of the app. `storage:leftover` says when there are some. Empty for encrypted collections.
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
   * Takes over what {@link Collection.leftovers} lists, as unsynced changes. Where the record was changed here as
   * well, or pulled in a newer version, neither replaces the other unless `prefer` says so: it is in `conflicts`, and
   * stays a leftover. Kinto.js's database is only read.
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
   * Fetches the server's data on the collection itself, and keeps it for `metadata()`.
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
   * Fetches what changed on the server and brings it here. `sync()` does more: it fetches page by page, goes on where it was
   * cut, and sees what is written meanwhile. Does nothing if the result has errors or conflicts already.
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
   * Brings decoded changes of the server here, tombstones (`deleted: true`) among them, as a sync would. What cannot be stored
   * is listed in the result's `errors`.
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
   * Uploads changes, as `gatherLocalChanges()` gives them, in one batch, and settles what the server says. A record that
   * was edited meanwhile stays unsynced. Does nothing if the result has errors or conflicts already.
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
   * Passes content through the functions of a hook; each gets what the one before returned.
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
   * What the next sync would upload: changed records, then deleted ones, after the transformers.
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
   * A copy of the record without `_status` and the local fields: what is uploaded.
   *
   * @example
   * ```js
   * tasks.cleanLocalFields({ id: "1", title: "a", _status: "created" }); // { id: "1", title: "a" }
   * ```
   */
  cleanLocalFields(record: object): Record<string, unknown> {
    return withoutLocalFields(record, this.localFields);
  }

  /** For code that reaches into Kinto.js's collections: the record after the transformers. */
  async _encodeRecord(_type: "remote", record: object): Promise<any> {
    return this.remoteTransformers.reduce<Promise<unknown>>(
      async (encoded, { encode }, at) => encode.call(this.remoteTransformers[at], await encoded),
      Promise.resolve(record),
    );
  }

  /** For code that reaches into Kinto.js's collections: the record before the transformers. */
  async _decodeRecord(_type: "remote", record: object): Promise<any> {
    return this.remoteTransformers.reduceRight<Promise<unknown>>(
      async (decoded, { decode }, at) => decode.call(this.remoteTransformers[at], await decoded),
      Promise.resolve(record),
    );
  }
}

/** Opens a collection when it is first needed. The key is kept until the collection is open, and then only by WASM. */
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
