/**
 * The parents of resources: a bucket's client and a collection's bucket, as far as their children use them.
 *
 * `KintoClient` imports `Bucket`, and `Bucket` imports `Collection`. These interfaces save the imports in the other direction.
 */

import type { HasDefaults } from "../defaults.js";
import type { HTTP } from "../sending/http.js";
import type {
  AggregateResponse,
  BatchOptions,
  ExecuteOptions,
  HelloResponse,
  HistoryEntry,
  KintoRequest,
  ListOptions,
  ListParams,
  OperationResponse,
  PaginationResult,
  RawResponse,
  RequestOptions,
  WriteOptions,
} from "../types.js";

/** The client of a bucket or a collection. {@link KintoClient} is one. */
export interface ParentClient {
  readonly remote: string;
  readonly http: HTTP;
  /** @internal */
  readonly isBatch: boolean;
  execute<T = any>(request: KintoRequest, options: ExecuteOptions & { raw: true }): Promise<RawResponse<T>>;
  execute<T = any>(request: KintoRequest, options?: ExecuteOptions): Promise<T>;
  paginatedList<T = any>(path: string, params?: ListParams, options?: RequestOptions): Promise<PaginationResult<T>>;
  paginatedDelete<T = any>(path: string, params?: ListParams, options?: WriteOptions): Promise<PaginationResult<T>>;
  fetchServerCapabilities(options?: RequestOptions): Promise<HelloResponse["capabilities"]>;
  fetchHTTPApiVersion(options?: RequestOptions): Promise<string>;
  batch(fn: (batch: any) => void, options?: BatchOptions): Promise<AggregateResponse | OperationResponse<any>[]>;
}

/** The bucket of a collection. {@link Bucket} is one. */
export interface ParentBucket {
  readonly client: ParentClient;
  readonly name: string;
  readonly headers: Record<string, string>;
  /** @internal */
  readonly inside: HasDefaults["inside"];
  listHistory<T = unknown>(options?: ListOptions): Promise<PaginationResult<HistoryEntry<T>>>;
}
