// Opens a dump of an encrypted collection, with WebCrypto and nothing of essaim: `node open.mjs <key> <name> <dump.json`.
// The dump is the JSON array of the Kinto collection's records; the records sealed in it come out as JSON. See docs/encryption.md.

const { subtle } = globalThis.crypto;
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const number = (value, length) => Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");
const base64url = (array) => Buffer.from(array).toString("base64url");
const sha256 = async (...parts) => Buffer.from(await subtle.digest("SHA-256", bytes(...parts)));
const check = (fine, why) => { if (!fine) throw new Error(why); };
const decode = (text) => (check(base64url(Buffer.from(text, "base64url")) === text, "not base64url"), Buffer.from(text, "base64url"));
const zeros = base64url(Buffer.alloc(32));

export async function expand(prk, info, length) {
  const key = await subtle.importKey("raw", prk, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
  const first = await subtle.sign("HMAC", key, bytes(info, [1])).then(Buffer.from);
  const second = await subtle.sign("HMAC", key, bytes(first, info, [2])).then(Buffer.from);
  return bytes(first, second).subarray(0, length);
}

/** The identity and the page key of a collection's journal. */
export async function derive(key, name) {
  const digits = key.toUpperCase().replace(/[\p{White_Space}\-\u2010-\u2015\u2212]/gu, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  check(/^ESSA1M1[0-9A-HJKMNP-TV-Z]{58}$/.test(digits), "not a key");
  const bits = [...digits.slice(7)].map((digit) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(digit).toString(2).padStart(5, "0")).join("");
  const all = Buffer.from(bits.slice(0, 288).match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const secret = all.subarray(0, 32);
  check(bits.endsWith("00") && all.subarray(32).equals((await sha256(secret)).subarray(0, 4)), "a mistyped key");
  const epoch = await expand(secret, bytes("essaim/epoch/1\0", name), 32);
  return { sid: await expand(secret, bytes("essaim/sid/1\0", name), 16), pageKey: await expand(epoch, bytes("essaim/journal/1"), 32) };
}

/** What one text is sealed with: the AES key, a nonce for each chunk, the commitment. */
export async function message(pageKey, salt, context) {
  const derived = await expand(pageKey, bytes("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", salt, context), 76);
  const aes = await subtle.importKey("raw", derived.subarray(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
  const nonce = (chunk) => derived.subarray(32, 44).map((byte, at) => byte ^ number(chunk, 12)[at]);
  return { aes, nonce, commitment: derived.subarray(44) };
}

async function open(pageKey, context, sealed) {
  const { aes, nonce, commitment } = await message(pageKey, sealed.subarray(0, 24), context);
  check(commitment.equals(sealed.subarray(24, 56)), "another key, another place, or changed");
  const chunks = [];
  for (let at = 56; at <= sealed.length; at += 16400) {
    chunks.push(Buffer.from(await subtle.decrypt({ name: "AES-GCM", iv: nonce(chunks.length) }, aes, sealed.subarray(at, at + 16400))));
  }
  return Buffer.concat(chunks);
}

export const pageContext = (sid, epoch, position) => bytes("essaim page 1\0", sid, number(epoch, 4), number(position, 8));
export const segmentContext = (sid, epoch, id) => bytes("essaim segment 1\0", sid, number(epoch, 4), id);
export const chainHash = async (sid, position, sealed) => base64url(await sha256(bytes("essaim chain 1\0", sid, number(position, 8)), sealed));

/** The elements of a JSON array as they are written: a snapshot's digest is of texts, not of what they mean. */
function elements(array) {
  let [found, depth, start] = [[], 0, 0];
  for (const { 0: token, index } of array.matchAll(/"(?:[^"\\]+|\\.)*"|[[\]{},]/g)) {
    if (depth === 1 && [",", "]"].includes(token)) found.push(array.slice(start, index).trim());
    depth += { "[": 1, "{": 1, "]": -1, "}": -1 }[token] ?? 0;
    if (depth === 1 && [",", "["].includes(token)) start = index + 1;
  }
  return found.filter((element) => element !== "");
}

/** SHA-256 over the entries of the segments, `[id, position, t, {…}]` as texts, in the order of their ids. */
export async function digest(entries) {
  const ordered = entries.map(([id, ...rest]) => [Buffer.from(id), ...rest]).sort(([a], [b]) => Buffer.compare(a, b));
  const parts = ordered.map(async ([id, position, , body]) => bytes(number(id.length, 4), id, number(Number(position), 8), await sha256(body)));
  return base64url(await sha256(...(await Promise.all(parts))));
}

/** What lives at a snapshot, checked against all that it says. `segment` opens one by its id and hash; `pages` come before it. */
async function openSnapshot({ id: name, position, prev, ...snapshot }, segment, pages) {
  const [entries, hashes] = [[], []];
  for (const [id, hash, count] of snapshot.segments) {
    const found = elements((await segment(id, hash)).toString());
    check(found.length === count, `segment ${id} is not whole`);
    entries.push(...found.map(elements));
  }
  check((await digest(entries)) === snapshot.digest, `the segments of ${name} are not what it says`);
  for (const [id, hash, first, last] of snapshot.history) {
    const raw = await segment(id, hash);
    check(first === hashes.length + 1 && raw.length === 32 * (last - first + 1), `history ${id} is not whole`);
    for (let at = 0; at < raw.length; at += 32) hashes.push(base64url(raw.subarray(at, at + 32)));
  }
  hashes.push(...snapshot.covered.map((hash) => hash ?? zeros));
  const last = hashes.findLast((hash) => hash !== zeros) ?? zeros;
  check(hashes.length === position - 1 && last === prev, `${name} does not cover the pages before it`);
  for (const { id, position, hash } of pages) check(hashes[position - 1] === hash, `${id} is not the page that ${name} covers`);
  return entries.map((entry) => entry.map((text) => JSON.parse(text)));
}

/** The records of a collection, as `{ id, …, last_modified }`: those of its latest snapshot, and what the pages after it changed. */
export async function openDump(key, name, rows) {
  const { sid, pageKey } = await derive(key, name);
  const isSealed = ({ ct, history }) => (ct ?? history) !== undefined;
  const segment = async (id, hash) => {
    const { v, e, ct, history } = rows.find((row) => row.id === id && isSealed(row)) ?? {};
    check(v === 1 && base64url(await sha256(decode(ct ?? history))) === hash, `segment ${id} is missing, or is another`);
    return open(pageKey, segmentContext(sid, e, id), decode(ct ?? history));
  };
  const pages = [];
  for (const { id, v, e, ct } of rows.filter((row) => row.id.startsWith("p") && isSealed(row)).sort((a, b) => (a.id < b.id ? -1 : 1))) {
    check(v === 1, `${id} is of another version`);
    const [position, sealed] = [Number(id.slice(1)), decode(ct)];
    const page = JSON.parse(await open(pageKey, pageContext(sid, e, position), sealed));
    pages.push({ ...page, id, position, hash: await chainHash(sid, position, sealed) });
  }
  const at = pages.findLastIndex(({ k }) => k === "snapshot");
  const living = at < 0 ? [] : await openSnapshot(pages[at], segment, pages.slice(0, at));
  const records = new Map(living.map(([id, , t, body]) => [id, { id, ...body, last_modified: t }]));
  let head = pages[at]?.prev ?? zeros;
  for (const { id: name, prev, hash, k, c, t } of pages.slice(Math.max(at, 0))) {
    check(prev === head, `${name} does not follow: a page before it is missing, or another`);
    check(["changes", "snapshot", "closed"].includes(k), `${name} is of a kind that this script does not know`);
    for (const [id, body] of c ?? []) body ? records.set(id, { id, ...body, last_modified: t }) : records.delete(id);
    head = hash;
  }
  return [...records.values()];
}

if (process.argv[1]?.endsWith("open.mjs")) {
  const dump = await process.stdin.toArray();
  console.log(JSON.stringify(await openDump(process.argv[2], process.argv[3], JSON.parse(Buffer.concat(dump)))));
}
