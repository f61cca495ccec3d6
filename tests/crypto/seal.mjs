// Seals a journal with WebCrypto and nothing of essaim, so that what others seal is seen to open in Rust:
// `node seal.mjs <key> <name> <journal.json`, where the journal is a JSON array of pages without `prev`, and a snapshot page has
// the ids and the entries of its segments: `"segments": [["s-…", [["<id>", position, t, {…}], …]]]`. A page that is null is void.
// Salts are random; with ESSAIM_FIXED_SALTS they are counted, for vectors that are frozen.

import { chainHash, derive, message, pageContext, segmentContext } from "./open.mjs";
import { createHash, randomFillSync } from "node:crypto";

const base64url = (array) => Buffer.from(array).toString("base64url");
let salts = 0;

function freshSalt() {
  if (!process.env.ESSAIM_FIXED_SALTS) return randomFillSync(new Uint8Array(24));
  return Uint8Array.from(createHash("sha256").update(`salt ${(salts += 1)}`).digest().subarray(0, 24));
}

function paddedLength(length) {
  const exponent = Math.floor(Math.log2(length));
  const step = length <= 8192 ? 1024 : 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1);
  return Math.ceil(length / step) * step;
}

async function seal(pageKey, context, value) {
  const json = Buffer.from(JSON.stringify(value));
  const padded = Buffer.concat([json, Buffer.alloc(paddedLength(json.length) - json.length, " ")]);
  const salt = freshSalt();
  const { aes, nonce, commitment } = await message(pageKey, salt, context);
  const sealed = [Buffer.from(salt), Buffer.from(commitment)];
  for (let number = 0; number * 16384 <= padded.length; number += 1) {
    const chunk = padded.subarray(number * 16384, (number + 1) * 16384);
    sealed.push(Buffer.from(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce(number) }, aes, chunk)));
  }
  return Buffer.concat(sealed);
}

/** The rows of a Kinto collection that hold this journal. */
export async function sealDump(key, name, journal) {
  const { sid, pageKey } = await derive(key, name);
  const rows = [];
  const hashes = [];
  for (const [at, page] of journal.entries()) {
    const position = at + 1;
    const id = `p${String(position).padStart(12, "0")}`;
    if (page === null) {
      rows.push({ id, v: 1 });
      continue;
    }
    const segments = [];
    for (const [segment, entries] of page.segments ?? []) {
      const ct = await seal(pageKey, segmentContext(sid, 1, segment), entries);
      rows.push({ id: segment, v: 1, e: 1, ct: base64url(ct) });
      segments.push([segment, base64url(createHash("sha256").update(ct).digest()), entries.length]);
    }
    const prev = hashes.at(-1) ?? base64url(new Uint8Array(32));
    const listed = page.segments && { segments, covered: hashes };
    const ct = await seal(pageKey, pageContext(sid, 1, position), { prev, ...page, ...listed });
    rows.push({ id, v: 1, e: 1, ct: base64url(ct) });
    hashes.push(await chainHash(sid, position, ct));
  }
  return rows;
}

const journal = await process.stdin.toArray();
console.log(JSON.stringify(await sealDump(process.argv[2], process.argv[3], JSON.parse(Buffer.concat(journal)))));
