/** A collection on a server. */

import { attachmentForm } from "./attachment.js";
import type { Bucket } from "./bucket.js";
import type { KintoClient } from "./client.js";
import { settle, type Defaults, type Settings } from "./defaults.js";
import { endpoints } from "./endpoints.js";
import { readCount } from "./listing.js";
import { assertObject, attachmentRequest, createRequest, deleteRequest, readReference, updateRequest } from "./requests.js";
import { Resource } from "./resource.js";
import { takeSnapshot } from "./snapshot.js";
import { invalidOption } from "../errors.js";
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
 * A collection on a server: `client.bucket("blog").collection("posts")`. Making one asks nothing.
 *
 * @example
 * ```js
 * const posts = client.bucket("blog").collection("posts");
 * const { data: post } = await posts.createRecord({ title: "Hello" });
 * await posts.updateRecord({ id: post.id, title: "Hello, world" }, { patch: true });
 * const { data } = await posts.listRecords({ filters: { like_title: "hello" }, sort: "-last_modified" });
 * ```
 */
export class Collection extends Resource {
  readonly bucket: Bucket;
  protected readonly kind = "collection";

  constructor(client: KintoClient, bucket: Bucket, name: string, options: Settings = {}) {
    super(client, name, settle({ headers: bucket.headers, safe: false, retry: 0 }, options));
    this.bucket = bucket;
  }

  protected get path(): string {
    return endpoints.collection(this.bucket.name, this.name);
  }

  #record(id?: string): string {
    return endpoints.record(this.bucket.name, this.name, id);
  }

  /** @internal */
  withOptions(options: Settings): Defaults {
    return this.settle(options);
  }

  async #head(options: RequestOptions): Promise<Headers> {
    const { headers, retry } = this.settle(options);
    return (await this.client.execute({ method: "HEAD", path: this.#record(), headers }, { raw: true, retry })).headers;
  }

  /** How many records it has: `const total = await posts.getTotalRecords()`. */
  async getTotalRecords(options: RequestOptions = {}): Promise<number> {
    return readCount(await this.#head(options));
  }

  /** The ETag of its list of records, quoted; for `since`: `const since = await posts.getRecordsTimestamp()`. */
  async getRecordsTimestamp(options: RequestOptions = {}): Promise<string | null> {
    return (await this.#head(options)).get("ETag");
  }

  /**
   * Creates a record, or replaces the one of the same id.
   *
   * @example
   * ```js
   * const { data } = await posts.createRecord({ id: "hello", title: "Hello" }, { safe: true });
   * ```
   */
  async createRecord<T extends object>(record: T & { id?: string }, options: PutOptions = {}): Promise<KintoResponse<T>> {
    assertObject(record, "record");
    const { permissions } = options;
    return this.send(options, (given) => createRequest(this.#record(record.id), { data: record, permissions }, given));
  }

  /**
   * Replaces a record, or merges into it with `patch`; creates it if it is not there.
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
    return this.send(options, (given) => updateRequest(this.#record(record.id), { data: record, permissions }, { ...given, patch, last_modified }));
  }

  /**
   * Deletes a record, given by its id or as an object with it.
   *
   * @example
   * ```js
   * await posts.deleteRecord("hello");
   * await posts.deleteRecord(post, { safe: true });
   * ```
   */
  async deleteRecord(record: string | { id: string; last_modified?: number }, options: WriteOptions = {}): Promise<KintoResponse<Tombstone>> {
    const { id, last_modified } = readReference(record, "record");
    return this.send(options, (given) => deleteRequest(this.#record(id), { ...given, last_modified: options.last_modified ?? last_modified }));
  }

  /**
   * Deletes the records that match. A server that has a limit for lists deletes that many; `pages: Infinity` deletes them all.
   *
   * @example
   * ```js
   * await posts.deleteRecords({ filters: { draft: true }, pages: Infinity });
   * ```
   */
  async deleteRecords<T = Tombstone>(options: DeleteAllOptions = {}): Promise<PaginationResult<T>> {
    return this.deleteAt(this.#record(), options);
  }

  /** A record, with who may do what with it: `const { data, permissions } = await posts.getRecord("hello", { fields: ["title"] })`. */
  async getRecord<T = KintoObject>(id: string, options: GetOptions = {}): Promise<KintoResponse<T>> {
    return this.get(this.#record(id), options);
  }

  /**
   * The records that match: one page of them, or as many as `pages` says. With `at` (milliseconds since 1970, by the server's
   * clock), all records as they were then; the server needs the `history` plugin for that.
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
    return this.listAt(this.#record(), options);
  }

  /**
   * All records as they were at this time. See {@link Collection.listRecords}.
   *
   * @example
   * ```js
   * const { data } = await posts.getSnapshot(Date.parse("2026-01-01"));
   * ```
   */
  getSnapshot<T extends KintoObject>(at: number, { headers, retry }: RequestOptions = {}): Promise<PaginationResult<T>> {
    return this.client.capable("history", () => takeSnapshot(this, at, { headers, retry }));
  }

  /** Whether everything that happened since the collection was made is in the history: `if (await posts.isHistoryComplete()) showTimeline()`. */
  async isHistoryComplete(options: RequestOptions = {}): Promise<boolean> {
    const filters = { action: "create", resource_name: "collection", collection_id: this.name };
    const { data } = await this.bucket.listHistory({ ...options, limit: 1, filters });
    return data.length > 0;
  }

  /**
   * Adds a file to a record, which is created if it is not there: the record. The server needs the plugin kinto-attachment.
   *
   * @example
   * ```js
   * await posts.addAttachment("data:text/plain;name=note.txt;base64,aGVsbG8=", { id: "hello" });
   * ```
   */
  addAttachment<T extends object = {}>(
    dataUrl: string,
    record: T & { id?: string; last_modified?: number } = {} as T,
    options: PutOptions & { filename?: string } = {},
  ): Promise<KintoResponse<T & { attachment: Attachment }>> {
    const { permissions, filename, headers, retry, last_modified = record.last_modified } = options;
    return this.client.capable("attachments", async () => {
      const id = record.id || crypto.randomUUID();
      const form = attachmentForm(dataUrl, filename, { data: record, permissions });
      await this.send(options, (given) => attachmentRequest(this.#attachment(id), form, { ...given, last_modified }));
      return this.getRecord(id, { headers, retry });
    });
  }

  /** Takes the file away from a record: `await posts.removeAttachment("hello")`. */
  removeAttachment(recordId: string, options: WriteOptions = {}): Promise<object> {
    const { last_modified } = options;
    const request = (given: Defaults) => deleteRequest(this.#attachment(recordId), { ...given, last_modified });
    return this.client.capable("attachments", () => this.send(options, request));
  }

  #attachment(id: string): string {
    return endpoints.attachment(this.bucket.name, this.name, id);
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
  batch(fn: (batch: Collection) => void, options: BatchOptions & { aggregate: true }): Promise<AggregateResponse>;
  batch(fn: (batch: Collection) => void, options?: BatchOptions & { aggregate?: false }): Promise<OperationResponse<any>[]>;
  batch(fn: (batch: Collection) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
  batch(fn: (batch: Collection) => void, options: BatchOptions = {}): Promise<AggregateResponse | OperationResponse<any>[]> {
    const names = { bucket: this.bucket.name, collection: this.name };
    return this.client.batch(fn as (batch: any) => void, { ...this.settle(options), ...names, aggregate: Boolean(options.aggregate) });
  }
}
