/** The option `adapter`: where a collection is stored. */

import { invalidOption } from "../errors.js";
import { type AdapterOptions, BaseAdapter, IDB } from "./adapters.js";
import { isStorage, type StorageAdapter } from "./custom.js";

/** Where data is stored: in the browser's IndexedDB, or in memory until the page is closed. */
export type AdapterName = "indexeddb" | "memory";

/**
 * Where data is stored: the name of a storage, a custom storage of the app, or a function. The function gets `bucket/name` of a collection (`cid`)
 * and the option `adapterOptions`. It returns a name, a custom storage, or an instance of a class in `Kinto.adapters`.
 */
export type AdapterOption =
  | AdapterName
  | StorageAdapter
  | ((cid: string, options: AdapterOptions | undefined) => AdapterName | StorageAdapter | BaseAdapter<any>);

/** The `db` of a collection that is stored in memory or in custom storage. */
class CustomAdapter<T extends object> extends BaseAdapter<T> {
  readonly storage: "memory" | StorageAdapter;

  constructor(cid: string, options: AdapterOptions | undefined, storage: "memory" | StorageAdapter) {
    super(cid, options);
    this.storage = storage;
  }
}

/** Returns the `db` of a collection for its `adapter` option. Throws `invalid_option`. */
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

/** Returns where this `db` stores its collection. */
export function storageOf(adapter: BaseAdapter<any>): "indexeddb" | "memory" | StorageAdapter {
  return adapter instanceof CustomAdapter ? adapter.storage : "indexeddb";
}
