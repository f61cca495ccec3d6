/** Syncs a collection: makes the request to WASM, emits events, and obeys the server's backoff. */

import { invalidOption, KintoError } from "../errors.js";
import { type Emitter, emit } from "../events.js";
import { absoluteRemote, maskHeaders, mergeHeaders, readRemote } from "../http/address.js";
import type { KintoClient } from "../http/client.js";
import type { Shared } from "../kinto/shared.js";
import type { SyncOptions } from "../types/sync.js";
import { kindOf } from "../values/json.js";
import { syncStrategy } from "../values/strategy.js";
import type { RawCollection } from "../wasm/essaim_wasm.js";
import type { Handle } from "../wasm/handle.js";
import type { Callbacks } from "./callbacks.js";
import { readSyncResult, type SyncResultObject } from "./result.js";
import { inRun, type Run } from "./steps/run.js";

/** The members of a collection that a sync uses. */
export interface SyncingOf {
  readonly api: KintoClient;
  readonly bucket: string;
  readonly name: string;
  readonly events: Emitter;
  readonly inside: () => SyncInside;
}

interface SyncInside {
  readonly handle: Handle;
  readonly isEncrypted: boolean;
  readonly shared: Shared;
  readonly callbacks: Callbacks;
  /** Stepwise syncs that have not begun yet. The keys are their requests as JSON text. */
  readonly waiting: Map<string, Promise<SyncResultObject>>;
}

/** The options of a sync, with the names of the bucket and the collection on the server filled in. */
type Named = SyncOptions & { bucket: string; collection: string };

/**
 * Calls `work`, which syncs, repairs or closes the collection in WASM, and emits `sync:success` or `sync:error`. With `steps`, syncs in public
 * steps instead.
 */
export async function synchronize<T extends object>(
  of: SyncingOf,
  options: SyncOptions | undefined,
  work: (raw: RawCollection, request: string) => Promise<string>,
  steps?: (named: Named, run: Run) => Promise<SyncResultObject<T>>,
): Promise<SyncResultObject<T>> {
  const given = options ?? defaultOptions(of);
  obeyBackoff(of, given);
  const named: Named = { ...given, bucket: given.bucket || of.bucket, collection: given.collection || of.name };
  const request = JSON.stringify(requestOf(of, { ...given, bucket: named.bucket }));
  const told = given.headers ? { ...named, headers: maskHeaders(given.headers) } : named;
  try {
    const result = steps ? await shareWaiting(of, request, named, steps) : readSyncResult<T>(await of.inside().handle.call((raw) => work(raw, request)));
    emit(of.events, "sync:success", { ...told, result });
    return result;
  } catch (error) {
    const failure = withCause(of, error);
    // As in Kinto.js, a sync that the server's backoff prevented emits no `sync:error`, because it did not take place.
    if (!KintoError.is(failure, "backoff")) emit(of.events, "sync:error", { ...told, error: failure });
    throw failure;
  }
}

/** Stepwise syncs run one after the other. Callers with the same request share a sync that has not begun. */
function shareWaiting<T extends object>(
  of: SyncingOf,
  request: string,
  named: Named,
  steps: (named: Named, run: Run) => Promise<SyncResultObject<T>>,
): Promise<SyncResultObject<T>> {
  const { waiting } = of.inside();
  const known = waiting.get(request);
  if (known) return known;
  const synced = inRun(of, request, (run) => {
    waiting.delete(request);
    return steps(named, run);
  }).finally(() => waiting.get(request) === synced && waiting.delete(request));
  waiting.set(request, synced);
  return synced;
}

/** Throws `backoff` if the server has asked this `Kinto`, in its answer to any request, to wait. */
function obeyBackoff({ api }: SyncingOf, { ignoreBackoff, remote }: SyncOptions): void {
  const retryAfterMs = remote || ignoreBackoff ? 0 : api.backoff;
  if (!(retryAfterMs > 0)) return;
  const seconds = Math.ceil(retryAfterMs / 1000);
  throw new KintoError("backoff", `Server is asking clients to back off; retry in ${seconds}s or use the ignoreBackoff option.`, { retryAfterMs });
}

function defaultOptions(of: SyncingOf): SyncOptions {
  return { strategy: syncStrategy.MANUAL, headers: {}, retry: of.inside().shared.retry, ignoreBackoff: false, remote: null, expectedTimestamp: null };
}

/** Returns the request to WASM. The headers of `api` are read at each sync, because apps log in with `api.setHeaders()`. */
function requestOf({ api, inside }: SyncingOf, { strategy: given, ...options }: SyncOptions): object {
  const strategy = given ?? syncStrategy.MANUAL;
  if (!Object.values(syncStrategy).includes(strategy)) {
    throw invalidOption(`Unknown strategy ${typeof strategy === "string" ? JSON.stringify(strategy) : kindOf(strategy)}. Use one of Kinto.syncStrategy.`);
  }
  const { headers, retry, timeout } = inside().shared;
  return {
    strategy,
    remote: absoluteRemote(options.remote ? readRemote(options.remote) : api.remote),
    headers: mergeHeaders(api.headers ?? headers, options.headers),
    timeout,
    retry: options.retry ?? retry,
    ignoreBackoff: options.ignoreBackoff ?? false,
    bucket: options.bucket,
    collection: options.collection || null,
    expectedTimestamp: options.expectedTimestamp ?? null,
  };
}

/** Returns the error. If a hook caused it, its `cause` is the value that the hook threw. */
function withCause(of: SyncingOf, error: unknown): KintoError {
  const thrown = of.inside().callbacks.takeThrown();
  if (!KintoError.is(error, "callback") || thrown === undefined) return error as KintoError;
  return new KintoError("callback", error.message, {}, { cause: thrown });
}
