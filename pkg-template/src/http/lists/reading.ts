/** Reading lists. */

import { KintoError, UnparseableResponseError } from "../../errors.js";
import { enterNow } from "../../wasm/call.js";
import { load } from "../../wasm/load.js";
import { absoluteRemote } from "../address.js";
import type { Defaults } from "../defaults.js";
import { type FindHidden, followPages, type ListingClient, listQuery, type Page, type PageAnswer, readCount, rowsOf } from "../listing.js";
import { withQuery } from "../requests/endpoints.js";
import type { ListParams, PaginationResult, QueryValue } from "../types.js";

/** Reads some pages of the list at this path. */
export async function listPages<T>(client: ListingClient, path: string, params: ListParams, settings: Defaults, method?: string): Promise<PaginationResult<T>> {
  const { headers, retry } = settings;
  const request = { method, path: withQuery(path, listQuery(params)), headers };
  const answer = await client.execute<PageAnswer["json"]>(request, { raw: true, retry });
  const findHidden = hiddenPages(client, path, params, settings);
  return followPages(announcingPage(client, answer, settings), { pages: params.pages, dated: "first", url: client.remote + path, findHidden });
}

/**
 * A page whose next page is the one that its headers announce. An announced address on another origin is rejected only when the
 * next page is requested, since this page is valid. `belongs` selects the objects of the list.
 */
function announcingPage(client: ListingClient, answer: PageAnswer, settings: Defaults, belongs?: (row: any) => boolean): Page {
  const address = answer.headers.get("Next-Page");
  const rows = belongs && rowsOf(answer, client.remote).filter(belongs);
  if (!address) return { answer, rows, next: undefined };
  const { headers, retry } = settings;
  const next = async () => {
    const wasm = await load();
    const url = enterNow(() => wasm.next_page(absoluteRemote(client.remote), address));
    return announcingPage(client, await client.http.request(url, { headers }, { retry }), settings, belongs);
  };
  return { answer, rows, next };
}

/**
 * Finds next pages that no header announces: CORS may hide `Next-Page` from web pages, and a front server may remove it.
 *
 * Where a list seems to end, the number of its objects is compared with the server's count. If objects are missing, the next
 * request asks for those before (or after) the last version. With filters by time, Kinto lists tombstones and does not count
 * them, so the count is not compared.
 */
function hiddenPages(client: ListingClient, path: string, params: ListParams, settings: Defaults): FindHidden {
  const { headers, retry } = settings;
  const query = listQuery(params);
  const { _sort, _limit, _fields: _, ...filters } = query;
  const listsTombstones = Object.entries(filters).some(([name, value]) => value !== undefined && /^_(since|before|to)$|last_modified$/.test(name));
  const ask = (path: string, method?: string): Promise<PageAnswer> => client.execute({ path, method, headers }, { raw: true, retry });
  return async (answer, count) => {
    const rows = rowsOf<{ last_modified: unknown }>(answer, client.remote + path);
    const timestamp = timestampOf(answer);
    const bound = boundOf(_sort, rows);
    if (rows.length === 0 || (bound?._since !== undefined && bound._since === timestamp)) return undefined;
    if (!listsTombstones) {
      // Some lists cannot be counted. The next page is then requested without a count.
      const counted = await ask(withQuery(path, filters), "HEAD").catch(() => undefined);
      const total = counted ? readCount(counted.headers) : NaN;
      if (total <= count) return undefined;
      const hasChanged = counted !== undefined && timestampOf(counted) > timestamp;
      if (!bound && total > count && !hasChanged) {
        const message = `The list has ${total} objects and shows ${count}, without a next page: the server, or a front server, has to expose the header Next-Page.`;
        throw new UnparseableResponseError(message, { url: client.remote + path, status: 200 });
      }
    }
    if (!bound) return undefined;
    // Without the field `deleted`, a tombstone looks like a record.
    const _fields = query["_fields"] && !listsTombstones ? [query["_fields"], "deleted"].flat() : query["_fields"];
    const page = await ask(withQuery(path, { ...query, ...bound, _fields })).catch((error: unknown) => {
      // Kinto rejects timestamps that are more than a day ahead of its clock.
      if (KintoError.is(error, "server") && error.data.status === 400) return undefined;
      throw error;
    });
    return page && announcingPage(client, page, settings, listsTombstones ? undefined : isNoTombstone);
  };
}

const isNoTombstone = (row: any) => row?.deleted !== true || Object.keys(row).length > 3;

const timestampOf = ({ headers }: PageAnswer) => parseInt(headers.get("ETag")?.replace(/^(W\/)?"/, "") ?? "", 10);

/** The parameters that select the objects after these, if the list is sorted by time. */
function boundOf(sort: QueryValue, rows: { last_modified: unknown }[]): { _since?: number; _before?: number } | undefined {
  const versions = rows.map((row) => row?.last_modified) as number[];
  if (rows.length === 0 || !versions.every(Number.isSafeInteger)) return undefined;
  if (sort === "last_modified") return { _since: versions.reduce((newest, at) => Math.max(newest, at)) };
  return sort === "-last_modified" ? { _before: versions.reduce((oldest, at) => Math.min(oldest, at)) } : undefined;
}
