/** The `adapter` option: where a collection is kept. */

import { BaseAdapter, IDB } from "./adapters.js";
import { invalidOption } from "../errors.js";
import { isStorage, type StorageAdapter } from "./custom.js";
import type { AdapterOption, AdapterOptions } from "../types/index.js";

/** The collection is kept in memory, or where the app's own storage keeps it. */
class Elsewhere<T extends object> extends BaseAdapter<T> {
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
  if (adapter === "memory" || isStorage(adapter)) return new Elsewhere<T>(cid, options, adapter);
  throw invalidOption(`Unsupported adapter. ${looksRowLevel(adapter) ? ROW_LEVEL : 'Use "indexeddb", "memory" or a StorageAdapter.'}`);
}

const ROW_LEVEL =
  "One that keeps records row by row, as those derived from Kinto.js's BaseAdapter, cannot be used: " +
  "write a StorageAdapter, which keeps bytes, or take " + '"indexeddb" or "memory".';

function looksRowLevel(adapter: unknown): boolean {
  return typeof (adapter as { execute?: unknown } | null | undefined)?.execute === "function";
}

/** Where this `db` keeps its collection. */
export function storageOf(adapter: BaseAdapter<any>): "indexeddb" | "memory" | StorageAdapter {
  return adapter instanceof Elsewhere ? adapter.storage : "indexeddb";
}
