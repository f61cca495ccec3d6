// Lies about the records that the server has. Each applies to lists, to requests for one record, and to the record in a refusal (412).

import { lie, show } from "../lie.mjs";
import { answer, kintoError } from "../proxy.mjs";

/** Returns the id of a page of an encrypted collection. */
export const pageId = (position) => `p${String(position).padStart(12, "0")}`;

/** Returns the sealed text with one bit changed, in the byte `at`. A negative `at` counts from the end. */
export function flip(ct, at) {
  const bytes = Buffer.from(ct, "base64url");
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return bytes.toString("base64url");
}

/** The byte at which each part of a sealed text begins. The tag is at the end; -1 is its last byte. */
export const PARTS = { salt: 0, commitment: 24, ciphertext: 56, tag: -1 };

export const hide = lie("Records are missing, as if nobody had ever written them.", { ids: [] }, (proxy, { ids }) =>
  show(proxy, (records) => records.filter(({ id }) => !ids.includes(id))));

export const bury = lie("Records are shown as tombstones.", { ids: [] }, (proxy, { ids }) =>
  show(proxy, (records) => records.map((record) => (ids.includes(record.id) ? { id: record.id, deleted: true, last_modified: record.last_modified } : record))));

export const change = lie("One record is shown with other fields.", { id: pageId(1), fields: { changed: true } }, (proxy, { id, fields }) =>
  show(proxy, (records) => records.map((record) => (record.id === id ? { ...record, ...(typeof fields === "function" ? fields(record) : fields) } : record))));

export const flipBit = lie("One bit of a sealed text is flipped.", { id: pageId(1), at: PARTS.ciphertext }, (proxy, { id, at }) =>
  change(proxy, { id, fields: ({ ct }) => ({ ct: flip(ct, at) }) }));

export const replay = lie(
  "A page is shown at another position. `records`: all that the server has; otherwise what it shows in the same list.",
  { from: 1, as: 2, records: undefined },
  (proxy, { from, as, records }) =>
    show(proxy, (shown) => {
      const original = (records ?? shown).find(({ id }) => id === pageId(from));
      return original ? [...shown.filter(({ id }) => id !== pageId(as)), { ...original, id: pageId(as), last_modified: Date.now() }] : shown;
    }),
);

export const exchange = lie("Two pages have each other's sealed text.", { one: {}, other: {} }, (proxy, { one, other }) => {
  const swapped = { [one.id]: other.ct, [other.id]: one.ct };
  show(proxy, (records) => records.map((record) => (record.id in swapped ? { ...record, ct: swapped[record.id] } : record)));
});

export const turnBack = lie("Reads get an earlier state of the server; writes go through.", { backup: [] }, (proxy, { backup }) =>
  proxy.rule("GET ", (request, pass) => {
    if (request.path.endsWith("/records")) return answer(200, { data: backup }, { ETag: `"${Math.max(0, ...backup.map((record) => record.last_modified))}"` });
    if (!request.path.includes("/records/")) return pass();
    const found = backup.find(({ id }) => request.path.endsWith(`/${id}`));
    return found ? answer(200, { data: found }) : kintoError(404, 110, "There is no such record.");
  }));

export const lead = lie("Another account's data is shown: a fork, if that is a copy.", { headers: {} }, (proxy, { headers }) =>
  proxy.rule("* ", (request, pass) => pass({ headers: { ...request.headers, authorization: headers.Authorization } })));

export const redate = lie("Every record has the same `last_modified`.", { date: 0 }, (proxy, { date }) =>
  show(proxy, (records) => records.map((record) => ({ ...record, last_modified: date }))));
