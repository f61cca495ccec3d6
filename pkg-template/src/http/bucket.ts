/** A bucket on a server. */

import type { KintoClient } from "./client.js";
import { Collection } from "./collection.js";
import { settle, type Settings } from "./defaults.js";
import { endpoints } from "./endpoints.js";
import { assertObject, createRequest, deleteRequest, readReference, updateRequest } from "./requests.js";
import { Resource } from "./resource.js";
import { invalidOption } from "../errors.js";
import type {
  AggregateResponse,
  BatchOptions,
  CreateOptions,
  DeleteAllOptions,
  GetOptions,
  Group,
  HistoryEntry,
  KintoObject,
  KintoResponse,
  ListOptions,
  OperationResponse,
  PaginationResult,
  RequestOptions,
  Tombstone,
  UpdateOptions,
  WriteOptions,
} from "./types.js";

type Reference = string | { id: string; last_modified?: number };

/**
 * A bucket on a server: `client.bucket("blog")`. Making one asks nothing.
 *
 * @example
 * ```js
 * const blog = client.bucket("blog");
 * await blog.createCollection("posts", { permissions: { read: ["system.Everyone"] } });
 * await blog.createGroup("authors", ["account:alice"]);
 * const { data: collections } = await blog.listCollections();
 * ```
 */
export class Bucket extends Resource {
  protected readonly kind = "bucket";

  constructor(client: KintoClient, name: string, options: Settings = {}) {
    super(client, name, settle({ headers: {}, safe: false, retry: 0 }, options));
  }

  protected get path(): string {
    return endpoints.bucket(this.name);
  }

