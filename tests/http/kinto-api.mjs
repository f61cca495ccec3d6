// `kinto.api`: the HTTP client of a `Kinto`, which shares its knowledge about servers with the syncs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, kintoError } from "../sync/proxy.mjs";
import { newAccount, startProxy } from "./places.mjs";

export function kintoApi(place) {
  test("it is one client, with the options of its Kinto", async () => {
    const told = await place.run(async ({ url, user }) => {
      const events = new essaim.Events();
      const kinto = new essaim.Kinto({ remote: url, headers: authorization(user), events, timeout: 9000, retry: 2, requestMode: "same-origin", adapter: "memory" });
      const { api } = kinto;
      const seen = [api instanceof http.KintoClient, kinto.api === api, api.events === events, api.http.events === events, api.http.timeout, api.http.requestMode, api.version, api.remote, api.bucket("b")._retry];
      kinto.close();
      return { seen, user: Object.keys(api.headers) };
    }, newAccount());
    assert.deepEqual(told.seen, [true, true, true, true, 9000, "same-origin", "v1", newAccount().url, 2]);
    assert.deepEqual(told.user, ["Authorization"]);
  });

  test("it works beside the collections, and its remote can be set", async (t) => {
    const proxy = await startProxy(t);
    const told = await place.run(async ({ url, other, user, bucket }) => {
      const kinto = new essaim.Kinto({ remote: url, bucket, headers: authorization(user), adapter: "memory" });
      await kinto.api.createBucket(bucket);
      await kinto.api.bucket(bucket).createCollection("tasks");
      const tasks = kinto.collection("tasks");
      await tasks.create({ title: "one" });
      await tasks.sync();
      const { data } = await kinto.api.bucket(bucket).collection("tasks").listRecords();
      await kinto.api.fetchServerInfo();
      kinto.api.remote = other;
      const forgotten = kinto.api.serverInfo;
      await kinto.api.fetchServerInfo();
      kinto.api.serverInfo = { settings: { batch_max_requests: 1 } };
      const settings = await kinto.api.fetchServerSettings();
      kinto.close();
      return { titles: data.map(({ title }) => title), forgotten, settings };
    }, { ...newAccount(), other: proxy.url });
    assert.deepEqual(told, { titles: ["one"], forgotten: null, settings: { batch_max_requests: 1 } });
    assert.equal(proxy.take("GET /v1/").length, 1);
  });

  test("findings 20 and 21: what one learns of a server's backoff the other knows, and remote stays what it is", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("GET /buckets", () => answer(200, { data: [] }, { Backoff: "30", "Access-Control-Expose-Headers": "Backoff" }), { times: 1 });
    const told = await place.run(async ({ url, user }) => {
      const kinto = new essaim.Kinto({ remote: "http://elsewhere.invalid/v1", headers: authorization(user), adapter: "memory" });
      const tasks = kinto.collection("tasks");
      kinto.api.remote = url;
      await kinto.api.listBuckets();
      const known = kinto.api.backoff;
      kinto.api.remote = "http://elsewhere.invalid/v1";
      const sync = await refused(tasks.sync({ remote: url }));
      const { remote } = kinto.api;
      kinto.close();
      return { known, sync: sync.code, remote };
    }, newAccount(proxy.url));
    assert.ok(told.known > 20_000, `${told.known} ms`);
    assert.deepEqual([told.sync, told.remote], ["backoff", "http://elsewhere.invalid/v1"]);
  });

  test("a sync tells what the server announces, and what it learns of backoff api knows", async (t) => {
    const proxy = await startProxy(t);
    proxy.rule("GET /records", () => kintoError(503, 201, "busy", { "Retry-After": "40", "Access-Control-Expose-Headers": "Retry-After" }), { times: 1 });
    const told = await place.run(async ({ url, user }) => {
      const kinto = new essaim.Kinto({ remote: url, headers: authorization(user), adapter: "memory", retry: 0 });
      const said = [];
      kinto.events.on("retry-after", (at) => said.push(at));
      await kinto.api.createBucket("default").catch(() => {});
      await kinto.collection("tasks").sync().catch(() => {});
      const { backoff } = kinto.api;
      kinto.close();
      return { said: said.length, backoff };
    }, newAccount(proxy.url));
    assert.equal(told.said, 1);
    assert.ok(told.backoff > 30_000, `${told.backoff} ms`);
  });
}
