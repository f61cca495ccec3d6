/** A collection: its options, and the half that has to do with a server. */

import { makeAdapter, storageOf } from "../storage/adapter-option.js";
import type { BaseAdapter } from "../storage/adapters.js";
import { AdoptingCollection } from "./adopting.js";
import type { KintoClient } from "../kinto/api.js";
import { App, readHooks, readTransformers } from "./app.js";
import { sharedBy, type OpenCollection, type Place, type Shared } from "../wasm/connection.js";
import { invalidOption, KintoError } from "../errors.js";
import type { RawCollection } from "../wasm/essaim_wasm.js";
import { emit, Events, type Emitter } from "../events.js";
import { kindOf, recordText } from "../values/json.js";
import { readKey, type KeyOption } from "../wasm/key.js";
import { absoluteRemote, maskHeaders, mergeHeaders, readRemote } from "../http/address.js";
import { readSyncResult, type SyncResultObject } from "./result.js";
import { readIdSchema } from "../values/ids.js";
import { replacesSteps, syncStepwise } from "./stepwise.js";
import { syncStrategy } from "../values/strategy.js";
import type {
  CollectionOptions,
  Conflict,
  HeadersOption,
  Hooks,
  IdSchema,
  JournalDestination,
  JournalHead,
  JournalPage,
  RecordResult,
  RemoteTransformer,
  StoredRecord,
  SyncOptions,
} from "../types/index.js";

/** What a collection is made for: a `Kinto`, or any object with an `api`. */
export interface KintoLike {
  readonly api: KintoClient;
  readonly events?: Emitter | undefined;
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
export class Collection<T extends object = any> extends AdoptingCollection<T> {
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
  readonly #app: App;
  readonly #shared: Shared;
  readonly #place: Place;
  readonly #isEncrypted: boolean;
  /** Of an encrypted collection, until it is open. */
  #key: KeyOption | undefined;
  /** Syncs made of steps that have not begun, by their options. */
  readonly #waiting = new Map<string, Promise<SyncResultObject<T>>>();

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
    super();
    this.bucket = readName(bucket);
    this.name = readName(name);
    this.kinto = kinto;
    this.events = options.events ?? kinto.events ?? new Events();
    this.idSchema = readIdSchema(options.idSchema);
    this.remoteTransformers = readTransformers(options.remoteTransformers);
    this.hooks = readHooks(options.hooks);
    this.localFields = [...(options.localFields ?? [])];
    this.#app = new App(this);
    this.#key = readKey(options);
    this.#isEncrypted = this.#key !== undefined;
    this.#shared = sharedBy(kinto);
    const { adapter, adapterOptions, connection } = this.#shared;
    this.db = makeAdapter<T>(options.adapter ?? adapter, `${bucket}/${name}`, options.adapterOptions ?? adapterOptions);
    const place = (this.#place = { dbName: this.db.dbName, storage: storageOf(this.db) });
    this.db.bind({ handle: this.handle, disconnect: () => connection.disconnect(place) });
  }

  /** The handle on the server, the same as `kinto.api`. */
  get api(): KintoClient {
    return this.kinto.api;
  }

  /** Kinto.js's inner name of {@link Collection.name}. */
  get _name(): string {
    return this.name;
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
    return this.#talk(options, (raw, request) => raw.sync(request), !this.isEncrypted);
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
    return this.#talk(options, (raw, request) => raw.repair(request));
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
    return this.#talk(options, (raw, request) => raw.close_journal(text, request));
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
    const head = await this.handle.call<{ position: number; hash: string } | null>((raw) => raw.head());
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
    const pages = await this.handle.call<JournalPage[]>((raw) => raw.pages(limit));
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
    const data = await this.handle.call<StoredRecord<T>>((raw) => raw.resolve(conflictText, resolutionText));
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
    return this.handle.call((raw) => raw.reset_sync_status());
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
    return this.handle.call((raw) => raw.metadata());
  }

  /** @internal */
  protected get isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  /** @internal */
  protected async open(): Promise<OpenCollection> {
    const { bucket, name, localFields, events } = this;
    const opened = await this.#shared.connection.open({ place: this.#place, bucket, name, localFields, key: this.#key, events, app: this.#app });
    this.#key = undefined;
    return opened;
  }

