/** The HTTP client of a Kinto server. */

import { invalidOption } from "../errors.js";
import { Events, type Emitter } from "../events.js";
import { readRemote } from "../remote.js";
import type { HeadersOption } from "../types.js";
import { aggregate, batchBodies, PLACEHOLDER } from "./batch.js";
import { Bucket } from "./bucket.js";
import { Collection } from "./collection.js";
import { addHeaders, settle, type Defaults, type Settings } from "./defaults.js";
import { endpoints, withQuery } from "./endpoints.js";
import { HTTP } from "./http.js";
import { deletePages, listPages } from "./listing.js";
import { createRequest, deleteRequest, readReference } from "./requests.js";
import { Servers } from "./servers.js";
import type {
  AggregateResponse,
  BatchOptions,
  CreateOptions,
  DeleteAllOptions,
  GetOptions,
  HelloResponse,
  KintoClientOptions,
  KintoObject,
  KintoRequest,
  KintoResponse,
  ListOptions,
  ListParams,
  OperationResponse,
  PaginationResult,
  PermissionData,
  RawResponse,
  RequestOptions,
  Tombstone,
  User,
  WriteOptions,
} from "./types.js";

/** The version of Kinto's protocol. */
export const SUPPORTED_PROTOCOL_VERSION = "v1";

const NO_BATCH = "This operation is not supported within a batch operation.";

/** Options of {@link KintoClient.execute}. */
export interface ExecuteOptions extends GetOptions {
  /** Resolve to `{ status, json, headers }` instead of the body. */
  raw?: boolean;
  /** Default true; false if the body is not to be made JSON. */
  stringify?: boolean;
}

/**
 * Talks to a Kinto server without keeping anything: for administration, for what is not synced (permissions, groups,
 * attachments, history), and for apps that need no database. It is `kinto.api`, and can be used on its own.
 *
 * Every method may reject with a {@link KintoError} `network`, a `NetworkTimeoutError`, a `ServerResponse` (the server
 * refused; `error.data` is what it said) and an `UnparseableResponseError`.
 *
 * @example
 * ```js
 * import { KintoClient } from "essaim/http";
 *
 * const client = new KintoClient("https://kinto.example.com/v1", {
 *   headers: { Authorization: "Basic " + btoa("alice:secret") },
 * });
 * await client.createBucket("blog");
 * await client.bucket("blog").createCollection("posts");
 * await client.bucket("blog").collection("posts").createRecord({ title: "Hello" });
 * ```
 */
export class KintoClient {
  /** Where `backoff`, `retry-after` and `deprecated` are emitted. */
  readonly events: Emitter;
  readonly endpoints = endpoints;
  /** What sends its requests. */
  readonly http: HTTP;
  /** What the server said of itself, once asked; see {@link KintoClient.fetchServerInfo}. */
  serverInfo: HelloResponse | null = null;
  readonly #servers: Servers;
  #remote: string;
  #defaults: Defaults;
  /** What is asked within a batch, instead of being sent. */
  readonly #batched: KintoRequest[] | undefined;

