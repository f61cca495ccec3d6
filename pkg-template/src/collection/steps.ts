/** The steps of a sync one by one, over an HTTP client that the app gives: for apps that take them themselves, as Kinto.js lets them. */

import { transformOne } from "./app.js";
import { invalidOption, KintoError, ServerWasFlushedError } from "../errors.js";
import { withoutLocalFields } from "../values/equality.js";
import { abortable } from "../http/defaults.js";
import { assertEnds } from "../http/listing.js";
import { assertJson, kindOf, messageOf, recordsText } from "../values/json.js";
import { LocalCollection } from "./local.js";
import { addLists, SyncResultObject, type SyncLists } from "./result.js";
import type { HeadersOption, Hooks, IdOf, IncomingChanges, RemoteTransformer, StoredRecord, Strategy } from "../types/index.js";

/** What the steps need of a remote collection: `api.bucket(…).collection(…)` is one. */
export interface RemoteCollection {
  getData(options?: any): Promise<any>;
  listRecords(options?: any): Promise<{ data: any[]; last_modified: string | null; hasNextPage?: boolean }>;
  batch(collect: (batch: any) => void, options?: any): Promise<any>;
}

/** The options of the steps. */
export interface StepOptions {
  strategy?: Strategy;
  headers?: HeadersOption;
  retry?: number;
}

/** The options of `pullMetadata()` and `pullChanges()`. */
export interface PullOptions extends StepOptions {
  /** The timestamp that the server is known to have. */
  expectedTimestamp?: number | string | null;
  /** Fetch what is younger than this; null: everything. Default: than the last sync. */
  lastModified?: number | null;
  /** Records that need not come: the first 50 of them. */
  exclude?: { id: unknown }[];
}

/** The answer to a push, as a client's `batch()` sums it up. */
interface BatchSummary {
  published: { data: any }[];
  errors: object[];
  conflicts: { type: string; local?: { data?: any } | null; remote: any }[];
  skipped: { id: any }[];
}

const MOST_EXCLUDED = 50;

/** A sync that is made of steps. Its requests end with the signal, and what it writes is written in its epoch or not at all. */
export interface Run {
  epoch: string | undefined;
  signal: AbortSignal;
  /** Of one step, which the app takes itself. */
  isOfStep?: boolean;
}

/** By what the steps of a run have in common: the client and the result. A step that an app takes itself is a run of its own. */
export const RUNS = new WeakMap<object, Run>();

/** Throws `interrupted` if it was cleared, closed or deleted away. */
function goOn(run: Run | undefined): void {
  if (run?.signal.aborted) throw new KintoError("interrupted", "The collection was cleared, reset or deleted during this sync. Sync again.", {});
}

