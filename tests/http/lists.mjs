// Lists: filters, order, and paging. This server lists ten objects at a time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rewrite, withHeaders } from "../evil/lie.mjs";
import { newAccount, startProxy, withCollection } from "./places.mjs";

export function lists(place) {
  test("a list that never ends is given up", async () => {
    const told = await place.run(async (account) => {
      let asked = 0;
      const fetchFunc = async (url) => new Response(`{"data":[{"id":"r${(asked += 1)}"}]}`, { headers: { "Next-Page": `${url.split("?")[0]}?_token=${asked}` } });
      const { code } = await refused(connect({ ...account, fetchFunc }).listBuckets({ pages: Infinity }));
      return [code, asked < 2000];
    }, newAccount());
    assert.deepEqual(told, ["bad_response", true]);
  });

  test("a page, the next ones, some of them, all of them", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const first = await records.listRecords({ sort: "n" });
      const second = await first.next();
      const third = await second.next();
      const two = await records.listRecords({ sort: "n", limit: 4, pages: 2 });
      const all = await records.listRecords({ sort: "-n", pages: Infinity });
      const count = ({ data, hasNextPage, totalRecords }) => [data.length, data[0].n, hasNextPage, totalRecords];
      return { pages: [first, second, third, two, await two.next(), all].map(count), end: await refused(third.next()) };
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual(told.pages, [[10, 1, true, -1], [10, 11, true, -1], [5, 21, false, -1], [8, 1, true, -1], [12, 1, true, -1], [25, 25, false, -1]]);
    assert.equal(told.end.message, "Pagination exhausted.");
  });

  const hidden = { always: () => true, "on every second page": (number) => number % 2 === 0 };
  for (const [when, isHidden] of Object.entries(hidden)) {
    test(`all of them, where Next-Page is hidden ${when}`, async (t) => {
      const proxy = await startProxy(t);
      const account = await withCollection(place, newAccount(proxy.url), 35);
      let number = 0;
      rewrite(proxy, "GET /records", (given) => (given.headers["next-page"] && isHidden(number++) ? withHeaders(given, { "next-page": undefined }) : given));
      const told = await place.run(async ({ bucket, ...account }) => {
        const records = connect(account).bucket(bucket).collection("c");
        for (const id of ["r3", "r30"]) await records.deleteRecord(id);
        const count = async (options) => {
          const { data } = await records.listRecords({ pages: Infinity, ...options });
          return [data.filter(({ deleted }) => !deleted).length, new Set(data.map(({ id }) => id)).size === data.length];
        };
        const options = [{}, { sort: "last_modified" }, { filters: { odd: true } }, { fields: ["n"] }, { since: '"5"' }, { since: '"5"', sort: "last_modified" }];
        const counts = [];
        for (const each of options) counts.push(await count(each));
        const two = await records.listRecords({ pages: 2, limit: 4 });
        const sorted = await records.listRecords({ pages: Infinity, sort: "n" }).then(({ data }) => data.length, ({ code }) => code);
        return { counts, two: two.data.length, sorted };
      }, account);
      assert.deepEqual(told.counts, [33, 33, 17, 33, 33, 33].map((count) => [count, true]));
      assert.deepEqual([told.two, told.sorted], [8, "bad_response"]);
    });
  }

  test("what is written while the pages are read is younger than their timestamp", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const begun = await records.listRecords({ pages: 1 });
      await records.createRecord({ id: "between" });
      const { data, last_modified } = await (await begun.next()).next();
      const since = await records.listRecords({ since: last_modified });
      return [data.length, since.data.map(({ id }) => id)];
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual(told, [25, ["between"]]);
  });

  test("filters, fields, and what changed since", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const ids = async (options) => (await records.listRecords(options)).data.map(({ id }) => id);
      const { last_modified } = await records.listRecords();
      await records.updateRecord({ id: "r3", n: 3 });
      await records.deleteRecord("r4");
      return {
        range: await ids({ sort: "n", filters: { min_n: 5, lt_n: 8 } }),
        any: await ids({ sort: "n", filters: { in_n: [2, 9] } }),
        flag: (await ids({ filters: { odd: false }, pages: Infinity })).length,
        fields: (await records.listRecords({ filters: { id: "r1" }, fields: ["n"] })).data,
        since: await ids({ since: last_modified, sort: "last_modified" }),
        etag: [typeof last_modified, await records.getRecordsTimestamp()],
      };
    }, await withCollection(place, newAccount(), 25));
    assert.deepEqual([told.range, told.any, told.flag], [["r5", "r6", "r7"], ["r2", "r9"], 11]);
    assert.deepEqual(Object.keys(told.fields[0]).sort(), ["id", "last_modified", "n"]);
    assert.deepEqual(told.since, ["r3", "r4"]);
    assert.equal(told.etag[0], "string");
    assert.match(told.etag[1], /^"\d+"$/);
  });

  test("null is a value to filter by; of the other options it is none", async (t) => {
    const proxy = await startProxy(t);
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      await records.createRecord({ id: "empty", n: null });
      const ids = async (options) => (await records.listRecords(options)).data.map(({ id }) => id);
      return [await ids({ filters: { n: null } }), await ids({ filters: { in_n: [null, 2] }, sort: "id" }), await ids({ sort: "id", filters: null, limit: null, since: null, fields: null, pages: null })];
    }, await withCollection(place, newAccount(proxy.url), 2));
    assert.deepEqual(told, [["empty"], ["empty", "r2"], ["empty", "r1", "r2"]]);
    assert.equal(proxy.take("GET /records").at(-1).query.toString(), "_sort=id");
  });

  test("a list that has not changed since is answered 304, and empty", async (t) => {
    const proxy = await startProxy(t);
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const etag = await records.getRecordsTimestamp();
      const { data, last_modified, hasNextPage } = await records.listRecords({ headers: { "If-None-Match": etag }, pages: Infinity });
      return { data, same: `"${last_modified}"` === etag, hasNextPage };
    }, await withCollection(place, newAccount(proxy.url), 2));
    assert.deepEqual(told, { data: [], same: true, hasNextPage: false });
    assert.equal(proxy.take("GET /records").length, 1);
  });

  test("a list can be asked for by another method", async (t) => {
    const proxy = await startProxy(t);
    const told = await place.run(async ({ bucket, ...account }) => {
      const client = connect(account);
      const list = await client.paginatedOperation(client.endpoints.record(bucket, "c"), {}, { method: "HEAD", headers: authorization(account.user) });
      return [list.data, /^\d+$/.test(list.last_modified)];
    }, await withCollection(place, newAccount(proxy.url), 2));
    assert.deepEqual(told, [[], true]);
    assert.deepEqual(proxy.requests.filter(({ path }) => path.endsWith("/records")).map(({ method }) => method), ["HEAD"]);
  });

  test("buckets, collections, history and their times", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect(account);
      await client.createBucket(id);
      const bucket = client.bucket(id);
      for (const name of ["one", "two", "three"]) await bucket.createCollection(name);
      await bucket.deleteCollection("two");
      const history = await bucket.listHistory({ sort: "last_modified", filters: { resource_name: "collection" } });
      return {
        buckets: (await client.listBuckets()).data.map((bucket) => bucket.id),
        collections: (await bucket.listCollections({ sort: "id" })).data.map((collection) => collection.id),
        history: history.data.map(({ action, target }) => [action, target.data.id]),
        times: [await bucket.getCollectionsTimestamp(), await bucket.getGroupsTimestamp()],
      };
    }, newAccount());
    assert.equal(told.buckets.length, 1);
    assert.deepEqual(told.collections, ["one", "three"]);
    assert.deepEqual(told.history, [["create", "one"], ["create", "two"], ["create", "three"], ["delete", "two"]]);
    for (const time of told.times) assert.match(time, /^"\d+"$/);
  });

  test("a next page on another origin is not asked for", async (t) => {
    const proxy = await startProxy(t);
    const account = await withCollection(place, newAccount(proxy.url), 25);
    const elsewhere = await startProxy(t);
    proxy.rule("GET /records", async (_, pass) => {
      const answer = await pass();
      return { ...answer, headers: { ...answer.headers, "next-page": `${elsewhere.url}/steal` } };
    });
    const told = await place.run(async ({ bucket, ...account }) => {
      const collection = connect(account).bucket(bucket).collection("c");
      const first = await collection.listRecords();
      return { shown: [first.data.length, first.hasNextPage], next: await refused(first.next()), all: await refused(collection.listRecords({ pages: Infinity })) };
    }, account);
    assert.deepEqual([told.shown, told.next.code, told.all.code], [[10, true], "other_origin", "other_origin"]);
    assert.deepEqual(elsewhere.seen, []);
  });
}