  constructor(remote: string, options?: KintoClientOptions);
  /** @internal What a `Kinto`, and a batch, share with others. */
  constructor(remote: string, options: KintoClientOptions, inside: { servers?: Servers; batched?: KintoRequest[]; http?: HTTP });
  constructor(remote: string, options: KintoClientOptions = {}, inside: { servers?: Servers; batched?: KintoRequest[]; http?: HTTP } = {}) {
    this.#remote = readRemote(remote);
    this.events = options.events ?? new Events();
    this.#defaults = settle({ headers: {}, safe: false, retry: 0 }, options);
    this.#servers = inside.servers ?? new Servers(this.events);
    this.#batched = inside.batched;
    this.#servers.add(this.#remote);
    this.http = inside.http ?? new HTTP(this.events, options, this.#servers);
  }

  /** The root of the server. Setting one without a version throws `invalid_option`. */
  get remote(): string {
    return this.#remote;
  }
  set remote(remote: string) {
    const read = readRemote(remote);
    if (read !== this.#remote) this.serverInfo = null;
    this.#remote = read;
    this.#servers.add(read);
  }

  /** The version of the protocol, `v1`. */
  get version(): string {
    return SUPPORTED_PROTOCOL_VERSION;
  }

  /** Milliseconds until the server may be asked again; 0 if it may at once. Requests are sent all the same; syncs are not. */
  get backoff(): number {
    return this.#servers.backoffMs(this.#remote);
  }

  /** @internal Whether this is what the callback of a batch gets. */
  get isBatch(): boolean {
    return this.#batched !== undefined;
  }

  /** The headers of every request. */
  get headers(): Record<string, string> {
    return this.#defaults.headers;
  }

  /** @internal What Kinto.js calls the headers. */
  get _headers(): Record<string, string> {
    return this.#defaults.headers;
  }
  set _headers(headers: Record<string, string>) {
    this.#defaults = { ...this.#defaults, headers };
  }

  /** A bucket. Its requests carry these options over the client's. */
  bucket(name: string, options: Settings = {}): Bucket {
    return new Bucket(this, name, settle(this.#defaults, options));
  }

  /** Adds headers to every request from now on, and forgets what the server said of itself: it may tell another user other things. */
  setHeaders(headers: HeadersOption): void {
    this.#defaults = { ...this.#defaults, headers: addHeaders(this.#defaults.headers, headers) };
    this.serverInfo = null;
  }

  async #hello(options: RequestOptions): Promise<HelloResponse> {
    const { headers, retry } = settle(this.#defaults, options);
    const { json } = await this.http.request<HelloResponse>(this.#remote + endpoints.root(), { headers }, { retry });
    return json;
  }

  #request(options: RequestOptions): { headers: Record<string, string>; retry: number } {
    const { headers, retry } = settle(this.#defaults, options);
    return { headers, retry };
  }

  #assertNoBatch(message = NO_BATCH): void {
    if (this.#batched) throw invalidOption(message);
  }

  /** The server's description of itself: asked once, then remembered. */
  async fetchServerInfo(options: RequestOptions = {}): Promise<HelloResponse> {
    if (this.serverInfo) return this.serverInfo;
    const { remote, headers } = this;
    const info = await this.#hello({ retry: options.retry });
    if (this.#remote === remote && this.headers === headers) this.serverInfo = info;
    return info;
  }

  /** The server's settings. */
  fetchServerSettings(options: RequestOptions = {}): Promise<HelloResponse["settings"]> {
    this.#assertNoBatch();
    return this.fetchServerInfo(options).then(({ settings }) => settings);
  }

  /** The server's plugins. */
  fetchServerCapabilities(options: RequestOptions = {}): Promise<HelloResponse["capabilities"]> {
    this.#assertNoBatch();
    return this.fetchServerInfo(options).then(({ capabilities }) => capabilities);
  }

  /** Who the server takes you for: asked anew each time. */
  fetchUser(options: RequestOptions = {}): Promise<User | undefined> {
    this.#assertNoBatch();
    return this.#hello(options).then(({ user }) => user);
  }

  /** The version of the server's API, like `1.23`. */
  fetchHTTPApiVersion(options: RequestOptions = {}): Promise<string> {
    this.#assertNoBatch();
    return this.fetchServerInfo(options).then(({ http_api_version }) => http_api_version);
  }

  /** @internal Throws within a batch, and rejects if the server lacks this plugin. */
  assertCapable(capability: string): Promise<void> {
    return this.fetchServerCapabilities().then((capabilities) => {
      if (!(capability in (capabilities ?? {}))) throw invalidOption(`Required capabilities ${capability} not present on server`);
    });
  }

  /**
   * Sends many requests in one, or in as few as the server allows: their answers, in order. In the callback, nothing resolves
   * to anything useful. The answers say for each request what came of it: `status`, `body`; one refused does not stop the others.
   *
   * @example
   * ```js
   * const [bucket, collection] = await client.batch((batch) => {
   *   batch.createBucket("blog");
   *   batch.bucket("blog").createCollection("posts");
   * });
   * const { conflicts } = await client.batch(write, { safe: true, aggregate: true });
   * ```
   */
  batch(fn: (batch: KintoClient) => void, options: BatchOptions & { aggregate: true }): Promise<AggregateResponse>;
  batch(fn: (batch: any) => void, options?: BatchOptions): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: any) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    this.#assertNoBatch("Can't use batch within a batch!");
    return this.#batch(fn, options);
  }

  async #batch(fn: (batch: any) => unknown, options: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]> {
    const given = settle(this.#defaults, options);
    const batched: KintoRequest[] = [];
    const { safe, retry } = given;
    const root = new KintoClient(this.#remote, { events: this.events, safe, retry }, { servers: this.#servers, batched, http: this.http });
    const bucket = options.bucket ? root.bucket(options.bucket) : undefined;
    await fn(options.collection ? bucket?.collection(options.collection) : (bucket ?? root));
    const responses = await this.#sendBatch(batched, given);
    return options.aggregate ? aggregate(responses, batched) : responses;
  }

  async #sendBatch(requests: KintoRequest[], { headers, retry }: Defaults): Promise<OperationResponse[]> {
    if (requests.length === 0) return [];
    const settings = await this.fetchServerSettings({ retry });
    const responses: OperationResponse[] = [];
    for (const body of await batchBodies(requests, headers, settings?.batch_max_requests || 0)) {
      const answer = await this.execute<{ responses: OperationResponse[] }>({ method: "POST", path: endpoints.batch(), headers, body }, { retry, stringify: false });
      for (const response of answer.responses) responses.push(response);
    }
    return responses;
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
    const answer = await this.http.request<T>(this.#remote + path, sent, { retry: retry ?? this.#defaults.retry });
    return raw ? answer : answer.json;
  }

  /** Some pages of the list at this path. */
  async paginatedList<T = any>(path: string, params: ListParams = {}, options: RequestOptions = {}): Promise<PaginationResult<T>> {
    return listPages(this, path, params, settle({ headers: {}, safe: false, retry: 0 }, options));
  }

  /** Deletes what is in some pages of the list at this path. */
  async paginatedDelete<T = Tombstone>(path: string, params: ListParams = {}, options: WriteOptions = {}): Promise<PaginationResult<T>> {
    const { last_modified } = options;
    return deletePages(this, path, { ...params, last_modified }, settle({ headers: {}, safe: false, retry: 0 }, options));
  }

  /** {@link KintoClient.paginatedList}, or {@link KintoClient.paginatedDelete} if `method` is `DELETE`. */
  async paginatedOperation<T = any>(path: string, params: ListParams = {}, options: RequestOptions & { method?: string } = {}): Promise<PaginationResult<T>> {
    return options.method === "DELETE" ? this.paginatedDelete(path, params, options) : this.paginatedList(path, params, options);
  }

  /** What you may do on this server, object by object. */
  listPermissions(options: ListOptions = {}): Promise<PaginationResult<PermissionData>> {
    // They have no `last_modified` by which lists are sorted otherwise.
    return this.assertCapable("permissions_endpoint").then(() =>
      this.paginatedList<PermissionData>(endpoints.permissions(), { sort: "id", ...options }, this.#request(options)),
    );
  }

  /** The buckets that you may read. */
  async listBuckets(options: ListOptions = {}): Promise<PaginationResult<KintoObject>> {
    return this.paginatedList(endpoints.bucket(), options, this.#request(options));
  }

  /** Creates a bucket, or replaces the one of the same id; without an id, under one that the server chooses. */
  async createBucket(id?: string | null, options: CreateOptions = {}): Promise<KintoResponse> {
    const given = settle(this.#defaults, options);
    const { data, permissions } = options;
    const name = id || undefined;
    return this.execute(createRequest(endpoints.bucket(name), { data: { ...data, id: name }, permissions }, given), { retry: given.retry });
  }

  /** Deletes a bucket and all that is in it. */
  async deleteBucket(bucket: string | { id: string; last_modified?: number }, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    const { id, last_modified } = readReference(bucket, "bucket");
    const given = settle(this.#defaults, options);
    const manner = { ...given, last_modified: options.last_modified ?? last_modified };
    return this.execute(deleteRequest(endpoints.bucket(id), manner), { retry: given.retry });
  }

  /** Deletes the buckets that match. See {@link Collection.deleteRecords}. */
  deleteBuckets(options: DeleteAllOptions = {}): Promise<PaginationResult<Tombstone>> {
    return this.fetchHTTPApiVersion().then((version) => {
      assertVersion(version);
      const { safe, last_modified } = options;
      return this.paginatedDelete(endpoints.bucket(), options, { ...this.#request(options), safe, last_modified });
    });
  }

  /** Creates an account. It is made without the client's credentials: they are somebody else's. */
  createAccount(user: string, password: string): Promise<KintoResponse> {
    const request = { method: "PUT", path: endpoints.account(user), body: { data: { password } } };
    return this.assertCapable("accounts").then(() => this.execute<KintoResponse>(request));
  }
}

/** Plural deletes of buckets came with 1.4. */
function assertVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 1 || minor < 4) throw invalidOption(`Version ${version} doesn't satisfy 1.4 <= x < 2.0`);
}