export abstract class SteppedCollection<T extends object> extends LocalCollection<T> {
  abstract readonly remoteTransformers: RemoteTransformer[];
  abstract readonly hooks: Hooks;
  abstract readonly localFields: string[];
  /** @internal */
  protected abstract readonly isEncrypted: boolean;

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
    this.#assertPlain("pullMetadata");
    const { expectedTimestamp, headers } = options;
    const query = expectedTimestamp ? { query: { _expected: expectedTimestamp } } : {};
    return this.#step(client, async (run) => {
      const metadata = await client.getData({ ...query, headers: abortable(headers, run.signal) });
      goOn(run);
      return this.db.saveMetadata(metadata, run.epoch);
    });
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
    this.#assertPlain("pullChanges");
    if (!result.ok) return result;
    return this.#step(result, (run) => this.#pull(client, result, options, run));
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
    this.#assertPlain("importChanges");
    const run = RUNS.get(result);
    goOn(run);
    try {
      const changes = decodedChanges.filter((change) => isJson(change, "incoming", result));
      const text = recordsText(changes);
      const ids = changes.map((change) => (change as { id?: unknown }).id);
      addLists(result, await this.touch<SyncLists<T>>(ids, (raw) => raw.import_changes(text, strategy, run?.epoch)));
    } catch (error) {
      if (KintoError.is(error, "invalid_option") || KintoError.is(error, "interrupted")) throw error;
      const { message, stack } = error as Error;
      result.add("errors", { type: "incoming", message, stack });
    }
    return result;
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
    this.#assertPlain("pushChanges");
    if (!result.ok) return result;
    return this.#step(result, (run) => this.#push(client, changes, result, options, run));
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
    let current = payload;
    for (const hook of this.hooks[name] ?? []) {
      const returned: unknown = await hook(current, this as never);
      if (typeof returned !== "object" || returned === null || !("changes" in returned)) {
        throw new Error(`Invalid return value for hook: ${shown(returned)} has no 'then()' or 'changes' properties`);
      }
      current = returned as IncomingChanges;
    }
    if (current !== payload) assertJson(current.changes);
    return current;
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
    return this.handle.call((raw) => raw.gather_local_changes());
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
    return this.remoteTransformers.reduce<Promise<unknown>>(async (encoded, { encode }, at) => encode.call(this.remoteTransformers[at], await encoded), Promise.resolve(record));
  }

  /** For code that reaches into Kinto.js's collections: the record before the transformers. */
  async _decodeRecord(_type: "remote", record: object): Promise<any> {
    return this.remoteTransformers.reduceRight<Promise<unknown>>(async (decoded, { decode }, at) => decode.call(this.remoteTransformers[at], await decoded), Promise.resolve(record));
  }

  /**
   * @internal Does `work` as a run: its requests end, and nothing more of it is written, once the collection is cleared, reset,
   * closed or deleted. `options` are those of a sync, whose turn is waited for; empty for a single step.
   */
  protected async inRun<R>(options: string, work: (run: Run) => Promise<R>): Promise<R> {
    const aborts = new AbortController();
    const outcome: { result?: R; thrown?: { error: unknown } } = {};
    const take = async (epoch?: string): Promise<void> => {
      try {
        outcome.result = await work({ epoch, signal: aborts.signal, isOfStep: options === "" });
      } catch (error) {
        outcome.thrown = { error };
      }
    };
    try {
      await this.handle.call((raw) => raw.sync_by(options, take));
    } finally {
      aborts.abort();
    }
    if (outcome.thrown) throw outcome.thrown.error;
    return outcome.result!;
  }

  /** A step of the sync that `of` belongs to, or a run of its own. */
  #step<R>(of: object, work: (run: Run) => Promise<R>): Promise<R> {
    const known = RUNS.get(of);
    if (known && !known.isOfStep) return work(known);
    return this.inRun("", async (run) => {
      RUNS.set(of, run);
      try {
        return await work(run);
      } finally {
        if (RUNS.get(of) === run) RUNS.delete(of);
      }
    });
  }

  async #pull(client: Pick<RemoteCollection, "listRecords">, result: SyncResultObject<T>, options: PullOptions, run: Run): Promise<SyncResultObject<T>> {
    const known = options.lastModified === undefined ? await this.db.getLastModified() : options.lastModified;
    const manner = { headers: abortable(options.headers, run.signal), retry: options.retry };
    const since = known ? String(await this.#since(known, options)) : undefined;
    const { data, undated, last_modified } = await listChanges(client, since, { ...manner, filters: pullFilters(options) }, run);
    goOn(run);
    const shown = last_modified ? parseInt(last_modified.replace(/"/g, ""), 10) : null;
    const timestamp = Number.isSafeInteger(shown) ? shown : null;
    if (!options.exclude && known && timestamp && timestamp > known && data.length === 0 && (await this.#isFlushed(client, manner, run))) {
      const message = `Server has been flushed. Client Side Timestamp: ${known} Server Side Timestamp: ${timestamp}`;
      throw new ServerWasFlushedError(known, timestamp, message);
    }
    result.lastModified = timestamp;
    for (const row of undated) result.add("errors", { type: "incoming", ...(isId(row) && { id: row.id }), message: `A record of the server has no ${typeof row?.id === "string" ? "last_modified that is a version" : "id that is a text"}.` } as never);
    const decoded = await this.#decodeAll(data, "incoming", result);
    const { changes } = await this.applyHook("incoming-changes", { lastModified: timestamp as number, changes: decoded });
    return this.importChanges(result, changes, options.strategy);
  }

  async #push(client: Pick<RemoteCollection, "batch">, changes: readonly any[], result: SyncResultObject<T>, options: StepOptions, run: Run): Promise<SyncResultObject<T>> {
    const before = new Map((await this.db.list()).map((record) => [record.id as unknown, record]));
    const { retry, strategy = "manual" } = options;
    goOn(run);
    const headers = abortable(options.headers, run.signal);
    const collect = (batch: any) => this.#collect(changes, batch);
    const summary = (await client.batch(collect, { headers, retry, safe: true, aggregate: true })) as BatchSummary;
    goOn(run);
    for (const error of summary.errors) result.add("errors", { ...error, type: "outgoing" });
    const answers = [
      ...(await this.#published(summary, result)),
      ...(await this.#overtaken(summary, result, before)),
      ...summary.skipped.map(({ id }) => ({ answer: "gone", id })),
    ];
    const usable = answers.filter((answer) => isJson("remote" in answer && answer.remote, "outgoing", result));
    const text = JSON.stringify(usable.map((answer) => ({ ...answer, sent: before.get(answer.id) ?? null })));
    const settled = await this.handle.call<SyncLists<T>>((raw) => raw.settle_answers(text, strategy, run.epoch));
    if (settled.resolved.length > 0) result.reset("conflicts").reset("resolved");
    addLists(result, settled);
    return result.add("skipped", summary.skipped);
  }

  /** Before a request leaves: these steps speak of records, and by name of the collection, which an encrypted one never does. */
  #assertPlain(method: string): void {
    if (this.isEncrypted) throw invalidOption(`${method}() is for collections that are not encrypted; sync() syncs both kinds.`);
  }

  /** What is behind a timestamp of Kinto.js's may be missing here: everything is asked for, deletions too. */
  async #since(known: number, { lastModified }: PullOptions): Promise<number> {
    const readsAll = !lastModified && (await this.handle.call<boolean>((raw) => raw.reads_all()));
    return readsAll ? 0 : known;
  }

  /** A timestamp that belongs to nothing is that of a purged tombstone, if the server still has anything as it is here. */
  async #isFlushed(client: Pick<RemoteCollection, "listRecords">, manner: object, run: Run): Promise<boolean> {
    const { data } = await listChanges(client, "0", { fields: ["id", "last_modified"], ...manner }, run);
    const there = new Map(data.map(({ id, last_modified }) => [id, last_modified]));
    return !(await this.db.list()).some(({ id, last_modified }) => last_modified !== undefined && there.get(id) === last_modified);
  }

  /** Deletions first. What never was on the server needs no deletion there. */
  #collect(changes: readonly any[], batch: any): void {
    for (const record of changes) {
      if (record._status === "deleted" && record.last_modified) batch.deleteRecord(record);
    }
    for (const record of changes) {
      const clean = this.cleanLocalFields(record);
      if (record._status === "created") batch.createRecord(clean);
      else if (record._status !== "deleted") batch.updateRecord(clean);
    }
  }

  /** One that cannot be decoded is an error of its own. */
  async #decodeAll(records: any[], type: "incoming" | "outgoing", result: SyncResultObject<T>): Promise<any[]> {
    const steps = this.remoteTransformers.map((transformer) => (record: unknown) => transformer.decode(record)).reverse();
    if (steps.length === 0) return records;
    const outcomes = await Promise.all(records.map((record) => transformOne(record, steps)));
    return outcomes.flatMap((outcome, at) => {
      if ("ok" in outcome) return [type === "incoming" ? asShown(records[at], outcome.ok) : outcome.ok];
      result.add("errors", { type, id: records[at].id, message: outcome.error });
      return [];
    });
  }

  async #published({ published }: BatchSummary, result: SyncResultObject<T>): Promise<{ answer: string; id: unknown; remote: any }[]> {
    const records = published.map((body) => body?.data).filter((record) => typeof record === "object" && record !== null);
    const decoded = await this.#decodeAll(records, "outgoing", result);
    return decoded.map((remote) => ({ answer: "published", id: remote.id as unknown, remote }));
  }

  async #overtaken(
    { conflicts }: BatchSummary,
    result: SyncResultObject<T>,
    before: ReadonlyMap<unknown, StoredRecord<T>>,
  ): Promise<{ answer: string; id: unknown; remote: any }[]> {
    const answers = [];
    for (const conflict of conflicts) {
      try {
        const local = await this._decodeRecord("remote", conflict.local?.data ?? { id: conflict.remote.id });
        const remote = conflict.remote && (await this._decodeRecord("remote", conflict.remote));
        if (before.has(local.id)) answers.push({ answer: "overtaken", id: local.id as unknown, remote });
        else result.add("conflicts", { type: "outgoing", local, remote });
      } catch (error) {
        result.add("errors", { type: "outgoing", id: conflict.remote?.id as IdOf<T>, message: messageOf(error) });
      }
    }
    return answers;
  }
}

