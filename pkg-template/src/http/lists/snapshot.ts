/** The records of a collection at an earlier time. */

import { invalidOption, KintoError } from "../../errors.js";
import { settingsOf } from "../defaults.js";
import { endpoints } from "../requests/endpoints.js";
import type { ParentBucket, ParentClient } from "../resource/parents.js";
import type { HistoryEntry, KintoObject, ListOptions, PaginationResult, RequestOptions } from "../types.js";

/** A collection, as far as snapshots concern it. */
interface History {
  readonly client: ParentClient;
  readonly bucket: ParentBucket;
  readonly name: string;
  isHistoryComplete(options: RequestOptions): Promise<boolean>;
  listRecords<T>(options: ListOptions): Promise<PaginationResult<T>>;
}

/** The first version of the API whose servers make snapshots themselves. */
const MAKES_SNAPSHOTS = [1, 23] as const;

/** Whether a version like `1.23` is at least this one. */
function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [itsMajor = 0, itsMinor = 0] = version.split(".").map((part) => parseInt(part, 10));
  return itsMajor > major || (itsMajor === major && itsMinor >= minor);
}

/** Lists the records as they were at this time, in milliseconds since 1970. */
export async function takeSnapshot<T extends KintoObject>(collection: History, at: number, options: RequestOptions): Promise<PaginationResult<T>> {
  if (!Number.isInteger(at) || at <= 0) throw invalidOption("Invalid argument, expected a positive integer.");
  const data = (await requestSnapshot<T>(collection, at, options)) ?? (await reconstruct<T>(collection, at, options));
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
 * Requests the snapshot from the server, if the version of its API has snapshots. A request to an older server would fail in browsers:
 * such a server answers the CORS preflight of an unknown address with 404, and the page cannot read that answer.
 */
async function requestSnapshot<T extends KintoObject>({ client, bucket, name }: History, at: number, options: RequestOptions): Promise<T[] | undefined> {
  if (!isAtLeast(await client.fetchHTTPApiVersion(options), MAKES_SNAPSHOTS)) return undefined;
  try {
    const { headers, retry } = settingsOf(bucket, options);
    const { data } = await client.execute<{ data: T[] }>({ path: endpoints.snapshot(bucket.name, name, at), headers }, { retry });
    // Kinto 26.5 includes the tombstone of a record that was deleted at that time and exists again now.
    return data.filter((record) => !(record as { deleted?: boolean }).deleted);
  } catch (error) {
    if (KintoError.is(error, "remote_not_found")) return undefined;
    throw error;
  }
}

/** Computes the snapshot from the history. */
async function reconstruct<T extends KintoObject>(collection: History, at: number, options: RequestOptions): Promise<T[]> {
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
  // Old servers do not log plural deletes. A record that is gone without a logged deletion was deleted by one, at an unknown time.
  const isLost = (id: string) => latest.get(id)?.action !== "delete" && !living.has(id);
  return [...latestThen]
    .filter(([id, { action }]) => action !== "delete" && !isLost(id))
    .map(([, { target }]) => target.data)
    .sort((a, b) => b.last_modified - a.last_modified);
}
