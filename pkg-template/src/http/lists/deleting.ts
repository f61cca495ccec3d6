/** Deleting all objects of a list. */

import type { Defaults } from "../defaults.js";
import { followPages, type ListingClient, listQuery, type Page, type PageAnswer, readCount, rowsOf } from "../listing.js";
import { withQuery } from "../requests/endpoints.js";
import { deleteRequest, type WriteSettings } from "../requests/writes.js";
import type { DeleteAllOptions, ListParams, PaginationResult, Tombstone } from "../types.js";

/** A list that is being deleted. */
interface Deletion {
  client: ListingClient;
  path: string;
  params: ListParams;
  settings: Defaults;
}

/**
 * Deletes some pages of the list at this path. A server with a limit for lists deletes one page per request.
 *
 * The request for the next page is the same DELETE. `Next-Page` does not help: Kinto hides it from browsers on a DELETE, and a GET
 * of that address, as for reading, would delete nothing. `_before` excludes objects that were created after the first request.
 */
export async function deletePages<T = Tombstone>(
  client: ListingClient,
  path: string,
  params: DeleteAllOptions,
  settings: Defaults,
): Promise<PaginationResult<T>> {
  const { last_modified, pages } = params;
  const first = deletePage({ client, path, params, settings }, { ...settings, last_modified }, undefined);
  return followPages(first, { pages, dated: "last", url: client.remote + path });
}

async function deletePage(deletion: Deletion, write: WriteSettings, before: number | undefined): Promise<Page> {
  const { client, path, params, settings } = deletion;
  const request = deleteRequest(withQuery(path, { ...listQuery(params), _before: before }), write);
  const answer: PageAnswer = await client.execute(request, { raw: true, retry: settings.retry });
  const deleted = rowsOf<{ last_modified: number }>(answer, client.remote + path);
  if (deleted.length === 0 || client.isBatch) return { answer, next: undefined };
  const earliest = before ?? deleted.reduce((least, { last_modified }) => Math.min(least, last_modified), Infinity);
  const isLeft = Boolean(answer.headers.get("Next-Page")) || (await countLeft(deletion, earliest)) > 0;
  // This deletion changed the list, so the precondition of the first request would fail.
  const next = () => deletePage(deletion, { ...write, safe: false }, earliest);
  return { answer, next: isLeft ? next : undefined };
}

async function countLeft({ client, path, params, settings }: Deletion, before: number): Promise<number> {
  const query = { ...params.filters, _since: params.since, _before: before };
  const { headers } = await client.execute({ path: withQuery(path, query), method: "HEAD", headers: settings.headers }, { raw: true, retry: settings.retry });
  return readCount(headers);
}
