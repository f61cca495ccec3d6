/**
 * A sync out of the public steps, over the app's own HTTP client.
 *
 * The engine's sync does more (it goes on where it was cut, meets what is written meanwhile, isolates a record that is
 * refused), so this one is only for apps that replaced a step, that send requests themselves, or made a collection for a client
 * of their own.
 */

import { KintoClient } from "../kinto/api.js";
import type { Collection } from "./collection.js";
import { SyncResultObject } from "./result.js";
import { RUNS, SteppedCollection, type Run } from "./steps.js";
import { syncStrategy } from "../values/strategy.js";
import type { SyncOptions } from "../types/index.js";

const STEPS = ["pullMetadata", "pullChanges", "importChanges", "pushChanges", "gatherLocalChanges"] as const;

/** Whether the app put something else in the place of a step, or of what sends its requests: it wants to see them. */
export function replacesSteps(collection: Collection<any>): boolean {
  const { api } = collection;
  if (api.http?.isReplaced || api._batchRequests !== KintoClient.prototype._batchRequests) return true;
  return STEPS.some((step) => collection[step] !== SteppedCollection.prototype[step]);
}

/** `options` with their bucket and collection. `remote` holds for this sync only, also when it fails. */
export async function syncStepwise<T extends object>(collection: Collection<T>, options: SyncOptions, run: Run): Promise<SyncResultObject<T>> {
  const api = collection.api as any;
  const usual: string = api.remote;
  if (options.remote) api.remote = options.remote;
  try {
    const client = api.bucket(options.bucket).collection(options.collection);
    const result = new SyncResultObject<T>();
    RUNS.set(client, run).set(result, run);
    await takeSteps(collection, client, result, options);
    if (result.ok && result.lastModified && !run.signal.aborted) await collection.db.saveLastModified(result.lastModified, run.epoch);
    RUNS.delete(client);
    return result;
  } finally {
    api.remote = usual;
  }
}

async function takeSteps<T extends object>(collection: Collection<T>, client: any, result: SyncResultObject<T>, given: SyncOptions): Promise<void> {
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

async function encodeDecided(collection: Collection<any>, { accepted, id, _status }: { accepted: any; id: unknown; _status: string }): Promise<any> {
  return accepted === null ? { id, _status } : collection._encodeRecord("remote", accepted);
}
