/** Pages of lists: their content, following them, and combining them. */

import { invalidOption, UnparseableResponseError } from "../errors.js";
import type { ParentClient } from "./resource/parents.js";
import type { ListParams, PaginationResult, QueryValue, RawResponse } from "./types.js";

export type ListingClient = Pick<ParentClient, "remote" | "http" | "execute" | "isBatch">;

export type PageAnswer = RawResponse<{ data: any[] } | undefined>;

/** A page of a list. */
export interface Page {
  answer: PageAnswer;
  /** The objects in the answer that belong to the list, if others are there too. */
  rows?: any[] | undefined;
  /** Requests the next page that the server announced. */
  next: (() => Promise<Page>) | undefined;
}

/** Requests a next page that the server did not announce. `count` is the number of objects so far. */
export type FindHidden = (answer: PageAnswer, count: number) => Promise<Page | undefined>;

/** How {@link followPages} combines pages. */
export interface Following {
  /** The number of pages to combine. Default: one, which is returned by itself. */
  pages: number | undefined;
  /**
   * The page whose timestamp the result has. For reading, it is the first: objects that were written while the later pages were read
   * have a younger timestamp, and may be on none of the pages.
   */
  dated: "first" | "last";
  /** The address of the list, for error messages. */
  url: string;
  findHidden?: FindHidden;
}

/** Follows pages and combines them. */
export async function followPages<T>(first: Page | Promise<Page>, { pages, dated, url, findHidden }: Following): Promise<PaginationResult<T>> {
  const rows: T[] = [];
  let read = 0;
  let dating: PageAnswer | undefined;
  const follow = async (page: Page): Promise<PaginationResult<T>> => {
    const own = page.rows ?? rowsOf<T>(page.answer, url);
    if (!pages) return result(own, page);
    dating = (dated === "first" && dating) || page.answer;
    for (const row of own) rows.push(row);
    read += 1;
    const next = read < pages ? await (page.next ? page.next() : findHidden?.(page.answer, rows.length)) : undefined;
    if (!next) return result(rows.slice(), page);
    assertEnds(read, rows.length, url);
    return follow(next);
  };
  const result = (data: T[], { answer, next }: Page): PaginationResult<T> => ({
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

/** Throws if a list seems endless. A sync has the same limits. */
export function assertEnds(pages: number, rows: number, url: string): void {
  const isEndless = rows > 1e6 || pages > (rows < 25 * pages ? 1024 : 4096);
  if (isEndless) throw new UnparseableResponseError(`The list goes on after ${pages} pages with ${rows} objects.`, { url, status: 200 });
}

/** The objects in an answer. */
export function rowsOf<T>({ json }: PageAnswer, url: string): T[] {
  const rows: unknown = json?.data ?? [];
  if (!Array.isArray(rows)) throw new UnparseableResponseError("The answer to a list has no list.", { url, status: 200 });
  return rows as T[];
}

/** The number of objects that match, on all pages. */
export function readCount(headers: Headers): number {
  return parseInt(headers.get("Total-Records") ?? headers.get("Total-Objects") ?? "", 10);
}

/** The query of a list. */
export function listQuery({ filters, sort = "-last_modified", limit, since, fields }: ListParams): Record<string, QueryValue> {
  if (since !== undefined && since !== null && typeof since !== "string") {
    throw invalidOption(`Invalid value for since (${since}), should be ETag value.`);
  }
  return { ...filters, _sort: sort, _limit: limit ?? undefined, _since: since || undefined, _fields: fields ?? undefined };
}
