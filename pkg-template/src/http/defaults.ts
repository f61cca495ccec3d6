/** What requests carry that say nothing else: a client's settings, a bucket's over them, a collection's over those. */

import { invalidOption } from "../errors.js";
import type { HeadersOption } from "../types/sync.js";

export interface Defaults {
  headers: Record<string, string>;
  safe: boolean;
  retry: number;
}

/** Some of these settings. */
export interface Settings {
  headers?: HeadersOption | undefined;
  safe?: boolean | undefined;
  retry?: number | undefined;
}

/** Whatever sends requests with defaults of its own: a client, a bucket, a collection. */
export abstract class Requester {
  /** @internal Not enumerable: there are credentials in it, which are not to be in logs and copies of this object. */
  declare protected defaults: Defaults;

  /** @internal */
  protected constructor(defaults: Defaults) {
    Object.defineProperty(this, "defaults", { value: defaults, writable: true });
  }

  /** The headers of its requests. */
  get headers(): Record<string, string> {
    return this.defaults.headers;
  }

  /** @internal What Kinto.js calls them, and `safe` and `retry`. */
  get _headers(): Record<string, string> {
    return this.defaults.headers;
  }
  /** @internal */
  set _headers(headers: Record<string, string>) {
    this.defaults = { ...this.defaults, headers };
  }
  /** @internal */
  get _safe(): boolean {
    return this.defaults.safe;
  }
  /** @internal */
  get _retry(): number {
    return this.defaults.retry;
  }
}

/** The defaults with these settings over them; headers are added. */
export function settle(defaults: Defaults, given: Settings): Defaults {
  const { headers, safe = defaults.safe } = given;
  const retry = given.retry ?? defaults.retry;
  if (!(Number.isInteger(retry) && retry >= 0)) throw invalidOption("retry must be a whole number, 0 or more.");
  return { headers: addHeaders(defaults.headers, headers), safe: Boolean(safe), retry };
}

/** Headers of requests that end when a signal is aborted: it goes with them, unseen, through whatever adds to them. */
const SIGNALS = new WeakMap<object, AbortSignal>();

export function abortable(headers: HeadersOption | undefined, signal: AbortSignal): HeadersOption {
  const own = { ...headers };
  SIGNALS.set(own, signal);
  return own;
}

export function signalOf(headers: object): AbortSignal | undefined {
  return SIGNALS.get(headers);
}

/** Later headers win over earlier ones, whatever their case. Names stay as they were given: they are seen in batches. */
export function addHeaders(...sets: (HeadersOption | undefined)[]): Record<string, string> {
  const added = new Map<string, [string, string]>();
  let signal: AbortSignal | undefined;
  for (const set of sets) {
    if (set) signal = SIGNALS.get(set) ?? signal;
    for (const [name, value] of Object.entries(set ?? {})) {
      if (value !== undefined && value !== null) added.set(name.toLowerCase(), [name, value]);
    }
  }
  const headers = Object.fromEntries(added.values());
  if (signal) SIGNALS.set(headers, signal);
  return headers;
}
