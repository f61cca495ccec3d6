/** Single rows of a server's answers. */

import { assertJson, messageOf } from "../../values/json.js";
import type { SyncResultObject } from "../result.js";

/** Whether a row names its record by an id that JSON can hold. */
export const hasId = (row: any): row is { id: string | number } => typeof row?.id === "string" || Number.isFinite(row?.id);

const OF_TOMBSTONES = ["id", "last_modified", "_status", "deleted"];

export const isTombstone = (row: any) => row?.deleted === true && Object.keys(row).every((name) => OF_TOMBSTONES.includes(name));

/**
 * A decoded row. A deletion on the server stays a deletion whatever the transformers return. They may delete a record here, but a
 * record whose own field is `deleted: true` is not a deletion.
 */
export function asDecoded(row: any, decoded: any): object {
  const isDeletion = isTombstone(row) || (decoded.deleted === true && row.deleted !== true);
  return isDeletion ? { id: decoded.id, last_modified: decoded.last_modified ?? row.last_modified, deleted: true } : decoded;
}

/** Whether JSON can hold a row. One that it cannot hold (`1e400` of a server becomes Infinity) is reported as an error of that record alone. */
export function checkJson(row: any, type: "incoming" | "outgoing", result: SyncResultObject<any>): boolean {
  try {
    assertJson(row);
    return true;
  } catch (error) {
    result.add("errors", { type, ...(hasId(row) && { id: row.id }), message: messageOf(error) });
    return false;
  }
}
