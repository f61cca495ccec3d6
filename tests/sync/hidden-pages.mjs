// Listings whose header `Next-Page` is hidden or names an unreachable address: behind front servers, and without CORS headers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { edit, rewrite, withHeaders } from "../evil/lie.mjs";
import { innerAddress, nextPage, withoutHeaders } from "../evil/lies/listings.mjs";
import { lists, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";

const PAGE = Number(process.env.KINTO_PAGE_SIZE);
const named = (count) => Array.from({ length: count }, (_, n) => `r${10 + n}`);
const ids = (records) => records.map(({ id }) => id).sort();
const changeTag = (proxy, change) => rewrite(proxy, "GET /records", (given) => withHeaders(given, { etag: given.headers.etag && change(given.headers.etag) }));

/** Changes that a front server makes to the answers. */
const FRONTS = {
  "Next-Page is hidden": (proxy) => withoutHeaders(proxy),
  "Next-Page and ETag are hidden": (proxy) => withoutHeaders(proxy, { names: ["next-page", "etag"] }),
  "ETag is hidden": (proxy) => withoutHeaders(proxy, { names: ["etag"] }),
  "ETag is weak": (proxy) => changeTag(proxy, (tag) => `W/${tag}`),
  "ETag has a suffix": (proxy) => changeTag(proxy, (tag) => tag.replace(/"$/, '-gzip"')),
  "Next-Page has an inner address": (proxy) => innerAddress(proxy),
  "Next-Page has another scheme": (proxy) => nextPage(proxy, { next: (next) => next?.replace("http:", "https:") }),
  "Next-Page is relative": (proxy) => nextPage(proxy, { next: (next) => next?.replace(proxy.origin, "") }),
  "Next-Page has no scheme": (proxy) => nextPage(proxy, { next: (next) => next?.replace("http:", "") }),
  "Next-Page is no address": (proxy) => nextPage(proxy, { next: (next) => next && "more" }),
};

describe("a list of several pages", SIDE_BY_SIDE, () => {
  for (const [title, tell] of Object.entries(FRONTS)) {
    test(`is read to its end where ${title}`, async (t) => {
      const { here, server, proxy } = await stage(t);
      const all = named(3 * PAGE + 1);
      await server.putAll(all);
      await server.remove(all[0]);
      tell(proxy);
      const first = await here.sync();
      assert.deepEqual([first.ok, Object.keys(lists(first)), ids(await here.records())], [true, ["created"], all.slice(1)]);
      // A later sync, with tombstones in the listing, and with a push.
      for (const id of all.slice(0, PAGE + 2)) await server.put(id, { title: "again" });
      for (const id of all.slice(PAGE + 2)) await server.remove(id);
      await here.create({ id: "mine", title: "mine" });
      const second = await here.sync();
      assert.deepEqual([second.ok, second.published.length, second.deleted.length], [true, 1, all.length - PAGE - 2]);
      assert.deepEqual(ids(await here.records()), ids(await server.records()));
      // When the front server is repaired, it turns out that nothing is missing.
      proxy.behave();
      assert.deepEqual(lists(await here.sync()), {});
    });
  }

  test("is read to its end where a client forced one time for all", async (t) => {
    const { here, server, proxy } = await stage(t);
    const all = named(3 * PAGE);
    await server.putAll(all);
    const at = Date.now();
    rewrite(proxy, "GET /records", (given) => edit(given, (body) => ({ ...body, data: body.data.map((row) => ({ ...row, last_modified: at })) })));
    assert.deepEqual([(await here.sync()).ok, ids(await here.records())], [true, all]);
  });

  test("is read to its end where a front server drops the order that was asked for", async (t) => {
    const { here, server, proxy } = await stage(t);
    const all = named(3 * PAGE);
    const old = Date.now() - 3_600_000;
    for (const [number, id] of all.entries()) await server.put(id, { title: id }, { lastModified: old + number });
    proxy.rule("GET /records", (request, pass) => pass({ url: request.url.replace("_sort=last_modified", "_sort=-last_modified") }));
    assert.deepEqual([(await here.sync()).ok, ids(await here.records())], [true, all]);
  });

  test("is read to its end where Next-Page is hidden and ETag belongs to something older", async (t) => {
    const { here, server, proxy } = await stage(t);
    const all = named(2 * PAGE + 1);
    await server.putAll(all);
    rewrite(proxy, "GET /records", (given) => withHeaders(given, { "next-page": undefined, etag: '"5"' }));
    assert.deepEqual([(await here.sync()).ok, ids(await here.records())], [true, all]);
  });

  test("costs no request more where the headers are honest", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(named(2 * PAGE));
    await here.sync();
    assert.equal(proxy.take("GET /records").length, 2);
    await here.sync();
    assert.equal(proxy.take("GET /records").length, 2, "the last ten seconds are read again");
  });

  test("leaves no request for the address of a front server's server", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(named(2 * PAGE));
    innerAddress(proxy);
    const asked = [];
    here.page.on("request", (request) => asked.push(request.url()));
    await here.sync();
    assert.ok(asked.some((url) => url.startsWith(proxy.origin)) && !asked.some((url) => url.includes("kinto:8888")), asked.join("\n"));
  });
});

describe("an encrypted collection of several pages", SIDE_BY_SIDE, () => {
  for (const [title, tell] of Object.entries(FRONTS)) {
    test(`is read to its end where ${title}`, async (t) => {
      const collectionOptions = { key: await pages.phone.evaluate(() => makeKey()) };
      const { here, there, proxy } = await stage(t, { collectionOptions });
      tell(proxy);
      const all = named(2 * PAGE + 1);
      for (const id of all) {
        await there.create({ id, title: id });
        await there.sync();
      }
      const first = await here.sync();
      assert.deepEqual([first.ok, ids(first.created)], [true, all]);
      for (const id of all) {
        await there.update({ id, title: "again" });
        await there.sync();
      }
      await here.create({ id: "mine", title: "mine" });
      const second = await here.sync();
      assert.deepEqual([second.ok, second.updated.length, ids(second.published)], [true, all.length, ["mine"]]);
      proxy.behave();
      assert.deepEqual(lists(await here.sync()), {});
    });
  }
});

describe("a sync that the app takes part in", SIDE_BY_SIDE, () => {
  for (const title of ["Next-Page is hidden", "Next-Page and ETag are hidden", "Next-Page has an inner address"]) {
    test(`reads a list to its end where ${title}`, async (t) => {
      const { here, server, proxy } = await stage(t);
      const all = named(3 * PAGE + 1);
      await server.putAll(all);
      await server.remove(all[0]);
      await here.page.evaluate((number) => {
        const { http } = handles[number].kinto.api;
        http.timedFetch = http.timedFetch.bind(http);
      }, here.number);
      FRONTS[title](proxy);
      const result = await here.sync();
      assert.deepEqual([result.ok, Object.keys(lists(result)), ids(await here.records())], [true, ["created"], all.slice(1)]);
    });
  }
});

describe("a list by the HTTP client", SIDE_BY_SIDE, () => {
  test("has its first page where the next one has an inner address, and refuses only that", async (t) => {
    const { here, server, proxy } = await stage(t);
    await server.putAll(named(2 * PAGE));
    innerAddress(proxy);
    const told = await here.page.evaluate(async (number) => {
      const client = handles[number].kinto.api.bucket("default").collection("tasks");
      const first = await client.listRecords();
      const code = await first.next().catch((error) => error.code);
      return [first.data.length, first.hasNextPage, code];
    }, here.number);
    assert.deepEqual(told, [PAGE, true, "other_origin"]);
  });
});
