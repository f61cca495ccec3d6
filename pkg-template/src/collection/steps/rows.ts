/** Functions on single rows of a server's answers. */

import { assertJson, messageOf } from "../../values/json.js";
import type { SyncResultObject } from "../result.js";

/** Returns whether a row has an id that JSON can hold. */
export const hasId = (row: any): row is { id: string | number } => typeof row?.id === "string" || Number.isFinite(row?.id);

const OF_TOMBSTONES = ["id", "last_modified", "_status", "deleted"];

export const isTombstone = (row: any) => row?.deleted === true && Object.keys(row).every((name) => OF_TOMBSTONES.includes(name));

/**
 * Returns the decoded row. A deletion on the server stays a deletion, whatever the transformers return. Transformers may also turn a record
 * into a deletion by adding `deleted: true`. A record that has its own field `deleted: true` on the server is not a deletion.
 */
export function asDecoded(row: any, decoded: any): object {
  const isDeletion = isTombstone(row) || (decoded.deleted === true && row.deleted !== true);
  return isDeletion ? { id: decoded.id, last_modified: decoded.last_modified ?? row.last_modified, deleted: true } : decoded;
}

/**
 * Returns whether JSON can hold a row. If not (the number `1e400` in an answer is parsed as Infinity), adds an error for this record to the
 * result; the other records are synced.
 */
export function checkJson(row: any, type: "incoming" | "outgoing", result: SyncResultObject<any>): boolean {
  try {
    assertJson(row);
    return true;
  } catch (error) {
    result.add("errors", { type, ...(hasId(row) && { id: row.id }), message: messageOf(error) });
    return false;
  }
}
