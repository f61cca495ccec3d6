// Opens a dump of an encrypted collection with WebCrypto, without essaim: `node open.mjs <key> <name> <dump.json`.
//
// The dump is the JSON array of the Kinto collection's records. The decrypted records are printed as JSON, in the order of their ids. Pages and
// segments that cannot be opened or do not fit are left out and listed on stderr, each with its place. Exit code: 0 if everything was opened, 1 if
// something was listed, 2 if nothing could be read. See docs/encryption.md.

const { subtle } = globalThis.crypto;
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const number = (value, length) => Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");
const base64url = (array) => Buffer.from(array).toString("base64url");
const sha256 = async (...parts) => Buffer.from(await subtle.digest("SHA-256", bytes(...parts)));
const zeros = base64url(Buffer.alloc(32));

/** An error: something does not conform to the format. The message says why. */
class Refused extends Error {}
const check = (fine, why) => { if (!fine) throw new Refused(why); };
/** Calls `work`. If it throws `Refused`, passes the message to `tell` and resolves to undefined. */
const trying = async (tell, work) => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return tell(error.message);
  }
};

// --- Texts ---

function decode(text, length) {
  const read = Buffer.from(String(text), "base64url");
  check(base64url(read) === text && (length === undefined || read.length === length), "is not base64url of the length it should have");
  return read;
}

function utf8(array) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(array);
  } catch {
    throw new Refused("is not UTF-8");
  }
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("is not JSON");
  }
}

/**
 * Returns the elements of a JSON array, or the members of an object, as the texts that they are written as. They are not parsed, because the digest
 * of a snapshot is computed over these texts.
 */
function pieces(text, opening) {
  const whole = json(text);
  check(typeof whole === "object" && whole !== null && Array.isArray(whole) === (opening === "["), `is not what should begin with ${opening}`);
  let [found, depth, start] = [[], 0, 0];
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]+|\\.)*"|[[\]{},]/g)) {
    if (depth === 1 && [",", "]", "}"].includes(token)) found.push(text.slice(start, index).trim());
    depth += { "[": 1, "{": 1, "]": -1, "}": -1 }[token] ?? 0;
    if (depth === 1 && [",", "[", "{"].includes(token)) start = index + 1;
  }
  return found.filter((piece) => piece !== "");
}
const elements = (text) => pieces(text, "[");
/** Returns the members of a JSON object by name, as texts. Of several with the same name the last counts. */
const members = (text) => new Map(pieces(text, "{").map((piece) => {
  const [name] = /^"(?:[^"\\]+|\\.)*"/.exec(piece);
  return [JSON.parse(name), piece.slice(piece.indexOf(":", name.length) + 1).trim()];
}));
const integer = (value, most = Number.MAX_SAFE_INTEGER) => (check(Number.isInteger(value) && value >= 0 && value <= most, "has a number that is no integer"), value);

/** Returns the canonical text of an id, which is the same for all its spellings in JSON. */
function idText(text) {
  const id = json(text);
  check(["string", "boolean"].includes(typeof id) || Number.isFinite(id), "has an id that is neither a string nor a number");
  return JSON.stringify(id);
}

/** Reads a time, which may be any number. Returns its integer part, between 0 and the largest safe integer of JavaScript. */
function readTime(text) {
  const t = json(text ?? "null");
  check(typeof t === "number", "has a time that is no number");
  return Math.trunc(Math.min(Math.max(t, 0), Number.MAX_SAFE_INTEGER));
}

const readObject = (text) => (check(text.startsWith("{"), "has a record that is no object"), text);

// --- The key and the values derived from it ---