/**
 * What changed, oldest first, and the timestamp of the first page. Where a client cannot see that there is a next page, or may
 * not go where it is said to be, what follows is asked for by the last version shown, until a page shows nothing newer.
 */
async function listChanges(client: Pick<RemoteCollection, "listRecords">, since: string | undefined, options: object, run: Run): Promise<{ data: any[]; undated: any[]; last_modified: string | null }> {
  // Kinto refuses times that are more than a day ahead of its clock, as that of a record whose time was forced, and tokens that have one.
  const isRefused = (error: unknown) => KintoError.is(error, "server") && error.data.status === 400;
  const list = async (since: string | undefined) => {
    goOn(run);
    const query = { ...options, since, sort: "last_modified" };
    try {
      return await client.listRecords({ ...query, pages: Infinity });
    } catch (error) {
      if (!KintoError.is(error, "other_origin") && !isRefused(error)) throw error;
    }
    try {
      return await client.listRecords(query);
    } catch (error) {
      if (!since || !isRefused(error)) throw error;
      return client.listRecords({ ...query, since: "0" });
    }
  };
  const data: any[] = [];
  const undated = new Map<string, any>();
  let pages = 0;
  const shown = new Set<unknown>();
  let newest = 0;
  for (let page = await list(since), first = page; ; page = await list(String(newest))) {
    const before = newest;
    for (const record of page.data) {
      if (!isVersion(record?.last_modified) || typeof record.id !== "string") {
        undated.set(JSON.stringify(record), record);
        continue;
      }
      if (record.last_modified <= before) continue;
      newest = Math.max(newest, record.last_modified);
      // A list without `since` has no deletions; of those that follow it, the ones of records that were listed count.
      if (page !== first && since === undefined && isTombstone(record) && !shown.has(record.id)) continue;
      shown.add(record.id);
      data.push(record);
    }
    const timestamp = page.last_modified ? parseInt(page.last_modified.replace(/"/g, ""), 10) : NaN;
    if (newest === before || (newest === timestamp && !page.hasNextPage)) return { data, undated: [...undated.values()], last_modified: first.last_modified };
    assertEnds((pages += 1), data.length, "");
  }
}

/** Of what a hook returned no content, which may be records. */
const shown = (returned: unknown) => (typeof returned === "number" || typeof returned === "boolean" ? String(returned) : kindOf(returned));

/** One that JSON cannot hold (a server's `1e400` is Infinity) is refused by itself. */
function isJson(change: any, type: "incoming" | "outgoing", result: SyncResultObject<any>): boolean {
  try {
    assertJson(change);
    return true;
  } catch (error) {
    result.add("errors", { type, ...(isId(change) && { id: change.id }), message: messageOf(error) });
    return false;
  }
}

const isVersion = (at: unknown) => Number.isSafeInteger(at) && (at as number) >= 0;

/** Whether a change names its record by what can be an id in JSON. */
const isId = (change: any): change is { id: string | number } => typeof change?.id === "string" || Number.isFinite(change?.id);

const isTombstone = (change: any) => change?.deleted === true && Object.keys(change).every((name) => ["id", "last_modified", "_status", "deleted"].includes(name));

/** A deletion of the server's stays one, whatever transformers make of it; they may delete a record here, but not by a field that it has. */
function asShown(shown: any, decoded: any): object {
  const isDeletion = isTombstone(shown) || (decoded.deleted === true && shown.deleted !== true);
  return isDeletion ? { id: decoded.id, last_modified: decoded.last_modified ?? shown.last_modified, deleted: true } : decoded;
}

function pullFilters({ exclude, expectedTimestamp }: PullOptions): Record<string, unknown> | undefined {
  const filters: Record<string, unknown> = {};
  if (exclude) filters["exclude_id"] = exclude.slice(0, MOST_EXCLUDED).map(({ id }) => id).join(",");
  if (expectedTimestamp) filters["_expected"] = expectedTimestamp;
  return Object.keys(filters).length > 0 ? filters : undefined;
}
