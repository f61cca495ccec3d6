/** The types of records, syncs, encrypted collections and leftovers. */

export type * from "./encrypted.js";
export type * from "./kinto-js.js";
export type * from "./records.js";
export type * from "./sync.js";
