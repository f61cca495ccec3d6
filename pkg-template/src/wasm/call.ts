/**
 * The one door to WASM: every call goes through here, and every error comes out as a {@link KintoError}.
 *
 * A panic leaves the WASM instance answering, in whatever state it was: so nothing is asked of it afterwards. It also
 * leaves the promises of calls under way unsettled for ever, so those are rejected here.
 */

import { type ErrorCode, KintoError, makeError } from "../errors.js";

const underWay = new Set<(reason: KintoError) => void>();
let bug: KintoError<"bug"> | undefined;

/** Calls into WASM and converts what it throws. */
export function enter<R>(work: () => Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    if (bug) return reject(closedByBug());
    underWay.add(reject);
    const finish = (settle: () => void) => {
      underWay.delete(reject);
      settle();
    };
    try {
      work().then(
        (value) => finish(() => resolve(value)),
        (thrown: unknown) => finish(() => reject(readThrown(thrown))),
      );
    } catch (thrown) {
      finish(() => reject(readThrown(thrown)));
    }
  });
}

/** {@link enter} for what answers at once. */
export function enterNow<R>(work: () => R): R {
  if (bug) throw closedByBug();
  try {
    return work();
  } catch (thrown) {
    throw readThrown(thrown);
  }
}

/** From now on, nothing enters. Calls under way are rejected: their outcome will never be known. */
export function breakDown(message: string): KintoError<"bug"> {
  bug ??= new KintoError("bug", `Bug in essaim, please report it: ${message}. Reload the page to go on; what was stored is intact.`, {});
  for (const reject of underWay) reject(bug);
  underWay.clear();
  return bug;
}

function closedByBug(): KintoError<"closed"> {
  return new KintoError("closed", "essaim was closed by a bug. Reload the page to go on; what was stored is intact.", {}, { cause: bug });
}

function readThrown(thrown: unknown): unknown {
  if (thrown instanceof WebAssembly.RuntimeError) return bug ?? breakDown(thrown.message);
  return typeof thrown === "string" ? readError(thrown) : thrown;
}

/** `{"code", "message", …data}` as WASM writes it. */
function readError(text: string): KintoError {
  const { code, message, ...data } = JSON.parse(text) as { code: ErrorCode; message: string };
  return makeError(code, message, camelCased(data) as never);
}

/** `retry_after_ms` → `retryAfterMs`: Rust's names as JavaScript writes them. */
function camelCased(data: object): object {
  const name = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const inner = (value: unknown) => (typeof value === "object" && value !== null ? camelCased(value) : value);
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [name(key), inner(value)]));
}
