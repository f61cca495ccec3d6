// A server that does not show everything: it leaves pages out, shows tombstones instead of them, or cuts lists off.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAlarm, assertEvidence, assertFailure, assertHeals, HASH } from "./alarms.mjs";
import { SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { bury, hide, pageId, show } from "./lies.mjs";

/** `here` knows three pages and has an unsynced edit; `there` has written three more pages. */
async function behind(t) {
  const scene = await withJournal(t, [1, 2, 3]);
  await scene.there.publish(4, 5, 6);
  await scene.here.edit(1, "Mine was the better half.");
  return scene;
}

describe("what is hidden", SIDE_BY_SIDE, () => {
  for (const [way, lie] of Object.entries({ "left out": hide, "shown as a tombstone": bury })) {
    test(`a page ${way} between others is an omission`, async (t) => {
      const scene = await behind(t);
      lie(scene.proxy, pageId(5));
      await assertAlarm(scene, "omission", { position: 5, learns: ["cake-4"] });
      await assertHeals(scene);
    });

    test(`the next page ${way} is an omission`, async (t) => {
      const scene = await behind(t);
      lie(scene.proxy, pageId(4));
      await assertAlarm(scene, "omission", { position: 4 });
      await assertHeals(scene);
    });

    test(`the known head ${way} is a rollback`, async (t) => {
      const scene = await withJournal(t);
      await scene.here.edit(1, "Mine was the better half.");
      const { hash, position } = await scene.here.head();
      lie(scene.proxy, pageId(position));
      await assertAlarm(scene, "rollback", { position, expected: hash, found: null });
      await assertHeals(scene);
    });

    test(`the newest page ${way} is not missed until something is sent, and then it is an omission`, async (t) => {
      const scene = await withJournal(t);
      await scene.there.publish(4);
      lie(scene.proxy, pageId(4));
      assert.equal((await scene.here.sync()).ok, true);
      await scene.here.edit(1, "Mine was the better half.");
      const before = await scene.here.state();
      const error = await scene.here.failure();
      assert.equal(error.code, "omission");
      assertEvidence(scene, error.data.evidence, { position: 4 });
      assert.deepEqual(await scene.here.state(), before);
      await assertHeals(scene);
    });

    test(`a page ${way} is an omission for a new device too`, async (t) => {
      const scene = await withJournal(t);
      const { here: known, another, proxy } = scene;
      lie(proxy, pageId(2));
      scene.here = another(proxy.url);
      await assertAlarm(scene, "omission", { position: 2, learns: ["cake-1"] });
      await assertHeals({ ...scene, others: [known] });
    });
  }

  test("a tombstone with a record's id deletes nothing", async (t) => {
    const scene = await behind(t);
    show(scene.proxy, (records) => [{ id: "cake-2", deleted: true, last_modified: Date.now() }, ...records]);
    assert.equal((await scene.here.sync()).ok, true);
    assert.deepEqual((await scene.here.records()).map(({ id }) => id), [1, 2, 3, 4, 5, 6].map((id) => `cake-${id}`));
    await assertHeals(scene);
  });

  test("a page shown as if a snapshot had emptied it is an omission", async (t) => {
    const scene = await behind(t);
    show(scene.proxy, (records) => records.map(({ ct, e, ...record }) => (record.id === pageId(5) ? record : { ...record, ct, e })));
    await assertAlarm(scene, "omission", { position: 5, learns: ["cake-4"] });
    await assertHeals(scene);
  });

  test("an empty list is a rollback", async (t) => {
    const scene = await behind(t);
    const { position, hash } = await scene.here.head();
    show(scene.proxy, () => []);
    await assertAlarm(scene, "rollback", { position, expected: hash });
    await assertHeals(scene);
  });
});

describe("lists cut off", SIDE_BY_SIDE, () => {
  test("in the middle of their text, they are no answer", async (t) => {
    const scene = await behind(t);
    scene.proxy.rule("GET /records", async (_, pass) => {
      const given = await pass();
      return { ...given, body: given.body.slice(0, -20) };
    });
    await assertFailure(scene, "bad_response");
    await assertHeals(scene);
  });

  // A journal that is cut off looks like an older state, which does no harm: the server refuses an append at a position that exists, and so the
  // device learns that there is more.
  test("without the address of the next page, they are read on from where they end", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    const { here, there, proxy } = scene;
    await there.publish(...Array.from({ length: 12 }, (_, n) => n + 4));
    await here.edit(1, "Mine was the better half.");
    proxy.rule("GET /records", async (_, pass) => {
      const { headers: { "next-page": _next, ...headers }, ...given } = await pass();
      return { ...given, headers };
    });
    assert.equal((await here.sync()).ok, true);
    assert.equal((await here.records()).length, 15);
    await assertHeals(scene);
  });

  test("to half of each, they are an omission", async (t) => {
    const scene = await behind(t);
    show(scene.proxy, (records) => records.filter((_, index) => index % 2 === 0));
    const error = await scene.here.failure();
    assert.ok(["omission", "rollback"].includes(error.code), error.stack);
    assertEvidence(scene, error.data.evidence);
    assert.deepEqual(await scene.here.unsynced(), ["cake-1"]);
    await assertHeals(scene);
  });
});
