/** Types of the HTTP client: objects of the server, options, requests and answers. */

import type { Emitter } from "../events.js";
import type { HeadersOption } from "../types/sync.js";

/** An object with an id. */
export interface KintoIdObject {
  id: string;
  [field: string]: any;
}

/** An object on a server: a bucket, a collection, a group or a record. */
export interface KintoObject extends KintoIdObject {
  /** In milliseconds since 1970, by the server's clock. */
  last_modified: number;
}

/** A kind of permission of Kinto. */
export type Permission = "bucket:create" | "read" | "write" | "collection:create" | "group:create" | "record:create";

/** The principals that have each permission. */
export type Permissions = { [permission in Permission]?: string[] };

/** An object as it is on the server now, and its permissions. */
export interface KintoResponse<T = unknown> {
  data: KintoObject & T;
  permissions: Permissions;
}

/** A set of users. */
export interface Group extends KintoObject {
  members: string[];
}

/** Something that was deleted. */
export interface Tombstone {
  id: string;
  last_modified: number;
  deleted: true;
}

/** A file that belongs to a record, as kinto-attachment describes it. */
export interface Attachment {
  filename: string;
  hash: string;
  location: string;
  mimetype: string;
  size: number;
}

/** One change of an object in a bucket. */
export interface HistoryEntry<T = unknown> {
  action: "create" | "update" | "delete";
  bucket_id: string;
  /** Only of collections and records. */
  collection_id: string;
  date: string;
  id: string;
  last_modified: number;
  /** Only of records. */
  record_id: string;
  resource_name: string;
  target: KintoResponse<T>;
  timestamp: number;
  uri: string;
  user_id: string;
}

/** The permissions that the user has on one object. */
export interface PermissionData {
  id: string;
  uri: string;
  resource_name: string;
  permissions: Permission[];
  /** Of every object except the server itself (`/`). */
  bucket_id: string;
  collection_id?: string;
  group_id?: string;
  record_id?: string;
}

/** The server's description of itself. */
export interface HelloResponse {
  project_name: string;
  project_version: string;
  http_api_version: string;
  project_docs: string;
  url: string;
  settings: { readonly: boolean; batch_max_requests: number; [setting: string]: any };
  capabilities: Record<string, { url: string; description: string; [detail: string]: any }>;
  /** The user that the credentials belong to; absent without credentials. */
  user?: User;
  [detail: string]: any;
}

/** The user that the credentials belong to. */
export interface User {
  id: string;
  principals: string[];
  /** The id of the personal bucket. */
  bucket: string;
}

/** The options of `new KintoClient()`. */
export interface KintoClientOptions {
  /** Make every write fail (412) if somebody else has changed the object meanwhile. Default false. */
  safe?: boolean | undefined;
  /** The emitter of `backoff`, `retry-after` and `deprecated`. Default: a new {@link Events}. */
  events?: Emitter | undefined;
  /** Headers of every request. */
  headers?: HeadersOption | undefined;
  /** How often a request is sent again when the server asks for it (`Retry-After`). Default 0. */
  retry?: number | undefined;
  /** The `mode` of requests, as for `fetch`. Default `cors`. */
  requestMode?: RequestMode | undefined;
  /** Milliseconds after which a request is aborted. Default `null`: never. */
  timeout?: number | null | undefined;
  /** Sends requests instead of `fetch`. */
  fetchFunc?: FetchFunction | undefined;
}

/** The members of a `Response` that the client reads. */
export interface FetchResponse {
  status: number;
  statusText: string;
  headers: Pick<Headers, "get">;
  text(): Promise<string>;
  /** A stream, which is read up to the largest size of an answer. Without a stream, `text()` is called. */
  body?: unknown;
  /** `opaqueredirect` for a redirect, whose target browsers hide. */
  type?: string;
}

/**
 * Sends requests as `fetch` does. It is called once per request, and again at each retry.
 *
 * @example
 * ```ts
 * const logged: FetchFunction = (url, options) => (console.debug(options?.method, url), fetch(url, options));
 * const client = new KintoClient("https://kinto.example.com/v1", { fetchFunc: logged });
 * ```
 */
export type FetchFunction = (url: string, options?: RequestInit) => Promise<FetchResponse>;

