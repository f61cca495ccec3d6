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

export { Collection, type CollectionOptions, type Hooks, type IncomingHook, type KintoLike } from "./collection/collection.js";
export { type SyncLists, SyncResultObject } from "./collection/result.js";
export { CollectionTransaction } from "./collection/transaction.js";
export {
  type AlarmCode,
  type ErrorCode,
  type ErrorData,
  type Evidence,
  KintoError,
  NetworkTimeoutError,
  type ServerErrorData,
  ServerResponse,
  ServerWasFlushedError,
  UnparseableResponseError,
} from "./errors.js";
export { type ChangeTarget, type CollectionNames, type Emitter, type EventMap, Events } from "./events.js";
export { KintoClient } from "./http/client.js";
export type { ApiClass } from "./kinto/api.js";
export { Kinto, Kinto as default } from "./kinto/kinto.js";
export { KintoBase } from "./kinto/kinto-base.js";
export type { KintoOptions, KintoOptions as KintoBaseOptions } from "./kinto/options.js";
export type { AdapterName, AdapterOption } from "./storage/adapter-option.js";
export { type AdapterOptions, BaseAdapter, BaseAdapter as AbstractBaseAdapter, type StorageProxy } from "./storage/adapters.js";
export type { Folded, StorageAdapter, StoredPages } from "./storage/custom.js";
export type * from "./types/index.js";
/** The name that Kinto.js has for this type. */
export type { SyncOptions as CollectionSyncOptions } from "./types/sync.js";
export { getDeepKey, recordsEqual } from "./values/equality.js";
export { createKeyValueStoreIdSchema } from "./values/ids.js";
export { makeKey } from "./wasm/key.js";
export { init, type WasmSource } from "./wasm/load.js";
