/** A storage that an app writes itself: what to give as `adapter` instead of a name. */

/**
 * Keeps collections somewhere else than in IndexedDB: in files, in SQLite, behind a native app's bridge. It keeps bytes
 * that mean nothing to it, so that it stays small: for each name a *head* (one value), *segments* (a list of values) and a
 * *journal* (values with ascending keys).
 *
 * Each method is one transaction: all of it happens or nothing, and no other method's work on this name happens in between.
 * What fails rejects, and has written nothing. When a method resolves, what it wrote is kept. Where several pages or processes
 * use one storage at once, this holds across them too.
 *
 * @example A storage in a `Map`. `adapter: "memory"` does the same.
 * ```js
 * class MapStorage {
 *   persistent = false;
 *   #kept = new Map();
 *
 *   #of(name) {
 *     if (!this.#kept.has(name)) this.#kept.set(name, { head: null, segments: [], journal: [], lastKey: 0 });
 *     return this.#kept.get(name);
 *   }
 *   #add(kept, entry) {
 *     kept.journal.push([++kept.lastKey, entry]);
 *     return kept.lastKey;
 *   }
 *   open(name) {
 *     const { head, segments, journal } = this.#of(name);
 *     return { head, segments: [...segments], journal: [...journal] };
 *   }
 *   append(name, entry) {
 *     return this.#add(this.#of(name), entry);
 *   }
 *   decide(name, from, decide) {
 *     const kept = this.#of(name);
 *     const entry = decide({ ...kept, journal: kept.journal.filter(([key]) => key >= (from ?? 0)) });
 *     return entry && this.#add(kept, entry);
 *   }
 *   compact(name, fold) {
 *     const kept = this.#of(name);
 *     const change = fold(kept.head);
 *     if (!change) return;
 *     kept.head = change.head;
 *     kept.segments = [...(change.keepSegments ? kept.segments : []), ...change.segments];
 *     kept.journal = kept.journal.filter(([key]) => key > change.upto);
 *   }
 *   forget(name) {
 *     this.#kept.delete(name);
 *   }
 * }
 *
 * const kinto = new Kinto({ adapter: new MapStorage() });
 * ```
 */
export interface StorageAdapter {
  /** Whether what is kept outlives the page: `collection.persistent`. */
  readonly persistent: boolean;

  /** Everything that is kept of this name; of one never written `{ head: null, segments: [], journal: [] }`. */
  open(name: string): Awaitable<StoredPages>;

  /** Adds an entry at the end of the journal. Gives its key, from 1, greater than any that was ever given for this name. */
  append(name: string, entry: Uint8Array): Awaitable<number>;

  /**
   * Reads, calls `decide` once and at once with what was read, and appends the entry that it returns. Gives the key, or null
   * where there is none. With a `from`, the journal from this key on is enough, and `segments` may be empty; with null
   * `decide` wants everything. If `decide` throws, nothing is written, and the promise rejects.
   */
  decide(name: string, from: number | null | undefined, decide: (pages: StoredPages) => Uint8Array | null): Awaitable<number | null | undefined>;

  /** Calls `fold` once and at once with the head, and does what it returns; if that is null, nothing. */
  compact(name: string, fold: (head: Uint8Array | null) => Folded | null): Awaitable<unknown>;

  /** Removes what is kept of this name. */
  forget(name: string): Awaitable<unknown>;
}

type Awaitable<R> = R | Promise<R>;

/** What a {@link StorageAdapter} keeps of one name. */
export interface StoredPages {
  head: Uint8Array | null;
  segments: Uint8Array[];
  /** In the order of the keys. */
  journal: [key: number, entry: Uint8Array][];
}

/** What a {@link StorageAdapter} changes when the journal is folded into segments. */
export interface Folded {
  /** Replaces the head. */
  head: Uint8Array;
  segments: Uint8Array[];
  /** Whether the segments that are there stay, before the new ones. */
  keepSegments: boolean;
  /** Entries of the journal up to this key go. Their keys are not given again. */
  upto: number;
}

const METHODS = ["open", "append", "decide", "compact", "forget"] as const;

/** Whether an app's object has what a storage needs. */
export function isStorage(given: unknown): given is StorageAdapter {
  return typeof given === "object" && given !== null && METHODS.every((method) => typeof (given as Partial<StorageAdapter>)[method] === "function");
}
