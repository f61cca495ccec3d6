/** Runs transactions in WASM. */

import { KintoError } from "../errors.js";
import { enterNow } from "./call.js";
import type { RawCollection, RawTransaction } from "./essaim_wasm.js";

/** A transaction in WASM. It accepts calls until the callback has returned. */
export class OpenTransaction {
  private raw: RawTransaction | undefined;

  constructor(raw: RawTransaction) {
    this.raw = raw;
  }

  enter<R>(work: (raw: RawTransaction) => R): R {
    const { raw } = this;
    if (!raw) throw new KintoError("closed", "This transaction is over: it ends with the callback of execute().", {});
    return enterNow(() => work(raw));
  }

  end(): void {
    this.raw = undefined;
  }
}

/** A function that calls a method of a collection in WASM, like `Handle.call`. */
export type Call = <R>(work: (raw: RawCollection) => Promise<string>) => Promise<R>;

/**
 * Runs a callback in a transaction, and resolves to its return value. Rejects with the error that the callback throws; the error is kept here,
 * because WASM can pass on only a message. `committed` is called when the transaction is stored.
 */
export async function runTransaction<R>(call: Call, preload: readonly unknown[], callback: (txn: OpenTransaction) => R, committed: () => void): Promise<R> {
  const outcome: { value?: R; thrown?: { error: unknown } } = {};
  const run = (raw: RawTransaction): void => {
    const txn = new OpenTransaction(raw);
    try {
      outcome.value = callback(txn);
      refusePromise(outcome.value);
    } catch (error) {
      outcome.thrown = { error };
      throw new Error("aborted by the callback");
    } finally {
      txn.end();
    }
  };
  await call((raw) => raw.execute(JSON.stringify(preload), run, committed)).catch((error: unknown) => {
    throw outcome.thrown ? outcome.thrown.error : error;
  });
  return outcome.value as R;
}

function refusePromise(value: unknown): void {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== "function") return;
  // The promise most likely rejects, because the transaction has ended before the async callback continues. Nothing else handles that rejection.
  Promise.resolve(value).catch(() => {});
  throw new KintoError("callback", "execute() callback should not return a Promise.", {});
}
