/** Collections on a server. */

import { invalidOption } from "../errors.js";
import { NO_DEFAULTS, type Settings, settingsOf, withSettings } from "./defaults.js";
import { readCount } from "./listing.js";
import { takeSnapshot } from "./lists/snapshot.js";
import { assertObject, type Reference } from "./requests/arguments.js";
import { attachmentForm, attachmentRequest } from "./requests/attachment.js";
import { endpoints } from "./requests/endpoints.js";
import { createRequest, deleteRequest, updateRequest } from "./requests/writes.js";
import type { ParentBucket } from "./resource/parents.js";
import { Resource } from "./resource/resource.js";
import { withCapability } from "./sending/server-info.js";
import { deleteList, deleteOne, get, head, list, send } from "./sending/with-defaults.js";
import type {
  AggregateResponse,
  Attachment,
  BatchOptions,
  DeleteAllOptions,
  GetOptions,
  KintoObject,
  KintoResponse,
  ListOptions,
  OperationResponse,
  PaginationResult,
  PutOptions,
  RequestOptions,
  Tombstone,
  UpdateOptions,
  WriteOptions,
} from "./types.js";

/**
 * A collection on a server: `client.bucket("blog").collection("posts")`. Creating it sends no request.
 *
 * @example
 * ```js
 * const posts = client.bucket("blog").collection("posts");
 * const { data: post } = await posts.createRecord({ title: "Hello" });
 * await posts.updateRecord({ id: post.id, title: "Hello, world" }, { patch: true });
 * const { data } = await posts.listRecords({ filters: { like_title: "hello" }, sort: "-last_modified" });
 * ```
 */
export class Collection<B extends ParentBucket = ParentBucket> extends Resource<B["client"]> {
  readonly bucket: B;

  constructor(client: B["client"], bucket: B, name: string, options: Settings = {}) {
    super(client, name, {
      defaults: withSettings({ ...NO_DEFAULTS, headers: bucket.headers }, options),
      kind: "collection",
      path: () => endpoints.collection(bucket.name, name),
      encode: (data) => data,
    });
    this.bucket = bucket;
  }

  /** Counts its records: `const total = await posts.getTotalRecords()`. */
  async getTotalRecords(options: RequestOptions = {}): Promise<number> {
    return readCount(await head(this, recordPath(this), options));
  }

  /** Reads the ETag of its list of records, in quotes, for `since`: `const since = await posts.getRecordsTimestamp()`. */
  async getRecordsTimestamp(options: RequestOptions = {}): Promise<string | null> {
    return (await head(this, recordPath(this), options)).get("ETag");
  }

  /**
   * Creates a record, or replaces the record with the same id.
   *
   * @example
   * ```js
   * const { data } = await posts.createRecord({ id: "hello", title: "Hello" }, { safe: true });
   * ```
   */
  async createRecord<T extends object>(record: T & { id?: string }, options: PutOptions = {}): Promise<KintoResponse<T>> {
    assertObject(record, "record");
    const { permissions } = options;
    return send(this, options, (settings) => createRequest(recordPath(this, record.id), { data: record, permissions }, settings));
  }

  /**
   * Replaces a record, or merges into it with `patch`. A record that does not exist is created.
   *
   * @example
   * ```js
   * await posts.updateRecord({ ...post, title: "Hello again" }, { safe: true });
   * ```
   */
  async updateRecord<T extends object>(record: T & { id: string }, options: UpdateOptions = {}): Promise<KintoResponse<T>> {
    assertObject(record, "record");
    if (!record.id) throw invalidOption("A record id is required.");
    const { permissions, patch, last_modified } = options;
    return send(this, options, (settings) => updateRequest(recordPath(this, record.id), { data: record, permissions }, { ...settings, patch, last_modified }));
  }

  /**
   * Deletes a record, given by its id or as an object with the id.
   *
   * @example
   * ```js
   * await posts.deleteRecord("hello");
   * await posts.deleteRecord(post, { safe: true });
   * ```
   */
  async deleteRecord(record: Reference, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    return deleteOne(this, "record", record, (id) => recordPath(this, id), options);
  }

  /**
   * Deletes the records that match. A server with a limit for lists deletes that many at once; `pages: Infinity` deletes all of them.
   *
   * @example
   * ```js
   * await posts.deleteRecords({ filters: { draft: true }, pages: Infinity });
   * ```
   */
  async deleteRecords<T = Tombstone>(options: DeleteAllOptions = {}): Promise<PaginationResult<T>> {
    return deleteList(this, recordPath(this), options);
  }

