// The number of requests that syncs make.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aMinuteLater, entry, stage, withJournal } from "./devices.mjs";

const asked = (proxy) => proxy.take("* ").map(({ method, url }) => `${method} ${new URL(url, proxy.url).pathname.split("/").at(-1)}`);

describe("requests", () => {
  test("an idle sync is one, and soon one that is answered with nothing", async (t) => {
    const { here, proxy } = await withJournal(t);
    const answers = [];
    proxy.rule("GET /records", async (_, pass) => {
      const given = await pass();
      answers.push(given.status);
      return given;
    });
    proxy.take("* ");
    for (let sync = 0; sync < 2; sync++) {
      await here.sync();
      assert.deepEqual(asked(proxy), ["GET records"]);
      aMinuteLater();
    }
    await here.sync();
    assert.deepEqual(asked(proxy), ["GET records"]);
    assert.equal(answers.at(-1), 304);
  });

  test("an edit is two: whether there is something new, and the page", async (t) => {
    const { here, proxy } = await withJournal(t);
    proxy.take("* ");
    await here.create(entry(4));
    await here.sync();
    assert.deepEqual(asked(proxy), ["GET records", "PUT p000000000004"]);
  });

  test("5,000 records of 270 bytes go up in at most 12 writes, and come down in as many requests as the server's lists are long", async (t) => {
    const { here, another, proxy } = await stage(t);
    const count = 5_000;
    for (let batch = 0; batch < count; batch += 500) {
      const records = Array.from({ length: 500 }, (_, index) => ({ id: crypto.randomUUID(), number: batch + index, text: "lorem ipsum ".repeat(18) }));
      await here.call("importBulk", records.map((record) => ({ ...record, last_modified: 1 }))).catch(() => {});
      assert.ok(JSON.stringify(records[0]).length > 260);
    }
    assert.equal((await here.records()).length, count);
    const { ok, published } = await here.sync();
    assert.deepEqual([ok, published.length], [true, count]);
    const writes = proxy.take("* ").filter(({ method }) => method !== "GET");
    assert.ok(writes.length <= 12, `${writes.length} writes`);
    const fresh = another(proxy.url);
    assert.equal((await fresh.sync()).created.length, count);
    const reads = proxy.take("* ");
    assert.ok(reads.length <= Math.ceil(writes.length / (process.env.KINTO_PAGE_SIZE ?? 64)) + 1, `${reads.length} reads`);
  });
});
