// Batches: many requests in one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer } from "../sync/proxy.mjs";
import { newAccount, startProxy, withCollection } from "./places.mjs";

export function batches(place) {
  test("a batch is cut by the server's limit, and answers in order", async (t) => {
    const proxy = await startProxy(t);
    const told = await place.run(async ({ bucket, ...account }) => {
      const client = connect(account);
      const answers = await client.batch((batch) => {
        batch.createBucket(bucket);
        batch.bucket(bucket).createCollection("c");
        for (let n = 1; n <= 58; n++) batch.bucket(bucket).collection("c").createRecord({ id: `r${n}`, text: "é".repeat(n) });
      });
      return answers.map(({ status, body }) => [status, body.data.id]);
    }, newAccount(proxy.url));
    assert.deepEqual(told.slice(2), Array.from({ length: 58 }, (_, n) => [201, `r${n + 1}`]));
    assert.deepEqual(proxy.take("POST /batch").map(({ body }) => JSON.parse(body).requests.length), [25, 25, 10]);
  });

  test("an answer to a batch that holds no answers is a bad one", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("POST /batch", () => answer(200, { data: [] }));
    const told = await place.run(async (account) => {
      const error = await connect(account).batch((batch) => batch.createBucket("b")).catch((error) => error);
      return [error.name, error.code, error.message, error.data.url.endsWith("/v1/batch")];
    }, newAccount(proxy.url));
    assert.deepEqual(told, ["UnparseableResponseError", "bad_response", "The answer to a batch has no responses.", true]);
  });

  test("a batch is cut by what a front server takes", async (t) => {
    const proxy = await startProxy(t);
    const account = await withCollection(place, newAccount(proxy.url));
    await place.run(async ({ bucket, ...account }) => {
      await connect(account).bucket(bucket).collection("c").batch((batch) => {
        for (let n = 1; n <= 4; n++) batch.createRecord({ text: "x".repeat(400 << 10) });
      });
    }, account);
    for (const { body } of proxy.take("POST /batch")) assert.ok(body.length < 1 << 20, `${body.length} bytes`);
  });

  test("answers are sorted by what came of them", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      return connect(account).bucket(id).batch(
        (batch) => {
          const records = batch.collection("c");
          records.createRecord({ id: "new", n: 2 });
          records.createRecord({ id: "r1", n: 3 });
          records.deleteRecord("not there", { safe: false });
          records.createRecord({ id: "bad id", n: 4 });
        },
        { safe: true, aggregate: true },
      );
    }, await withCollection(place, newAccount(), 1));
    assert.deepEqual(told.published.map(({ data }) => data.id), ["new"]);
    assert.deepEqual(told.conflicts.map(({ type, local, remote }) => [type, local.data.n, remote.n]), [["outgoing", 3, 1]]);
    assert.equal(told.skipped.length + told.errors.length, 2);
    assert.ok(told.errors.every(({ sent, error }) => sent.path && error.code === 400));
  });

  test("lists and reads can be part of a batch, and what they seem to answer is not used", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect(account);
      await client.createBucket(id);
      let within;
      const [list, read] = await client.batch((batch) => {
        within = batch.bucket(id).listCollections();
        batch.bucket(id).getData();
      });
      return { list: list.body.data, id: read.body.data.id, within: (await within).data, sameId: id };
    }, newAccount());
    assert.deepEqual([told.list, told.within], [[], []]);
    assert.equal(told.id, told.sameId);
  });

  test("a batch carries the headers of its client, and of its own", async (t) => {
    const proxy = await startProxy(t);
    await place.run(async ({ bucket, ...account }) => {
      const client = connect(account);
      await client.batch((batch) => batch.createBucket(bucket, { headers: { "X-Part": "1" } }), { headers: { "X-Batch": "2" } });
    }, newAccount(proxy.url));
    const [{ body }] = proxy.take("POST /batch");
    const { defaults, requests } = JSON.parse(body);
    assert.deepEqual(Object.keys(defaults.headers), ["Authorization", "X-Batch"]);
    assert.deepEqual(requests[0].headers, { "X-Part": "1" });
  });

  test("what a batch cannot hold makes it fail, whether or not somebody waits for it", async (t) => {
    const proxy = await startProxy(t);
    const messages = await place.run(async (account) => {
      const client = connect(account);
      await client.fetchServerInfo();
      const steps = [
        (batch) => batch.listPermissions(),
        (batch) => batch.createAccount("a", "b"),
        (batch) => batch.bucket("b").listHistory(),
        (batch) => batch.bucket("b").collection("c").getSnapshot(5),
        (batch) => batch.bucket("b").collection("c").addAttachment("data:text/plain;base64,aGk="),
        (batch) => batch.bucket("b").collection("c").removeAttachment("r"),
        (batch) => batch.bucket("b").batch(() => {}),
      ];
      // The callback does not return the result of the step, so the batch itself has to report the error.
      const told = steps.map((step) => refused(client.batch((batch) => void (batch.createBucket("b"), step(batch)))));
      return (await Promise.all(told)).map(({ message }) => message);
    }, newAccount(proxy.url));
    assert.deepEqual(messages, [...Array(6).fill("This operation is not supported within a batch operation."), "Can't use batch within a batch!"]);
    assert.deepEqual(proxy.take("POST /batch"), []);
  });

  test("fewer answers than requests are bad_response", async () => {
    const { code } = await place.run(async (account) => {
      const fetchFunc = async (url) => new Response(url.endsWith("/batch") ? '{"responses":[]}' : '{"settings":{}}');
      return refused(connect({ ...account, fetchFunc }).batch((batch) => batch.createBucket("b"), { aggregate: true }));
    }, newAccount());
    assert.equal(code, "bad_response");
  });
}
