/** One run of the steps of a sync, which ends when the collection is cleared, reset, closed or deleted. */

import { invalidOption, KintoError } from "../../errors.js";
import type { Handle } from "../../wasm/handle.js";

/** Requests of the run carry the signal, and WASM refuses its writes once the collection is in another epoch. */
export interface Run {
  epoch: string | undefined;
  signal: AbortSignal;
  /** The run is one step, which the app calls itself. */
  isOfStep?: boolean;
}

/** What a run needs of a collection. */
export interface RunOf {
  readonly inside: () => { readonly handle: Handle; readonly isEncrypted: boolean };
}

/** A property of what the steps of a sync share, the client or the result: the run that they belong to. */
const RUN = Symbol("essaim.run");

interface InRun {
  [RUN]?: Run | undefined;
}

export const runOf = (shared: object): Run | undefined => (shared as InRun)[RUN];

/** `undefined` ends what an earlier call has set. */
export function setRun(shared: object, run: Run | undefined): void {
  Object.defineProperty(shared, RUN, { value: run, configurable: true });
}

/** Throws `interrupted` once the run has ended. */
export function assertRuns(run: Run | undefined): void {
  if (run?.signal.aborted) throw new KintoError("interrupted", "The collection was cleared, reset or deleted during this sync. Sync again.", {});
}

/** Throws before any request leaves: the steps send records, and the name of the collection, which an encrypted one never sends. */
export function assertPlain(of: RunOf, method: string): void {
  if (of.inside().isEncrypted) throw invalidOption(`${method}() is for collections that are not encrypted; sync() syncs both kinds.`);
}

/** Does `work` as a run. `options` are those of a sync, which waits for its turn, or empty for a single step. */
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

/** Does one step: in the run of the sync that `shared` belongs to, or in a run of its own. */
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
