// Tests every lie of the catalogue with its default options: a plain HTTP client sees a difference while the lie is told, and none afterwards.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { LIES } from "./lies/index.mjs";
import { Proxy } from "./proxy.mjs";

/** More rows than this Kinto server lists in one page. */
const IDS = Array.from({ length: 7 }, (_, number) => `p00000000000${number + 1}`);

const server = new Server({ collection: "evil" });
const url = (proxy, path) => `${proxy.url}/buckets/default/collections/evil/records${path}`;
let kinto;
let records;

before(async () => {
  for (const id of IDS) await server.put(id, { v: 1, ct: Buffer.from(id.repeat(9)).toString("base64url") });
  records = await server.records();
  kinto = await Proxy.start(KINTO_URL);
});
after(() => kinto.close());

/** How long the client waits for an answer, in milliseconds. It waits longer for a true answer, which can be late on a busy machine. */
const [LIE_MS, TRUTH_MS] = [2_000, 60_000];

/**
 * Resolves to what a client sees: some pages of a list, the list requested again with `If-None-Match`, two records, a refused write, an accepted
 * write, and the list that contains it. Timestamps are left out, because they differ each time.
 */
async function lookOnce(written, waitsMs) {
  const seen = [];
  const ask = async (path, options = {}) => {
    const { headers, ...others } = options;
    try {
      const response = await fetch(path.startsWith("http") ? path : url(kinto, path), { headers: { ...server.headers, "Content-Type": "application/json", ...headers }, redirect: "manual", signal: AbortSignal.timeout(waitsMs), ...others });
      const text = await response.text();
      const shown = Object.fromEntries(["next-page", "etag", "retry-after", "backoff", "location"].map((name) => [name, response.headers.get(name)?.replace(/_token=[^&]*/, "_token").replace(/^"\d{13}"$/, "a time")]));
      seen.push([options.method ?? "GET", response.status, shown, text.replace(/"last_modified":\d{13}/g, "").replaceAll(written, "new")]);
      return response.headers;
    } catch (error) {
      seen.push([options.method ?? "GET", error.name]);
    }
  };
  let next = "?_sort=id";
  let known;
  for (let page = 0; next && page < 4; page++) {
    if (next.startsWith("http") && !next.startsWith(kinto.url)) break;
    const headers = await ask(next);
    next = headers?.get("next-page");
    if (page === 0) known = headers?.get("etag");
    if (page === 0 && known) await ask("?_sort=id", { headers: { "If-None-Match": known } });
  }
  for (const id of IDS.slice(0, 2)) await ask(`/${id}`);
  const body = JSON.stringify({ data: { v: 1 } });
  await ask(`/${IDS[0]}`, { method: "PUT", headers: { "If-None-Match": "*" }, body });
  await ask(`/${written}`, { method: "PUT", headers: { "If-None-Match": "*" }, body });
  if (known) await ask("?_sort=id", { headers: { "If-None-Match": known } });
  // Afterwards the server has the same records as before. The lists show no tombstone of the deleted one.
  await fetch(`${KINTO_URL}/buckets/default/collections/evil/records/${written}`, { method: "DELETE", headers: server.headers });
  return seen;
}

describe("the catalogue", () => {
  const other = new Server({ collection: "evil" });
  const OPTIONS = {
    hide: () => ({ ids: [IDS[1]] }),
    bury: () => ({ ids: [IDS[1]] }),
    heldBack: () => ({ ids: [IDS[1]] }),
    exchange: () => ({ one: records[0], other: records[1] }),
    lead: () => ({ headers: other.headers }),
    shownLater: () => ({ records: [{ ...records[0], v: 2 }] }),
    gzipBomb: () => ({ megabytes: 3 }),
    large: () => ({ megabytes: 3 }),
    drip: () => ({ ms: 5 }),
  };

  let count = 0;
  const look = (waitsMs) => lookOnce(`new-${(count += 1)}`, waitsMs);
  const truth = () => look(TRUTH_MS);

  for (const [file, lies] of Object.entries(LIES)) {
    for (const [name, lie] of Object.entries(lies)) {
      test(`${file}: ${name}`, async () => {
        const before = await truth();
        lie(kinto, OPTIONS[name]?.());
        const told = await look(LIE_MS);
        kinto.behave();
        assert.notDeepEqual(told, before);
        assert.deepEqual(await truth(), before);
      });
    }
  }

  test("README.md has each lie", async () => {
    const text = await readFile(new URL("README.md", import.meta.url), "utf8");
    const rows = [...text.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, name, what]) => [name, what]);
    assert.deepEqual(rows, Object.values(LIES).flatMap((lies) => Object.entries(lies).map(([name, { what }]) => [name, what])));
  });
});
