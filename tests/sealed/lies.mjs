// How the proxy lies. Whatever it tells, it tells everywhere: in lists, of single records, and in what a refusal quotes.

import { answer, kintoError } from "../sync/proxy.mjs";

/** The id of a page. */
export const pageId = (position) => `p${String(position).padStart(12, "0")}`;

const is = (position) => ({ id }) => id === pageId(position);

/** `alter(records)` says which records are shown, instead of those that the server has; one that is `deleted` is not found by its id. */
export function show(proxy, alter) {
  proxy.rule("* ", async (request, pass) => {
    const given = await pass();
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

function edit(given, change) {
  return { ...given, body: JSON.stringify(change(JSON.parse(given.body))) };
}

/** As if nobody had ever written these. */
export function hide(proxy, ...ids) {
  show(proxy, (records) => records.filter(({ id }) => !ids.includes(id)));
}

/** As Kinto shows what was deleted. */
export function bury(proxy, ...ids) {
  show(proxy, (records) => records.map((record) => (ids.includes(record.id) ? { id: record.id, deleted: true, last_modified: record.last_modified } : record)));
}

/** One record is shown otherwise. */
export function change(proxy, id, alter) {
  show(proxy, (records) => records.map((record) => (record.id === id ? { ...record, ...alter(record) } : record)));
}

/** What was sealed for one place is shown in another. `records` are all that the server has. */
export function replay(proxy, records, { from, as }) {
  const original = records.find(is(from));
  show(proxy, (shown) => [...shown.filter((record) => !is(as)(record)), { ...original, id: pageId(as), last_modified: Date.now() }]);
}

/** Each of the two stands in the other's place. */
export function exchange(proxy, one, other) {
  const swapped = { [one.id]: other.ct, [other.id]: one.ct };
  show(proxy, (records) => records.map((record) => (record.id in swapped ? { ...record, ct: swapped[record.id] } : record)));
}

/** Reads get what the server had at the time of `backup`; writes go through. */
export function turnBack(proxy, backup) {
  proxy.rule("GET ", (request, pass) => {
    if (request.path.endsWith("/records")) return answer(200, { data: backup }, { ETag: `"${Math.max(0, ...backup.map((record) => record.last_modified))}"` });
    if (!request.path.includes("/records/")) return pass();
    const found = backup.find(({ id }) => request.path.endsWith(`/${id}`));
    return found ? answer(200, { data: found }) : kintoError(404, 110, "There is no such record.");
  });
}

/** From now on, `proxy` leads to what another account has. */
export function lead(proxy, headers) {
  proxy.rule("* ", (request, pass) => pass({ headers: { ...request.headers, authorization: headers.Authorization } }));
}

/** The sealed bytes with one bit changed: at a place from the beginning, or from the end. */
export function flip(ct, at) {
  const bytes = Buffer.from(ct, "base64url");
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return bytes.toString("base64url");
}

/** Where each part of a sealed text is: salt, commitment, ciphertext, tag. */
export const PARTS = { salt: 0, commitment: 24, ciphertext: 56, tag: -1 };
