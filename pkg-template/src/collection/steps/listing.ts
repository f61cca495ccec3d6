/** Lists the changes of the server, through a client of the app. */

import { KintoError } from "../../errors.js";
import { assertEnds } from "../../http/listing.js";
import type { RemoteCollection } from "../../types/sync.js";
import { isTombstone } from "./rows.js";
import { assertRuns, type Run } from "./run.js";

/**
 * Resolves to the records that changed (`data`), oldest first, and to the timestamp of the first page. `undated` holds the rows that have no
 * id or no version.
 *
 * The client may not see the header `Next-Page`, or the header may name another origin. Then the next request asks for records newer than the
 * newest version seen, until a page has nothing newer.
 */
export async function listChanges(
  client: Pick<RemoteCollection, "listRecords">,
  since: string | undefined,
  options: object,
  run: Run,
): Promise<{ data: any[]; undated: any[]; last_modified: string | null }> {
  // Kinto refuses a timestamp that is more than a day ahead of its clock, also in the token of a next page. A record can have such a
  // timestamp, because a client can choose it.
  const isRefused = (error: unknown) => KintoError.is(error, "server") && error.data.status === 400;
  const list = async (since: string | undefined) => {
    assertRuns(run);
    const query = { ...options, since, sort: "last_modified" };
    try {
      return await client.listRecords({ ...query, pages: Infinity });
    } catch (error) {
      if (!KintoError.is(error, "other_origin") && !isRefused(error)) throw error;
    }
    try {
      return await client.listRecords(query);
    } catch (error) {
      if (!since || !isRefused(error)) throw error;
      return client.listRecords({ ...query, since: "0" });
    }
  };
  const data: any[] = [];
  const undated = new Map<string, any>();
  let pages = 0;
  const shown = new Set<unknown>();
  let newest = 0;
  for (let page = await list(since), first = page; ; page = await list(String(newest))) {
    const before = newest;
    for (const record of page.data) {
      if (!isVersion(record?.last_modified) || typeof record.id !== "string") {
        undated.set(JSON.stringify(record), record);
        continue;
      }
      if (record.last_modified <= before) continue;
      newest = Math.max(newest, record.last_modified);
      // A list without `since` has no deletions. The lists that continue it have `since`, so they show deletions; only those of records that
      // were listed before are relevant.
      if (page !== first && since === undefined && isTombstone(record) && !shown.has(record.id)) continue;
      shown.add(record.id);
      data.push(record);
    }
    const timestamp = page.last_modified ? parseInt(page.last_modified.replace(/"/g, ""), 10) : NaN;
    if (newest === before || (newest === timestamp && !page.hasNextPage)) return { data, undated: [...undated.values()], last_modified: first.last_modified };
    pages += 1;
    assertEnds(pages, data.length, "");
  }
}

const isVersion = (at: unknown) => Number.isSafeInteger(at) && (at as number) >= 0;
