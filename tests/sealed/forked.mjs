// A server that shows two devices different histories, and then tries to show both of them one history again.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Server } from "../sync/server.mjs";
import { assertAlarm, assertHeals, assertRepairs, HASH } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { lead } from "./lies.mjs";

/** Forks the journal: from now on `here` syncs with a byte-for-byte copy of it. */
async function forked(t) {
  const scene = await withJournal(t, [1, 2, 3]);
  const { server, proxy } = scene;
  scene.copy = new Server({ collection: server.collection });
  for (const { last_modified, ...record } of await server.records()) await scene.copy.put(record.id, record, { lastModified: last_modified });
  lead(proxy, scene.copy.headers);
  return scene;
}

/** Ends the fork: both devices sync with the journal that `there` has. */
const join = ({ proxy }) => proxy.behave();

describe("a fork", SIDE_BY_SIDE, () => {
  test("nobody sees it as long as it lasts, but the heads differ", async (t) => {
    const { here, there, copy, server } = await forked(t);
    await here.publish(4);
    await there.publish(5);
    for (const device of [here, there]) assert.equal((await device.sync()).ok, true);
    const [one, other] = [await here.head(), await there.head()];
    assert.equal(one.position, other.position);
    assert.notDeepEqual(one.words, other.words);
    assert.deepEqual([(await copy.records()).length, (await server.records()).length], [4, 4]);
  });

  test("joined, it is found, and nothing of either side is lost", async (t) => {
    const scene = await forked(t);
    const { here, there } = scene;
    await here.publish(4);
    await there.publish(5);
    await here.create(entry(6));
    const { position, hash } = await here.head();
    join(scene);
    await assertAlarm(scene, "fork", { position, expected: hash, found: HASH });
    await assertRepairs(scene, { alarms: [[here, ["fork"]]], expected: [1, 2, 3, 4, 5, 6].map((id) => `cake-${id}`) });
  });

  test("joined where the other side is longer, it is found", async (t) => {
    const scene = await forked(t);
    const { here, there } = scene;
    await here.publish(4);
    await there.publish(5, 6, 7, 8, 9);
    join(scene);
    await assertAlarm(scene, "fork", { position: 4 });
    await assertRepairs(scene, { alarms: [[here, ["fork"]]], expected: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => `cake-${id}`) });
  });

  test("joined where the other side is shorter, it is found", async (t) => {
    const scene = await forked(t);
    const { here, there } = scene;
    await here.publish(4, 5, 6);
    await there.publish(7);
    join(scene);
    await assertAlarm(scene, "fork", { position: 4, expected: HASH, found: HASH });
    await assertRepairs(scene, { alarms: [[here, ["fork"]]], expected: [1, 2, 3, 4, 5, 6, 7].map((id) => `cake-${id}`) });
  });

  test("joined where the other side stood still, it is a rollback", async (t) => {
    const scene = await forked(t);
    const { here } = scene;
    await here.publish(4, 5);
    join(scene);
    await assertAlarm(scene, "rollback", { position: 5, expected: (await here.head()).hash });
    await assertRepairs(scene, { alarms: [[here, ["rollback"]]], expected: [1, 2, 3, 4, 5].map((id) => `cake-${id}`) });
  });

  test("joined behind a snapshot, it is found in what that covers", async (t) => {
    const scene = await forked(t);
    const { here, there } = scene;
    await here.publish(4);
    await there.publish(5, 6);
    await there.call("repair"); // a repair ends with a snapshot
    await there.publish(7);
    join(scene);
    await assertAlarm(scene, "fork", { position: 4, expected: HASH, found: HASH });
    await assertRepairs(scene, { alarms: [[here, ["fork"]]], expected: [1, 2, 3, 4, 5, 6, 7].map((id) => `cake-${id}`) });
  });

  test("joined while one side has only slept, it was nothing but a stale view", async (t) => {
    const scene = await forked(t);
    await scene.there.publish(4, 5);
    assert.equal((await scene.here.sync()).ok, true);
    await scene.here.create(entry(6));
    await assertHeals(scene);
  });

  test("edits of one record on both sides are a conflict, not a loss", async (t) => {
    const scene = await forked(t);
    const { here, there } = scene;
    await here.edit(1, "Apple, by me.");
    await here.sync();
    await there.edit(1, "Apple, by them.");
    await there.sync();
    join(scene);
    await assertAlarm(scene, "fork");
    const { conflicts } = await here.call("repair");
    assert.deepEqual(conflicts.map(({ local, remote }) => [local.confession, remote.confession]), [["Apple, by me.", "Apple, by them."]]);
    await here.resolve(conflicts[0], conflicts[0].local);
    await assertHeals(scene);
    assert.equal((await there.record("cake-1")).confession, "Apple, by me.");
  });
});
