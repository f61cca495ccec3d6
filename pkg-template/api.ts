/** The handle on the server: its address, and how long it wants to be left alone. */

import { readRemote } from "./remote.js";

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

  constructor(remote: string, backoffMs: (remote: string) => number) {
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