export async function expand(prk, info, length) {
  const key = await subtle.importKey("raw", prk, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
  const first = await subtle.sign("HMAC", key, bytes(info, [1])).then(Buffer.from);
  const second = await subtle.sign("HMAC", key, bytes(first, info, [2])).then(Buffer.from);
  return bytes(first, second).subarray(0, length);
}

/** Returns the identity (`sid`) and the page key of a collection's journal. */
export async function derive(key, name) {
  const typed = key.replace(/[\p{White_Space}\-\u2010-\u2015\u2212]/gu, "").replace(/[a-z]/g, (letter) => letter.toUpperCase());
  const digits = typed.replaceAll("O", "0").replace(/[IL]/g, "1");
  check(/^ESSA1M1[0-9A-HJKMNP-TV-Z]{58}$/.test(digits), "not a key");
  const bits = [...digits.slice(7)].map((digit) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(digit).toString(2).padStart(5, "0")).join("");
  const all = Buffer.from(bits.slice(0, 288).match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const secret = all.subarray(0, 32);
  check(bits.endsWith("00") && all.subarray(32).equals((await sha256(secret)).subarray(0, 4)), "a mistyped key");
  const epoch = await expand(secret, bytes("essaim/epoch/1\0", name), 32);
  return { sid: await expand(secret, bytes("essaim/sid/1\0", name), 16), pageKey: await expand(epoch, bytes("essaim/journal/1"), 32) };
}

// --- An envelope ---

/** Returns what one text is sealed with: the AES key, a function for the nonce of each chunk, and the commitment. */
export async function message(pageKey, salt, context) {
  const derived = await expand(pageKey, bytes("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", salt, context), 76);
  const aes = await subtle.importKey("raw", derived.subarray(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
  const nonce = (chunk) => derived.subarray(32, 44).map((byte, at) => byte ^ number(chunk, 12)[at]);
  return { aes, nonce, commitment: derived.subarray(44) };
}

async function open(pageKey, context, sealed) {
  const { aes, nonce, commitment } = await message(pageKey, sealed.subarray(0, 24), context);
  check(commitment.equals(sealed.subarray(24, 56)), "was sealed with another key or for another place, or was changed");
  const chunks = [];
  for (let at = 56; at <= sealed.length; at += 16400) {
    const chunk = subtle.decrypt({ name: "AES-GCM", iv: nonce(chunks.length) }, aes, sealed.subarray(at, at + 16400));
    chunks.push(Buffer.from(await chunk.catch(() => check(false, "was changed, or cut"))));
  }
  return Buffer.concat(chunks);
}

export const pageContext = (sid, epoch, position) => bytes("essaim page 1\0", sid, number(epoch, 4), number(position, 8));
export const segmentContext = (sid, epoch, id) => bytes("essaim segment 1\0", sid, number(epoch, 4), id);
export const chainHash = async (sid, position, sealed) => base64url(await sha256(bytes("essaim chain 1\0", sid, number(position, 8)), sealed));

/** Returns the sealed bytes of a row, after checking its version and epoch. */
function envelope({ v, e, sealed }) {
  check(integer(v) === 1, `is of version ${v}, which a newer essaim writes`);
  check(integer(e, 2 ** 32 - 1) === 1, `is sealed in epoch ${e}, of which there is no key`);
  return decode(sealed);
}

// --- Pages and snapshots ---

async function openPage({ sid, pageKey }, position, row) {
  const sealed = envelope(row);
  const inside = members(utf8(await open(pageKey, pageContext(sid, 1, position), sealed)));
  const value = (name) => json(inside.get(name) ?? "null");
  const list = (name) => elements(inside.get(name) ?? "null");
  check(typeof value("d") === "string" && typeof value("k") === "string", "is no page");
  const page = { id: pageId(position), position, hash: await chainHash(sid, position, sealed), prev: base64url(decode(value("prev"), 32)), t: readTime(inside.get("t")), k: value("k") };
  if (page.k === "changes") page.changes = list("c").map(readChange);
  if (page.k === "closed") {
    const place = json(inside.get("destination") ?? "null");
    check(["remote", "bucket", "collection"].every((name) => typeof place?.[name] === "string"), "closes without a destination");
  }
  if (page.k === "snapshot") {
    const entry = (text) => elements(text).map(json);
    page.segments = list("segments").map(entry).map(([id, hash, count]) => [id, base64url(decode(hash, 32)), integer(count)]);
    page.covered = list("covered").map((text) => (text === "null" ? zeros : base64url(decode(json(text), 32))));
    page.history = list("history").map(entry).map(([id, hash, first, last]) => [id, base64url(decode(hash, 32)), integer(first), integer(last)]);
    page.digest = base64url(decode(value("digest"), 32));
  }
  return page;
}

function readChange(text) {
  const [id, record] = elements(text);
  check(record !== undefined, "has a change that is not whole");
  return [idText(id), record === "null" ? undefined : readObject(record)];
}

const pageId = (position) => `p${String(position).padStart(12, "0")}`;

/** Returns SHA-256 over the entries of the segments, `[id, position, t, {…}]` as texts, sorted by the canonical texts of their ids. */
export async function digest(entries) {
  const ordered = entries.map(([id, ...rest]) => [Buffer.from(idText(id)), ...rest]).sort(([a], [b]) => Buffer.compare(a, b));
  const parts = ordered.map(async ([id, position, , body]) => bytes(number(id.length, 4), id, number(Number(position), 8), await sha256(body)));
  return base64url(await sha256(...(await Promise.all(parts))));
}

/**
 * Returns the live records at a snapshot, `[[id, { t, text }]]`. Throws `Refused` unless they are complete and match the digest. `segment` opens a
 * segment by its id and hash.
 */
async function openSnapshot({ position, prev, ...snapshot }, segment) {
  const entries = [];
  for (const [id, hash, count] of snapshot.segments) {
    const found = elements(utf8(await segment(id, hash)));
    check(found.length === count, `segment ${id} is not whole`);
    entries.push(...found.map(elements));
  }
  const living = entries.map(([id, at, t, text]) => {
    check(text !== undefined, "a segment has an entry that is not whole");
    check(integer(json(at)) > 0 && json(at) < position, "a segment has a version that is not before the snapshot");
    return [idText(id), { t: readTime(t), text: readObject(text) }];
  });
  check(new Map(living).size === living.length, "its segments have a record twice");
  check((await digest(entries)) === snapshot.digest, "its segments are not what it says");
  let next = 1;
  for (const [, , first, last] of snapshot.history) {
    check(first === next && last >= first, "its history does not cover the pages before it");
    next = last + 1;
  }
  const last = snapshot.covered.findLast((hash) => hash !== zeros) ?? zeros;
  check(next + snapshot.covered.length === position && last === prev, "it does not cover the pages before it");
  return living;
}

/** Returns the hashes of the positions before a snapshot, as far as the history of the snapshot can be read. */
async function coveredBy({ id, position, history, covered }, segment, list) {
  const hashes = new Map(covered.map((hash, at) => [position - covered.length + at, hash]));
  for (const [name, hash, first, last] of history) {
    await trying((why) => list(id, why), async () => {
      const raw = await segment(name, hash);
      check(raw.length === 32 * (last - first + 1), `history ${name} is not whole`);
      for (let at = first; at <= last; at += 1) hashes.set(at, base64url(raw.subarray(32 * (at - first), 32 * (at - first + 1))));
    });
  }
  return hashes;
}

// --- On the server ---

/** Returns the rows that are pages or segments, by id. If several rows have the same id, the latest counts; here all with content are tried. */
function sortRows(rows) {
  const byId = new Map();
  for (const row of rows) {
    const { id, deleted, v, e, ct, history, last_modified } = row ?? {};
    const isPage = typeof id === "string" && /^p[0-9]{12}$/.test(id) && id !== pageId(0);
    const isSegment = typeof id === "string" && /^s-[\w-]{21}[AQgw]$/.test(id);
    if (deleted === true || !(isPage || isSegment)) continue;
    const sealed = ct !== undefined || isPage ? ct : history;
    byId.set(id, [...(byId.get(id) ?? []), { v, e, sealed, at: typeof last_modified === "number" ? last_modified : 0 }]);
  }
  for (const rows of byId.values()) rows.sort((a, b) => Number(a.sealed === undefined) - Number(b.sealed === undefined) || b.at - a.at);
  return byId;
}

/** Returns `{ records, problems }`: the records as JSON texts, and the problems as `[place, why]`. Throws only if the key is invalid. */
export async function openDump(key, name, rows) {
  const journal = await derive(key, name);
  const byId = sortRows(rows);
  const problems = [];
  const list = (place, why) => void problems.push([place, why]);
  const segment = async (id, hash) => {
    let problem = `segment ${id} is missing`;
    for (const row of (byId.get(id) ?? []).filter(({ sealed }) => sealed !== undefined)) {
      const opened = await trying((why) => void (problem = `segment ${id} ${why}`), async () => {
        const sealed = envelope(row);
        check(base64url(await sha256(sealed)) === hash, "is another than the snapshot lists");
        return open(journal.pageKey, segmentContext(journal.sid, 1, id), sealed);
      });
      if (opened) return opened;
    }
    throw new Refused(problem);
  };
  const pages = [];
  for (const id of [...byId.keys()].filter((id) => id.startsWith("p")).sort()) {
    let [page, problem] = [undefined, undefined];
    for (const row of byId.get(id)) {
      if (page || row.sealed === undefined) break;
      page = await trying((why) => void (problem ??= why), () => openPage(journal, Number(id.slice(1)), row));
    }
    if (page) pages.push(page);
    else if (problem) list(id, problem);
  }
  // Begins with the latest snapshot that is complete.
  let [base, records] = [{ position: 0, hash: zeros }, new Map()];
  for (const page of pages.filter(({ k }) => k === "snapshot").reverse()) {
    const living = await trying((why) => list(page.id, why), () => openSnapshot(page, segment));
    if (!living) continue;
    [base, records] = [page, new Map(living)];
    break;
  }
  const covered = base.id ? await coveredBy(base, segment, list) : new Map();
  const named = new Set(pages.map(({ prev }) => prev));
  let head = base;
  for (const page of pages) {
    if (page.position < base.position && (covered.get(page.position) ?? page.hash) !== page.hash) list(page.id, `is not the page that ${base.id} covers`);
    if (page.position <= base.position) continue;
    // If a page does not follow the one before it, a page between them is missing, or one of the two does not belong to the journal.
    if (page.prev !== head.hash || page.position - head.position > 10_000) {
      list(page.id, "does not follow: a page before it is missing, or another");
      if (page.position === head.position + 1 && !named.has(page.hash)) continue;
    }
    head = page;
    for (const [id, text] of page.changes ?? []) text === undefined ? records.delete(id) : records.set(id, { t: page.t, text });
    if (!["changes", "snapshot", "closed"].includes(page.k)) list(page.id, "is of a kind that a newer essaim writes");
  }
  const inOrder = [...records].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { records: inOrder.map(shown), problems, isNothing: pages.length === 0 && problems.length > 0 };
}

/** Returns the text of a record as it is printed. `id` and `last_modified` are those of the journal, and `_status` is left out, whatever the text says. */
function shown([id, { t, text }]) {
  const own = [...members(text)].filter(([name]) => !["id", "last_modified", "_status"].includes(name));
  return `{${[["id", id], ...own, ["last_modified", t]].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

async function main(key, name) {
  const nothing = (why) => (console.error(`nothing can be read: ${why}`), 2);
  const dump = await trying(nothing, async () => openDump(key, name, elements(utf8(Buffer.concat(await process.stdin.toArray()))).map(json)));
  if (typeof dump === "number") return dump;
  for (const [place, why] of dump.problems) console.error(`${place}: ${why}`);
  if (dump.isNothing) return nothing("no page opens. Are these the key and the name?");
  process.stdout.write(`[${dump.records.join(",")}]\n`);
  return dump.problems.length > 0 ? 1 : 0;
}

if (process.argv[1]?.endsWith("open.mjs")) process.exitCode = await main(process.argv[2] ?? "", process.argv[3] ?? "");
