/** Syncing a collection: the request to WASM, events, backoff. */

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

/** What a sync needs of a collection. */
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
  /** Stepwise syncs that have not begun, by their requests. */
  readonly waiting: Map<string, Promise<SyncResultObject>>;
}

/** Options with the names on the server. */
type Named = SyncOptions & { bucket: string; collection: string };

/** Syncs, repairs or closes, as `work` says, and emits what came of it. `steps` makes the sync of public steps instead. */
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
    // As in Kinto.js: a sync that the server's backoff prevented did not fail, because it did not happen.
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

/** Throws `backoff` if the server asked any request of this `Kinto` to wait. */
function obeyBackoff({ api }: SyncingOf, { ignoreBackoff, remote }: SyncOptions): void {
  const retryAfterMs = remote || ignoreBackoff ? 0 : api.backoff;
  if (!(retryAfterMs > 0)) return;
  const seconds = Math.ceil(retryAfterMs / 1000);
  throw new KintoError("backoff", `Server is asking clients to back off; retry in ${seconds}s or use the ignoreBackoff option.`, { retryAfterMs });
}

function defaultOptions(of: SyncingOf): SyncOptions {
  return { strategy: syncStrategy.MANUAL, headers: {}, retry: of.inside().shared.retry, ignoreBackoff: false, remote: null, expectedTimestamp: null };
}

/** What WASM is asked. The headers of `api` are read at each sync, because apps log in with `api.setHeaders()`. */
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

/** The error with what a hook threw as its cause. */
function withCause(of: SyncingOf, error: unknown): KintoError {
  const thrown = of.inside().callbacks.takeThrown();
  if (!KintoError.is(error, "callback") || thrown === undefined) return error as KintoError;
  return new KintoError("callback", error.message, {}, { cause: thrown });
}
