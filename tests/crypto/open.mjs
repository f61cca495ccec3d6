// Opens a dump of an encrypted collection, with WebCrypto and nothing of essaim: `node open.mjs <key> <name> <dump.json`.
// The dump is the JSON array of the Kinto collection's records; the records sealed in it come out as JSON.

const { subtle } = globalThis.crypto;
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const number = (value, length) => Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");
const base64url = (array) => Buffer.from(array).toString("base64url");
const sha256 = async (data) => Buffer.from(await subtle.digest("SHA-256", data));
const check = (fine, why) => { if (!fine) throw new Error(why); };
const decode = (ct) => (check(base64url(Buffer.from(ct, "base64url")) === ct, "not base64url"), Buffer.from(ct, "base64url"));

export async function expand(prk, info, length) {
  const key = await subtle.importKey("raw", prk, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
  const first = await subtle.sign("HMAC", key, bytes(info, [1])).then(Buffer.from);
  const second = await subtle.sign("HMAC", key, bytes(first, info, [2])).then(Buffer.from);
  return bytes(first, second).subarray(0, length);
}

/** The identity and the page key of a collection's journal. */
export async function derive(key, name) {
  const digits = key.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  check(/^ESSA1M1[0-9A-HJKMNP-TV-Z]{58}$/.test(digits), "not a key");
  const values = [...digits.slice(7)].map((digit) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(digit).toString(2).padStart(5, "0"));
  check(values.join("").endsWith("00"), "not a key");
  const all = Buffer.from(values.join("").slice(0, 288).match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  check(all.subarray(32).equals((await sha256(all.subarray(0, 32))).subarray(0, 4)), "a mistyped key");
  const [sid, epoch] = [await expand(all.subarray(0, 32), bytes("essaim/sid/1\0", name), 16), await expand(all.subarray(0, 32), bytes("essaim/epoch/1\0", name), 32)];
  return { sid, pageKey: await expand(epoch, bytes("essaim/journal/1"), 32) };
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
  return JSON.parse(Buffer.concat(chunks).toString());
}

export const pageContext = (sid, epoch, position) => bytes("essaim page 1\0", sid, number(epoch, 4), number(position, 8));
export const segmentContext = (sid, epoch, id) => bytes("essaim segment 1\0", sid, number(epoch, 4), id);
export const chainHash = async (sid, position, ct) => base64url(await sha256(bytes("essaim chain 1\0", sid, number(position, 8), ct)));

/** The records of a collection, as `{ id, …, last_modified }`: those of its latest snapshot, and what the pages after it changed. */
export async function openDump(key, name, rows) {
  const { sid, pageKey } = await derive(key, name);
  const pages = [];
  for (const { id, v, e, ct } of rows.filter(({ id }) => id.startsWith("p")).sort((a, b) => (a.id < b.id ? -1 : 1))) {
    check(v === 1, `${id} is of another version`);
    const position = Number(id.slice(1));
    const plain = ct === undefined ? { k: "emptied" } : await open(pageKey, pageContext(sid, e, position), decode(ct));
    pages.push({ ...plain, id, position, hash: ct && (await chainHash(sid, position, decode(ct))) });
  }
  const snapshot = pages.findLastIndex(({ k }) => k === "snapshot");
  let [next, head] = snapshot < 0 ? [1, base64url(Buffer.alloc(32))] : [pages[snapshot].position, pages[snapshot].prev];
  const records = new Map();
  for (const page of pages.slice(Math.max(snapshot, 0))) {
    check(page.position === next++, `a page is missing before ${page.id}`);
    if (page.k === "emptied") continue;
    check(page.prev === head, `${page.id} does not follow the page before it`);
    check(["changes", "snapshot"].includes(page.k), `${page.id} is of a kind that this script does not know`);
    head = page.hash;
    for (const [id, hash, count] of page.segments ?? []) {
      const { v, e, ct } = rows.find((row) => row.id === id) ?? {};
      check(v === 1 && base64url(await sha256(decode(ct))) === hash, `segment ${id} is missing, or is another`);
      const entries = await open(pageKey, segmentContext(sid, e, id), decode(ct));
      check(entries.length === count, `segment ${id} is not whole`);
      for (const [record, , t, body] of entries) records.set(record, { id: record, ...body, last_modified: t });
    }
    for (const [id, body] of page.c ?? []) body ? records.set(id, { id, ...body, last_modified: page.t }) : records.delete(id);
  }
  return [...records.values()];
}

if (process.argv[1]?.endsWith("open.mjs")) {
  const dump = await process.stdin.toArray();
  console.log(JSON.stringify(await openDump(process.argv[2], process.argv[3], JSON.parse(Buffer.concat(dump)))));
}
