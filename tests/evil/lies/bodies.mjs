// Bodies that are large, slow, or end too early.

import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { lie, rewrite } from "../lie.mjs";
import { answer } from "../proxy.mjs";

export const gzipBomb = lie(
  "A small body on the wire unpacks to `megabytes`: `start`, and then `fill` again and again.",
  { at: "GET /records", status: 500, megabytes: 330, start: "", fill: " ", headers: {}, limits: undefined },
  (proxy, { at, status, megabytes, start, fill, headers, limits }) => {
    proxy.rule(at, async () => {
      const body = await packed(start, fill, megabytes);
      return { ...answer(status, "", { "Content-Encoding": "gzip", "Content-Length": body.length, ...headers }), body };
    }, limits);
  },
);

const known = new Map();

/** Returns a compressed body. It is kept, because compressing it takes a second. */
function packed(...content) {
  const name = JSON.stringify(content);
  if (!known.has(name)) known.set(name, pack(...content));
  return known.get(name);
}

/** Compresses a large body as one stream. A gzip file with several members would not do, because Chromium ignores all but the first. */
async function pack(start, fill, megabytes) {
  const part = fill.repeat(Math.ceil((1 << 20) / fill.length));
  const gzip = createGzip({ level: 1 });
  const [packed] = await Promise.all([buffer(gzip), pipeline(async function* () {
    yield start;
    yield* repeat(part, megabytes);
  }, gzip)]);
  return packed;
}

export const large = lie("A body of `megabytes`, not compressed, sent part by part.", { at: "GET /records", status: 200, megabytes: 330 }, (proxy, { at, status, megabytes }) =>
  proxy.rule(at, () => ({ ...answer(status), body: repeat(" ".repeat(1 << 20), megabytes) })));

async function* repeat(part, times) {
  for (let sent = 0; sent < times; sent++) yield part;
}

export const drip = lie("A true answer arrives byte by byte, one every `ms`, so that no pause is long.", { at: "GET /records", ms: 100 }, (proxy, { at, ms }) =>
  rewrite(proxy, at, (given) => ({ ...given, body: slowly(given.body, ms) })));

async function* slowly(body, ms) {
  for (const byte of Buffer.from(body)) {
    yield Buffer.of(byte);
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

export const cutOff = lie("A body ends in the middle: the connection breaks off.", { at: "GET /records", bytes: 9 }, (proxy, { at, bytes }) =>
  rewrite(proxy, at, (given) => ({ ...given, headers: { ...given.headers, "content-length": 1 << 20 }, body: given.body.slice(0, bytes), breaksOff: true })));