/** Options of every request. */
export interface RequestOptions {
  /** Added to the headers of the client, the bucket and the collection. */
  headers?: HeadersOption | undefined;
  /** Overrides the client's `retry`. */
  retry?: number | undefined;
}

/** Options of a request for one object. */
export interface GetOptions extends RequestOptions {
  /** More parameters of the query. */
  query?: Record<string, QueryValue> | undefined;
  /** Only these fields. */
  fields?: string[] | undefined;
}

/** Options of {@link KintoClient.execute}. */
export interface ExecuteOptions extends GetOptions {
  /** Resolve to `{ status, json, headers }` instead of the body. */
  raw?: boolean;
  /** Whether the body is converted to JSON. Default true. */
  stringify?: boolean;
}

/** Options of every write. */
export interface WriteOptions extends RequestOptions {
  /**
   * Make the write fail (412) if the object was changed since `last_modified`. Without `last_modified`, it fails if the object exists.
   */
  safe?: boolean | undefined;
  last_modified?: number | undefined;
}

/** Options of writes that may set permissions. */
export interface PutOptions extends WriteOptions {
  permissions?: Permissions | undefined;
}

/** Options of writes to an object that exists. */
export interface UpdateOptions extends PutOptions {
  /** Merge the fields into the object, instead of replacing it. */
  patch?: boolean | undefined;
}

/** Options of writes that create an object with data. */
export interface CreateOptions extends PutOptions {
  data?: Record<string, any> | undefined;
}

type QueryScalar = string | number | boolean | null;
export type QueryValue = QueryScalar | readonly QueryScalar[] | undefined;

/** Which objects a list has, and in which order. */
export interface ListParams {
  /** Filters in Kinto's syntax: `{ title: "x", min_age: 18, in_id: ["a", "b"], like_name: "*ann*" }`. */
  filters?: Record<string, QueryValue> | undefined;
  /** The field to sort by, with `-` in front for descending order. Default `-last_modified`. */
  sort?: string | undefined;
  /** The number of objects in a page. */
  limit?: number | undefined;
  /**
   * How many pages to read into one list; `Infinity` for all. Default: one. With more than one, the list is complete even where the
   * server's header `Next-Page` is hidden; a single page then has `hasNextPage: false`.
   */
  pages?: number | undefined;
  /** The `last_modified` of an earlier list. The list then has only the objects that were changed or deleted since. */
  since?: string | undefined;
  /** Only these fields. */
  fields?: string[] | undefined;
}

/** Options of lists. */
export interface ListOptions extends ListParams, RequestOptions {}

/** Options of plural deletes. */
export interface DeleteAllOptions extends ListParams, WriteOptions {}

/** Some pages of a list. */
export interface PaginationResult<T> {
  data: T[];
  /** The timestamp of the list, for `since`. */
  last_modified: string | null;
  hasNextPage: boolean;
  /** Reads the next page; rejects when there is none. With `pages`, the result includes the earlier pages. */
  next(): Promise<PaginationResult<T>>;
  /** The number of records of a snapshot; -1 for other lists. */
  totalRecords: number;
}

/** A request, as in a batch. */
export interface KintoRequest {
  method?: string | undefined;
  path: string;
  headers?: HeadersOption | undefined;
  body?: any;
}

/** An answer below 400. */
export interface RawResponse<T = any> {
  status: number;
  json: T;
  headers: Headers;
}

/** The answer to one request of a batch. */
export interface OperationResponse<T = any> {
  status: number;
  path: string;
  body: { data: T; permissions?: Permissions; [member: string]: any };
  headers: Record<string, string>;
}

/** The answers to a batch, sorted by their outcome. */
export interface AggregateResponse {
  /** The bodies of successful answers. */
  published: any[];
  /** Objects that do not exist (404). */
  skipped: { id: string | undefined; path: string; error: any }[];
  /** Writes that failed because somebody else has changed the object (412). `remote` is the object on the server. */
  conflicts: { type: "outgoing"; local: any; remote: any }[];
  /** All other errors. */
  errors: { path: string; sent: KintoRequest; error: any }[];
}

/** Options of batches. */
export interface BatchOptions extends RequestOptions {
  safe?: boolean | undefined;
  /** Sort the answers by their outcome. */
  aggregate?: boolean | undefined;
  bucket?: string | undefined;
  collection?: string | undefined;
}
