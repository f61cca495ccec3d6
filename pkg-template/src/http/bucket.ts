/** Buckets on a server. */

import { invalidOption } from "../errors.js";
import { Collection } from "./collection.js";
import { NO_DEFAULTS, type Settings, settingsOf, withSettings } from "./defaults.js";
import { assertObject, type Reference } from "./requests/arguments.js";
import { endpoints } from "./requests/endpoints.js";
import { createRequest, updateRequest } from "./requests/writes.js";
import type { ParentClient } from "./resource/parents.js";
import { Resource } from "./resource/resource.js";
import { withCapability } from "./sending/server-info.js";
import { deleteList, deleteOne, get, head, list, send } from "./sending/with-defaults.js";
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

/**
 * A bucket on a server: `client.bucket("blog")`. Creating it sends no request.
 *
 * @example
 * ```js
 * const blog = client.bucket("blog");
 * await blog.createCollection("posts", { permissions: { read: ["system.Everyone"] } });
 * await blog.createGroup("authors", ["account:alice"]);
 * const { data: collections } = await blog.listCollections();
 * ```
 */
export class Bucket<C extends ParentClient = ParentClient> extends Resource<C> {
  constructor(client: C, name: string, options: Settings = {}) {
    super(client, name, {
      defaults: withSettings(NO_DEFAULTS, options),
      kind: "bucket",
      path: () => endpoints.bucket(name),
      encode: (data) => withId(data, name),
    });
  }

  /** A collection in this bucket: `const posts = blog.collection("posts", { safe: true })`. The options override those of the bucket. */
  collection(name: string, options: Settings = {}): Collection<Bucket<C>> {
    return new Collection<Bucket<C>>(this.client, this, name, settingsOf(this, options));
  }

  /** Reads the ETag of its list of collections, in quotes, for `since`: `const since = await blog.getCollectionsTimestamp()`. */
  async getCollectionsTimestamp(options: RequestOptions = {}): Promise<string | null> {
    return (await head(this, endpoints.collection(this.name), options)).get("ETag");
  }

  /** Reads the ETag of its list of groups, in quotes, for `since`: `const since = await blog.getGroupsTimestamp()`. */
  async getGroupsTimestamp(options: RequestOptions = {}): Promise<string | null> {
    return (await head(this, endpoints.group(this.name), options)).get("ETag");
  }

  /**
   * Lists the changes in the bucket, latest first. The server needs the `history` plugin.
   *
   * @example
   * ```js
   * const { data } = await blog.listHistory({ filters: { resource_name: "record", collection_id: "posts" }, limit: 10 });
   * for (const { user_id, action, target } of data) console.log(user_id, action, target.data);
   * ```
   */
  listHistory<T = unknown>(options: ListOptions = {}): Promise<PaginationResult<HistoryEntry<T>>> {
    return withCapability(this.client, "history", () => list(this, endpoints.history(this.name), options));
  }

  /** Lists its collections: `const { data: collections } = await blog.listCollections()`. */
  async listCollections(options: ListOptions = {}): Promise<PaginationResult<KintoObject>> {
    return list(this, endpoints.collection(this.name), options);
  }

  /**
   * Creates a collection. Without an id, the server chooses one.
   *
   * @example
   * ```js
   * await blog.createCollection("posts", { data: { schema }, permissions: { "record:create": ["system.Authenticated"] } });
   * ```
   */
  async createCollection(id?: string, options: CreateOptions = {}): Promise<KintoResponse> {
    const { permissions, data } = options;
    return send(this, options, (settings) => createRequest(endpoints.collection(this.name, id), { data: { ...data, id }, permissions }, settings));
  }

  /** Deletes a collection and its records: `await blog.deleteCollection("posts")`. */
  async deleteCollection(collection: Reference, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    return deleteOne(this, "collection", collection, (id) => endpoints.collection(this.name, id), options);
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
    return deleteList(this, endpoints.collection(this.name), options);
  }

  /** Lists its groups: `const { data: groups } = await blog.listGroups()`. */
  async listGroups(options: ListOptions = {}): Promise<PaginationResult<Group>> {
    return list(this, endpoints.group(this.name), options);
  }

  /** Reads a group and its permissions: `const { data: { members } } = await blog.getGroup("authors")`. */
  async getGroup(id: string, options: GetOptions = {}): Promise<KintoResponse<Group>> {
    return get(this, endpoints.group(this.name, id), options);
  }

  /**
   * Creates a group of users. Without an id, the server chooses one.
   *
   * @example
   * ```js
   * await blog.createGroup("authors", ["account:alice", "account:bob"]);
   * ```
   */
  async createGroup(id?: string, members: string[] = [], options: CreateOptions = {}): Promise<KintoResponse<Group>> {
    const { permissions, data } = options;
    return send(this, options, (settings) => createRequest(endpoints.group(this.name, id), { data: { ...data, id, members }, permissions }, settings));
  }

  /**
   * Replaces a group, or merges into it with `patch`.
   *
   * @example
   * ```js
   * await blog.updateGroup({ id: "authors", members: [...members, "account:carol"] }, { safe: true, last_modified });
   * ```
   */
  async updateGroup<T extends object = object>(
    group: T & { id: string },
    options: UpdateOptions & { data?: Record<string, any> } = {},
  ): Promise<KintoResponse<Group & T>> {
    assertObject(group, "group");
    if (!group.id) throw invalidOption("A group id is required.");
    const { permissions, patch, last_modified } = options;
    const data = { ...options.data, ...group };
    return send(this, options, (settings) => updateRequest(endpoints.group(this.name, group.id), { data, permissions }, { ...settings, patch, last_modified }));
  }

  /** Deletes a group: `await blog.deleteGroup("authors")`. */
  async deleteGroup(group: Reference, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    return deleteOne(this, "group", group, (id) => endpoints.group(this.name, id), options);
  }

  /** Deletes the groups that match: `await blog.deleteGroups({ pages: Infinity })`. See {@link Collection.deleteRecords}. */
  async deleteGroups(options: DeleteAllOptions = {}): Promise<PaginationResult<Tombstone>> {
    return deleteList(this, endpoints.group(this.name), options);
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
  batch(fn: (batch: Bucket<C>) => void, options: BatchOptions & { aggregate: true }): Promise<AggregateResponse>;
  batch(fn: (batch: Bucket<C>) => void, options?: BatchOptions & { aggregate?: false }): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: Bucket<C>) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
  batch(fn: (batch: Bucket<C>) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    return this.client.batch(fn as (batch: any) => void, { ...settingsOf(this, options), bucket: this.name, aggregate: Boolean(options.aggregate) });
  }
}

/** Data with the id of the bucket. The default bucket has another id, which only the server knows: it rejects the id `default`. */
function withId(data: Record<string, any>, name: string): Record<string, any> {
  const { id, ...rest } = { ...data, id: name };
  return id === "default" ? rest : { id, ...rest };
}
