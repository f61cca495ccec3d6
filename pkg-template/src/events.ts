/** Events: their types, the default emitter, and functions that keep the errors of listeners from affecting essaim. */

import type { SyncResultObject } from "./collection/result.js";
import type { KintoError } from "./errors.js";
import type { StoredRecord } from "./types/records.js";
import type { SyncOptions } from "./types/sync.js";
import { keepInside } from "./values/inside.js";

/** One change in a `change` event. `data` is the record after the change, or for deletions as it was before. */
export type ChangeTarget<T extends object> =
  | { action: "create"; data: StoredRecord<T> }
  | { action: "update"; data: StoredRecord<T>; oldRecord: StoredRecord<T> }
  | { action: "delete"; data: StoredRecord<T> }
  | { action: "deleteAll"; data: StoredRecord<T>[] };

/** The names of the collection that an event is about. In sync events these are the names on the server. */
export interface CollectionNames {
  bucket: string;
  collection: string;
}

/**
 * The payload of each event. The events of records (`create`, `update`, `delete`, `deleteAll`, `change`) are emitted when the change is stored,
 * in the order of the commits, before the promise of the call resolves. A sync, `importBulk`, `resolve` and `clear` emit none of these in the
 * `Kinto` that called them.
 */
export interface EventMap<T extends object = any> {
  create: { data: StoredRecord<T> };
  update: { data: StoredRecord<T>; oldRecord: StoredRecord<T> };
  /** `data` is the record as it was. */
  delete: { data: StoredRecord<T> };
  deleteAll: { data: StoredRecord<T>[] };
  /**
   * All changes of one call or transaction, emitted after the events of its single changes. With `origin: "elsewhere"`: changes that another tab
   * or another `Kinto` of the page made, by any method, also by a sync; then there are no events of the single changes.
   */
  change: { targets: ChangeTarget<T>[]; origin?: "elsewhere" };
  "sync:success": SyncOptions & CollectionNames & { result: SyncResultObject<T> };
  "sync:error": SyncOptions & CollectionNames & { error: KintoError };
  /**
   * The browser does not let this page store data and never did (private mode, site data blocked): data is kept in memory until the page is
   * closed. Emitted once per `Kinto`. If data was stored before and the database cannot be opened, calls reject with `storage` instead.
   */
  "storage:memory": CollectionNames;
  /** The browser deleted the database. `unsynced` is the number of unsynced changes that were lost; the rest is downloaded at the next sync. */
  "storage:evicted": CollectionNames & { unsynced: number };
  /**
   * The collection was migrated from Kinto.js's database; this happens once. `records` is the number of records; `unsynced` is the number of
   * records and deletions that are not uploaded yet. `refused` lists the records that JSON cannot hold; they are still in Kinto.js's database.
   */
  "storage:adopted": CollectionNames & { records: number; unsynced: number; refused: { id: string; message: string }[] };
  /**
   * An old tab or an old version of the app wrote to Kinto.js's database after the migration. `unsynced` is the number of unsynced changes
   * there. See `collection.leftovers()`.
   */
  "storage:leftover": CollectionNames & { unsynced: number };
  /** Emitted at each answer of a server: the time (ms since 1970) until which the server asks clients to wait; 0 if it does not ask. */
  backoff: number;
  /** The server asked to repeat the request at this time (ms since 1970). */
  "retry-after": number;
  /** The server announces its end of service, in its `Alert` header. */
  deprecated: { message: string; url: string; [detail: string]: any };
}

/** The methods that an emitter must have. Node's `EventEmitter`, mitt, and nanoevents-like emitters with `off` have them. */
export interface Emitter {
  on(event: string, listener: (payload: any) => void): unknown;
  off(event: string, listener: (payload: any) => void): unknown;
  emit(event: string, payload: unknown): unknown;
}

/**
 * The emitter that `new Kinto()` makes when none is given.
 *
 * @example
 * ```js
 * const kinto = new Kinto();
 * kinto.events.on("change", ({ targets }) => console.log(`${targets.length} changes`));
 * ```
 */
export class Events implements Emitter {
  /** @internal Listeners by event. */
  declare readonly inside: () => Map<string, Set<(payload: any) => void>>;

  constructor() {
    keepInside(this, new Map());
  }

  /**
   * Calls `listener` at each event of this name. If the same listener is added again, it is still called once per event.
   *
   * @example
   * ```js
   * kinto.events.on("sync:error", ({ collection, error }) => console.warn(collection, error.message));
   * ```
   */
  on<K extends keyof EventMap>(event: K, listener: (payload: EventMap[K]) => void): void;
  on(event: string, listener: (payload: any) => void): void;
  on(event: string, listener: (payload: any) => void): void {
    const all = this.inside();
    all.set(event, (all.get(event) ?? new Set()).add(listener));
  }

  /**
   * Removes a listener that was added with {@link Events.on}.
   *
   * @example
   * ```js
   * kinto.events.off("change", redraw);
   * ```
   */
  off<K extends keyof EventMap>(event: K, listener: (payload: EventMap[K]) => void): void;
  off(event: string, listener: (payload: any) => void): void;
  off(event: string, listener: (payload: any) => void): void {
    this.inside().get(event)?.delete(listener);
  }

  /** @internal Returns whether the event has listeners. */
  hears(event: string): boolean {
    return (this.inside().get(event)?.size ?? 0) > 0;
  }

  /**
   * Calls the listeners of this event. If a listener throws, the error is reported on the console and the other listeners are called.
   *
   * @example
   * ```js
   * kinto.events.emit("app:ready", { tasks: 12 }); // an app may have events of its own
   * ```
   */
  emit<K extends keyof EventMap>(event: K, payload: EventMap[K]): void;
  emit(event: string, payload: unknown): void;
  emit(event: string, payload: unknown): void {
    for (const listener of [...(this.inside().get(event) ?? [])]) {
      report(event, () => listener(payload));
    }
  }
}

/** Emits an event on any emitter. If a listener throws, the error is reported on the console, because the change is already stored. */
export function emit<K extends keyof EventMap>(emitter: Emitter, event: K, payload: EventMap[K]): void {
  report(event, () => emitter.emit(event, payload));
}

/** Returns whether the event has listeners. Also returns true if the emitter has no `listenerCount()`, so that it cannot be asked. */
export function hears(emitter: Emitter, event: string): boolean {
  if (emitter instanceof Events) return emitter.hears(event);
  const { listenerCount } = emitter as { listenerCount?: (event: string) => unknown };
  return typeof listenerCount !== "function" || listenerCount.call(emitter, event) !== 0;
}

/** Calls a listener. If it throws, the error is reported on the console and not thrown again. */
export function report(event: string, listen: () => void): void {
  try {
    listen();
  } catch (error) {
    console.error(`essaim: a listener of "${event}" threw`, error);
  }
}
