/** Syncs: their options, and what they report. */

import type { IdOf, RecordData, RecordStatus, StoredRecord } from "./records.js";

/** Header names and values. One that is undefined is not sent. */
export type HeadersOption = Record<string, string | undefined>;

/** Changes records on their way to and from the server; both functions may return a promise. */
export interface RemoteTransformer {
  /** Called before a record is uploaded, in the order of the array. */
  encode(record: any): any;
  /** Called when a record was downloaded, in the reverse order. */
  decode(record: any): any;
}

/** What the `incoming-changes` hook gets, and returns. */
export interface IncomingChanges {
  /** Decoded records; the deleted ones have `deleted: true`. */
  changes: any[];
  /** The server's timestamp of this pull. */
  lastModified: number;
}

/** What a sync does when a record was changed both here and on the server; see `Kinto.syncStrategy`. */
export type Strategy = "manual" | "client_wins" | "server_wins" | "pull_only";

/** The options of `collection.sync()`. */
export interface SyncOptions {
  /** Default `manual`. */
  strategy?: Strategy;
  /** Added to the headers of the `Kinto`. */
  headers?: HeadersOption;
  /** Instead of the `retry` of the `Kinto`. */
  retry?: number | null;
  /** Sync although the server asked clients to wait. */
  ignoreBackoff?: boolean;
  /** The bucket on the server, if it has another name there. */
  bucket?: string | null;
  /** The collection on the server, if it has another name there. */
  collection?: string | null;
  /** Another server, for this sync only. */
  remote?: string | null;
  /** The timestamp that the server is known to have: passed on as `_expected`, to get past caches. */
  expectedTimestamp?: number | string | null;
}

/** A record changed on both sides. Give it to `collection.resolve()`. */
export interface Conflict<T extends object = RecordData> {
  /** `incoming`: met while downloading; `outgoing`: the server refused the upload. */
  type: "incoming" | "outgoing";
  /** Of a deletion that the server refused, the id alone. */
  local: StoredRecord<T>;
  /** Null, or with `deleted: true`, if it was deleted on the server. */
  remote: (Partial<T> & { id: IdOf<T>; last_modified: number; deleted?: boolean }) | null;
}

/** A conflict that the strategy decided. */
export interface Resolution<T extends object = RecordData> {
  id: IdOf<T>;
  accepted: any;
  rejected: any;
  _status: RecordStatus;
}

/** One record that could not be synced, while the others were. */
export interface SyncFailure {
  type: "incoming" | "outgoing";
  message?: string;
  [detail: string]: any;
}

/** The methods that the steps call on a remote collection. `api.bucket(…).collection(…)` has them. */
export interface RemoteCollection {
  getData(options?: any): Promise<any>;
  listRecords(options?: any): Promise<{ data: any[]; last_modified: string | null; hasNextPage?: boolean }>;
  batch(collect: (batch: any) => void, options?: any): Promise<any>;
}

/** The options of the steps. */
export interface StepOptions {
  strategy?: Strategy;
  headers?: HeadersOption;
  retry?: number;
}

/** The options of `pullMetadata()` and `pullChanges()`. */
export interface PullOptions extends StepOptions {
  /** The timestamp that the server is known to have. */
  expectedTimestamp?: number | string | null;
  /** Fetch what is younger than this; null: everything. Default: than the last sync. */
  lastModified?: number | null;
  /** Records that need not come: the first 50 of them. */
  exclude?: { id: unknown }[];
}