  #collection(id?: string): string {
    return endpoints.collection(this.name, id);
  }

  #group(id?: string): string {
    return endpoints.group(this.name, id);
  }

  /** The id of the default bucket is not `default`: the server refuses data that say so. */
  protected override readData(data: Record<string, any>): Record<string, any> {
    const { id, ...rest } = { ...data, id: this.name };
    return id === "default" ? rest : { id, ...rest };
  }

  /** A collection in this bucket: `const posts = blog.collection("posts", { safe: true })`. Its requests carry these options over the bucket's. */
  collection(name: string, options: Settings = {}): Collection {
    return new Collection(this.client, this, name, this.settle(options));
  }

  async #timestamp(path: string, options: RequestOptions): Promise<string | null> {
    const { headers, retry } = this.settle(options);
    return (await this.client.execute({ method: "HEAD", path, headers }, { raw: true, retry })).headers.get("ETag");
  }

  /** The ETag of its list of collections, quoted; for `since`: `const since = await blog.getCollectionsTimestamp()`. */
  async getCollectionsTimestamp(options: RequestOptions = {}): Promise<string | null> {
    return this.#timestamp(this.#collection(), options);
  }

  /** The ETag of its list of groups, quoted; for `since`: `const since = await blog.getGroupsTimestamp()`. */
  async getGroupsTimestamp(options: RequestOptions = {}): Promise<string | null> {
    return this.#timestamp(this.#group(), options);
  }

  /**
   * What happened in it, latest first. The server needs the `history` plugin.
   *
   * @example
   * ```js
   * const { data } = await blog.listHistory({ filters: { resource_name: "record", collection_id: "posts" }, limit: 10 });
   * for (const { user_id, action, target } of data) console.log(user_id, action, target.data);
   * ```
   */
  listHistory<T = unknown>(options: ListOptions = {}): Promise<PaginationResult<HistoryEntry<T>>> {
    return this.client.capable("history", () => this.listAt(endpoints.history(this.name), options));
  }

  /** Its collections: `const { data: collections } = await blog.listCollections()`. */
  async listCollections(options: ListOptions = {}): Promise<PaginationResult<KintoObject>> {
    return this.listAt(this.#collection(), options);
  }

  /**
   * Creates a collection; without an id, under one that the server chooses.
   *
   * @example
   * ```js
   * await blog.createCollection("posts", { data: { schema }, permissions: { "record:create": ["system.Authenticated"] } });
   * ```
   */
  async createCollection(id?: string, options: CreateOptions = {}): Promise<KintoResponse> {
    const { permissions, data } = options;
    return this.send(options, (given) => createRequest(this.#collection(id), { data: { ...data, id }, permissions }, given));
  }

  /** Deletes a collection and all that is in it: `await blog.deleteCollection("posts")`. */
  async deleteCollection(collection: Reference, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    const { id, last_modified } = readReference(collection, "collection");
    return this.send(options, (given) => deleteRequest(this.#collection(id), { ...given, last_modified: options.last_modified ?? last_modified }));
  }

  /**
   * Deletes the collections that match. See {@link Collection.deleteRecords}.
   *
   * @example
   * ```js
   * await blog.deleteCollections({ filters: { like_id: "draft-*" }, pages: Infinity });
   * ```
   */
  async deleteCollections(options: DeleteAllOptions = {}): Promise<PaginationResult<Tombstone>> {
    return this.deleteAt(this.#collection(), options);
  }

  /** Its groups: `const { data: groups } = await blog.listGroups()`. */
  async listGroups(options: ListOptions = {}): Promise<PaginationResult<Group>> {
    return this.listAt(this.#group(), options);
  }

  /** A group, with who may do what with it: `const { data: { members } } = await blog.getGroup("authors")`. */
  async getGroup(id: string, options: GetOptions = {}): Promise<KintoResponse<Group>> {
    return this.get(this.#group(id), options);
  }

  /**
   * Creates a group of users; without an id, under one that the server chooses.
   *
   * @example
   * ```js
   * await blog.createGroup("authors", ["account:alice", "account:bob"]);
   * ```
   */
  async createGroup(id?: string, members: string[] = [], options: CreateOptions = {}): Promise<KintoResponse<Group>> {
    const { permissions, data } = options;
    return this.send(options, (given) => createRequest(this.#group(id), { data: { ...data, id, members }, permissions }, given));
  }

  /**
   * Replaces a group, or merges into it with `patch`.
   *
   * @example
   * ```js
   * await blog.updateGroup({ id: "authors", members: [...members, "account:carol"] }, { safe: true, last_modified });
   * ```
   */
  async updateGroup<T extends object = {}>(
    group: T & { id: string },
    options: UpdateOptions & { data?: Record<string, any> } = {},
  ): Promise<KintoResponse<Group & T>> {
    assertObject(group, "group");
    if (!group.id) throw invalidOption("A group id is required.");
    const { permissions, patch, last_modified } = options;
    const data = { ...options.data, ...group };
    return this.send(options, (given) => updateRequest(this.#group(group.id), { data, permissions }, { ...given, patch, last_modified }));
  }

  /** Deletes a group: `await blog.deleteGroup("authors")`. */
  async deleteGroup(group: Reference, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    const { id, last_modified } = readReference(group, "group");
    return this.send(options, (given) => deleteRequest(this.#group(id), { ...given, last_modified: options.last_modified ?? last_modified }));
  }

  /** Deletes the groups that match: `await blog.deleteGroups({ pages: Infinity })`. See {@link Collection.deleteRecords}. */
  async deleteGroups(options: DeleteAllOptions = {}): Promise<PaginationResult<Tombstone>> {
    return this.deleteAt(this.#group(), options);
  }

  /**
   * Sends many requests in one: see {@link KintoClient.batch}.
   *
   * @example
   * ```js
   * await blog.batch((batch) => {
   *   batch.createCollection("posts");
   *   batch.createGroup("authors", ["account:alice"]);
   * });
   * ```
   */
  batch(fn: (batch: Bucket) => void, options: BatchOptions & { aggregate: true }): Promise<AggregateResponse>;
  batch(fn: (batch: Bucket) => void, options?: BatchOptions & { aggregate?: false }): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: Bucket) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
  batch(fn: (batch: Bucket) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    return this.client.batch(fn as (batch: any) => void, { ...this.settle(options), bucket: this.name, aggregate: Boolean(options.aggregate) });
  }
}
