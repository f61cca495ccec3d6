/** A collection as it was at a given time. */

import { invalidOption, KintoError } from "../errors.js";
import type { Collection } from "./collection.js";
import { endpoints } from "./endpoints.js";
import type { HistoryEntry, KintoObject, PaginationResult, RequestOptions } from "./types.js";

/** Since this version of its API, a server makes snapshots itself. */
const MAKES_SNAPSHOTS = [1, 23] as const;

/** Whether `1.23` is that of `least`, or a later one. */
function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [itsMajor = 0, itsMinor = 0] = version.split(".").map((part) => parseInt(part, 10));
  return itsMajor > major || (itsMajor === major && itsMinor >= minor);
}

/** The records as they were at this time. */
export async function takeSnapshot<T extends KintoObject>(collection: Collection, at: number, options: RequestOptions): Promise<PaginationResult<T>> {
  if (!Number.isInteger(at) || at <= 0) throw invalidOption("Invalid argument, expected a positive integer.");
  const data = (await askServer<T>(collection, at, options)) ?? (await reconstruct<T>(collection, at, options));
  return {
    data,
    last_modified: String(at),
    hasNextPage: false,
    totalRecords: data.length,
    next: () => {
      throw invalidOption("Snapshots don't support pagination");
    },
  };
}

/**
 * Nothing, if the server cannot. That is asked of its hello: to just try fails in browsers, since an older server answers the
 * CORS preflight of an address that it does not know with 404, and the page gets to see no answer at all.
 */
async function askServer<T extends KintoObject>({ client, bucket, name }: Collection, at: number, options: RequestOptions): Promise<T[] | undefined> {
  if (!isAtLeast(await client.fetchHTTPApiVersion(options), MAKES_SNAPSHOTS)) return undefined;
  try {
    const { headers, retry } = bucket.collection(name).withOptions(options);
    const { data } = await client.execute<{ data: T[] }>({ path: endpoints.snapshot(bucket.name, name, at), headers }, { retry });
    // A record that was deleted then and is there again now comes as its tombstone (Kinto 26.5).
    return data.filter((record) => !(record as { deleted?: boolean }).deleted);
  } catch (error) {
    if (KintoError.is(error, "remote_not_found")) return undefined;
    throw error;
  }
}

async function reconstruct<T extends KintoObject>(collection: Collection, at: number, options: RequestOptions): Promise<T[]> {
  if (!(await collection.isHistoryComplete(options))) {
    throw invalidOption(
      "Computing a snapshot is only possible when the full history for a collection is available. Here, the history plugin seems to have been enabled after the creation of the collection.",
    );
  }
  const { bucket, name } = collection;
  const filters = { resource_name: "record", collection_id: name };
  const { data: history } = await bucket.listHistory<T>({ ...options, pages: Infinity, sort: "last_modified", filters });
  const latest = new Map<string, HistoryEntry<T>>();
  const latestThen = new Map<string, HistoryEntry<T>>();
  for (const entry of history) {
    latest.set(entry.record_id, entry);
    if (entry.target.data.last_modified <= at) latestThen.set(entry.record_id, entry);
  }
  const { data: records } = await collection.listRecords<KintoObject>({ ...options, pages: Infinity, fields: ["id"] });
  const living = new Set(records.map(({ id }) => id));
  // Old servers do not note plural deletes: what is gone although its history goes on was deleted so, nobody knows when.
  const isLost = (id: string) => latest.get(id)?.action !== "delete" && !living.has(id);
  return [...latestThen]
    .filter(([id, { action }]) => action !== "delete" && !isLost(id))
    .map(([, { target }]) => target.data)
    .sort((a, b) => b.last_modified - a.last_modified);
}
