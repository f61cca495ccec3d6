/** Lists in pages: reading them, and deleting what is in them. */

import { enterNow } from "../wasm/call.js";
import { invalidOption, KintoError, UnparseableResponseError } from "../errors.js";
import { load } from "../wasm/load.js";
import { absoluteRemote } from "./address.js";
import type { Defaults } from "./defaults.js";
import { withQuery } from "./endpoints.js";
import type { RemoteServer } from "./remote-server.js";
import { deleteRequest } from "./requests.js";
import type { DeleteAllOptions, ListParams, PaginationResult, QueryValue, RawResponse } from "./types.js";

type Answer = RawResponse<{ data: any[] } | undefined>;

/** A page, and how to get the next. */
interface Step {
  answer: Answer;
  /** Those of the answer that belong to the list. */
  rows?: any[] | undefined;
  next: (() => Promise<Step>) | undefined;
}

/** Gets a page that follows this one although no header says so, if there is one. */
type Unannounced = (answer: Answer, count: number) => Promise<Step | undefined>;

/** Some pages of a list. */
export async function listPages<T>(client: RemoteServer, path: string, params: ListParams, given: Defaults, method?: string): Promise<PaginationResult<T>> {
  const request = { method, path: withQuery(path, listQuery(params)), headers: given.headers };
  const first = await client.execute<Answer["json"]>(request, { raw: true, retry: given.retry });
  return gather(readingStep(client, first, given), params.pages, "first", client.remote + path, unannounced(client, path, params, given));
}

/** An address on another origin is refused when it is wanted: the page that names it is good. */
function readingStep(client: RemoteServer, answer: Answer, given: Defaults, belongs?: (row: any) => boolean): Step {
  const address = answer.headers.get("Next-Page");
  const rows = belongs && rowsOf(answer, client.remote).filter(belongs);
  if (!address) return { answer, rows, next: undefined };
  const { headers, retry } = given;
  const next = async () => {
    const wasm = await load();
    const url = enterNow(() => wasm.next_page(absoluteRemote(client.remote), address));
    return readingStep(client, await client.http.request(url, { headers }, { retry }), given, belongs);
  };
  return { answer, rows, next };
}

/**
 * `Next-Page` may be hidden from pages (CORS), or stripped by a front server. So a list that seems to end is compared with the
 * server's count, and goes on by the last version shown. Where time is filtered, Kinto lists tombstones too and does not count them.
 */
