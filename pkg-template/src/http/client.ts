/** The HTTP client of a Kinto server. */

import { invalidOption, UnparseableResponseError } from "../errors.js";
import { aggregate, batchBodies } from "./batch.js";
import { Bucket } from "./bucket.js";
import { settle, type Settings } from "./defaults.js";
import { endpoints } from "./endpoints.js";
import { RemoteServer, type Inside } from "./remote-server.js";
import { createRequest, deleteRequest, isObject, readReference } from "./requests.js";
import type {
  AggregateResponse,
  BatchOptions,
  CreateOptions,
  DeleteAllOptions,
  KintoClientOptions,
  KintoObject,
  KintoRequest,
  KintoResponse,
  ListOptions,
  OperationResponse,
  PaginationResult,
  PermissionData,
  Tombstone,
  WriteOptions,
} from "./types.js";

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
export class KintoClient extends RemoteServer {
  constructor(remote: string, options?: KintoClientOptions);
  /** @internal */
  constructor(remote: string, options: KintoClientOptions, inside: Inside);
  constructor(remote: string, options: KintoClientOptions = {}, inside: Inside = {}) {
    super(remote, options, inside);
  }

  /**
   * A bucket. Its requests carry these options over the client's.
   *
   * @example
   * ```js
   * const blog = client.bucket("blog", { headers: { "X-Reason": "cleaning up" } });
   * ```
   */
  bucket(name: string, options: Settings = {}): Bucket {
    return new Bucket(this, name, settle(this.defaults, options));
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
  batch(fn: (batch: any) => void, options?: BatchOptions & { aggregate?: false }): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: any) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
  batch(fn: (batch: any) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    this.assertNoBatch("Can't use batch within a batch!");
    return this.#batch(fn, options);
  }

  async #batch(fn: (batch: any) => unknown, options: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]> {
    const { safe, retry } = settle(this.defaults, options);
    const batched: KintoRequest[] = [];
    const root = new KintoClient(this.remote, { events: this.events, safe, retry }, { servers: this.servers, batched, http: this.http });
    const bucket = options.bucket ? root.bucket(options.bucket) : undefined;
    await fn(options.collection ? bucket?.collection(options.collection) : (bucket ?? root));
    const responses = await this._batchRequests(batched, options);
    return options.aggregate ? aggregate(responses, batched, this.remote + endpoints.batch()) : responses;
  }

  /**
   * What {@link KintoClient.batch} sends its requests with, and what an app replaces that wants to see them or answer them itself:
   * the answers, in order. No requests need no answers.
   *
   * @example
   * ```js
   * const requests = ["a", "b"].map((id) => ({ method: "GET", path: `/buckets/${id}` }));
   * const [a, b] = await client._batchRequests(requests);
   * ```
   */
  async _batchRequests(requests: KintoRequest[], options: BatchOptions = {}): Promise<OperationResponse<any>[]> {
    const { headers, retry } = settle(this.defaults, options);
    if (requests.length === 0) return [];
    const settings = await this.fetchServerSettings({ retry, headers });
    const responses: OperationResponse[] = [];
    for (const body of await batchBodies(requests, headers, settings?.batch_max_requests || 0)) {
      const answer = await this.execute<{ responses?: OperationResponse[] }>({ method: "POST", path: endpoints.batch(), headers, body }, { retry, stringify: false });
      if (!Array.isArray(answer?.responses) || !answer.responses.every(isObject)) {
        const url = `${this.remote}${endpoints.batch()}`;
        throw new UnparseableResponseError("The answer to a batch has no responses.", { url, status: 200 });
      }
      for (const response of answer.responses) responses.push(response);
    }
    return responses;
  }

  /**
   * What you may do on this server, object by object.
   *
   * @example
   * ```js
   * const { data } = await client.listPermissions({ filters: { resource_name: "bucket" } });
   * const mine = data.filter(({ permissions }) => permissions.includes("write")).map(({ bucket_id }) => bucket_id);
   * ```
   */
  listPermissions(options: ListOptions = {}): Promise<PaginationResult<PermissionData>> {
    // They have no `last_modified` by which lists are sorted otherwise.
    return this.capable("permissions_endpoint", () =>
      this.paginatedList<PermissionData>(endpoints.permissions(), { sort: "id", ...options }, this.request(options)),
    );
  }

  /** The buckets that you may read: `const { data: buckets } = await client.listBuckets({ sort: "id" })`. */
  async listBuckets(options: ListOptions = {}): Promise<PaginationResult<KintoObject>> {
    return this.paginatedList(endpoints.bucket(), options, this.request(options));
  }

  /**
   * Creates a bucket, or replaces the one of the same id; without an id, under one that the server chooses.
   *
   * @example
   * ```js
   * await client.createBucket("blog", { data: { title: "My blog" }, permissions: { read: ["system.Everyone"] }, safe: true });
   * ```
   */
  async createBucket(id?: string | null, options: CreateOptions = {}): Promise<KintoResponse> {
    const given = settle(this.defaults, options);
    const { data, permissions } = options;
    const name = id || undefined;
    return this.execute(createRequest(endpoints.bucket(name), { data: { ...data, id: name }, permissions }, given), { retry: given.retry });
  }

  /** Deletes a bucket and all that is in it: `await client.deleteBucket("blog")`. */
  async deleteBucket(bucket: string | { id: string; last_modified?: number }, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    const { id, last_modified } = readReference(bucket, "bucket");
    const given = settle(this.defaults, options);
    const manner = { ...given, last_modified: options.last_modified ?? last_modified };
    return this.execute(deleteRequest(endpoints.bucket(id), manner), { retry: given.retry });
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
      const { safe, last_modified } = options;
      return this.paginatedDelete(endpoints.bucket(), options, { ...this.request(options), safe, last_modified });
    });
  }

  /**
   * Creates an account. It is made without the client's credentials: they are somebody else's.
   *
   * @example
   * ```js
   * await client.createAccount("alice", "secret");
   * client.setHeaders({ Authorization: "Basic " + btoa("alice:secret") });
   * ```
   */
  createAccount(user: string, password: string): Promise<KintoResponse> {
    const request = { method: "PUT", path: endpoints.account(user), body: { data: { password } } };
    return this.capable("accounts", () => this.execute<KintoResponse>(request));
  }
}

/** Plural deletes of buckets came with 1.4. */
function assertVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 1 || minor < 4) throw invalidOption(`Version ${version} doesn't satisfy 1.4 <= x < 2.0`);
}
