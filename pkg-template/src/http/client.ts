/** The HTTP client of a Kinto server. */

import { invalidOption } from "../errors.js";
import { type Emitter, Events } from "../events.js";
import type { HeadersOption } from "../types/sync.js";
import { keepInside } from "../values/inside.js";
import { readRemote, SUPPORTED_PROTOCOL_VERSION } from "./address.js";
import { Bucket } from "./bucket.js";
import { addHeaders, NO_DEFAULTS, type Settings, settingsOf, withSettings } from "./defaults.js";
import { deletePages } from "./lists/deleting.js";
import { listPages } from "./lists/reading.js";
import type { Reference } from "./requests/arguments.js";
import { endpoints } from "./requests/endpoints.js";
import { createRequest } from "./requests/writes.js";
import { aggregate, assertNoBatch, sendBatches } from "./sending/batch.js";
import { type ClientInside, execute } from "./sending/execute.js";
import { HTTP } from "./sending/http.js";
import { readInfo, requestInfo, withCapability } from "./sending/server-info.js";
import { deleteList, deleteOne, list, ofClient, send } from "./sending/with-defaults.js";
import { Servers } from "./servers.js";
import type {
  AggregateResponse,
  BatchOptions,
  CreateOptions,
  DeleteAllOptions,
  ExecuteOptions,
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

/** @internal What a client shares with its `Kinto`, or the client of a batch with the client that sends the batch. */
export interface Shared {
  servers?: Servers;
  batched?: KintoRequest[];
  http?: HTTP;
}

/**
 * A client of a Kinto server that stores nothing. It is for administration, for data that is not synced (permissions, groups,
 * attachments, history), and for apps that need no database. `kinto.api` is such a client; an app can also make its own.
 *
 * Every method may reject with a {@link KintoError} `network`, a `NetworkTimeoutError`, a `ServerResponse` (an error answer of the
 * server, with its content in `error.data`) and an `UnparseableResponseError`.
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
  /** The emitter that the client was made with. */
  readonly events: Emitter;
  readonly endpoints = endpoints;
  /** Sends the requests. */
  readonly http: HTTP;
  /** The server's description of itself, once it was requested; see {@link KintoClient.fetchServerInfo}. */
  serverInfo: HelloResponse | null = null;
  /** @internal */
  declare readonly inside: () => ClientInside;

  constructor(remote: string, options?: KintoClientOptions);
  /** @internal */
  constructor(remote: string, options: KintoClientOptions, shared: Shared);
  constructor(remote: string, options: KintoClientOptions = {}, shared: Shared = {}) {
    const defaults = withSettings(NO_DEFAULTS, options);
    const root = readRemote(remote);
    this.events = options.events ?? new Events();
    const { servers = new Servers(this.events), batched } = shared;
    servers.add(root);
    this.http = shared.http ?? new HTTP(options, servers);
    keepInside<ClientInside>(this, { remote: root, defaults, servers, batched });
  }

  /** The root of the server. Setting one without a version throws `invalid_option`. */
  get remote(): string {
    return this.inside().remote;
  }
  set remote(remote: string) {
    const inside = this.inside();
    const root = readRemote(remote);
    if (root !== inside.remote) this.serverInfo = null;
    inside.remote = root;
    inside.servers.add(root);
  }

  /** The version of the protocol, `v1`. */
  get version(): string {
    return SUPPORTED_PROTOCOL_VERSION;
  }

  /**
   * Milliseconds until the server accepts requests again; 0 if it does now. The client sends requests all the same; syncs do not.
   *
   * @example
   * ```js
   * if (client.backoff > 0) showBusy(client.backoff);
   * ```
   */
  get backoff(): number {
    const { servers, remote } = this.inside();
    return servers.backoffMs(remote);
  }

  /** @internal Whether this is the client of a batch. */
  get isBatch(): boolean {
    return this.inside().batched !== undefined;
  }

  /** The headers of its requests. */
  get headers(): Record<string, string> {
    return this.inside().defaults.headers;
  }

  /** @internal The name in Kinto.js, as of the next two. */
  get _headers(): Record<string, string> {
    return this.inside().defaults.headers;
  }
  /** @internal */
  set _headers(headers: Record<string, string>) {
    const inside = this.inside();
    inside.defaults = { ...inside.defaults, headers };
  }
  /** @internal */
  get _safe(): boolean {
    return this.inside().defaults.safe;
  }
  /** @internal */
  get _retry(): number {
    return this.inside().defaults.retry;
  }

  /**
   * Adds headers to every request from now on. The client forgets the server's description, which may differ between users.
   *
   * @example
   * ```js
   * client.setHeaders({ Authorization: `Bearer ${token}` });
   * ```
   */
  setHeaders(headers: HeadersOption): void {
    this._headers = addHeaders(this._headers, headers);
    this.serverInfo = null;
  }

  /**
   * A bucket. The options override those of the client.
   *
   * @example
   * ```js
   * const blog = client.bucket("blog", { headers: { "X-Reason": "cleaning up" } });
   * ```
   */
  bucket(name: string, options: Settings = {}): Bucket<KintoClient> {
    return new Bucket<KintoClient>(this, name, settingsOf(this, options));
  }

  /**
   * Sends many requests in one, or in as few as the server allows, and returns the answers in order. Each answer has the `status`
   * and the `body` for one request; an error does not stop the other requests. In the callback, promises resolve to no useful value.
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
  batch(fn: (batch: any) => void, options?: BatchOptions & { aggregate?: false }): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: any) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
  batch(fn: (batch: any) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    assertNoBatch(this, "Can't use batch within a batch!");
    return runBatch(this, fn, options);
  }

  /**
   * Sends the requests of {@link KintoClient.batch} and returns the answers in order. An app can replace this method to see the
   * requests, or to answer them itself. Without requests, nothing is sent.
   *
   * @example
   * ```js
   * const requests = ["a", "b"].map((id) => ({ method: "GET", path: `/buckets/${id}` }));
   * const [a, b] = await client._batchRequests(requests);
   * ```
   */
  async _batchRequests(requests: KintoRequest[], options: BatchOptions = {}): Promise<OperationResponse<any>[]> {
    return sendBatches(this, requests, options);
  }

  /**
   * Sends one request. Most other methods use it.
   *
   * @example
   * ```js
   * const { data } = await client.execute({ method: "GET", path: "/buckets/blog/collections" });
   * ```
   */
  execute<T = any>(request: KintoRequest, options: ExecuteOptions & { raw: true }): Promise<RawResponse<T>>;
  execute<T = any>(request: KintoRequest, options?: ExecuteOptions): Promise<T>;
  execute(request: KintoRequest, options: ExecuteOptions = {}): Promise<any> {
    return execute(this, request, options);
  }

  /** Reads some pages of the list at this path: `const { data } = await client.paginatedList("/buckets/blog/collections", { pages: Infinity })`. */
  async paginatedList<T = any>(path: string, params: ListParams = {}, options: RequestOptions = {}): Promise<PaginationResult<T>> {
    return this.paginatedOperation(path, params, options);
  }

  /**
   * Deletes the objects on some pages of the list at this path.
   *
   * @example
   * ```js
   * await client.paginatedDelete("/buckets/blog/groups", { filters: { like_id: "old-*" }, pages: Infinity });
   * ```
   */
  async paginatedDelete<T = Tombstone>(path: string, params: ListParams = {}, options: WriteOptions = {}): Promise<PaginationResult<T>> {
    const { last_modified } = options;
    return deletePages(this, path, { ...params, last_modified }, withSettings(NO_DEFAULTS, options));
  }

  /**
   * {@link KintoClient.paginatedList} with another HTTP method. With `DELETE`, it is {@link KintoClient.paginatedDelete}.
   *
   * @example
   * ```js
   * const { last_modified } = await client.paginatedOperation("/buckets", {}, { method: "HEAD" });
   * ```
   */
  async paginatedOperation<T = any>(path: string, params: ListParams = {}, options: RequestOptions & { method?: string } = {}): Promise<PaginationResult<T>> {
    const { method } = options;
    if (method === "DELETE") return this.paginatedDelete(path, params, options);
    return listPages(this, path, params, withSettings(NO_DEFAULTS, options), method);
  }

  /**
   * Returns the server's description of itself, which the client requests once.
   *
   * @example
   * ```js
   * const { project_name, project_version } = await client.fetchServerInfo();
   * ```
   */
  async fetchServerInfo(options: RequestOptions = {}): Promise<HelloResponse> {
    return readInfo(this, options);
  }

  /** Returns the server's settings: `const { readonly, batch_max_requests } = await client.fetchServerSettings()`. */
  fetchServerSettings(options: RequestOptions = {}): Promise<HelloResponse["settings"]> {
    assertNoBatch(this);
    return this.fetchServerInfo(options).then(({ settings }) => settings);
  }

  /** Returns the server's plugins: `if ("attachments" in (await client.fetchServerCapabilities())) showUpload()`. */
  fetchServerCapabilities(options: RequestOptions = {}): Promise<HelloResponse["capabilities"]> {
    assertNoBatch(this);
    return this.fetchServerInfo(options).then(({ capabilities }) => capabilities);
  }

  /**
   * Returns the user that the credentials belong to. Each call sends a request.
   *
   * @example
   * ```js
   * const user = await client.fetchUser();
   * if (!user) showLogin();
   * ```
   */
  fetchUser(options: RequestOptions = {}): Promise<User | undefined> {
    assertNoBatch(this);
    return requestInfo(this, options).then(({ user }) => user);
  }

  /** Returns the version of the server's API, like `1.23`: `const [major, minor] = (await client.fetchHTTPApiVersion()).split(".").map(Number)`. */
  fetchHTTPApiVersion(options: RequestOptions = {}): Promise<string> {
    assertNoBatch(this);
    return this.fetchServerInfo(options).then(({ http_api_version }) => http_api_version);
  }

  /**
   * Lists the permissions that the user has on each object of the server.
   *
   * @example
   * ```js
   * const { data } = await client.listPermissions({ filters: { resource_name: "bucket" } });
   * const mine = data.filter(({ permissions }) => permissions.includes("write")).map(({ bucket_id }) => bucket_id);
   * ```
   */
  listPermissions(options: ListOptions = {}): Promise<PaginationResult<PermissionData>> {
    // These objects have no `last_modified`, by which other lists are sorted.
    return withCapability(this, "permissions_endpoint", () => list(ofClient(this), endpoints.permissions(), { sort: "id", ...options }));
  }

  /** Lists the buckets that the user may read: `const { data: buckets } = await client.listBuckets({ sort: "id" })`. */
  async listBuckets(options: ListOptions = {}): Promise<PaginationResult<KintoObject>> {
    return list(ofClient(this), endpoints.bucket(), options);
  }

  /**
   * Creates a bucket, or replaces the bucket with the same id. Without an id, the server chooses one.
   *
   * @example
   * ```js
   * await client.createBucket("blog", { data: { title: "My blog" }, permissions: { read: ["system.Everyone"] }, safe: true });
   * ```
   */
  async createBucket(id?: string | null, options: CreateOptions = {}): Promise<KintoResponse> {
    const { data, permissions } = options;
    const name = id || undefined;
    return send(ofClient(this), options, (settings) => createRequest(endpoints.bucket(name), { data: { ...data, id: name }, permissions }, settings));
  }

  /** Deletes a bucket and everything in it: `await client.deleteBucket("blog")`. */
  async deleteBucket(bucket: Reference, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    return deleteOne(ofClient(this), "bucket", bucket, endpoints.bucket, options);
  }

  /**
   * Deletes the buckets that match. See {@link Collection.deleteRecords}.
   *
   * @example
   * ```js
   * await client.deleteBuckets({ filters: { like_id: "test-*" }, pages: Infinity });
   * ```
   */
  deleteBuckets(options: DeleteAllOptions = {}): Promise<PaginationResult<Tombstone>> {
    return this.fetchHTTPApiVersion().then((version) => {
      assertVersion(version);
      return deleteList(ofClient(this), endpoints.bucket(), options);
    });
  }

  /**
   * Creates an account. The request does not have the client's headers, which may be the credentials of another user.
   *
   * @example
   * ```js
   * await client.createAccount("alice", "secret");
   * client.setHeaders({ Authorization: "Basic " + btoa("alice:secret") });
   * ```
   */
  createAccount(user: string, password: string): Promise<KintoResponse> {
    const request = { method: "PUT", path: endpoints.account(user), body: { data: { password } } };
    return withCapability(this, "accounts", () => this.execute<KintoResponse>(request));
  }
}

/** Throws if the server cannot delete many buckets at once. Version 1.4 of the API added that. */
function assertVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 1 || minor < 4) throw invalidOption(`Version ${version} doesn't satisfy 1.4 <= x < 2.0`);
}

/** Collects the requests of a batch in a client that does not send them, and then sends the batch. */
async function runBatch(client: KintoClient, fn: (batch: any) => unknown, options: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]> {
  const { servers } = client.inside();
  const { safe, retry } = settingsOf(client, options);
  const batched: KintoRequest[] = [];
  const collecting = new KintoClient(client.remote, { events: client.events, safe, retry }, { servers, batched, http: client.http });
  const bucket = options.bucket ? collecting.bucket(options.bucket) : undefined;
  await fn(options.collection ? bucket?.collection(options.collection) : (bucket ?? collecting));
  const responses = await client._batchRequests(batched, options);
  return options.aggregate ? aggregate(responses, batched, client.remote + endpoints.batch()) : responses;
}
