/** A server as it is reached: its root, what every request carries, one request, and what the server says of itself. */

import { invalidOption } from "../errors.js";
import { Events, type Emitter } from "../events.js";
import { readRemote } from "./address.js";
import type { HeadersOption } from "../types/index.js";
import { PLACEHOLDER } from "./batch.js";
import { abortable, addHeaders, Requester, settle, signalOf } from "./defaults.js";
import { endpoints, withQuery } from "./endpoints.js";
import { HTTP } from "./http.js";
import { deletePages, listPages } from "./listing.js";
import { Servers } from "./servers.js";
import type {
  GetOptions,
  HelloResponse,
  KintoClientOptions,
  KintoRequest,
  ListParams,
  PaginationResult,
  RawResponse,
  RequestOptions,
  Tombstone,
  User,
  WriteOptions,
} from "./types.js";

/** The version of Kinto's protocol. */
export const SUPPORTED_PROTOCOL_VERSION = "v1";

const NO_BATCH = "This operation is not supported within a batch operation.";

/** Options of {@link RemoteServer.execute}. */
export interface ExecuteOptions extends GetOptions {
  /** Resolve to `{ status, json, headers }` instead of the body. */
  raw?: boolean;
  /** Default true; false if the body is not to be made JSON. */
  stringify?: boolean;
}

/** @internal What a `Kinto`, and a batch, share with others. */
export interface Inside {
  servers?: Servers;
  batched?: KintoRequest[];
  http?: HTTP;
}

/** What a `KintoClient` is made on. */
export abstract class RemoteServer extends Requester {
  /** The emitter that it was made with. */
  readonly events: Emitter;
  readonly endpoints = endpoints;
  /** What sends its requests. */
  readonly http: HTTP;
  /** What the server said of itself, once asked; see {@link RemoteServer.fetchServerInfo}. */
  serverInfo: HelloResponse | null = null;
  /** @internal */
  protected readonly servers: Servers;
  #remote: string;
  /** What is asked within a batch, instead of being sent. */
  readonly #batched: KintoRequest[] | undefined;

