/** Custom storage: an object of the app that stores the collections. It is given as the option `adapter`. */

/**
 * Custom storage: stores collections somewhere else than in IndexedDB, for example in files, in SQLite, or behind the bridge of a native app. It
 * stores bytes without interpreting them. For each name (a collection) it stores a *head* (one value), *segments* (a list of values) and a
 * *journal* (a list of values with ascending keys).
 *
 * Each method is one transaction: it does everything or nothing, and no other method changes the same name in between. A method that fails
 * must reject, and must have written nothing. When a method resolves, its writes must be stored. If several pages or processes use one storage
 * at the same time, all this must hold across them too.
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
  /** Whether the stored data survives when the page is closed. It is the value of `collection.persistent`. */
  readonly persistent: boolean;

  /** Returns everything that is stored for this name; for a name that was never written, `{ head: null, segments: [], journal: [] }`. */
  open(name: string): Awaitable<StoredPages>;

  /** Appends an entry to the journal. Returns its key: a whole number, at least 1, greater than every earlier key of this name. */
  append(name: string, entry: Uint8Array): Awaitable<number>;

  /**
   * Reads the stored pages, calls `decide` with them, exactly once and synchronously, and appends the entry that `decide` returns. Returns the key
   * of the entry, or null if `decide` returned null. If `from` is a number, the pages need to hold only the head and the journal entries from
   * this key on, and `segments` may be empty; if it is null or undefined, they must hold everything. If `decide` throws, nothing may be written,
   * and the promise must reject.
   */
  decide(name: string, from: number | null | undefined, decide: (pages: StoredPages) => Uint8Array | null): Awaitable<number | null | undefined>;

  /** Calls `fold` with the head, exactly once and synchronously, and applies the compaction that it returns. If it returns null, changes nothing. */
  compact(name: string, fold: (head: Uint8Array | null) => Folded | null): Awaitable<unknown>;

  /** Removes everything that is stored for this name. */
  forget(name: string): Awaitable<unknown>;
}

type Awaitable<R> = R | Promise<R>;

/** Everything that a {@link StorageAdapter} stores for one name. */
export interface StoredPages {
  head: Uint8Array | null;
  segments: Uint8Array[];
  /** The entries of the journal, in the order of their keys. */
  journal: [key: number, entry: Uint8Array][];
}

/** A compaction: the changes that a {@link StorageAdapter} makes when the journal is compacted into segments. */
export interface Folded {
  /** The new head. It replaces the stored head. */
  head: Uint8Array;
  /** The new segments. */
  segments: Uint8Array[];
  /** True: keep the stored segments, and add the new ones after them. False: replace all stored segments. */
  keepSegments: boolean;
  /** Journal entries up to and including this key are removed. Their keys are never used again. */
  upto: number;
}

const METHODS = ["open", "append", "decide", "compact", "forget"] as const;

/** Returns whether an object of the app has the methods of a {@link StorageAdapter}. */
export function isStorage(given: unknown): given is StorageAdapter {
  return typeof given === "object" && given !== null && METHODS.every((method) => typeof (given as Partial<StorageAdapter>)[method] === "function");
}
