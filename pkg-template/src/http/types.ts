/** The shapes of the HTTP client. */

import type { Emitter } from "../events.js";
import type { HeadersOption } from "../types/sync.js";

/** What has an id. */
export interface KintoIdObject {
  id: string;
  [field: string]: any;
}

/** What a server keeps: a bucket, a collection, a group, a record. */
export interface KintoObject extends KintoIdObject {
  /** In milliseconds since 1970, by the server's clock. */
  last_modified: number;
}

/** A kind of permission of Kinto. */
export type Permission = "bucket:create" | "read" | "write" | "collection:create" | "group:create" | "record:create";

/** Who may do what: principals by permission. */
export type Permissions = { [permission in Permission]?: string[] };

/** An object as it is on the server now, and who may do what with it. */
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

/** One thing that happened in a bucket. */
export interface HistoryEntry<T = unknown> {
  action: "create" | "update" | "delete";
  bucket_id: string;
  /** Of collections and records. */
  collection_id: string;
  date: string;
  id: string;
  last_modified: number;
  /** Of records. */
  record_id: string;
  resource_name: string;
  target: KintoResponse<T>;
  timestamp: number;
  uri: string;
  user_id: string;
}

/** What the user may do with one object. */
export interface PermissionData {
  id: string;
  uri: string;
  resource_name: string;
  permissions: Permission[];
  /** Of all but the server itself (`/`). */
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
  /** Who the server takes you for; absent without credentials. */
  user?: User;
  [detail: string]: any;
}

/** Who the server takes you for. */
export interface User {
  id: string;
  principals: string[];
  /** The id of the personal bucket. */
  bucket: string;
}

/** The options of `new KintoClient()`. */
export interface KintoClientOptions {
  /** Refuse to overwrite what somebody else has changed meanwhile, in every write. Default false. */
  safe?: boolean | undefined;
  /** Where `backoff`, `retry-after` and `deprecated` are emitted. Default: a new {@link Events}. */
  events?: Emitter | undefined;
  /** Headers of every request. */
  headers?: HeadersOption | undefined;
  /** How often a request is made again when the server asks for it (`Retry-After`). Default 0. */
  retry?: number | undefined;
  /** The `mode` of requests, as `fetch` has it. Default `cors`. */
  requestMode?: RequestMode | undefined;
  /** Milliseconds after which a request is aborted. Default `null`: never. */
  timeout?: number | null | undefined;
  /** Sends requests instead of `fetch`. */
  fetchFunc?: FetchFunction | undefined;
}

/** As much of a `Response` as is looked at. */
export interface FetchResponse {
  status: number;
  statusText: string;
  headers: Pick<Headers, "get">;
  text(): Promise<string>;
  /** If this is a stream, it is read up to the largest size that an answer may have; `text()` is called otherwise. */
  body?: unknown;
  /** `opaqueredirect` for a redirect whose target a browser hides. */
  type?: string;
}

/**
 * What sends requests as `fetch` does: once, and again at each retry.
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
  /** Instead of the client's `retry`. */
  retry?: number | undefined;
}

/** Options of a request for one object. */
export interface GetOptions extends RequestOptions {
  /** Anything else for the query. */
  query?: Record<string, QueryValue> | undefined;
  /** Only these fields. */
  fields?: string[] | undefined;
}

/** Options of every write. */
export interface WriteOptions extends RequestOptions {
  /** Refuse (412) if somebody else has changed it meanwhile: since `last_modified`, or at all if there is none. */
  safe?: boolean | undefined;
  last_modified?: number | undefined;
}

/** Options of writes that may set permissions. */
export interface PutOptions extends WriteOptions {
  permissions?: Permissions | undefined;
}

/** Options of writes to what is there. */
export interface UpdateOptions extends PutOptions {
  /** Merge the fields into the object, instead of replacing it. */
  patch?: boolean | undefined;
}

/** Options of writes that create something that may have data. */
export interface CreateOptions extends PutOptions {
  data?: Record<string, any> | undefined;
}

type QueryScalar = string | number | boolean | null;
export type QueryValue = QueryScalar | readonly QueryScalar[] | undefined;

/** Which objects, in which order. */
export interface ListParams {
  /** As Kinto's query: `{ title: "x", min_age: 18, in_id: ["a", "b"], like_name: "*ann*" }`. */
  filters?: Record<string, QueryValue> | undefined;
  /** A field, after `-` for descending. Default `-last_modified`. */
  sort?: string | undefined;
  /** How many in a page. */
  limit?: number | undefined;
  /**
   * How many pages to bring together; `Infinity` for all. Default: one. With more than one, a list is complete also where the server's header
   * `Next-Page` is hidden; a single page then says that there is no next one.
   */
  pages?: number | undefined;
  /** The `last_modified` of an earlier list: only what changed since, deleted ones too. */
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
  /** The time of the list, for `since`. */
  last_modified: string | null;
  hasNextPage: boolean;
  /** The next page; rejects when there is none. With `pages`, what came before is in it too. */
  next(): Promise<PaginationResult<T>>;
  /** Of snapshots; -1 for other lists. */
  totalRecords: number;
}

/** A request as it stands in a batch. */
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

/** The answers to a batch, sorted by what came of them. */
export interface AggregateResponse {
  /** Done: the answers' bodies. */
  published: any[];
  /** Not there (404). */
  skipped: { id: string | undefined; path: string; error: any }[];
  /** Refused because somebody else has changed it (412); `remote` is what the server has. */
  conflicts: { type: "outgoing"; local: any; remote: any }[];
  /** Anything else. */
  errors: { path: string; sent: KintoRequest; error: any }[];
}

/** Options of batches. */
export interface BatchOptions extends RequestOptions {
  safe?: boolean | undefined;
  /** Sort the answers by what came of them. */
  aggregate?: boolean | undefined;
  bucket?: string | undefined;
  collection?: string | undefined;
}
