// Lies about lists: their next pages, their ends, and their rows.

import { edit, lie, rewrite, withHeaders } from "../lie.mjs";
import { answer } from "../proxy.mjs";

const LIST = "GET /records";

export const withoutHeaders = lie(
  "Headers are not exposed to pages, or are stripped: a list seems to end after its first page.",
  { at: LIST, names: ["next-page"] },
  (proxy, { at, names }) => rewrite(proxy, at, (given) => withHeaders(given, Object.fromEntries(names.map((name) => [name, undefined])))),
);

export const nextPage = lie(
  "Each page of a list names this address as the next one. `next`: the address, or a function of the true one.",
  { at: LIST, next: "http://elsewhere.invalid/v1/records?_token=x", limits: undefined },
  (proxy, { at, next, limits }) => rewrite(proxy, at, (given) => withHeaders(given, { "next-page": typeof next === "function" ? next(given.headers["next-page"]) : next }), limits),
);

export const innerAddress = lie(
  "Next pages have the address of a server behind a front server that does not pass the Host header on.",
  { root: "http://kinto:8888" },
  (proxy, { root }) => nextPage(proxy, { next: (next) => next?.replace(proxy.origin, root) }),
);

export const samePage = lie("The next page of each page is the page itself.", {}, (proxy) =>
  rewrite(proxy, LIST, (given, request) => withHeaders(given, { "next-page": `${proxy.origin}${request.url}` })));

export const noEnd = lie(
  "After the first page of a list come new rows for ever, `rows` a page: records that the server does not have.",
  { rows: 3, row: (number) => ({ id: `new-${number}`, last_modified: number }) },
  (proxy, { rows, row }) => {
    let shown = Date.now();
    let isFirst = true;
    proxy.rule(LIST, async (request, pass) => {
      const url = new URL(request.url, proxy.origin);
      url.searchParams.set("_token", shown);
      if (isFirst) {
        isFirst = false;
        return withHeaders(await pass(), { "next-page": url.href });
      }
      const data = Array.from({ length: rows }, () => row((shown += 1)));
      return answer(200, { data }, { "next-page": url.href, ETag: `"${shown}"` });
    });
  },
);

export const junk = lie(
  "A list has rows that no client of the collection wrote. `rows`: how many; `row`: a function that makes one as JSON text.",
  { rows: 1000, row: (number) => `{"id":"p${String(900_000_000_000 - number)}","last_modified":${number + 1}}` },
  (proxy, { rows, row }) =>
    rewrite(proxy, LIST, (given) => {
      if (given.status !== 200) return given;
      const own = given.body.slice(given.body.indexOf("[") + 1);
      const made = Array.from({ length: rows }, (_, number) => row(number)).join();
      return { ...given, body: `{"data":[${made}${own.startsWith("]") ? "" : ","}${own}` };
    }),
);

export const numbers = lie(
  "A number in a list is one that JSON allows and no double holds, in the rows of `id` or in all.",
  { member: "last_modified", text: "1e400", id: undefined },
  (proxy, { member, text, id }) =>
    rewrite(proxy, LIST, (given) => {
      if (given.status !== 200) return given;
      const marked = edit(given, (body) => ({ ...body, data: body.data.map((row) => (id === undefined || row.id === id ? { ...row, [member]: "\u0001" } : row)) }));
      return { ...marked, body: marked.body.replaceAll('"\\u0001"', text) };
    }),
);

export const heldBack = lie(
  "Records are hidden, and shown from the moment that the returned function is called: in lists only, as Kinto does with what its `_since` and ETag passed over.",
  { ids: [] },
  (proxy, { ids }) => {
    let hidden = true;
    rewrite(proxy, LIST, (given) => (hidden && given.status === 200 ? edit(given, (body) => ({ ...body, data: body.data.filter(({ id }) => !ids.includes(id)) })) : given));
    return () => (hidden = false);
  },
);

export const shownLater = lie(
  "A list has records that the server was once sent and never stored, or no longer has. `records`: those.",
  { records: [] },
  (proxy, { records }) =>
    rewrite(proxy, LIST, (given) => (given.status === 200 ? edit(given, (body) => ({ ...body, data: [...records, ...body.data.filter(({ id }) => records.every((record) => record.id !== id))] })) : given)),
);