  async #talk(
    options: SyncOptions | undefined,
    work: (raw: RawCollection, request: string) => Promise<string>,
    inSteps = false,
  ): Promise<SyncResultObject<T>> {
    const given = options ?? this.#defaultSync();
    this.#heedBackoff(given);
    const described = { ...given, bucket: given.bucket || this.bucket, collection: given.collection || this.name };
    const request = JSON.stringify(this.#syncRequest({ ...given, bucket: described.bucket }));
    const told = given.headers ? { ...described, headers: maskHeaders(given.headers) } : described;
    try {
      const result =
        inSteps && (this.#shared.byHand || replacesSteps(this))
          ? await this.#syncInSteps(request, described)
          : readSyncResult<T>(await this.handle.call((raw) => work(raw, request)));
      emit(this.events, "sync:success", { ...told, result });
      return result;
    } catch (error) {
      const failure = this.#syncError(error);
      // As in Kinto.js, a sync that the server's wish put off did not happen, so it did not fail.
      if (!KintoError.is(failure, "backoff")) emit(this.events, "sync:error", { ...told, error: failure });
      throw failure;
    }
  }

  /** In turn with the other syncs. Who calls while it waits shares it. */
  #syncInSteps(request: string, described: SyncOptions): Promise<SyncResultObject<T>> {
    const waiting = this.#waiting.get(request);
    if (waiting) return waiting;
    const begun = () => this.#waiting.delete(request);
    const run = this.#takeSteps(request, described, begun).finally(() => this.#waiting.get(request) === run && begun());
    this.#waiting.set(request, run);
    return run;
  }

  async #takeSteps(request: string, described: SyncOptions, begun: () => void): Promise<SyncResultObject<T>> {
    return this.inRun(request, (run) => {
      begun();
      return syncStepwise(this, described, run);
    });
  }

  /** What the app's own requests were told holds for a sync too. */
  #heedBackoff({ ignoreBackoff, remote }: SyncOptions): void {
    const retryAfterMs = remote || ignoreBackoff ? 0 : this.api.backoff;
    if (!(retryAfterMs > 0)) return;
    const seconds = Math.ceil(retryAfterMs / 1000);
    throw new KintoError("backoff", `Server is asking clients to back off; retry in ${seconds}s or use the ignoreBackoff option.`, { retryAfterMs });
  }

  /** `api.setHeaders()` is how an app logs in. */
  get #headers(): HeadersOption | undefined {
    return this.api.headers ?? this.#shared.headers;
  }

  #defaultSync(): SyncOptions {
    const { MANUAL } = syncStrategy;
    return { strategy: MANUAL, headers: {}, retry: this.#shared.retry, ignoreBackoff: false, remote: null, expectedTimestamp: null };
  }

  #syncRequest({ strategy: given, ...options }: SyncOptions): object {
    const strategy = given ?? syncStrategy.MANUAL;
    if (!Object.values(syncStrategy).includes(strategy)) {
      throw invalidOption(`Unknown strategy ${typeof strategy === "string" ? JSON.stringify(strategy) : kindOf(strategy)}. Use one of Kinto.syncStrategy.`);
    }
    const { retry, timeout } = this.#shared;
    return {
      strategy,
      remote: absoluteRemote(options.remote ? readRemote(options.remote) : this.api.remote),
      headers: mergeHeaders(this.#headers, options.headers),
      timeout,
      retry: options.retry ?? retry,
      ignoreBackoff: options.ignoreBackoff ?? false,
      bucket: options.bucket,
      collection: options.collection || null,
      expectedTimestamp: options.expectedTimestamp ?? null,
    };
  }

  /** A hook's own error is given as the cause. */
  #syncError(error: unknown): KintoError {
    const thrown = this.#app.takeThrown();
    if (!KintoError.is(error, "callback") || thrown === undefined) return error as KintoError;
    return new KintoError("callback", error.message, {}, { cause: thrown });
  }
}

/** Half a character cannot be encoded: two such names would be one collection. */
function readName(name: string): string {
  if (/\p{Surrogate}/u.test(name)) throw invalidOption("The names of buckets and collections must be well-formed Unicode.");
  return name;
}
