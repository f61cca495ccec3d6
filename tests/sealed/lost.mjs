// A server that lost data, or pretends that it did: it shows an earlier state, was emptied, or was restored from a backup.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { startKinto } from "../sync/second-kinto.mjs";
import { assertAlarm, assertFailure, assertHeals, assertRepairs, assertTogether, HASH, keepAll } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { turnBack } from "./lies.mjs";

/** `backup` holds the rows of the server when it had three pages. Since then both devices have written, so each knows changes that are not in it. */
async function withBackup(t, options) {
  const scene = await withJournal(t, [1, 2, 3], options);
  const { here, there, server } = scene;
  scene.backup = await server.records();
  await there.publish(4);
  await there.edit(1, "It was half a cake.");
  await there.delete("cake-2");
  await there.sync();
  await here.sync();
  await here.create(entry(5));
  await there.publish(6);
  return scene;
}

/** Asserts that the changes of both devices are there. */
async function assertAllThere({ there }) {
  const records = await there.records();
  assert.deepEqual(records.map(({ id }) => id), ["cake-1", "cake-3", "cake-4", "cake-5", "cake-6"]);
  assert.equal(records[0].confession, "It was half a cake.");
}

describe("an earlier state is shown", SIDE_BY_SIDE, () => {
  test("it is a rollback, and over when the truth is told again", async (t) => {
    const scene = await withBackup(t);
    const { position, hash } = await scene.here.head();
    turnBack(scene.proxy, scene.backup);
    await assertAlarm(scene, "rollback", { position, expected: hash, found: null });
    await assertHeals(scene);
    await assertAllThere(scene);
  });

  test("it is a rollback too where nothing is left of it", async (t) => {
    const scene = await withBackup(t);
    turnBack(scene.proxy, []);
    await assertAlarm(scene, "rollback");
    await assertHeals(scene);
  });

  // A new device cannot detect this, except by comparing its `head()` with that of another device.
  test("a new device believes it, until it is shown the truth", async (t) => {
    const scene = await withBackup(t);
    turnBack(scene.proxy, scene.backup);
    const { here: known, another, proxy } = scene;
    scene.here = another(proxy.url);
    assert.equal((await scene.here.sync()).ok, true);
    assert.notDeepEqual(await scene.here.head(), await known.head());
    await assertHeals({ ...scene, others: [known] });
    await assertAllThere(scene);
  });
});

/** Ways in which a user can empty a collection, and the error that devices then get. `bucket`: the collection is not in the default bucket. */
const EMPTIED = {
  "its records are deleted": { empty: ({ server }) => server.removeRecords(), code: "rollback" },
  "its collection is deleted, in a bucket that makes it anew": { empty: ({ server }) => server.removeCollection(), code: "rollback" },
  "its collection is deleted, in a bucket that does not": { empty: ({ server }) => server.removeCollection(), code: "server_lost", bucket: true },
};

describe("a journal that is gone", SIDE_BY_SIDE, () => {
  for (const [way, { empty, code, bucket }] of Object.entries(EMPTIED)) {
    test(`${way}: nothing is sent there until it is repaired`, async (t) => {
      const scene = await withBackup(t, bucket ? { bucket: `b-${randomUUID()}` } : {});
      const { here, there } = scene;
      await empty(scene);
      if (code === "rollback") await assertAlarm(scene, "rollback");
      else assert.equal((await assertFailure(scene, code)).data.url, scene.url);
      await assertRepairs(scene, { alarms: [[here, [code]], [there, ["fork", "rollback"]]] });
      await assertAllThere(scene);
    });
  }
});

describe("restored from a backup", SIDE_BY_SIDE, () => {
  test("it is a rollback, and repair() brings it up to date, with what each device knows", async (t) => {
    const scene = await withBackup(t);
    const { here, there, server, backup } = scene;
    const { position, hash } = await here.head();
    await server.restore(backup);
    await assertAlarm(scene, "rollback", { position, expected: hash });
    await assertRepairs(scene, { alarms: [[here, ["rollback"]], [there, ["fork"]]] });
    await assertAllThere(scene);
  });

  test("used by a new device before anybody noticed, it is a fork, and nothing is lost on either side", async (t) => {
    const scene = await withBackup(t);
    const { here, there, server, backup, another } = scene;
    await server.restore(backup);
    const newcomer = another();
    await newcomer.create(entry(7));
    await newcomer.sync();
    await newcomer.publish(8, 9);
    await assertAlarm(scene, "fork", { expected: HASH, found: HASH });
    await assertRepairs({ ...scene, others: [newcomer] }, { alarms: [[here, ["fork"]], [there, ["fork", "rollback"]]] });
    const ids = (await there.records()).map(({ id }) => id);
    assert.deepEqual(ids, ["cake-1", "cake-3", "cake-4", "cake-5", "cake-6", "cake-7", "cake-8", "cake-9"]);
  });

  test("after a snapshot was written, its emptied pages come back to no harm", async (t) => {
    const scene = await withBackup(t);
    const { here, there, server, backup } = scene;
    // repair() ends with a snapshot, even if there is nothing to repair.
    await there.call("repair");
    await here.sync();
    await server.restore(backup);
    await assertAlarm(scene, "rollback");
    await assertRepairs(scene, { alarms: [[here, ["rollback"]], [there, ["fork"]]] });
    await assertAllThere(scene);
  });

  test("edits of both sides meet as ever: what differs is a conflict", async (t) => {
    const scene = await withBackup(t);
    const { here, there, server, backup } = scene;
    await here.edit(3, "Cherry, by me.");
    await there.edit(3, "Cherry, by them.");
    await server.restore(backup);
    await assertAlarm(scene, "rollback");
    await here.call("repair");
    assert.equal((await there.failure()).code, "fork");
    const result = await there.call("repair");
    const conflicts = result.conflicts.filter(({ local }) => local);
    await keepAll(there, result.conflicts.filter(({ local }) => !local));
    assert.deepEqual(conflicts.map(({ type, local, remote }) => [type, local.confession, remote.confession]), [["incoming", "Cherry, by them.", "Cherry, by me."]]);
    await there.resolve(conflicts[0], { ...conflicts[0].local, confession: "Cherry, by both." });
    await assertTogether(scene);
    assert.equal((await here.record("cake-3")).confession, "Cherry, by both.");
  });
});

// These tests run one after the other, because a flush empties the server for all tests.
describe("a server that was flushed", () => {
  let second;
  before(async () => (second = await startKinto()));
  after(() => second.stop());

  test("noticed before anything is sent; the first to repair it brings back what it knows, the others the rest", async (t) => {
    const scene = await withBackup(t, { root: second.url });
    const { here, there, server } = scene;
    await server.flush();
    await assertAlarm(scene, "rollback");
    await assertRepairs(scene, { alarms: [[here, ["rollback"]], [there, ["fork", "rollback"]]] });
    await assertAllThere(scene);
  });

  test("a named bucket is gone with it, and has to be made again by who may", async (t) => {
    const scene = await withBackup(t, { root: second.url, bucket: "family" });
    const { here, there, server } = scene;
    await server.flush();
    // Kinto answers 403 and not 404 to users without access, so that they cannot learn whether the collection exists.
    await assertFailure(scene, "forbidden");
    await server.createBucket();
    await assertFailure(scene, "server_lost");
    await assertRepairs(scene, { alarms: [[here, ["server_lost"]], [there, ["fork", "rollback"]]] });
    await assertAllThere(scene);
  });
});
