/** Checks the options of a collection. */

import { invalidOption } from "../errors.js";
import type { RemoteTransformer } from "../types/sync.js";

const HOOKS = ["incoming-changes"];

/**
 * Checks the name of a bucket or a collection. A lone surrogate cannot be encoded in UTF-8, so two names that differ only in a lone surrogate
 * would be the same collection.
 */
export function readName(name: string): string {
  if (/\p{Surrogate}/u.test(name)) throw invalidOption("The names of buckets and collections must be well-formed Unicode.");
  return name;
}

/** Checks the `remoteTransformers` option. */
export function readTransformers(given: RemoteTransformer[] | undefined): RemoteTransformer[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw invalidOption("remoteTransformers should be an array.");
  for (const transformer of given as unknown[]) {
    if (typeof transformer !== "object" || transformer === null) throw invalidOption("A transformer must be an object.");
    const { encode, decode } = transformer as Partial<RemoteTransformer>;
    if (typeof encode !== "function") throw invalidOption("A transformer must provide an encode function.");
    if (typeof decode !== "function") throw invalidOption("A transformer must provide a decode function.");
  }
  return [...given];
}

/** Checks the `hooks` option. */
export function readHooks<H extends object>(given: H | null | undefined): H {
  if (given === undefined || given === null) return {} as H;
  if (Array.isArray(given)) throw invalidOption("hooks should be an object, not an array.");
  if (typeof given !== "object") throw invalidOption("hooks should be an object.");
  for (const [name, hooks] of Object.entries(given) as [string, unknown][]) {
    if (!HOOKS.includes(name)) throw invalidOption(`The hook should be one of ${HOOKS.join(", ")}`);
    if (!Array.isArray(hooks) || hooks.some((hook) => typeof hook !== "function")) {
      throw invalidOption("A hook definition should be an array of functions.");
    }
  }
  return { ...given };
}
