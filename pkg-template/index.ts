/**
 * essaim: an offline-first database for web apps, synced with any Kinto server.
 *
 * @example
 * ```js
 * import Kinto from "essaim";
 *
 * const tasks = new Kinto({ remote: "https://kinto.example.com/v1" }).collection("tasks");
 * await tasks.create({ title: "Buy bread" });
 * const { data } = await tasks.list({ filters: { done: false } });
 * await tasks.sync();
 * ```
 *
 * @packageDocumentation
 */

export { Kinto, Kinto as default } from "./kinto.js";
export { KintoBase } from "./kinto-base.js";
export { BaseAdapter, BaseAdapter as AbstractBaseAdapter, type StorageProxy } from "./adapters.js";
export type { Folded, StorageAdapter, StoredPages } from "./storage.js";
export { Collection, type KintoLike } from "./collection.js";
export type { PullOptions, RemoteCollection, StepOptions } from "./steps.js";
export { CollectionTransaction } from "./transaction.js";
export { SyncResultObject, type SyncLists } from "./result.js";
export { createKeyValueStoreIdSchema } from "./schema.js";
export { getDeepKey, recordsEqual } from "./equality.js";
export { makeKey } from "./key.js";
export { init, type WasmSource } from "./load.js";
export {
  KintoError,
  NetworkTimeoutError,
  ServerResponse,
  ServerWasFlushedError,
  UnparseableResponseError,
  type AlarmCode,
  type ErrorCode,
  type ErrorData,
  type Evidence,
  type ServerErrorData,
} from "./errors.js";
export { Events, type ChangeTarget, type CollectionNames, type Emitter, type EventMap } from "./events.js";
export { KintoClient } from "./http/client.js";
export type { ApiClass } from "./api.js";
export type * from "./types.js";
/** Kinto.js's names of them. */
export type { KintoOptions as KintoBaseOptions, SyncOptions as CollectionSyncOptions } from "./types.js";
