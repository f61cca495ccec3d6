// Deleting all objects in a list. This server deletes ten at a time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newAccount, startProxy, withCollection } from "./places.mjs";

export function deleting(place) {
  test("finding 11: deleting all pages leaves nothing", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const { data, hasNextPage } = await records.deleteRecords({ pages: Infinity });
      return { deleted: data.filter(({ deleted }) => deleted).length, hasNextPage, left: await records.getTotalRecords() };
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual(told, { deleted: 25, hasNextPage: false, left: 0 });
  });

  test("finding 11: a page is deleted, and there is a next one, which is deleted when asked for", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const first = await records.deleteRecords();
      const left = await records.getTotalRecords();
      const second = await first.next();
      const two = await records.deleteRecords({ limit: 2, pages: 2 });
      return [first.data.length, first.hasNextPage, left, second.data.length, second.hasNextPage, two.data.length, two.hasNextPage, await records.getTotalRecords()];
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual(told, [10, true, 15, 10, true, 4, true, 1]);
  });

  test("only what matches is deleted", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const { data, hasNextPage } = await records.deleteRecords({ filters: { min_n: 4 }, sort: "n", pages: Infinity });
      return { deleted: data.length, hasNextPage, left: (await records.listRecords({ sort: "n" })).data.map(({ n }) => n) };
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual(told, { deleted: 22, hasNextPage: false, left: [1, 2, 3] });
  });

  test("what was created since the first page stays", async (t) => {
    const proxy = await startProxy(t);
    const account = await withCollection(place, newAccount(proxy.url), 25);
    const create = async () => {
      const { bucket, user } = account;
      const address = `${proxy.url}/buckets/${bucket}/collections/c/records/newer`;
      const headers = { Authorization: `Basic ${btoa(`${user}:secret`)}`, "Content-Type": "application/json" };
      assert.equal((await fetch(address, { method: "PUT", headers, body: '{"data":{}}' })).status, 201);
    };
    let page = 0;
    proxy.rule("DELETE /records", async (_, pass) => (++page === 2 && (await create()), pass()));
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      await records.deleteRecords({ pages: Infinity });
      return (await records.listRecords()).data.map(({ id }) => id);
    }, account);
    assert.ok(page > 1);
    assert.deepEqual(told, ["newer"]);
  });

  test("with safe, nothing is deleted if something was changed since, and all pages if nothing was", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const { last_modified } = await records.listRecords();
      await records.createRecord({ id: "r26", n: 26 });
      const stale = await refused(records.deleteRecords({ safe: true, last_modified: Number(last_modified), pages: Infinity }));
      const before = await records.getTotalRecords();
      const now = Number((await records.listRecords()).last_modified);
      await records.deleteRecords({ safe: true, last_modified: now, pages: Infinity });
      return { stale: stale.status ?? stale.code, before, left: await records.getTotalRecords() };
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual(told, { stale: 412, before: 26, left: 0 });
  });

  test("buckets and collections too", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const client = connect(account);
      await client.batch((batch) => {
        for (let n = 1; n <= 12; n++) batch.createBucket(`${bucket}-${n}`);
        for (let n = 1; n <= 12; n++) batch.bucket(`${bucket}-1`).createCollection(`c${n}`);
      });
      const collections = await client.bucket(`${bucket}-1`).deleteCollections({ pages: Infinity });
      const { data } = await client.deleteBuckets({ filters: { like_id: `${bucket}-*` }, pages: Infinity });
      return [collections.data.length, data.length, (await client.listBuckets()).data.length];
    }, newAccount());
    assert.deepEqual(told, [12, 12, 0]);
  });
}
