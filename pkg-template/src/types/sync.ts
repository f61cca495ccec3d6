/** Types of syncs: their options and results. */

import type { IdOf, RecordData, RecordStatus, StoredRecord } from "./records.js";

/** Header names and values. A header whose value is undefined is not sent. */
export type HeadersOption = Record<string, string | undefined>;

/** Changes records on their way to and from the server. Both functions return a record or a promise of one. */
export interface RemoteTransformer {
  /** Called with a record before it is uploaded. The transformers of a collection are called in the order of the array. */
  encode(record: any): any;
  /** Called with a record after it was downloaded. The transformers of a collection are called in reverse order. */
  decode(record: any): any;
}

/** The argument and the result of the hook `incoming-changes`. */
export interface IncomingChanges {
  /** The downloaded records, decoded by the transformers. Deletions are `{ id, last_modified, deleted: true }`. */
  changes: any[];
  /** The server's timestamp of this download, in milliseconds since 1970. */
  lastModified: number;
}

/** What a sync does with a record that was changed both here and on the server; see `Kinto.syncStrategy`. */
export type Strategy = "manual" | "client_wins" | "server_wins" | "pull_only";

/** The options of `collection.sync()`. */
export interface SyncOptions {
  /** What to do with records that were changed on both sides. Default `manual`. */
  strategy?: Strategy;
  /** Headers of the requests, in addition to those of the `Kinto`. */
  headers?: HeadersOption;
  /** How many times a request is repeated if the server asks for it. Default: the option `retry` of the `Kinto`. */
  retry?: number | null;
  /** Sync even if the server asked clients to wait. */
  ignoreBackoff?: boolean;
  /** The name of the bucket on the server, if it differs from the local name. */
  bucket?: string | null;
  /** The name of the collection on the server, if it differs from the local name. */
  collection?: string | null;
  /** The root URL of another server, for this sync only. */
  remote?: string | null;
  /** The newest timestamp that the server is known to have. It is sent as the query parameter `_expected`, so that a cache cannot answer with older data. */
  expectedTimestamp?: number | string | null;
}

/** A record that was changed both here and on the server. Decide it with `collection.resolve()`. */
export interface Conflict<T extends object = RecordData> {
  /** `incoming`: found while downloading; `outgoing`: the server refused the upload. */
  type: "incoming" | "outgoing";
  /** The local version. If the server refused a deletion, it has only the id. */
  local: StoredRecord<T>;
  /** The version on the server. It is null or has `deleted: true` if the record was deleted there. */
  remote: (Partial<T> & { id: IdOf<T>; last_modified: number; deleted?: boolean }) | null;
}

/** A conflict that the strategy decided: the accepted version and the rejected version. A deletion is null, or a tombstone. */
export interface Resolution<T extends object = RecordData> {
  id: IdOf<T>;
  accepted: any;
  rejected: any;
  /** The status of the record after the decision. */
  _status: RecordStatus;
}

/** An error of one record. The other records were synced. */
export interface SyncFailure {
  type: "incoming" | "outgoing";
  message?: string;
  [detail: string]: any;
}

/** The methods of a remote collection that the steps of a sync call. `api.bucket(…).collection(…)` has them. */
export interface RemoteCollection {
  getData(options?: any): Promise<any>;
  listRecords(options?: any): Promise<{ data: any[]; last_modified: string | null; hasNextPage?: boolean }>;
  batch(collect: (batch: any) => void, options?: any): Promise<any>;
}

/** The options of `pushChanges()`. */
export interface StepOptions {
  strategy?: Strategy;
  headers?: HeadersOption;
  retry?: number;
}

/** The options of `pullMetadata()` and `pullChanges()`. */
export interface PullOptions extends StepOptions {
  /** The newest timestamp that the server is known to have; see {@link SyncOptions.expectedTimestamp}. */
  expectedTimestamp?: number | string | null;
  /** Download only changes newer than this timestamp; null: everything. Default: the timestamp of the last sync. */
  lastModified?: number | null;
  /** Records that are not downloaded. Only the first 50 are excluded. */
  exclude?: { id: unknown }[];
}
