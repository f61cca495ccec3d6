// Creating, reading, changing and deleting buckets, collections, groups and records; permissions; conditional requests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer } from "../sync/proxy.mjs";
import { newAccount, startProxy } from "./places.mjs";

export function objects(place) {
  test("a record is created, replaced, merged into, read and deleted", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const client = connect(account);
      await client.createBucket(bucket);
      await client.bucket(bucket).createCollection("posts");
      const posts = client.bucket(bucket).collection("posts");
      const { data: created } = await posts.createRecord({ title: "one", stars: 1 });
      const { data: merged } = await posts.updateRecord({ id: created.id, stars: 2 }, { patch: true });
      const { data: replaced } = await posts.updateRecord({ id: created.id, title: "two" });
      const { data: read } = await posts.getRecord(created.id);
      const { data: some } = await posts.getRecord(created.id, { fields: ["title"] });
      const { data: gone } = await posts.deleteRecord(read);
      return { merged, replaced, read, some, gone, left: await posts.getTotalRecords() };
    }, newAccount());
    assert.deepEqual([told.merged.title, told.merged.stars], ["one", 2]);
    assert.deepEqual([told.replaced.title, told.replaced.stars], ["two", undefined]);
    assert.deepEqual(told.read, told.replaced);
    assert.deepEqual([told.some.title, told.some.stars], ["two", undefined]);
    assert.deepEqual([told.gone.deleted, told.left], [true, 0]);
  });

  test("a record's id is one step of the path, whatever is in it", async (t) => {
    const proxy = await startProxy(t);
    const told = await place.run(async ({ bucket, ...account }) => {
      const client = connect(account);
      await client.createBucket(bucket);
      // If it was not escaped, this id would be a path to the bucket itself.
      await refused(client.bucket(bucket).collection("c").deleteRecord("../../../../buckets/" + bucket));
      // Browsers resolve `.` and `..` in a path even if they are escaped, so such ids are refused.
      const { message } = await refused(client.bucket(bucket).deleteCollection(".."));
      await refused(client.bucket(bucket).collection("c").deleteRecord("."));
      await refused(client.bucket("..").getData());
      return { message, there: (await client.bucket(bucket).getData()).id === bucket };
    }, newAccount(proxy.url));
    assert.deepEqual(told, { message: 'No id can be "..": in an address it leads elsewhere.', there: true });
    for (const line of proxy.seen.filter((line) => /^(DELETE|OPTIONS)/.test(line))) assert.doesNotMatch(line, /\/$/);
  });

  test("no id is no part of the path, whatever says so", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("POST /records", () => answer(201, { data: { id: "made", last_modified: 1 }, permissions: {} }));
    await place.run(async (account) => {
      const records = connect(account).bucket("b").collection("c");
      for (const id of [undefined, null, "", 0]) await records.createRecord({ id, a: 1 });
    }, newAccount(proxy.url));
    assert.deepEqual(proxy.take("POST /records").map(({ path }) => path), Array(4).fill("/v1/buckets/b/collections/c/records"));
  });

  test("an option that is null is none", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect({ ...account, retry: null, safe: null, timeout: null, requestMode: null, fetchFunc: null, events: null });
      await client.createBucket(id, { retry: null, headers: null, data: null, safe: null });
      const bucket = client.bucket(id, { retry: null, headers: null });
      await bucket.addPermissions({ read: ["account:a"], write: null, "group:create": null });
      await bucket.removePermissions({ read: null, write: undefined });
      return [client.http.requestMode, (await bucket.getPermissions()).read];
    }, newAccount());
    assert.deepEqual(told, ["cors", ["account:a"]]);
  });

  test("groups have members", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect(account);
      await client.createBucket(id);
      const bucket = client.bucket(id);
      await bucket.createGroup("authors", ["account:alice"], { data: { about: "posts" } });
      await bucket.updateGroup({ id: "authors", members: ["account:alice", "account:bob"] }, { patch: true });
      const { data } = await bucket.getGroup("authors");
      await bucket.createGroup("readers");
      const all = (await bucket.listGroups({ sort: "id" })).data.map((group) => group.id);
      await bucket.deleteGroup("authors");
      const { data: deleted } = await bucket.deleteGroups();
      return { data, all, deleted: deleted.map((group) => group.id) };
    }, newAccount());
    assert.deepEqual([told.data.members, told.data.about], [["account:alice", "account:bob"], "posts"]);
    assert.deepEqual([told.all, told.deleted], [["authors", "readers"], ["readers"]]);
  });

  test("permissions are given and taken, to groups too, and data stays", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect(account);
      await client.createBucket(id, { data: { title: "mine" } });
      const bucket = client.bucket(id);
      await bucket.setPermissions({ read: ["account:reader"] });
      const group = `/buckets/${id}/groups/authors`;
      await bucket.addPermissions({ "collection:create": [group, "account:a~b"] });
      await bucket.removePermissions({ read: ["account:reader"] });
      const permissions = await bucket.getPermissions();
      await bucket.removePermissions({ "collection:create": [group] });
      return { group, permissions, after: await bucket.getPermissions(), data: await bucket.getData() };
    }, newAccount());
    assert.deepEqual([told.permissions.read, told.permissions["collection:create"].sort()], [undefined, [told.group, "account:a~b"].sort()]);
    assert.deepEqual([told.after["collection:create"], told.data.title], [["account:a~b"], "mine"]);
  });

  test("data of a bucket are set and merged, of the default bucket too", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect(account);
      await client.createBucket(id);
      await client.bucket(id).setData({ a: 1 });
      const { data } = await client.bucket(id).setData({ b: 2 }, { patch: true });
      const { data: own } = await client.bucket("default").setData({ c: 3 });
      return { data, own };
    }, newAccount());
    assert.deepEqual([told.data.a, told.data.b, told.own.c], [1, 2, 3]);
  });

  test("with safe, what somebody else has changed is not overwritten", async () => {
    const told = await place.run(async ({ bucket: id, ...account }) => {
      const client = connect({ ...account, safe: true });
      await client.createBucket(id);
      const bucket = client.bucket(id);
      await bucket.createCollection("c");
      const records = bucket.collection("c");
      const { data: first } = await records.createRecord({ id: "r", n: 1 });
      await records.updateRecord({ ...first, n: 2 });
      return {
        again: await refused(records.createRecord({ id: "r", n: 3 })),
        stale: await refused(records.updateRecord({ ...first, n: 4 })),
        unknown: await refused(records.updateRecord({ id: "r", n: 5 })),
        deleted: await refused(records.deleteRecord(first)),
        careless: await refused(records.deleteRecord("r")),
        own: (await records.updateRecord({ ...(await records.getRecord("r")).data, n: 5 }, { last_modified: undefined })).data.n,
        unsafe: (await records.updateRecord({ id: "r", n: 6 }, { safe: false })).data.n,
        n: (await records.getRecord("r")).data.n,
      };
    }, newAccount());
    for (const refused of [told.again, told.stale, told.unknown, told.deleted]) {
      assert.match(refused.message, /^HTTP 412 Precondition Failed/);
      assert.equal(refused.data.details.existing.n, 2);
    }
    assert.equal(told.careless.message, "Safe concurrency check requires a last_modified value.");
    assert.deepEqual([told.own, told.unsafe, told.n], [5, 6, 6]);
  });

  test("an account is made without credentials, and is then a user", async () => {
    const told = await place.run(async ({ user, ...account }) => {
      await connect({ user: "somebody else", ...account }).createAccount(user, "secret");
      return connect({ user, ...account }).fetchUser();
    }, newAccount());
    assert.match(told.id, /^account:user-/);
  });

  test("the server describes itself, and is asked once", async (t) => {
    const told = await place.run(async (account) => {
      const client = connect(account);
      const [info, settings] = [await client.fetchServerInfo(), await client.fetchServerSettings()];
      const known = client.serverInfo === info;
      client.setHeaders({ "X-Forget": "it" });
      const capabilities = Object.keys(await client.fetchServerCapabilities());
      return { known, batch: settings.batch_max_requests, version: await client.fetchHTTPApiVersion(), capabilities, permissions: (await client.listPermissions()).data.length > 0 };
    }, newAccount());
    assert.deepEqual([told.known, told.batch, told.permissions], [true, 25, true]);
    assert.match(told.version, /^1\.\d+$/);
    for (const plugin of ["history", "accounts", "attachments"]) assert.ok(told.capabilities.includes(plugin), plugin);
  });

  test("classes are the ones that are exported", async () => {
    const told = await place.run((account) => {
      const client = connect(account);
      const { KintoClient, Bucket, Collection } = http;
      const bucket = client.bucket("b");
      const made = new Collection(client, new Bucket(client, "x", { headers: { A: "1" } }), "y", { headers: { B: "2" } });
      return [client instanceof KintoClient, essaim.KintoClient === KintoClient, http.default === KintoClient, bucket instanceof Bucket, bucket.collection("c") instanceof Collection, made.headers];
    }, newAccount());
    assert.deepEqual(told, [true, true, true, true, true, { A: "1", B: "2" }]);
  });

  test("bad arguments are told before anything is sent", async () => {
    const messages = await place.run(async (account) => {
      const client = connect({ ...account, url: "http://nowhere.invalid/v1" });
      const bucket = client.bucket("b");
      const records = bucket.collection("c");
      const attempts = [
        () => new http.KintoClient(""),
        () => new http.KintoClient("http://server"),
        () => new http.KintoClient("http://server/v2"),
        () => bucket.setData(null),
        () => records.setData("x"),
        () => records.setPermissions(null),
        () => records.createRecord(1),
        () => records.updateRecord({}),
        () => bucket.updateGroup({}),
        () => client.deleteBucket(),
        () => client.deleteBucket({}),
        () => records.listRecords({ since: 1 }),
        () => client.batch((batch) => batch.batch(() => {})),
        () => client.batch((batch) => batch.fetchUser()),
        () => client.execute({ path: "/", headers: { Authorization: "a\nsecret" } }),
      ];
      const told = [];
      for (const attempt of attempts) {
        const { code, message } = await refused((async () => attempt())());
        told.push(code === "invalid_option" ? message : `${code}: ${message}`);
      }
      return told;
    }, newAccount());
    assert.deepEqual(messages, [
      "Invalid remote URL: ",
      "The remote URL must contain the version: http://server",
      "Unsupported protocol version: v2",
      "A bucket object is required.",
      "A collection object is required.",
      "A permissions object is required.",
      "A record object is required.",
      "A record id is required.",
      "A group id is required.",
      "Invalid argument.",
      "A bucket id is required.",
      "Invalid value for since (1), should be ETag value.",
      "Can't use batch within a batch!",
      "This operation is not supported within a batch operation.",
      'The header "Authorization" has a name or a value that HTTP does not allow.',
    ]);
  });
}
