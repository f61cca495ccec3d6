/**
 * A sync that consists of the public steps, with requests through the app's own HTTP client.
 *
 * The sync in WASM does more: it resumes an interrupted listing, merges what is written meanwhile, and finds out which record of a batch is
 * rejected. So the stepwise sync is used only if the app replaced a step, sends requests itself, or constructed the collection for a client of
 * its own.
 */

import { KintoClient } from "../../http/client.js";
import type { StoredRecord } from "../../types/records.js";
import type { PullOptions, RemoteCollection, StepOptions, SyncOptions } from "../../types/sync.js";
import { syncStrategy } from "../../values/strategy.js";
import { SyncResultObject } from "../result.js";
import type { PushingOf } from "./push.js";
import { type Run, setRun } from "./run.js";

const STEPS = ["pullMetadata", "pullChanges", "importChanges", "pushChanges", "gatherLocalChanges"] as const;

/** The steps: methods of a collection that an app may replace. */
export interface Steps<T extends object> extends PushingOf<T> {
  readonly api: KintoClient;
  pullMetadata(client: RemoteCollection, options?: PullOptions): Promise<any>;
  pullChanges(client: RemoteCollection, result?: SyncResultObject<T>, options?: PullOptions): Promise<SyncResultObject<T>>;
  pushChanges(client: RemoteCollection, changes: readonly any[], result?: SyncResultObject<T>, options?: StepOptions): Promise<SyncResultObject<T>>;
  gatherLocalChanges(): Promise<StoredRecord<any>[]>;
  _encodeRecord(type: "remote", record: object): Promise<any>;
}

/** Returns whether the app replaced a step, or the function that sends the requests. `own` holds the original methods of the class. */
export function replacesSteps(collection: Steps<any>, own: Pick<Steps<any>, (typeof STEPS)[number]>): boolean {
  const { api } = collection;
  if (api.http?.isReplaced || api._batchRequests !== KintoClient.prototype._batchRequests) return true;
  return STEPS.some((step) => collection[step] !== own[step]);
}

/** Syncs in steps. `options` must name the bucket and the collection. `options.remote` is used for this sync only, also if the sync fails. */
export async function syncStepwise<T extends object>(collection: Steps<T>, options: SyncOptions, run: Run): Promise<SyncResultObject<T>> {
  const api = collection.api as any;
  const usual: string = api.remote;
  if (options.remote) api.remote = options.remote;
  try {
    const client = api.bucket(options.bucket).collection(options.collection);
    const result = new SyncResultObject<T>();
    setRun(client, run);
    setRun(result, run);
    await takeSteps(collection, client, result, options);
    if (result.ok && result.lastModified && !run.signal.aborted) await collection.db.saveLastModified(result.lastModified, run.epoch);
    setRun(client, undefined);
    return result;
  } finally {
    api.remote = usual;
  }
}

async function takeSteps<T extends object>(collection: Steps<T>, client: RemoteCollection, result: SyncResultObject<T>, given: SyncOptions): Promise<void> {
  const options = given as any;
  await collection.pullMetadata(client, options);
  await collection.pullChanges(client, result, options);
  if (options.strategy === syncStrategy.PULL_ONLY) return;
  const { lastModified } = result;
  await collection.pushChanges(client, await collection.gatherLocalChanges(), result, options);
  const decided = await Promise.all(result.resolved.filter(({ _status }) => _status !== "synced").map((resolution) => encodeDecided(collection, resolution)));
  if (decided.length > 0) await collection.pushChanges(client, decided, result, options);
  if (result.published.length > 0) await collection.pullChanges(client, result, { ...options, lastModified, exclude: result.published });
}

async function encodeDecided(collection: Steps<any>, { accepted, id, _status }: { accepted: any; id: unknown; _status: string }): Promise<any> {
  return accepted === null ? { id, _status } : collection._encodeRecord("remote", accepted);
}
