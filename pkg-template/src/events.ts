/** Events: what is emitted, the emitter used when the app gives none, and the rule that a listener breaks nothing. */

import type { SyncResultObject } from "./collection/result.js";
import type { KintoError } from "./errors.js";
import type { StoredRecord } from "./types/records.js";
import type { SyncOptions } from "./types/sync.js";
import { keepInside } from "./values/inside.js";

/** One change, as in the `change` event. */
export type ChangeTarget<T extends object> =
  | { action: "create"; data: StoredRecord<T> }
  | { action: "update"; data: StoredRecord<T>; oldRecord: StoredRecord<T> }
  | { action: "delete"; data: StoredRecord<T> }
  | { action: "deleteAll"; data: StoredRecord<T>[] };

/** Which collection an event is about. In sync events these are the names on the server. */
export interface CollectionNames {
  bucket: string;
  collection: string;
}

/**
 * What each event carries. Record events are emitted when the change is stored, in the order of the commits, before the promise
 * of the call resolves; what a sync, `importBulk`, `resolve` or `clear` does here emits none of them.
 */
export interface EventMap<T extends object = any> {
  create: { data: StoredRecord<T> };
  update: { data: StoredRecord<T>; oldRecord: StoredRecord<T> };
  /** `data` is the record as it was. */
  delete: { data: StoredRecord<T> };
  deleteAll: { data: StoredRecord<T>[] };
  /**
   * Everything one call or transaction did, after the events of its single changes. With `origin: "elsewhere"`: what another tab, or
   * another `Kinto` of the page, did by whatever means, a sync too; the single changes then have no events of their own.
   */
  change: { targets: ChangeTarget<T>[]; origin?: "elsewhere" };
  "sync:success": SyncOptions & CollectionNames & { result: SyncResultObject<T> };
  "sync:error": SyncOptions & CollectionNames & { error: KintoError };
  /**
   * The browser stores nothing for this page and never did (private mode, site data blocked): data lives in memory until the page is
   * closed. Once per `Kinto`. Where data was stored before, a database that cannot be opened is a `storage` error instead.
   */
  "storage:memory": CollectionNames;
  /** The browser threw the database away. `unsynced` changes were lost; the rest comes back at the next sync. */
  "storage:evicted": CollectionNames & { unsynced: number };
  /**
   * What Kinto.js had of the collection was taken over, once. Of the `records`, and of deletions, so many are `unsynced`.
   * What JSON cannot hold was `refused`; it is still where it was.
   */
  "storage:adopted": CollectionNames & { records: number; unsynced: number; refused: { id: string; message: string }[] };
  /**
   * An old tab, or an old version of the app, wrote to Kinto.js's database after that was taken over, and so many records
   * are unsynced there. See `collection.leftovers()`.
   */
  "storage:leftover": CollectionNames & { unsynced: number };
  /** At each answer of a server: the time (ms since 1970) before which it wants to be left alone; 0 if it does not. */
  backoff: number;
  /** The server asked for the same request again at this time (ms since 1970). */
  "retry-after": number;
  /** The server warns that it will end; see its `Alert` header. */
  deprecated: { message: string; url: string; [detail: string]: any };
}

/** What essaim needs of an emitter. Node's `EventEmitter`, mitt and nanoevents-like emitters with `off` all fit. */
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
   * Calls `listener` at each event of this name. The same listener is added once.
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
   * Undoes {@link Events.on}.
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

  /** @internal Whether anybody listens. */
  hears(event: string): boolean {
    return (this.inside().get(event)?.size ?? 0) > 0;
  }

  /**
   * Calls the listeners of this event. One that throws is reported on the console and stops nobody.
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

/** Emits on any emitter: what is stored is stored, whatever a listener thinks of it. */
export function emit<K extends keyof EventMap>(emitter: Emitter, event: K, payload: EventMap[K]): void {
  report(event, () => emitter.emit(event, payload));
}

/** Whether anybody listens on this emitter, as far as it can be asked. */
export function hears(emitter: Emitter, event: string): boolean {
  if (emitter instanceof Events) return emitter.hears(event);
  const { listenerCount } = emitter as { listenerCount?: (event: string) => unknown };
  return typeof listenerCount !== "function" || listenerCount.call(emitter, event) !== 0;
}

/** Calls a listener. What it throws is reported on the console and stops nothing. */
export function report(event: string, listen: () => void): void {
  try {
    listen();
  } catch (error) {
    console.error(`essaim: a listener of "${event}" threw`, error);
  }
}
