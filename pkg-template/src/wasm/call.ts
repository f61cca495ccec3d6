/**
 * Calls into WASM. Every call goes through this module, which converts every error of WASM to a {@link KintoError}.
 *
 * After a panic the WASM instance could still be called, but its state may be inconsistent. So no more calls are let through. The promises of
 * calls that were running would never settle, so this module rejects them.
 */

import { type ErrorCode, KintoError, makeError } from "../errors.js";

const underWay = new Set<(reason: KintoError) => void>();
let bug: KintoError<"bug"> | undefined;

/** Calls an asynchronous function of WASM and converts the error that it throws or rejects with. */
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

/** As {@link enter}, but for a synchronous function. */
export function enterNow<R>(work: () => R): R {
  if (bug) throw closedByBug();
  try {
    return work();
  } catch (thrown) {
    throw readThrown(thrown);
  }
}

/** Stops all calls into WASM after a bug, and rejects the calls that are running. Returns the error. */
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

/** Makes an error from the JSON text that WASM throws: `{"code", "message", …data}`. */
function readError(text: string): KintoError {
  const { code, message, ...data } = JSON.parse(text) as { code: ErrorCode; message: string };
  return makeError(code, message, camelCased(data) as never);
}

/** Converts the names of all members from snake case (Rust) to camel case (JavaScript): `retry_after_ms` → `retryAfterMs`. */
function camelCased(data: object): object {
  const name = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const inner = (value: unknown) => (typeof value === "object" && value !== null ? camelCased(value) : value);
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [name(key), inner(value)]));
}
