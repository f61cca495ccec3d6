/** What Kinto.js left in the browser, after a collection took over what it found there at first. */

import { SteppedCollection } from "./steps.js";
import type { AdoptedLeftovers, AdoptLeftoversOptions, StoredRecord } from "../types/index.js";

/** The part of a collection that knows of Kinto.js's database. */
export abstract class AdoptingCollection<T extends object> extends SteppedCollection<T> {
  /**
   * The records, and deletions, that are unsynced in Kinto.js's database and were not taken over: written by an old tab, or by
   * an old version of the app. `storage:leftover` says when there are some. Empty for encrypted collections.
   *
   * @example
   * ```js
   * const titles = (await tasks.leftovers()).map((task) => task.title);
   * ```
   */
  async leftovers(): Promise<StoredRecord<T>[]> {
    return this.handle.call((raw) => raw.leftovers());
  }

  /**
   * Takes over what {@link AdoptingCollection.leftovers} lists, as unsynced changes. Where the record was changed here as
   * well, or pulled in a newer version, neither replaces the other unless `prefer` says so: it is in `conflicts`, and
   * stays a leftover. Kinto.js's database is only read.
   *
   * @example
   * ```js
   * kinto.events.on("storage:leftover", async ({ collection }) => {
   *   const { conflicts } = await kinto.collection(collection).adoptLeftovers();
   *   if (conflicts.length > 0 && confirm("Take the older version's changes?")) {
   *     await kinto.collection(collection).adoptLeftovers({ prefer: "leftover" });
   *   }
   * });
   * ```
   */
  async adoptLeftovers({ prefer }: AdoptLeftoversOptions = {}): Promise<AdoptedLeftovers<T>> {
    return this.handle.call((raw) => raw.adopt_leftovers(String(prefer ?? "")));
  }
}
