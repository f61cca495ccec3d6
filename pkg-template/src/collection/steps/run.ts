/** A run of the steps of a sync. It is aborted when the collection is cleared, reset, closed or deleted. */

import { invalidOption, KintoError } from "../../errors.js";
import type { Handle } from "../../wasm/handle.js";

/** One run. Its requests carry `signal`. Its writes carry `epoch`; WASM refuses them once the collection is in another epoch. */
export interface Run {
  epoch: string | undefined;
  signal: AbortSignal;
  /** True if the run consists of one step that the app called itself. */
  isOfStep?: boolean;
}

/** The members of a collection that a run uses. */
export interface RunOf {
  readonly inside: () => { readonly handle: Handle; readonly isEncrypted: boolean };
}

/** The name of the property that holds the run. It is set on the objects that the steps of a sync share: the client and the result. */
const RUN = Symbol("essaim.run");

interface InRun {
  [RUN]?: Run | undefined;
}

export const runOf = (shared: object): Run | undefined => (shared as InRun)[RUN];

/** Sets the run that `shared` belongs to; `undefined` removes it. */
export function setRun(shared: object, run: Run | undefined): void {
  Object.defineProperty(shared, RUN, { value: run, configurable: true });
}

/** Throws `interrupted` once the run has ended. */
export function assertRuns(run: Run | undefined): void {
  if (run?.signal.aborted) throw new KintoError("interrupted", "The collection was cleared, reset or deleted during this sync. Sync again.", {});
}

/**
 * Throws `invalid_option` if the collection is encrypted, before any request is sent: the steps send records and the name of the collection in
 * plain text.
 */
export function assertPlain(of: RunOf, method: string): void {
  if (of.inside().isEncrypted) throw invalidOption(`${method}() is for collections that are not encrypted; sync() syncs both kinds.`);
}

/** Calls `work` as a run. `options` is the request of a sync as JSON text; the sync then waits for its turn. It is empty for a single step. */
export async function inRun<R>(of: RunOf, options: string, work: (run: Run) => Promise<R>): Promise<R> {
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
    await of.inside().handle.call((raw) => raw.sync_by(options, take));
  } finally {
    aborts.abort();
  }
  if (outcome.thrown) throw outcome.thrown.error;
  return outcome.result!;
}

/** Calls one step: in the run of the sync that `shared` (the client or the result) belongs to, or else in a run of its own. */
export function inStep<R>(of: RunOf, shared: object, work: (run: Run) => Promise<R>): Promise<R> {
  const known = runOf(shared);
  if (known && !known.isOfStep) return work(known);
  return inRun(of, "", async (run) => {
    setRun(shared, run);
    try {
      return await work(run);
    } finally {
      if (runOf(shared) === run) setRun(shared, undefined);
    }
  });
}
