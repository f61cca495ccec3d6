// Kinto.js and essaim read and write the same collection on the server: in two profiles, and both in one page.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Device, lists, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";
import { KINTO_URL } from "./server.mjs";

const synced = (record) => ({ ...record, _status: "synced" });
const ids = (records) => records.map(({ id }) => id).sort();
const ALL = Array.from({ length: 12 }, (_, n) => `r${10 + n}`);

/** As `stage`, with essaim `here` and Kinto.js `there`. */
async function beside(t) {
  const scene = await stage(t);
  const there = await Device.open(pages.laptop, { remote: KINTO_URL, ...scene.account, headers: scene.server.headers }, { library: "Kinto.js" });
  return { ...scene, there };
}

async function assertSame({ here, there, server }, titles) {
  const records = await server.records();
  assert.deepEqual(records.map(({ title }) => title), titles);
  const byId = (list) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  assert.deepEqual(byId(await here.records()), records.map(synced));
  assert.deepEqual(byId(await there.records()), records.map(synced));
}

describe("essaim here, Kinto.js there", SIDE_BY_SIDE, () => {
  test("what Kinto.js made is read here, over several pages and batches", async (t) => {
    const scene = await beside(t);
    const { here, there } = scene;
    await there.createAll(ALL);
    assert.equal((await there.sync()).published.length, ALL.length);
    const result = await here.sync();
    assert.deepEqual([ids(result.created), result.ok], [ALL, true]);
    await assertSame(scene, ALL);
  });

  test("what was made here is read by Kinto.js, over several pages and batches", async (t) => {
    const scene = await beside(t);
    const { here, there } = scene;
    await here.createAll(ALL);
    assert.equal((await here.sync()).published.length, ALL.length);
    const result = await there.sync();
    assert.deepEqual([ids(result.created), result.ok], [ALL, true]);
    await assertSame(scene, ALL);
  });

  test("changes and deletions go both ways", async (t) => {
    const scene = await beside(t);
    const { here, there } = scene;
    await here.createAll(["a", "b", "c", "d"]);
    for (const device of [here, there]) await device.sync();
    await here.update({ id: "a", title: "A here" });
    await here.delete("b");
    await there.update({ id: "c", title: "C there" });
    await there.delete("d");
    assert.equal((await there.sync()).ok, true);
    const result = await here.sync();
    assert.deepEqual([result.ok, result.updated.map((change) => change.new.title), ids(result.deleted), ids(result.published)], [true, ["C there"], ["d"], ["a", "b"]]);
    const other = await there.sync();
    assert.deepEqual([other.ok, other.updated.map((change) => change.new.title), ids(other.deleted)], [true, ["A here"], ["b"]]);
    await assertSame(scene, ["A here", "C there"]);
  });

  for (const [first, second] of [["here", "there"], ["there", "here"]]) {
    describe(`a conflict that is met ${second}`, () => {
      async function conflict(t, change = (device) => device.update({ id: "a", title: "first" })) {
        const scene = await beside(t);
        const { here } = scene;
        await here.createAll(["a"]);
        for (const name of ["here", "there"]) await scene[name].sync();
        await change(scene[first]);
        await scene[second].update({ id: "a", title: "second" });
        assert.equal((await scene[first].sync()).ok, true);
        return { ...scene, one: scene[first], two: scene[second] };
      }

      const recipes = [
        ["mine", ({ local }) => local, ["second"]],
        ["theirs", ({ remote }) => remote, ["first"]],
        ["both", ({ remote }) => ({ ...remote, title: "both" }), ["both"]],
      ];
      for (const [choice, decide, titles] of recipes) {
        test(`is resolved by hand: ${choice}`, async (t) => {
          const scene = await conflict(t);
          const { one, two } = scene;
          const { ok, conflicts } = await two.sync();
          assert.deepEqual([ok, conflicts.map(({ type, local, remote }) => [type, local.title, remote.title])], [false, [["incoming", "second", "first"]]]);
          await two.resolve(conflicts[0], decide(conflicts[0]));
          assert.equal((await two.sync()).ok, true);
          assert.equal((await one.sync()).ok, true);
          await assertSame(scene, titles);
        });
      }

      for (const [strategy, titles] of [["client_wins", ["second"]], ["server_wins", ["first"]]]) {
        test(`is decided by ${strategy}`, async (t) => {
          const scene = await conflict(t);
          const { one, two } = scene;
          const result = await two.sync({ strategy });
          assert.deepEqual([result.ok, result.resolved.map(({ id, accepted }) => [id, accepted.title])], [true, [["a", titles[0]]]]);
          assert.equal((await one.sync()).ok, true);
          await assertSame(scene, titles);
        });
      }

      test("with a deletion is resolved by hand: mine lives on both sides", async (t) => {
        const scene = await conflict(t, (device) => device.delete("a"));
        const { one, two } = scene;
        const { conflicts } = await two.sync();
        assert.deepEqual(conflicts.map(({ local, remote }) => [local.title, remote.deleted]), [["second", true]]);
        // Kinto.js uploads the resolved record with the version of the tombstone, which Kinto refuses. With client_wins it succeeds.
        await two.resolve(conflicts[0], conflicts[0].local);
        assert.equal((await two.sync({ strategy: "client_wins" })).ok, true);
        assert.equal((await one.sync()).ok, true);
        await assertSame(scene, ["second"]);
      });
    });
  }

  test("both at once, in turns, agree in the end", async (t) => {
    const scene = await beside(t);
    const { here, there } = scene;
    await here.createAll(["a", "b"]);
    await there.createAll(["c", "d"]);
    for (let n = 0; n < 3; n += 1) {
      const results = await Promise.all([here.sync({ strategy: "server_wins" }), there.sync({ strategy: "server_wins" })]);
      assert.deepEqual(results.map(({ ok, errors }) => [ok, errors]), [[true, []], [true, []]]);
      await here.update({ id: "a", title: `a${n}` });
      await there.update({ id: "c", title: `c${n}` });
    }
    for (const device of [here, there, here, there]) await device.sync({ strategy: "server_wins" });
    await assertSame(scene, ["a2", "b", "c2", "d"]);
  });
});

