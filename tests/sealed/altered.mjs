// A server that changes pages: their bits, their places, their labels, their dates.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAlarm, assertFailure, assertHeals, assertTogether } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { change, exchange, flip, pageId, PARTS, replay, show } from "./lies.mjs";

/** `here` knows three pages and has an unsynced edit; `there` has written two more pages. */
async function behind(t) {
  const scene = await withJournal(t, [1, 2, 3]);
  await scene.there.publish(4, 5);
  await scene.here.edit(1, "Mine was the better half.");
  scene.records = await scene.server.records();
  scene.page = (position) => scene.records.find(({ id }) => id === pageId(position));
  return scene;
}

/** Asserts that a page altered by `alter` raises the alarm `tampered`, and that the evidence has the page as the server showed it. */
async function assertTampered(scene, position, alter) {
  change(scene.proxy, pageId(position), alter);
  const { ct } = alter(scene.page(position));
  await assertAlarm(scene, "tampered", { position, record: typeof ct === "string" ? new RegExp(ct.slice(0, 64)) : /./ });
  await assertHeals(scene);
}

describe("bits", SIDE_BY_SIDE, () => {
  for (const [part, at] of Object.entries(PARTS)) {
    test(`one flipped in the ${part} of the next page`, async (t) => {
      await assertTampered(await behind(t), 4, ({ ct }) => ({ ct: flip(ct, at) }));
    });

    test(`one flipped in the ${part} of the known head`, async (t) => {
      await assertTampered(await behind(t), 3, ({ ct }) => ({ ct: flip(ct, at) }));
    });
  }

  const TEXTS = {
    "cut by one byte": (ct) => Buffer.from(ct, "base64url").subarray(0, -1).toString("base64url"),
    "cut down to its header": (ct) => Buffer.from(ct, "base64url").subarray(0, 56).toString("base64url"),
    "a byte longer": (ct) => Buffer.concat([Buffer.from(ct, "base64url"), Buffer.of(0)]).toString("base64url"),
    "twice the same": (ct) => Buffer.concat([Buffer.from(ct, "base64url"), Buffer.from(ct, "base64url")]).toString("base64url"),
    "nothing": () => "",
    "no base64url": (ct) => `${ct.slice(0, -4)}+/==`,
    "a number": () => 42,
    "an object": () => ({ ct: "AAAA" }),
  };
  for (const [what, alter] of Object.entries(TEXTS)) {
    test(`the sealed text is ${what}`, async (t) => {
      await assertTampered(await behind(t), 4, ({ ct }) => ({ ct: alter(ct) }));
    });
  }
});

describe("places", SIDE_BY_SIDE, () => {
  test("an old page replayed after the last one", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    replay(scene.proxy, await scene.server.records(), { from: 2, as: 4 });
    await scene.here.edit(1, "Mine was the better half.");
    await assertAlarm(scene, "tampered", { position: 4 });
    await assertHeals(scene);
  });

  test("an old page replayed in the place of the next one", async (t) => {
    const scene = await behind(t);
    replay(scene.proxy, scene.records, { from: 2, as: 4 });
    await assertAlarm(scene, "tampered", { position: 4 });
    await assertHeals(scene);
  });

  test("an old page replayed in the place of the head", async (t) => {
    const scene = await behind(t);
    replay(scene.proxy, scene.records, { from: 1, as: 3 });
    await assertAlarm(scene, "tampered", { position: 3 });
    await assertHeals(scene);
  });

  test("two pages in each other's place", async (t) => {
    const scene = await behind(t);
    exchange(scene.proxy, scene.page(4), scene.page(5));
    await assertAlarm(scene, "tampered", { position: 4 });
    await assertHeals(scene);
  });

  test("a page of another collection with the same key", async (t) => {
    const scene = await behind(t);
    const other = scene.there.kinto.collection("letters", { key: scene.key });
    for (const id of [1, 2, 3, 4]) {
      await other.create(entry(id), { useRecordId: true });
      await other.sync();
    }
    const name = (await scene.server.collections()).find((name) => name !== scene.server.collection);
    const foreign = (await scene.server.of(name).records()).find(({ id }) => id === pageId(4));
    change(scene.proxy, pageId(4), () => ({ ct: foreign.ct }));
    await assertAlarm(scene, "tampered", { position: 4 });
    await assertHeals(scene);
  });

  test("the order of a list is of no importance", async (t) => {
    const scene = await behind(t);
    show(scene.proxy, (records) => records.toReversed());
    const result = await scene.here.sync().catch((error) => error);
    // If the list is in reverse order and has several pages, the device does not find the head. That is an alarm, and does no harm.
    assert.ok(result.ok || ["omission", "rollback"].includes(result.code), result.stack);
    await assertHeals(scene);
  });
});

