/** Types of leftovers: unsynced changes in Kinto.js's database that were not migrated. */

import type { RecordData, StoredRecord } from "./records.js";

/** A record that was changed both with essaim (`local`) and with Kinto.js (`leftover`), in the same browser. */
export interface LeftoverConflict<T extends object = RecordData> {
  local: StoredRecord<T>;
  leftover: StoredRecord<T>;
}

/** The options of `collection.adoptLeftovers()`. */
export interface AdoptLeftoversOptions {
  /** Which version is kept of a record that was changed in both: that of essaim (`here`) or that of Kinto.js. Default: neither is replaced. */
  prefer?: "here" | "leftover";
}

/** The result of `collection.adoptLeftovers()`. */
export interface AdoptedLeftovers<T extends object = RecordData> {
  /** The records that were migrated, as they are stored now. The next sync uploads them. */
  adopted: StoredRecord<T>[];
  /** The records that were changed in both. Both versions were left unchanged. */
  conflicts: LeftoverConflict<T>[];
}
