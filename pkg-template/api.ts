/** The handle on the server: its address, and how long it wants to be left alone. */

import type { Emitter } from "./events.js";
import { readRemote } from "./remote.js";
import type { HeadersOption } from "./types.js";

/** What a `Kinto` tells its handle. */
export interface ApiOptions {
  events: Emitter | undefined;
  headers: HeadersOption | undefined;
  requestMode: RequestMode;
  retry: number;
  timeout: number | null;
  /** The longest wait that a sync was told of, in milliseconds. */
  backoffMs: (remote: string) => number;
}

/**
 * `kinto.api`.
 *
 * @example
 * ```js
 * kinto.api.remote = "https://other.example.com/v1";
 * if (kinto.api.backoff > 0) showBusy();
 * ```
 */
export class KintoClient {
  #remote: string;
  readonly #backoffMs: (remote: string) => number;

  constructor(remote: string, { backoffMs }: ApiOptions) {
    this.#remote = readRemote(remote);
    this.#backoffMs = backoffMs;
  }

  /** The root of the server. Setting one without a version throws `invalid_option`. */
  get remote(): string {
    return this.#remote;
  }
  set remote(remote: string) {
    this.#remote = readRemote(remote);
  }

  /** Milliseconds until the server may be asked again; 0 if it may at once. */
  get backoff(): number {
    return this.#backoffMs(this.#remote);
  }
}