describe("labels", SIDE_BY_SIDE, () => {
  test("a later version is no accusation", async (t) => {
    const scene = await behind(t);
    change(scene.proxy, pageId(4), () => ({ v: 2 }));
    const error = await assertFailure(scene, "upgrade_required");
    assert.deepEqual(error.data, { found: 2, known: 1 });
    await assertHeals(scene);
  });

  test("a later epoch is none either", async (t) => {
    const scene = await behind(t);
    change(scene.proxy, pageId(4), () => ({ e: 2 }));
    const error = await assertFailure(scene, "no_key");
    assert.deepEqual(error.data, { epoch: 2 });
    await assertHeals(scene);
  });

  for (const [what, labels] of Object.entries({ "no version": { v: undefined }, "a version as text": { v: "1" }, "a broken version": { v: 1.5 }, "no epoch": { e: undefined } })) {
    test(`${what} is nothing that any essaim writes`, async (t) => {
      await assertTampered(await behind(t), 4, ({ ct }) => ({ ct, ...labels }));
    });
  }

  test("what else is in a record is ignored, and so are other records", async (t) => {
    const scene = await behind(t);
    const strange = [
      '{"id":"p4","v":1,"e":1,"ct":"AAAA","last_modified":1}',
      '{"id":"p000000000000","v":1,"e":1,"ct":"AAAA","last_modified":2}',
      '{"id":"s-short","v":1,"e":1,"ct":"AAAA","last_modified":3}',
      '{"id":"__proto__","__proto__":{"ok":false},"v":1,"last_modified":4}',
      `{"id":"s-${"A".repeat(22)}","v":1,"e":1,"ct":"AAAA","last_modified":5}`,
    ];
    scene.proxy.rule("GET /records", async (_, pass) => {
      const given = await pass();
      const data = JSON.parse(given.body).data.map((record) => JSON.stringify({ ...record, k: "snapshot", prev: "AAAA", deleted: false, nested: { v: 2 } }));
      return { ...given, body: `{"data":[${[...data, ...strange].join(",")}]}` };
    });
    assert.equal((await scene.here.sync()).ok, true);
    await assertTogether({ ...scene, another: () => scene.another(scene.proxy.url) });
    await assertHeals(scene);
  });
});

describe("dates", SIDE_BY_SIDE, () => {
  const DATES = { zero: 0, "the far future": 2 ** 53 - 1, negative: -5, "a text": "yesterday", "nothing": undefined, "beyond what is exact": 1e300 };
  for (const [what, date] of Object.entries(DATES)) {
    test(`${what} on every record steers no merge`, async (t) => {
      const scene = await behind(t);
      show(scene.proxy, (records) => records.map((record) => ({ ...record, last_modified: date })));
      const before = (await scene.here.record("cake-1")).confession;
      for (let sync = 0; sync < 2; sync++) {
        const result = await scene.here.sync().catch((error) => error);
        assert.ok(result.ok || ["omission", "rollback"].includes(result.code), result.stack);
      }
      assert.equal((await scene.here.record("cake-1")).confession, before);
      await assertHeals(scene);
    });
  }
});