function unannounced(client: RemoteServer, path: string, params: ListParams, given: Defaults): Unannounced {
  const { headers, retry } = given;
  const query = listQuery(params);
  const { _sort, _limit, _fields: _, ...filters } = query;
  const listsTombstones = Object.entries(filters).some(([name, value]) => value !== undefined && /^_(since|before|to)$|last_modified$/.test(name));
  const ask = (path: string, method?: string): Promise<Answer> => client.execute({ path, method, headers }, { raw: true, retry });
  return async (answer, count) => {
    const rows = rowsOf<{ last_modified: unknown }>(answer, client.remote + path);
    const timestamp = timestampOf(answer);
    const bound = boundOf(_sort, rows);
    if (rows.length === 0 || (bound?._since !== undefined && bound._since === timestamp)) return undefined;
    if (!listsTombstones) {
      // Not every list can be counted. Where that fails, what is not shown is asked for.
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
    // Else a tombstone looks like a record.
    const _fields = query["_fields"] && !listsTombstones ? [query["_fields"], "deleted"].flat() : query["_fields"];
    const page = await ask(withQuery(path, { ...query, ...bound, _fields })).catch((error: unknown) => {
      // Kinto refuses times that are more than a day ahead of its clock.
      if (KintoError.is(error, "server") && error.data.status === 400) return undefined;
      throw error;
    });
    return page && readingStep(client, page, given, listsTombstones ? undefined : (row) => row?.deleted !== true || Object.keys(row).length > 3);
  };
}

const timestampOf = ({ headers }: Answer) => parseInt(headers.get("ETag")?.replace(/^(W\/)?"/, "") ?? "", 10);

/** What asks for the rows after these, where they are sorted by time. */
function boundOf(sort: QueryValue, rows: { last_modified: unknown }[]): { _since?: number; _before?: number } | undefined {
  const versions = rows.map((row) => row?.last_modified) as number[];
  if (rows.length === 0 || !versions.every(Number.isSafeInteger)) return undefined;
  if (sort === "last_modified") return { _since: versions.reduce((newest, at) => Math.max(newest, at)) };
  return sort === "-last_modified" ? { _before: versions.reduce((oldest, at) => Math.min(oldest, at)) } : undefined;
}

/**
 * Deletes what is in a list, page by page if the server deletes no more than a page at a time.
 *
 * The next page is the same request once more: Kinto does not let browsers see `Next-Page` on a DELETE, and following it
 * with a GET, as lists do, deletes nothing. `_before` keeps it from what was created since the first.
 */
export async function deletePages<T>(client: RemoteServer, path: string, params: DeleteAllOptions, given: Defaults): Promise<PaginationResult<T>> {
  const { last_modified } = params;
  return gather(deletingStep({ client, path, params, given }, { ...given, last_modified }, undefined), params.pages, "last", client.remote + path);
}

/** A list that is being deleted. */
interface Deletion {
  client: RemoteServer;
  path: string;
  params: ListParams;
  given: Defaults;
}

async function deletingStep(deletion: Deletion, manner: Defaults & { last_modified?: number | undefined }, before: number | undefined): Promise<Step> {
  const { client, path, params, given } = deletion;
  const bound = { _before: before };
  const request = deleteRequest(withQuery(path, { ...listQuery(params), ...bound }), manner);
  const answer: Answer = await client.execute(request, { raw: true, retry: given.retry });
  const deleted = rowsOf<{ last_modified: number }>(answer, client.remote + path);
  if (deleted.length === 0 || client.isBatch) return { answer, next: undefined };
  const earliest = before ?? deleted.reduce((least, { last_modified }) => Math.min(least, last_modified), Infinity);
  const left = Boolean(answer.headers.get("Next-Page")) || (await countLeft(deletion, earliest)) > 0;
  // The list has changed, by this deletion: its condition holds no more.
  const next = () => deletingStep(deletion, { ...manner, safe: false }, earliest);
  return { answer, next: left ? next : undefined };
}

async function countLeft({ client, path, params, given }: Deletion, before: number): Promise<number> {
  const query = { ...params.filters, _since: params.since, _before: before };
  const { headers } = await client.execute({ path: withQuery(path, query), method: "HEAD", headers: given.headers }, { raw: true, retry: given.retry });
  return readCount(headers);
}

/** How many objects match, whatever the page. */
export function readCount(headers: Headers): number {
  return parseInt(headers.get("Total-Records") ?? headers.get("Total-Objects") ?? "", 10);
}

function listQuery({ filters, sort = "-last_modified", limit, since, fields }: ListParams): Record<string, QueryValue> {
  if (since !== undefined && since !== null && typeof since !== "string") {
    throw invalidOption(`Invalid value for since (${since}), should be ETag value.`);
  }
  return { ...filters, _sort: sort, _limit: limit ?? undefined, _since: since || undefined, _fields: fields ?? undefined };
}

/** A server could go on for ever: the bounds are those of a sync. */
export function assertEnds(pages: number, rows: number, url: string): void {
  const isEndless = rows > 1e6 || pages > (rows < 25 * pages ? 1024 : 4096);
  if (isEndless) throw new UnparseableResponseError(`The list goes on after ${pages} pages with ${rows} objects.`, { url, status: 200 });
}

function rowsOf<T>({ json }: Answer, url: string): T[] {
  const rows: unknown = json?.data ?? [];
  if (!Array.isArray(rows)) throw new UnparseableResponseError("The answer to a list has no list.", { url, status: 200 });
  return rows as T[];
}

/**
 * Follows as many pages as are asked for, and brings them together. Those that were read have the timestamp of the first: what
 * was written while the others were read is younger, and perhaps on none of them.
 */
async function gather<T>(first: Step | Promise<Step>, pages: number | undefined, dated: "first" | "last", url: string, unannounced?: Unannounced): Promise<PaginationResult<T>> {
  const gathered: T[] = [];
  let read = 0;
  let dating: Answer | undefined;
  const follow = async (step: Step): Promise<PaginationResult<T>> => {
    const page = step.rows ?? rowsOf<T>(step.answer, url);
    if (!pages) return result(page, step);
    dating = (dated === "first" && dating) || step.answer;
    for (const row of page) gathered.push(row);
    read += 1;
    const next = read < pages ? await (step.next ? step.next() : unannounced?.(step.answer, gathered.length)) : undefined;
    if (!next) return result(gathered.slice(), step);
    assertEnds(read, gathered.length, url);
    return follow(next);
  };
  const result = (data: T[], { answer, next }: Step): PaginationResult<T> => ({
    data,
    last_modified: (dating ?? answer).headers?.get("ETag")?.replace(/"/g, "") ?? null,
    hasNextPage: next !== undefined,
    next: async () => {
      if (!next) throw invalidOption("Pagination exhausted.");
      return follow(await next());
    },
    totalRecords: -1,
  });
  return follow(await first);
}
