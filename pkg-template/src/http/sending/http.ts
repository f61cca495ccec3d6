/** Sending single requests by `fetch`, or by the app's own function. WASM decides on timeouts, retries, backoff and errors. */

import { invalidOption } from "../../errors.js";
import type { Emitter } from "../../events.js";
import type { HeadersOption } from "../../types/sync.js";
import { keepInside } from "../../values/inside.js";
import { enter } from "../../wasm/call.js";
import { absoluteRemote, mergeHeaders } from "../address.js";
import { addHeaders } from "../defaults.js";
import type { Servers } from "../servers.js";
import type { FetchFunction, FetchResponse, RawResponse } from "../types.js";
import { Sender } from "./sender.js";

/** A request, as for `fetch`. */
export interface HttpRequest {
  method?: string | undefined;
  headers?: HeadersOption | undefined;
  body?: BodyInit | null | undefined;
}

export interface HttpSettings {
  requestMode?: RequestMode | undefined;
  timeout?: number | null | undefined;
  fetchFunc?: FetchFunction | undefined;
}

interface Inside {
  readonly servers: Servers;
  timeout: number | null;
}

/** Calls the `fetch` of the page, which an app may replace at any time. */
const ownFetch: FetchFunction = (...given) => globalThis.fetch(...given);

const DEFAULT_HEADERS = { Accept: "application/json", "Content-Type": "application/json" };

/** The value of `client.http`, which sends its requests. A change of a property applies from the next request on. */
export class HTTP {
  /** The `mode` of requests, as for `fetch`. */
  requestMode: RequestMode;
  /** Sends requests. Default: `fetch`. */
  fetchFunc: FetchFunction;
  /** @internal */
  declare readonly inside: () => Inside;

  /** @internal */
  constructor({ requestMode, timeout, fetchFunc }: HttpSettings, servers: Servers) {
    keepInside<Inside>(this, { servers, timeout: null });
    this.requestMode = requestMode ?? "cors";
    this.timeout = timeout;
    this.fetchFunc = fetchFunc ?? ownFetch;
  }

  /** Emits `backoff`, `retry-after` and `deprecated`. Of the client of a `Kinto`, also emits what servers announce during syncs. */
  get events(): Emitter | undefined {
    return this.inside().servers.events;
  }
  set events(events: Emitter | undefined) {
    this.inside().servers.events = events;
  }

  /** In milliseconds; null for none. Setting anything but a duration throws `invalid_option`. */
  get timeout(): number | null {
    return this.inside().timeout;
  }
  set timeout(given: number | null | undefined) {
    const timeout = given ?? null;
    if (timeout !== null && !(Number.isFinite(timeout) && timeout >= 0)) throw invalidOption("timeout must be a number of milliseconds, or null for none.");
    this.inside().timeout = timeout;
  }

  /**
   * Sends every request, and sends it again at each retry. An app can replace this method by a function of its own, which then gets
   * all requests and returns the responses. `options.signal` is aborted when the `timeout` is over.
   *
   * @example
   * ```js
   * const { http } = client;
   * const send = http.timedFetch.bind(http);
   * http.timedFetch = async (url, options) => {
   *   const response = await send(url, options);
   *   console.debug(options.method, url, response.status);
   *   return response;
   * };
   * ```
   */
  timedFetch(url: string, options?: RequestInit): Promise<FetchResponse> {
    // A browser's own `fetch` cannot be called as a method of this object.
    const { fetchFunc } = this;
    return fetchFunc(url, options);
  }

  /** @internal Whether the app sends requests by a function of its own. */
  get isReplaced(): boolean {
    return this.fetchFunc !== ownFetch || this.timedFetch !== HTTP.prototype.timedFetch;
  }

  /**
   * Resolves to an answer below 400. Rejects with `ServerResponse`, `UnparseableResponseError`, {@link NetworkTimeoutError},
   * and a {@link KintoError} `network` or `redirected`.
   */
  async request<T = any>(url: string, request: HttpRequest = {}, { retry = 0 }: { retry?: number } = {}): Promise<RawResponse<T>> {
    const { servers } = this.inside();
    const given = servers.rootOf(url);
    const remote = absoluteRemote(given);
    const address = remote + url.slice(given.length);
    const headers = addHeaders(DEFAULT_HEADERS, request.headers);
    // Checks the headers here, since the error that `fetch` throws would repeat a password.
    mergeHeaders(headers);
    const sender = new Sender(this, address, { ...request, headers });
    const timeout = this.timeout ? { timeout: this.timeout } : {};
    const raw = await servers.open();
    try {
      await enter(() => raw.request({ remote, url: address, retry, ...timeout }, sender));
    } catch (error) {
      throw sender.explain(error);
    } finally {
      sender.end();
    }
    const { response, body } = sender;
    return { status: response!.status, headers: response!.headers as Headers, json: (body === "" ? undefined : JSON.parse(body)) as T };
  }
}
