/** Changes that are left in Kinto.js's database. */

import type { RecordData, StoredRecord } from "./records.js";

/** A record that was changed both here and at Kinto.js, in the same browser. */
export interface LeftoverConflict<T extends object = RecordData> {
  local: StoredRecord<T>;
  leftover: StoredRecord<T>;
}

/** The options of `collection.adoptLeftovers()`. */
export interface AdoptLeftoversOptions {
  /** Which one is taken where both were changed. Default: neither. */
  prefer?: "here" | "leftover";
}

/** What `collection.adoptLeftovers()` did. */
export interface AdoptedLeftovers<T extends object = RecordData> {
  /** As they are here now: the next sync uploads them. */
  adopted: StoredRecord<T>[];
  /** Left as they are, on both sides. */
  conflicts: LeftoverConflict<T>[];
}
