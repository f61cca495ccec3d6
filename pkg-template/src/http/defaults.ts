/**
 * Defaults of requests: headers, `safe` and the retry limit.
 *
 * A bucket's settings override those of its client, a collection's override those of its bucket, and the options of a call
 * override both.
 */

import { invalidOption } from "../errors.js";
import type { HeadersOption } from "../types/sync.js";

export interface Defaults {
  headers: Record<string, string>;
  safe: boolean;
  retry: number;
}

/** Settings that override some of the defaults. */
export interface Settings {
  headers?: HeadersOption | undefined;
  safe?: boolean | undefined;
  retry?: number | undefined;
}

export const NO_DEFAULTS: Defaults = { headers: {}, safe: false, retry: 0 };

/** The defaults with these settings applied. Headers are added to those of the defaults. */
export function withSettings(defaults: Defaults, { headers, safe = defaults.safe, retry }: Settings): Defaults {
  const limit = retry ?? defaults.retry;
  if (!(Number.isInteger(limit) && limit >= 0)) throw invalidOption("retry must be a whole number, 0 or more.");
  return { headers: addHeaders(defaults.headers, headers), safe: Boolean(safe), retry: limit };
}

/** An object that sends requests with defaults of its own: a client, a bucket or a collection. */
export interface HasDefaults {
  readonly inside: () => { readonly defaults: Defaults };
}

/** The settings of a call with these options. */
export function settingsOf(owner: HasDefaults, options: Settings): Defaults {
  return withSettings(owner.inside().defaults, options);
}

/**
 * The key of the abort signal that travels with headers. It is in their prototype: spreads and JSON do not copy it, and Node's `fetch` refuses
 * headers that have a symbol among their own keys.
 */
const SIGNAL = Symbol("signal");

type WithSignal = { [SIGNAL]?: AbortSignal };

function attach<H extends object>(headers: H, signal: AbortSignal): H {
  return Object.setPrototypeOf(headers, { [SIGNAL]: signal }) as H;
}

/** Headers of requests that are aborted with this signal. {@link addHeaders} passes the signal on. */
export function abortable(headers: HeadersOption | undefined, signal: AbortSignal): HeadersOption {
  return attach({ ...headers }, signal);
}

/** The signal that travels with these headers. */
export function signalOf(headers: HeadersOption | null | undefined): AbortSignal | undefined {
  return (headers as WithSignal | null | undefined)?.[SIGNAL];
}

/** Merges headers; later ones override earlier ones, whatever their case. The case of the names is kept, since it shows in batches. */
export function addHeaders(...sets: (HeadersOption | undefined)[]): Record<string, string> {
  const added = new Map<string, [string, string]>();
  let signal: AbortSignal | undefined;
  for (const set of sets) {
    signal = signalOf(set) ?? signal;
    for (const [name, value] of Object.entries(set ?? {})) {
      if (value !== undefined && value !== null) added.set(name.toLowerCase(), [name, value]);
    }
  }
  const headers = Object.fromEntries(added.values());
  return signal ? attach(headers, signal) : headers;
}