describe("both in one page", SIDE_BY_SIDE, () => {
  test("have databases of their own, and meet on the server only", async (t) => {
    const scene = await stage(t);
    const { here, server, account } = scene;
    const beside = await Device.open(pages.phone, { remote: KINTO_URL, ...account }, { library: "Kinto.js" });
    await here.createAll(["a"]);
    await beside.createAll(["b"]);
    assert.deepEqual([await here.titles(), await beside.titles()], [["a"], ["b"]]);
    for (const device of [here, beside, here]) assert.equal((await device.sync()).ok, true);
    await assertSame({ here, there: beside, server }, ["a", "b"]);
  });
});

describe("the same sync, done by both", SIDE_BY_SIDE, () => {
  /** Asserts that the syncs of both libraries report the same and leave the same records, for the same history. Timestamps are ignored. */
  async function compare(t, history, strategy, parts) {
    const told = [];
    for (const library of ["essaim", "Kinto.js"]) {
      const { server, proxy, account } = await stage(t);
      const device = await Device.open(pages.phone, { remote: proxy.url, ...account }, { library });
      await server.put("other", { title: "other" });
      await history({ device, server, proxy });
      const result = await device.sync({ strategy });
      const all = { lists: lists(result), ok: result.ok, here: await device.records(), there: await server.records() };
      told.push(Object.fromEntries(parts.map((part) => [part, comparable(all[part])])));
    }
    assert.deepEqual(told[0], told[1]);
  }

  /** Returns a value without its differences: as the losing side, Kinto.js lists the record that it sent, and essaim the stored record with its status. */
  function comparable(value) {
    return JSON.parse(JSON.stringify(value, (key, member) => {
      if (key === "last_modified") return member ? "a time" : undefined;
      if (key === "local" || key === "rejected") return member && { ...member, _status: undefined };
      return Array.isArray(member) ? member.toSorted((a, b) => (a.id < b.id ? -1 : 1)) : member;
    }));
  }

  /** Histories and strategies for which the lists intentionally differ from those of Kinto.js. The records on both sides are the same. */
  const DIFFERENT_LISTS = {
    "deleted on both sides": ["manual", "client_wins", "server_wins"], // Kinto.js sends its deletion although the record is gone
    "deleted here and there during the push": ["manual", "client_wins", "server_wins"], // Kinto.js lists the 404 as published
    "changed on both sides": ["client_wins"], // Kinto.js sends the resolved record twice, and then lists a conflict with itself
    "changed here, deleted there": ["client_wins"], // the same
  };
  /** Histories and strategies for which Kinto.js leaves the deleted record in its database. */
  const GHOSTS = { "changed here, deleted there": ["server_wins"] };

  const HISTORIES = {
    "new on both sides": async ({ device, server }) => {
      await device.createAll(["a"]);
      await server.put("b", { title: "b" });
    },
    "changed there": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await server.put("a", { title: "A" });
    },
    "deleted there": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await server.remove("a");
    },
    "changed here": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.update({ id: "a", title: "A" });
    },
    "deleted here": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.delete("a");
    },
    "deleted on both sides": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.delete("a");
      await server.remove("a");
    },
    "made the same on both sides": async ({ device, server }) => {
      await device.createAll(["a"]);
      await server.put("a", { title: "a" });
    },
    "changed on both sides": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.update({ id: "a", title: "mine" });
      await server.put("a", { title: "theirs" });
    },
    "changed here, deleted there": async ({ device, server }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.update({ id: "a", title: "mine" });
      await server.remove("a");
    },
    "changed there during the push": async ({ device, server, proxy }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.update({ id: "a", title: "mine" });
      proxy.before("POST /batch", () => server.put("a", { title: "theirs" }));
    },
    "deleted there during the push": async ({ device, server, proxy }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.update({ id: "a", title: "mine" });
      proxy.before("POST /batch", () => server.remove("a"));
    },
    "deleted here and there during the push": async ({ device, server, proxy }) => {
      await server.put("a", { title: "a" });
      await device.sync();
      await device.delete("a");
      proxy.before("POST /batch", () => server.remove("a"));
    },
    "made there during the push": async ({ device, server, proxy }) => {
      await device.sync();
      await device.createAll(["a"], () => ({ title: "mine" }));
      proxy.before("POST /batch", () => server.put("a", { title: "theirs" }));
    },
    "made and deleted there": async ({ device, server }) => {
      await device.sync();
      await server.put("a", { title: "a" });
      await server.remove("a");
    },
  };
  for (const [title, history] of Object.entries(HISTORIES)) {
    // The strategy matters only if the record was changed on both sides.
    const decides = /both|here, deleted there|the push/.test(title);
    for (const strategy of decides ? ["manual", "client_wins", "server_wins", "pull_only"] : ["manual"]) {
      let parts = ["ok", "lists", "here", "there"];
      if (DIFFERENT_LISTS[title]?.includes(strategy)) parts = ["ok", "here", "there"];
      if (GHOSTS[title]?.includes(strategy)) parts = ["ok", "there"];
      test(`${title}, ${strategy}`, (t) => compare(t, history, strategy, parts));
    }
  }
});
