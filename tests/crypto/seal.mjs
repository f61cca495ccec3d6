// Seals a journal with WebCrypto, without essaim: `node seal.mjs <key> <name> <journal.json`. With it tests check that essaim opens journals that
// other programs wrote.
//
// The journal is a JSON array of pages without `prev`. A snapshot page has the ids and entries of its segments,
// `"segments": [["s-…", [["<id>", position, t, {…}], …]]]`, and the ids and positions of its history, `"history": [["s-…", first, last]]`. A page
// that is null is void. Salts are random; with ESSAIM_FIXED_SALTS they are counted up, for frozen test vectors.

import { chainHash, derive, digest, message, pageContext, segmentContext } from "./open.mjs";
import { createHash, randomFillSync } from "node:crypto";

const base64url = (array) => Buffer.from(array).toString("base64url");
const zeros = base64url(new Uint8Array(32));
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

function padded(json) {
  const text = Buffer.from(json);
  return Buffer.concat([text, Buffer.alloc(paddedLength(text.length) - text.length, " ")]);
}

async function seal(pageKey, context, plaintext) {
  const salt = freshSalt();
  const { aes, nonce, commitment } = await message(pageKey, salt, context);
  const sealed = [Buffer.from(salt), Buffer.from(commitment)];
  for (let number = 0; number * 16384 <= plaintext.length; number += 1) {
    const chunk = plaintext.subarray(number * 16384, (number + 1) * 16384);
    sealed.push(Buffer.from(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce(number) }, aes, chunk)));
  }
  return Buffer.concat(sealed);
}

/** Returns the rows of a Kinto collection that hold this journal. */
export async function sealDump(key, name, journal) {
  const { sid, pageKey } = await derive(key, name);
  const [rows, hashes] = [[], []];
  const sealSegment = async (id, member, plaintext) => {
    const ct = await seal(pageKey, segmentContext(sid, 1, id), plaintext);
    rows.push({ id, v: 1, e: 1, [member]: base64url(ct) });
    return base64url(createHash("sha256").update(ct).digest());
  };
  let snapshot = 1;
  for (const [at, page] of journal.entries()) {
    const position = at + 1;
    const id = `p${String(position).padStart(12, "0")}`;
    hashes.push(null);
    if (page === null) {
      rows.push({ id, v: 1 });
      continue;
    }
    const listed = {};
    if (page.k === "snapshot") {
      const entries = page.segments.flatMap(([, entries]) => entries);
      listed.segments = [];
      for (const [id, entries] of page.segments) listed.segments.push([id, await sealSegment(id, "ct", padded(JSON.stringify(entries))), entries.length]);
      listed.covered = hashes.slice(snapshot - 1, at);
      listed.history = [];
      for (const [id, first, last] of page.history) {
        const raw = hashes.slice(first - 1, last).map((hash) => Buffer.from(hash ?? zeros, "base64url"));
        listed.history.push([id, await sealSegment(id, "history", Buffer.concat(raw)), first, last]);
      }
      listed.digest = await digest(entries.map((entry) => entry.map((part) => JSON.stringify(part))));
      snapshot = position;
    }
    const prev = hashes.findLast((hash) => hash !== null) ?? zeros;
    const ct = await seal(pageKey, pageContext(sid, 1, position), padded(JSON.stringify({ prev, ...page, ...listed })));
    rows.push({ id, v: 1, e: 1, ct: base64url(ct) });
    hashes[at] = await chainHash(sid, position, ct);
  }
  return rows;
}

const journal = await process.stdin.toArray();
console.log(JSON.stringify(await sealDump(process.argv[2], process.argv[3], JSON.parse(Buffer.concat(journal)))));
