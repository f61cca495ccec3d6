/** The result of a sync. */

import type { StoredRecord } from "../types/records.js";
import type { Conflict, Resolution, SyncFailure } from "../types/sync.js";
import { keepInside } from "../values/inside.js";

/** The lists of a {@link SyncResultObject}. */
export interface SyncLists<T extends object = any> {
  /** Records that could not be synced. */
  errors: SyncFailure[];
  /** Records that the sync created here. */
  created: StoredRecord<T>[];
  /** Records that the sync changed here: before (`old`) and after (`new`). */
  updated: { old: StoredRecord<T>; new: StoredRecord<T> }[];
  /** Records that the sync deleted here. */
  deleted: StoredRecord<T>[];
  /** Records that were uploaded. A deletion is listed as `{ id, deleted: true }`. */
  published: any[];
  /** Records that were changed on both sides and not merged. Decide them with `collection.resolve()`. */
  conflicts: Conflict<T>[];
  /** Changes that have no effect here, like the deletion of a record that is not here. */
  skipped: any[];
  /** Conflicts that the strategy decided. */
  resolved: Resolution<T>[];
}

const LISTS = ["errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"] as const;

/** The lists that keep only the last entry of each id. */
const ONE_PER_ID: ReadonlySet<string> = new Set(["created", "updated", "deleted", "published", "skipped", "resolved"]);

/**
 * The result of `collection.sync()`.
 *
 * @example
 * ```js
 * const result = await tasks.sync();
 * if (result.ok) console.log(`${result.created.length} new, ${result.published.length} uploaded`);
 * else for (const conflict of result.conflicts) await tasks.resolve(conflict, conflict.local);
 * ```
 */
export class SyncResultObject<T extends object = any> implements SyncLists<T> {
  /** The server's timestamp up to which this sync downloaded the changes, in milliseconds since 1970; null if there is none yet. */
  lastModified: number | null = null;
  /**
   * By how many milliseconds the newest times in the pages of an encrypted collection are ahead of this device's clock. Undefined unless it is
   * more than a day. If it is defined, the clock of this device or of another device is wrong.
   */
  clockSkew?: number;
  /** @internal */
  declare readonly inside: () => SyncLists<T>;

  constructor() {
    keepInside(this, Object.fromEntries(LISTS.map((type) => [type, []])) as unknown as SyncLists<T>);
  }

  /** True if there are neither errors nor conflicts. */
  get ok(): boolean {
    return this.errors.length + this.conflicts.length === 0;
  }

  get errors(): SyncLists<T>["errors"] {
    return this.inside().errors;
  }
  get created(): SyncLists<T>["created"] {
    return this.inside().created;
  }
  get updated(): SyncLists<T>["updated"] {
    return this.inside().updated;
  }
  get deleted(): SyncLists<T>["deleted"] {
    return this.inside().deleted;
  }
  get published(): SyncLists<T>["published"] {
    return this.inside().published;
  }
  get conflicts(): SyncLists<T>["conflicts"] {
    return this.inside().conflicts;
  }
  get skipped(): SyncLists<T>["skipped"] {
    return this.inside().skipped;
  }
  get resolved(): SyncLists<T>["resolved"] {
    return this.inside().resolved;
  }

  /**
   * Adds an entry, or an array of entries, to a list. An unknown `type` is reported on the console and ignored.
   *
   * @example
   * ```js
   * result.add("skipped", record).add("errors", [{ type: "incoming", message: "…" }]);
   * ```
   */
  add<K extends keyof SyncLists<T>>(type: K, entries: SyncLists<T>[K] | SyncLists<T>[K][number]): this {
    if (!LISTS.includes(type)) {
      console.warn(`Unknown type "${type}"`);
      return this;
    }
    const list: unknown[] = [...this.inside()[type], ...(Array.isArray(entries) ? entries : [entries])];
    this.inside()[type] = (ONE_PER_ID.has(type) ? lastOfEachId(list) : list) as SyncLists<T>[K];
    return this;
  }

  /**
   * Empties a list.
   *
   * @example
   * ```js
   * result.reset("conflicts").ok; // true, unless there are errors
   * ```
   */
  reset(type: keyof SyncLists<T>): this {
    this.inside()[type] = [];
    return this;
  }

  /**
   * Returns the result as a plain object.
   *
   * @example
   * ```js
   * postMessage(result.toObject()); // { ok: true, lastModified: 1732…, created: [], … }
   * ```
   */
  toObject(): SyncLists<T> & { ok: boolean; lastModified: number | null } {
    return { ok: this.ok, lastModified: this.lastModified, ...this.inside() };
  }

  /** The same as {@link SyncResultObject.toObject}. `JSON.stringify(result)` calls it. */
  toJSON(): SyncLists<T> & { ok: boolean; lastModified: number | null } {
    return this.toObject();
  }
}

/** Returns the last entry of each id, in the order in which the ids first appear. Entries without an id are all kept, at the end. */
function lastOfEachId(entries: unknown[]): unknown[] {
  const byId = new Map<unknown, unknown>();
  const others: unknown[] = [];
  for (const entry of entries) {
    const id = (entry as { id?: unknown } | null)?.id;
    if (id === undefined || id === null) others.push(entry);
    else byId.set(id, entry);
  }
  return [...byId.values(), ...others];
}

/** Adds the lists that WASM returned. */
export function addLists<T extends object>(result: SyncResultObject<T>, raw: SyncLists<T>): void {
  for (const type of LISTS) result.add(type, type === "conflicts" ? raw.conflicts.map(asInKintoJs) : (raw[type] ?? []));
}

/**
 * Returns the conflict as Kinto.js lists it: if the server refused a deletion, `local` has only the id, because a deletion is sent without
 * content. Resolving the conflict with this `local` deletes the record.
 */
function asInKintoJs<T extends object>(conflict: Conflict<T>): Conflict<T> {
  const { type, local } = conflict;
  if (type !== "outgoing" || local._status !== "deleted") return conflict;
  return { ...conflict, local: { id: local.id } as StoredRecord<T> };
}

/** Makes a result object from the data that WASM returned. */
export function readSyncResult<T extends object>(raw: SyncLists<T> & { lastModified: number | null; clockSkew?: number }): SyncResultObject<T> {
  const result = new SyncResultObject<T>();
  addLists(result, raw);
  result.lastModified = raw.lastModified ?? null;
  if (raw.clockSkew !== undefined) result.clockSkew = raw.clockSkew;
  return result;
}
