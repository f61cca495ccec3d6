/** What a sync did. */

import type { StoredRecord } from "../types/records.js";
import type { Conflict, Resolution, SyncFailure } from "../types/sync.js";
import { keepInside } from "../values/inside.js";

/** The lists of a {@link SyncResultObject}. */
export interface SyncLists<T extends object = any> {
  /** Records that could not be synced. */
  errors: SyncFailure[];
  /** Records that are new here. */
  created: StoredRecord<T>[];
  /** Records that changed here: as they were, and as they are. */
  updated: { old: StoredRecord<T>; new: StoredRecord<T> }[];
  /** Records that were deleted here. */
  deleted: StoredRecord<T>[];
  /** Records that were uploaded; `{ id, deleted: true }` for deletions. */
  published: any[];
  /** Changed on both sides, and left to `collection.resolve()`. */
  conflicts: Conflict<T>[];
  /** Changes that concern nothing here, like the deletion of an unknown record. */
  skipped: any[];
  /** Conflicts that the strategy decided. */
  resolved: Resolution<T>[];
}

const LISTS = ["errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"] as const;

/** The lists in which one entry per id is kept, the last. */
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
  /** The server's timestamp that this sync reached, in milliseconds; null before the first. */
  lastModified: number | null = null;
  /**
   * By how many milliseconds the journal of an encrypted collection is ahead of this device's clock; undefined unless
   * it is more than a day. One of the clocks is wrong.
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
   * Adds an entry, or an array of them. A type that does not exist is reported on the console and ignored.
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
   * All of it as plain data.
   *
   * @example
   * ```js
   * postMessage(result.toObject()); // { ok: true, lastModified: 1732…, created: [], … }
   * ```
   */
  toObject(): SyncLists<T> & { ok: boolean; lastModified: number | null } {
    return { ok: this.ok, lastModified: this.lastModified, ...this.inside() };
  }

  /** Also makes `JSON.stringify(result)` mean something. */
  toJSON(): SyncLists<T> & { ok: boolean; lastModified: number | null } {
    return this.toObject();
  }
}

/** The order is that of the first of each id; entries without an id come last. */
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

/** Adds lists as they come from WASM. */
export function addLists<T extends object>(result: SyncResultObject<T>, raw: SyncLists<T>): void {
  for (const type of LISTS) result.add(type, type === "conflicts" ? raw.conflicts.map(asInKintoJs) : (raw[type] ?? []));
}

/** A deletion is sent without content, so that is what is in conflict: the id. Choosing it deletes the record. */
function asInKintoJs<T extends object>(conflict: Conflict<T>): Conflict<T> {
  const { type, local } = conflict;
  if (type !== "outgoing" || local._status !== "deleted") return conflict;
  return { ...conflict, local: { id: local.id } as StoredRecord<T> };
}

/** The result as it comes from WASM. */
export function readSyncResult<T extends object>(raw: SyncLists<T> & { lastModified: number | null; clockSkew?: number }): SyncResultObject<T> {
  const result = new SyncResultObject<T>();
  addLists(result, raw);
  result.lastModified = raw.lastModified ?? null;
  if (raw.clockSkew !== undefined) result.clockSkew = raw.clockSkew;
  return result;
}
