/** The `adapter` option: where a collection is kept. */

import { invalidOption } from "../errors.js";
import { type AdapterOptions, BaseAdapter, IDB } from "./adapters.js";
import { isStorage, type StorageAdapter } from "./custom.js";

/** Where data is kept: in the browser's IndexedDB, or in memory until the page is closed. */
export type AdapterName = "indexeddb" | "memory";

/**
 * Where data is kept: a name, an app's own storage, or a function that gives one of these or an adapter of `Kinto.adapters`
 * for a collection (`bucket/name`).
 */
export type AdapterOption =
  | AdapterName
  | StorageAdapter
  | ((cid: string, options: AdapterOptions | undefined) => AdapterName | StorageAdapter | BaseAdapter<any>);

/** The collection is kept in memory, or in custom storage. */
class CustomAdapter<T extends object> extends BaseAdapter<T> {
  readonly storage: "memory" | StorageAdapter;

  constructor(cid: string, options: AdapterOptions | undefined, storage: "memory" | StorageAdapter) {
    super(cid, options);
    this.storage = storage;
  }
}

/** The `db` that an `adapter` option stands for. */
export function makeAdapter<T extends object>(given: AdapterOption | undefined, cid: string, options: AdapterOptions | undefined): BaseAdapter<T> {
  const adapter: unknown = typeof given === "function" ? given(cid, options) : (given ?? "indexeddb");
  if (adapter instanceof IDB) return adapter as IDB<T>;
  if (adapter === "indexeddb") return new IDB<T>(cid, options);
  if (adapter === "memory" || isStorage(adapter)) return new CustomAdapter<T>(cid, options, adapter);
  throw invalidOption(`Unsupported adapter. ${looksRowLevel(adapter) ? ROW_LEVEL : 'Use "indexeddb", "memory" or a StorageAdapter.'}`);
}

const ROW_LEVEL =
  "One that keeps records row by row, as those derived from Kinto.js's BaseAdapter, cannot be used: " +
  "write a StorageAdapter, which keeps bytes, or take " +
  '"indexeddb" or "memory".';

function looksRowLevel(adapter: unknown): boolean {
  return typeof (adapter as { execute?: unknown } | null | undefined)?.execute === "function";
}

/** Where this `db` keeps its collection. */
export function storageOf(adapter: BaseAdapter<any>): "indexeddb" | "memory" | StorageAdapter {
  return adapter instanceof CustomAdapter ? adapter.storage : "indexeddb";
}