  /** Reads a record and its permissions: `const { data, permissions } = await posts.getRecord("hello", { fields: ["title"] })`. */
  async getRecord<T = KintoObject>(id: string, options: GetOptions = {}): Promise<KintoResponse<T>> {
    return get(this, recordPath(this, id), options);
  }

  /**
   * Lists the records that match: one page, or as many as `pages` says. With `at` (milliseconds since 1970, by the server's clock),
   * lists all records as they were at that time; the server needs the `history` plugin for that.
   *
   * @example
   * ```js
   * const { data, last_modified } = await posts.listRecords({ filters: { min_stars: 4 }, pages: Infinity });
   * const { data: changes } = await posts.listRecords({ since: last_modified });
   * const { data: then } = await posts.listRecords({ at: post.last_modified });
   * ```
   */
  async listRecords<T = KintoObject>(options: ListOptions & { at?: number } = {}): Promise<PaginationResult<T>> {
    if (options.at) return this.getSnapshot<any>(options.at, options);
    return list(this, recordPath(this), options);
  }

  /**
   * Lists all records as they were at this time. See {@link Collection.listRecords}.
   *
   * @example
   * ```js
   * const { data } = await posts.getSnapshot(Date.parse("2026-01-01"));
   * ```
   */
  getSnapshot<T extends KintoObject>(at: number, { headers, retry }: RequestOptions = {}): Promise<PaginationResult<T>> {
    return withCapability(this.client, "history", () => takeSnapshot(this, at, { headers, retry }));
  }

  /** Whether the history contains every change since the collection was created: `if (await posts.isHistoryComplete()) showTimeline()`. */
  async isHistoryComplete(options: RequestOptions = {}): Promise<boolean> {
    const filters = { action: "create", resource_name: "collection", collection_id: this.name };
    const { data } = await this.bucket.listHistory({ ...options, limit: 1, filters });
    return data.length > 0;
  }

  /**
   * Adds a file to a record and returns the record, which is created if it does not exist. The server needs the plugin kinto-attachment.
   *
   * @example
   * ```js
   * await posts.addAttachment("data:text/plain;name=note.txt;base64,aGVsbG8=", { id: "hello" });
   * ```
   */
  addAttachment<T extends object = object>(
    dataUrl: string,
    record: T & { id?: string; last_modified?: number } = {} as T,
    options: PutOptions & { filename?: string } = {},
  ): Promise<KintoResponse<T & { attachment: Attachment }>> {
    const { permissions, filename, headers, retry, last_modified = record.last_modified } = options;
    return withCapability(this.client, "attachments", async () => {
      const id = record.id || crypto.randomUUID();
      const form = attachmentForm(dataUrl, filename, { data: record, permissions });
      await send(this, options, (settings) => attachmentRequest(endpoints.attachment(this.bucket.name, this.name, id), form, { ...settings, last_modified }));
      return this.getRecord(id, { headers, retry });
    });
  }

  /** Removes the file of a record: `await posts.removeAttachment("hello")`. */
  removeAttachment(recordId: string, options: WriteOptions = {}): Promise<object> {
    const { last_modified } = options;
    const path = () => endpoints.attachment(this.bucket.name, this.name, recordId);
    return withCapability(this.client, "attachments", () => send(this, options, (settings) => deleteRequest(path(), { ...settings, last_modified })));
  }

  /**
   * Sends many requests in one: see {@link KintoClient.batch}.
   *
   * @example
   * ```js
   * await posts.batch((batch) => {
   *   for (const title of titles) batch.createRecord({ title });
   * });
   * ```
   */
  batch(fn: (batch: Collection<B>) => void, options: BatchOptions & { aggregate: true }): Promise<AggregateResponse>;
  batch(fn: (batch: Collection<B>) => void, options?: BatchOptions & { aggregate?: false }): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: Collection<B>) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
  batch(fn: (batch: Collection<B>) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    const names = { bucket: this.bucket.name, collection: this.name };
    return this.client.batch(fn as (batch: any) => void, { ...settingsOf(this, options), ...names, aggregate: Boolean(options.aggregate) });
  }
}

/** The path of a record, or of the list of records. */
function recordPath({ bucket, name }: Collection, id?: string): string {
  return endpoints.record(bucket.name, name, id);
}
