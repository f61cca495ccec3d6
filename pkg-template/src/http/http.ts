/** One request, by `fetch` or the app's own; the rules (timeout, retries, backoff, what an answer means) are WASM's. */

import { enter } from "../wasm/call.js";
import { invalidOption, KintoError, NetworkTimeoutError, ServerResponse, UnparseableResponseError } from "../errors.js";
import type { RawSender } from "../wasm/essaim_wasm.js";
import type { Emitter } from "../events.js";
import { absoluteRemote, maskHeaders, mergeHeaders } from "./address.js";
import type { HeadersOption } from "../types/sync.js";
import { answerText, readText } from "./answer.js";
import { addHeaders, signalOf } from "./defaults.js";
import type { Servers } from "./servers.js";
import type { FetchFunction, FetchResponse, RawResponse } from "./types.js";

/** What `fetch` is told. */
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

/** The `fetch` that there is when it is called. */
const ownFetch: FetchFunction = (...given) => globalThis.fetch(...given);

const DEFAULT_HEADERS = { Accept: "application/json", "Content-Type": "application/json" };

/** `client.http`. What is set here holds from the next request on. */
export class HTTP {
  requestMode: RequestMode;
  /** Sends requests. Default: `fetch`. */
  fetchFunc: FetchFunction;
  #timeout: number | null = null;
  readonly #servers: Servers;

  /** @internal */
  constructor({ requestMode, timeout, fetchFunc }: HttpSettings, servers: Servers) {
    this.requestMode = requestMode ?? "cors";
    this.timeout = timeout;
    this.fetchFunc = fetchFunc ?? ownFetch;
    this.#servers = servers;
  }

  /** Where `backoff`, `retry-after` and `deprecated` are emitted; of a `Kinto`'s client, also what its syncs are told. */
  get events(): Emitter | undefined {
    return this.#servers.events;
  }
  set events(events: Emitter | undefined) {
    this.#servers.events = events;
  }

  /** In milliseconds; null for none. Setting what is no time throws `invalid_option`. */
  get timeout(): number | null {
    return this.#timeout;
  }
  set timeout(given: number | null | undefined) {
    const timeout = given ?? null;
    if (timeout !== null && !(Number.isFinite(timeout) && timeout >= 0)) throw invalidOption("timeout must be a number of milliseconds, or null for none.");
    this.#timeout = timeout;
  }

  /**
   * Where every request leaves: once, and again at each retry. An app that puts a function of its own here sees them all, and its
   * answers are taken. `options.signal` is aborted when the `timeout` is over.
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
    // Not called as a method of this: that is no place to call a browser's own `fetch` on.
    const { fetchFunc } = this;
    return fetchFunc(url, options);
  }

  /** @internal Whether the app sends its requests by a function of its own. */
  get isReplaced(): boolean {
    return this.fetchFunc !== ownFetch || this.timedFetch !== HTTP.prototype.timedFetch;
  }

  /**
   * An answer below 400. Rejects with `ServerResponse`, `UnparseableResponseError`, {@link NetworkTimeoutError},
   * and a {@link KintoError} `network` or `redirected`.
   */
  async request<T = any>(url: string, request: HttpRequest = {}, { retry = 0 }: { retry?: number } = {}): Promise<RawResponse<T>> {
    const given = this.#servers.rootOf(url);
    const remote = absoluteRemote(given);
    const address = remote + url.slice(given.length);
    const headers = addHeaders(DEFAULT_HEADERS, request.headers);
    mergeHeaders(headers); // throws what `fetch` would, without repeating a password
    const sender = new Sender(this, address, { ...request, headers });
    const timeout = this.timeout ? { timeout: this.timeout } : {};
    const raw = await this.#servers.open();
    try {
      await enter(() => raw.request({ remote, url: address, retry, ...timeout }, sender));
    } catch (error) {
      throw sender.explain(error);
    }
    const { response, body } = sender;
    return { status: response!.status, headers: response!.headers as Headers, json: (body === "" ? undefined : JSON.parse(body)) as T };
  }
}

/** What WASM calls to send a request: once, and again at each retry. */
class Sender implements RawSender {
  /** What came last. WASM gets of it what its rules look at: what is large, or the app's own, does not pass through there and back. */
  response: FetchResponse | undefined;
  body = "";
  /** What `fetch` threw last. */
  #thrown: unknown;
  readonly #http: HTTP;
  readonly #url: string;
  readonly #request: HttpRequest & { headers: Record<string, string> };
  #aborts = new AbortController();
  readonly #signal: AbortSignal | undefined;

  constructor(http: HTTP, url: string, request: HttpRequest & { headers: Record<string, string> }) {
    this.#http = http;
    this.#url = url;
    this.#request = request;
    this.#signal = signalOf(request.headers);
    this.#signal?.addEventListener("abort", () => this.abort(), { once: true });
    // `fetch` writes it itself, with the boundary.
    if (request.body instanceof FormData) {
      for (const name of Object.keys(request.headers)) if (/^content-type$/i.test(name)) delete request.headers[name];
    }
  }

  async send(limit: number, errorLimit: number): Promise<string> {
    this.#aborts = new AbortController();
    const { method = "GET", headers, body } = this.#request;
    try {
      // Perhaps while a retry was waited for.
      if (this.#signal?.aborted) throw new Error("aborted");
      const response = await this.#http.timedFetch(this.#url, {
        method,
        headers,
        mode: this.#http.requestMode,
        // A browser goes on showing a cached 410 when the server is long replaced.
        cache: "no-store",
        // Credentials must not follow.
        redirect: "manual",
        signal: this.#aborts.signal,
        ...(body === undefined ? {} : { body }),
      });
      // 412 holds the object as the server has it.
      const most = response.status < 400 || response.status === 412 ? limit : errorLimit;
      const text = await readText(response, most);
      if (text === undefined) this.abort();
      this.body = text ?? "";
      this.response = response;
      return answerText(response, this.body, text === undefined ? most : undefined);
    } catch (thrown) {
      this.#thrown = thrown;
      throw thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }

  abort(): void {
    this.#aborts.abort();
  }

  /** The error with what only this side knows. No secret gets into it. */
  explain(error: unknown): unknown {
    const { method = "GET", headers } = this.#request;
    if (error instanceof NetworkTimeoutError) error.options = { method, headers: maskHeaders(headers) };
    if (KintoError.is(error, "network")) error.cause = this.#thrown;
    if (error instanceof ServerResponse || error instanceof UnparseableResponseError) {
      const { statusText, headers } = this.response!;
      // In Node, cookies are among them.
      const shown = headers instanceof Headers ? new Headers([...headers].filter(([name]) => name !== "set-cookie")) : headers;
      Object.assign(error.response, { statusText, headers: shown });
    }
    return error;
  }
}