  /** @internal */
  constructor(remote: string, options: KintoClientOptions, inside: Inside) {
    super(settle({ headers: {}, safe: false, retry: 0 }, options));
    this.#remote = readRemote(remote);
    this.events = options.events ?? new Events();
    this.servers = inside.servers ?? new Servers(this.events);
    this.#batched = inside.batched;
    this.servers.add(this.#remote);
    this.http = inside.http ?? new HTTP(options, this.servers);
  }

  /** The root of the server. Setting one without a version throws `invalid_option`. */
  get remote(): string {
    return this.#remote;
  }
  set remote(remote: string) {
    const read = readRemote(remote);
    if (read !== this.#remote) this.serverInfo = null;
    this.#remote = read;
    this.servers.add(read);
  }

  /** The version of the protocol, `v1`. */
  get version(): string {
    return SUPPORTED_PROTOCOL_VERSION;
  }

  /**
   * Milliseconds until the server may be asked again; 0 if it may at once. Requests are sent all the same; syncs are not.
   *
   * @example
   * ```js
   * if (client.backoff > 0) showBusy(client.backoff);
   * ```
   */
  get backoff(): number {
    return this.servers.backoffMs(this.#remote);
  }

  /** @internal Whether this is what the callback of a batch gets. */
  get isBatch(): boolean {
    return this.#batched !== undefined;
  }

  /**
   * Adds headers to every request from now on, and forgets what the server said of itself: it may tell another user other things.
   *
   * @example
   * ```js
   * client.setHeaders({ Authorization: `Bearer ${token}` });
   * ```
   */
  setHeaders(headers: HeadersOption): void {
    this.defaults = { ...this.defaults, headers: addHeaders(this.defaults.headers, headers) };
    this.serverInfo = null;
  }

  async #hello(options: RequestOptions): Promise<HelloResponse> {
    const { headers, retry } = settle(this.defaults, options);
    const { json } = await this.http.request<HelloResponse>(this.#remote + endpoints.root(), { headers }, { retry });
    return json;
  }

  /**
   * Sends one request: what the other methods are made of.
   *
   * @example
   * ```js
   * const { data } = await client.execute({ method: "GET", path: "/buckets/blog/collections" });
   * ```
   */
  execute<T = any>(request: KintoRequest, options: ExecuteOptions & { raw: true }): Promise<RawResponse<T>>;
  execute<T = any>(request: KintoRequest, options?: ExecuteOptions): Promise<T>;
  async execute<T = any>(request: KintoRequest, { raw = false, stringify = true, retry, query, fields }: ExecuteOptions = {}): Promise<T | RawResponse<T>> {
    const path = withQuery(request.path, { ...query, _fields: fields });
    if (this.#batched) {
      this.#batched.push({ ...request, path });
      return raw ? { status: 0, json: PLACEHOLDER as T, headers: new Headers() } : (PLACEHOLDER as T);
    }
    const { method, headers, body } = request;
    const isJson = stringify && body !== undefined && !(body instanceof FormData);
    const sent = { method, headers, body: isJson ? JSON.stringify(body) : body };
    const answer = await this.http.request<T>(this.#remote + path, sent, { retry: retry ?? this.defaults.retry });
    return raw ? answer : answer.json;
  }

  /** Some pages of the list at this path: `const { data } = await client.paginatedList("/buckets/blog/collections", { pages: Infinity })`. */
  async paginatedList<T = any>(path: string, params: ListParams = {}, options: RequestOptions = {}): Promise<PaginationResult<T>> {
    return this.paginatedOperation(path, params, options);
  }

  /**
   * Deletes what is in some pages of the list at this path.
   *
   * @example
   * ```js
   * await client.paginatedDelete("/buckets/blog/groups", { filters: { like_id: "old-*" }, pages: Infinity });
   * ```
   */
  async paginatedDelete<T = Tombstone>(path: string, params: ListParams = {}, options: WriteOptions = {}): Promise<PaginationResult<T>> {
    const { last_modified } = options;
    return deletePages(this, path, { ...params, last_modified }, settle({ headers: {}, safe: false, retry: 0 }, options));
  }

  /**
   * {@link RemoteServer.paginatedList} by another method, or {@link RemoteServer.paginatedDelete} if that is `DELETE`.
   *
   * @example
   * ```js
   * const { last_modified } = await client.paginatedOperation("/buckets", {}, { method: "HEAD" });
   * ```
   */
  async paginatedOperation<T = any>(path: string, params: ListParams = {}, options: RequestOptions & { method?: string } = {}): Promise<PaginationResult<T>> {
    const { method } = options;
    if (method === "DELETE") return this.paginatedDelete(path, params, options);
    return listPages(this, path, params, settle({ headers: {}, safe: false, retry: 0 }, options), method);
  }

  /**
   * The server's description of itself: asked once, then remembered.
   *
   * @example
   * ```js
   * const { project_name, project_version } = await client.fetchServerInfo();
   * ```
   */
  async fetchServerInfo(options: RequestOptions = {}): Promise<HelloResponse> {
    if (this.serverInfo) return this.serverInfo;
    const { remote, headers } = this;
    // With the client's own headers, since what is said is kept; a request that ends with a sync ends all the same.
    const signal = signalOf(options.headers ?? {});
    const info = await this.#hello({ retry: options.retry, headers: signal && abortable({}, signal) });
    if (this.#remote === remote && this.headers === headers) this.serverInfo = info;
    return info;
  }

  /** The server's settings: `const { readonly, batch_max_requests } = await client.fetchServerSettings()`. */
  fetchServerSettings(options: RequestOptions = {}): Promise<HelloResponse["settings"]> {
    this.assertNoBatch();
    return this.fetchServerInfo(options).then(({ settings }) => settings);
  }

  /** The server's plugins: `if ("attachments" in (await client.fetchServerCapabilities())) showUpload()`. */
  fetchServerCapabilities(options: RequestOptions = {}): Promise<HelloResponse["capabilities"]> {
    this.assertNoBatch();
    return this.fetchServerInfo(options).then(({ capabilities }) => capabilities);
  }

  /**
   * Who the server takes you for: asked anew each time.
   *
   * @example
   * ```js
   * const user = await client.fetchUser();
   * if (!user) showLogin();
   * ```
   */
  fetchUser(options: RequestOptions = {}): Promise<User | undefined> {
    this.assertNoBatch();
    return this.#hello(options).then(({ user }) => user);
  }

  /** The version of the server's API, like `1.23`: `const [major, minor] = (await client.fetchHTTPApiVersion()).split(".").map(Number)`. */
  fetchHTTPApiVersion(options: RequestOptions = {}): Promise<string> {
    this.assertNoBatch();
    return this.fetchServerInfo(options).then(({ http_api_version }) => http_api_version);
  }

  /** @internal Does this with the plugin it needs. Throws within a batch, where a rejection would be nobody's; rejects if the server lacks the plugin. */
  capable<T>(capability: string, work: () => Promise<T>): Promise<T> {
    return this.fetchServerCapabilities().then((capabilities) => {
      if (!(capability in (capabilities ?? {}))) throw invalidOption(`Required capabilities ${capability} not present on server`);
      return work();
    });
  }

  /** @internal */
  protected request(options: RequestOptions): { headers: Record<string, string>; retry: number } {
    const { headers, retry } = settle(this.defaults, options);
    return { headers, retry };
  }

  /** @internal */
  protected assertNoBatch(message = NO_BATCH): void {
    if (this.#batched) throw invalidOption(message);
  }
}
