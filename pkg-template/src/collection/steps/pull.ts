/** The steps that download remote changes, through a client of the app. */

import { KintoError, ServerWasFlushedError } from "../../errors.js";
import { abortable } from "../../http/defaults.js";
import type { StoredRecord } from "../../types/records.js";
import type { IncomingChanges, PullOptions, RemoteCollection, RemoteTransformer, Strategy } from "../../types/sync.js";
import { assertJson, kindOf, recordsText } from "../../values/json.js";
import { decodingSteps, transform } from "../callbacks.js";
import { type RecordsOf, touch } from "../records.js";
import { addLists, type SyncLists, type SyncResultObject } from "../result.js";
import { listChanges } from "./listing.js";
import { asDecoded, checkJson, hasId } from "./rows.js";
import { assertRuns, type Run, type RunOf, runOf } from "./run.js";

/** The members of a collection that pulling uses. The methods are called on the collection, because an app may have replaced them. */
export interface PullingOf<T extends object> extends RecordsOf<T>, RunOf {
  readonly inside: RecordsOf<T>["inside"] & RunOf["inside"];
  readonly remoteTransformers: RemoteTransformer[];
  applyHook(name: "incoming-changes", payload: IncomingChanges): Promise<IncomingChanges>;
  importChanges(result: SyncResultObject<T>, decodedChanges: readonly object[], strategy?: Strategy): Promise<SyncResultObject<T>>;
}

const MOST_EXCLUDED = 50;

export async function pullMetadata(
  of: RecordsOf<any>,
  client: Pick<RemoteCollection, "getData">,
  { expectedTimestamp, headers }: PullOptions,
  run: Run,
): Promise<any> {
  const query = expectedTimestamp ? { query: { _expected: expectedTimestamp } } : {};
  const metadata = await client.getData({ ...query, headers: abortable(headers, run.signal) });
  assertRuns(run);
  return of.db.saveMetadata(metadata, run.epoch);
}

