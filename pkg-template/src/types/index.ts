/** The shapes of records and syncs, which name no class. */

export type * from "./encrypted.js";
export type * from "./kinto-js.js";
export type * from "./records.js";
export type * from "./sync.js";
