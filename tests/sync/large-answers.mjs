// Answers that are larger than any honest answer: they are read up to a limit, and the page continues to work.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipBomb, large } from "../evil/lies/bodies.mjs";
import { Device, KINTO_URL, pages, stage } from "./devices.mjs";

const KINDS = {
  plain: { options: () => ({}), asked: { metadata: "GET /tasks", listing: "GET /records", write: "POST /batch" }, success: { metadata: [200, 4], listing: [200, 64], write: [200, 64] } },
  encrypted: { options: async () => ({ key: await pages.phone.evaluate(() => makeKey()) }), asked: { listing: "GET /records", write: "PUT " }, success: { listing: [200, 64], write: [201, 4] } },
};

for (const [kind, { options, asked, success }] of Object.entries(KINDS)) {
  test(`a small body that unpacks to 330 MB is cut off, in ${kind === "plain" ? "a plain" : "an encrypted"} collection`, async (t) => {
    const { here, proxy, account } = await stage(t, { collectionOptions: await options() });
    const other = await Device.open(pages.phone, { remote: KINTO_URL, ...account }, { name: "others" });
    await here.create({ id: "mine", title: "mine" });
    for (const [question, at] of Object.entries(asked)) {
      for (const [status, mib] of [[500, 1], success[question]]) {
        gzipBomb(proxy, { at, status, start: '{"data":[' });
        const error = await here.failure({ retry: 0 });
        proxy.behave();
        assert.deepEqual([error.code, error.data.status], ["bad_response", status], `${at} ${status}: ${error.message}`);
        assert.match(error.message, new RegExp(`larger than the ${mib} MiB`));
        assert.ok(JSON.stringify(error).length < 4096);
        assert.deepEqual((await here.records()).map(({ id }) => id), ["mine"]);
        await other.create({ id: `${question}-${status}`, title: "goes on" });
        assert.equal((await other.sync()).ok, true);
      }
    }
    assert.equal((await here.sync()).ok, true);
    assert.deepEqual(await here.unsynced(), []);
  });
}

test("what is sent without compression is not read to its end either", async (t) => {
  const { here, proxy } = await stage(t);
  large(proxy, { status: 200 });
  assert.equal((await here.failure()).code, "bad_response");
  const [request] = proxy.take("GET /records");
  await request.closed;
  assert.equal(request.aborted, true);
  proxy.behave();
  assert.equal((await here.sync()).ok, true);
});

test("an error keeps some KiB of a long answer", async (t) => {
  const { here, proxy } = await stage(t);
  const long = "long ".repeat(1 << 14);
  proxy.rule("GET /records", () => ({ status: 500, headers: { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" }, body: JSON.stringify({ errno: 999, error: long, message: long, info: long, details: [long] }) }));
  const error = await here.failure();
  assert.deepEqual([error.code, error.data.errno], ["server", 999]);
  assert.ok(JSON.stringify(error).length < 20_000, `${JSON.stringify(error).length}`);
});