export async function pullChanges<T extends object>(
  of: PullingOf<T>,
  client: Pick<RemoteCollection, "listRecords">,
  result: SyncResultObject<T>,
  options: PullOptions,
  run: Run,
): Promise<SyncResultObject<T>> {
  const known = options.lastModified === undefined ? await of.db.getLastModified() : options.lastModified;
  const requestOptions = { headers: abortable(options.headers, run.signal), retry: options.retry };
  const since = known ? String((await readsAll(of, options)) ? 0 : known) : undefined;
  const { data, undated, last_modified } = await listChanges(client, since, { ...requestOptions, filters: pullFilters(options) }, run);
  assertRuns(run);
  const shown = last_modified ? parseInt(last_modified.replace(/"/g, ""), 10) : null;
  const timestamp = Number.isSafeInteger(shown) ? shown : null;
  if (!options.exclude && known && timestamp && timestamp > known && data.length === 0 && (await isFlushed(of, client, requestOptions, run))) {
    const message = `Server has been flushed. Client Side Timestamp: ${known} Server Side Timestamp: ${timestamp}`;
    throw new ServerWasFlushedError(known, timestamp, message);
  }
  result.lastModified = timestamp;
  for (const row of undated) {
    const missing = typeof row?.id === "string" ? "last_modified that is a version" : "id that is a text";
    result.add("errors", { type: "incoming", ...(hasId(row) && { id: row.id }), message: `A record of the server has no ${missing}.` });
  }
  const decoded = await decodeAll(of, data, "incoming", result);
  const { changes } = await of.applyHook("incoming-changes", { lastModified: timestamp as number, changes: decoded });
  return of.importChanges(result, changes, options.strategy);
}

/** Merges decoded changes into the local records. If the result belongs to a run, the merge is a part of this run. */
export async function importChanges<T extends object>(
  of: RecordsOf<T>,
  result: SyncResultObject<T>,
  decodedChanges: readonly object[],
  strategy: Strategy,
): Promise<SyncResultObject<T>> {
  const run = runOf(result);
  assertRuns(run);
  try {
    const changes = decodedChanges.filter((change) => checkJson(change, "incoming", result));
    const text = recordsText(changes);
    const ids = changes.map((change) => (change as { id?: unknown }).id);
    addLists(result, await touch<SyncLists<T>>(of, ids, (raw) => raw.import_changes(text, strategy, run?.epoch)));
  } catch (error) {
    if (KintoError.is(error, "invalid_option") || KintoError.is(error, "interrupted")) throw error;
    const { message, stack } = error as Error;
    result.add("errors", { type: "incoming", message, stack });
  }
  return result;
}

/** Calls the functions of a hook in turn; each gets what the previous one returned. */
export async function applyHook(hooks: readonly unknown[] | undefined, payload: IncomingChanges, collection: unknown): Promise<IncomingChanges> {
  let current = payload;
  for (const hook of (hooks ?? []) as ((payload: IncomingChanges, collection: unknown) => unknown)[]) {
    const returned: unknown = await hook(current, collection);
    if (typeof returned !== "object" || returned === null || !("changes" in returned)) {
      throw new Error(`Invalid return value for hook: ${shown(returned)} has no 'then()' or 'changes' properties`);
    }
    current = returned as IncomingChanges;
  }
  if (current !== payload) assertJson(current.changes);
  return current;
}

/** Describes the value that a hook returned, for a message. An object may hold records, so only its kind is named. */
const shown = (returned: unknown) => (typeof returned === "number" || typeof returned === "boolean" ? String(returned) : kindOf(returned));

/** Returns the decoded records. A record that cannot be decoded is left out and added to the `errors` of the result. */
export async function decodeAll(
  { remoteTransformers }: { remoteTransformers: RemoteTransformer[] },
  rows: any[],
  type: "incoming" | "outgoing",
  result: SyncResultObject<any>,
): Promise<any[]> {
  const steps = decodingSteps(remoteTransformers);
  if (steps.length === 0) return rows;
  const all = await Promise.all(rows.map((row) => transform(row, steps)));
  return all.flatMap((decoded, at) => {
    if ("ok" in decoded) return [type === "incoming" ? asDecoded(rows[at], decoded.ok) : decoded.ok];
    result.add("errors", { type, id: rows[at].id, message: decoded.error });
    return [];
  });
}

/**
 * Returns whether all records and deletions have to be fetched. This is the case after a migration: the timestamp that Kinto.js stored does not
 * prove that all older changes are here.
 */
async function readsAll(of: RecordsOf<any>, { lastModified }: PullOptions): Promise<boolean> {
  return !lastModified && (await of.inside().handle.call<boolean>((raw) => raw.reads_all()));
}

/**
 * Returns whether the server was flushed: it has no record in the version that is here. If it has one, it was not flushed, and its newer
 * timestamp is that of a tombstone that was purged.
 */
async function isFlushed(of: RecordsOf<any>, client: Pick<RemoteCollection, "listRecords">, requestOptions: object, run: Run): Promise<boolean> {
  const { data } = await listChanges(client, "0", { fields: ["id", "last_modified"], ...requestOptions }, run);
  const there = new Map(data.map(({ id, last_modified }) => [id, last_modified]));
  const here: StoredRecord<any>[] = await of.db.list();
  return !here.some(({ id, last_modified }) => last_modified !== undefined && there.get(id) === last_modified);
}

function pullFilters({ exclude, expectedTimestamp }: PullOptions): Record<string, unknown> | undefined {
  const filters: Record<string, unknown> = {};
  if (exclude)
    filters["exclude_id"] = exclude
      .slice(0, MOST_EXCLUDED)
      .map(({ id }) => id)
      .join(",");
  if (expectedTimestamp) filters["_expected"] = expectedTimestamp;
  return Object.keys(filters).length > 0 ? filters : undefined;
}
