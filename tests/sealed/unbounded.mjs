// Rows that no device wrote: however many a server lists, one repair and one compaction make few requests.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { edit, rewrite } from "../evil/lie.mjs";
import { answer } from "../evil/proxy.mjs";
import { assertTogether } from "./alarms.mjs";
import { COLLECTION, entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { pageId } from "./lies.mjs";

const ROWS = 10_000;
/** The limit with batches of four requests, as this server allows them. With the 25 that Kinto allows by default, a quarter would be enough. */
const MOST_REQUESTS = 2_000;

/** Returns the rows of a journal that another program with the key has written. */
const sealDump = (key, journal) =>
  JSON.parse(execFileSync(process.execPath, [new URL("../crypto/seal.mjs", import.meta.url).pathname, key, COLLECTION], { input: JSON.stringify(journal) }));

const segmentId = (number) => `s-${Buffer.from(number.toString(16).padStart(32, "0"), "hex").toString("base64url")}`;
const sealed = (id, number) => ({ id, last_modified: number + 1, v: 1, e: 1, ct: "AAAA" });

/** Adds these rows to the first page of each list. */
function list(proxy, rows) {
  rewrite(proxy, "GET /records", (given, { query }) => (given.status !== 200 || query.has("_token") ? given : edit(given, (body) => ({ data: [...rows(), ...body.data] }))));
}

const made = (name) => Array.from({ length: ROWS }, (_, number) => sealed(name(number), number));

const NAMES = {
  "pages after the last one": (number) => pageId(number + 4),
  "pages far ahead": (number) => pageId(900_000_000_000 - number),
  "known pages, again and again": (number) => pageId(1 + (number % 3)),
  segments: segmentId,
  "other records": (number) => `other-${number}`,
};

describe("10,000 rows that a server makes up in its lists", SIDE_BY_SIDE, () => {
  for (const [what, name] of Object.entries(NAMES)) {
    test(`${what}: repair() makes few requests, and does its work`, async (t) => {
      const scene = await withJournal(t);
      const { here, there, another, proxy } = scene;
      await here.create(entry(4));
      const rows = made(name);
      list(proxy, () => rows);
      proxy.take("* ");
      const { ok, errors, published } = await here.call("repair");
      const requests = proxy.take("* ");
      assert.ok(requests.length <= MOST_REQUESTS, `${requests.length} requests`);
      assert.deepEqual(published.map(({ id }) => id), ["cake-4"]);
      // The result reports how many rows were not checked.
      assert.equal(ok, errors.length === 0);
      for (const { type, message } of errors) assert.match(`${type}: ${message}`, /^outgoing: \d+ rows .* Call repair\(\) again\.$/);
      assert.equal(errors.length, what.startsWith("pages") ? 1 : 0);
      proxy.behave();
      await assertTogether({ here, there, another });
      assert.equal((await there.records()).length, 4);
      assert.ok((await there.head()).position < 20);
    });
  }
});

test("more rows than one repair empties: it says how many are left, and the next one goes on", async (t) => {
  const { here, there, another, proxy } = await withJournal(t);
  const rows = new Map(Array.from({ length: 1_030 }, (_, number) => [pageId(number + 4), sealed(pageId(number + 4), number)]));
  // The proxy answers as if all these rows were on the server.
  const row = (path) => rows.get(path.split("/").at(-1));
  rewrite(proxy, "GET ", (given, { path }) => (row(path) ? answer(200, { data: row(path) }) : given));
  list(proxy, () => [...rows.values()].filter(({ ct }) => ct));
  rewrite(proxy, "POST /batch", (given, { body }) => {
    const { requests } = JSON.parse(body);
    const answered = ({ method, path, body }, index) => {
      if (!row(path)) return JSON.parse(given.body).responses[index];
      if (method === "PUT") rows.set(row(path).id, { ...body.data, id: row(path).id, last_modified: row(path).last_modified + 1 });
      return { status: 200, path, headers: {}, body: { data: row(path) } };
    };
    return answer(200, { responses: requests.map(answered) });
  });
  assert.equal((await here.failure()).code, "tampered");
  await here.create(entry(4));
  proxy.take("* ");
  const { ok, errors, published } = await here.call("repair");
  const requests = proxy.take("* ");
  assert.ok(requests.length <= MOST_REQUESTS, `${requests.length} requests`);
  assert.deepEqual([ok, published.length, errors.map(({ message }) => Number.parseInt(message))], [false, 1, [30]]);
  assert.equal((await here.sync()).ok, true);
  assert.equal((await here.call("repair")).ok, true);
  assert.ok([...rows.values()].every(({ ct }) => ct === undefined));
  proxy.behave();
  await assertTogether({ here, there, another });
});

test("a compaction empties and deletes few rows of names that a server makes up", async (t) => {
  const { here, there, another, proxy } = await withJournal(t, [1]);
  for (let page = 0; page < 62; page++) {
    await there.edit(1, `I ate half of cake ${page}.`);
    await there.sync();
  }
  await here.sync();
  const rows = made((number) => (number % 2 ? segmentId(number) : pageId(1 + (number % 64))));
  rewrite(proxy, "GET /records", (given, { query }) => (query.has("_fields") ? edit(given, (body) => ({ data: [...rows, ...body.data] })) : given));
  const { position } = await here.head();
  await here.edit(1, "I ate it all.");
  proxy.take("* ");
  assert.equal((await here.sync()).ok, true);
  const requests = proxy.take("* ");
  assert.equal((await here.head()).position, position + 2, "no compaction");
  assert.ok(requests.length <= MOST_REQUESTS / 4, `${requests.length} requests`);
  proxy.behave();
  await assertTogether({ here, there, another });
});

describe("a snapshot by somebody with the key, whose history is of no segment", SIDE_BY_SIDE, () => {
  const t0 = Date.now() - 1_000_000;
  const page = (number, more) => ({ d: "faulty", t: t0 + number, ...more });
  const changes = (number) => page(number, { k: "changes", c: [[`cake-${number}`, { confession: `${number}` }]] });
  const entries = [1, 2].map((number) => [`cake-${number}`, number, t0 + number, { confession: `${number}` }]);
  const first = page(3, { k: "snapshot", segments: [[segmentId(1), entries]], history: [] });
  const later = page(4, { k: "snapshot", segments: [[segmentId(4), entries]] });

  for (const name of [pageId(1), pageId(4), "..", "theirs", "s-AA"]) {
    test(`it is said to be ${name}: that is an alarm, and nothing of this name is deleted`, async (t) => {
      const { key, server, another, proxy } = await withJournal(t, [1]);
      await server.removeRecords();
      const here = another(proxy.url);
      const rows = sealDump(key, [changes(1), changes(2), first, { ...later, history: [[name, 1, 2]] }]);
      const put = async (wanted) => {
        for (const { id, ...row } of rows.filter(wanted)) await server.put(id, row);
      };
      const isSnapshot = ({ id }) => id === pageId(4);
      await put((row) => !isSnapshot(row) && !row.history);
      await server.put("theirs", { title: "theirs" });
      assert.equal((await here.sync()).ok, true);
      await put((row) => isSnapshot(row) && !row.history);
      const before = await server.records();
      assert.equal((await here.failure()).code, "bad_snapshot");
      const fresh = another(proxy.url);
      const outcome = await fresh.sync().then(() => "ok", (error) => error.code);
      assert.ok(["ok", "bad_snapshot"].includes(outcome), outcome);
      const { conflicts } = await here.call("repair");
      assert.deepEqual(conflicts, []);
      for (let edit = 0; edit < 3; edit++) {
        await here.edit(1, `edit ${edit}`);
        await here.sync();
        await here.call("repair");
      }
      const after = new Map((await server.records()).map((record) => [record.id, record]));
      for (const { id } of before) assert.ok(after.has(id) || id.startsWith("s-"), `${id} was deleted`);
      assert.deepEqual(after.get("theirs").title, "theirs");
      const asked = proxy.take("* ").map(({ method, url }) => `${method} ${url}`).filter((line) => !line.startsWith("GET"));
      assert.deepEqual(asked.filter((line) => line.startsWith("DELETE") && !/\/records\/s-[\w-]{22}$/.test(line)), []);
      const last = await another();
      assert.equal((await last.sync()).ok, true);
      assert.equal((await last.records()).find(({ id }) => id === "cake-1").confession, "edit 2");
    });
  }
});
