// Functions to write lies: `lie()` declares a lie; the others change certain answers.

import { answer, kintoError } from "./proxy.mjs";

/**
 * Declares a lie. `what` describes it for the catalogue; `options` are its parameters with their defaults, and
 * `tell(proxy, options)` adds its rules to a proxy. The result is called as `hide(proxy, { ids: ["p000000000002"] })`.
 */
export function lie(what, options, tell) {
  return Object.assign((proxy, given = {}) => tell(proxy, { ...options, ...given }), { what, options });
}

/** Returns the answer with its JSON body changed by `change`. */
export function edit(given, change) {
  return { ...given, body: JSON.stringify(change(JSON.parse(given.body))) };
}

/** Adds a rule: Kinto answers, and the client gets what `change(answer, request)` returns. */
export function rewrite(proxy, pattern, change, limits) {
  proxy.rule(pattern, async (request, pass) => change(await pass(), request), limits);
}

/** Returns the answer with other headers. A header that is `undefined` is removed. */
export function withHeaders(given, headers) {
  const all = [...Object.entries(given.headers), ...Object.entries(headers)].map(([name, value]) => [name.toLowerCase(), value]);
  return { ...given, headers: Object.fromEntries([...new Map(all)].filter(([, value]) => value !== undefined)) };
}

/**
 * Adds a rule: the server shows the records that `alter(records)` returns instead of those that it has. This applies to lists, to requests for one
 * record, and to the record in a refusal (412). A record that is `deleted` is not found by its id.
 */
export function show(proxy, alter) {
  rewrite(proxy, "* ", (given, request) => {
    const isList = request.path.endsWith("/records");
    const isRecord = request.path.includes("/records/");
    if (request.method === "GET" && isList && given.status === 200) return edit(given, (body) => ({ ...body, data: alter(body.data) }));
    if (request.method === "GET" && isRecord) return showOne(request, given, alter);
    if (request.method === "PUT" && given.status === 412) return edit(given, (body) => quote(body, alter));
    return given;
  });
}

function showOne(request, given, alter) {
  const id = request.path.split("/").at(-1);
  const there = given.status === 200 ? [JSON.parse(given.body).data] : [];
  const shown = alter(there).find((record) => record.id === id && !record.deleted);
  if (!shown) return kintoError(404, 110, "There is no such record.");
  return answer(200, { data: shown });
}

function quote({ details, ...body }, alter) {
  const [existing] = details?.existing ? alter([details.existing]) : [];
  return existing && !existing.deleted ? { ...body, details: { existing } } : body;
}
