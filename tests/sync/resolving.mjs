// `resolve()`: decisions about conflicts, and how they reach the other side.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SIDE_BY_SIDE, stage } from "./devices.mjs";

const synced = (record) => ({ ...record, _status: "synced" });

/** The record `r` is edited offline in both profiles, and `there` syncs first. Returns the conflict that `here` gets. */
async function offlineEdits(t, { theirs = async (there) => there.update({ id: "r", title: "theirs", theirs: true }) } = {}) {
  const scene = await stage(t);
  const { here, there } = scene;
  await there.create({ id: "r", title: "original" });
  await there.sync();
  await here.sync();
  await theirs(there);
  await here.update({ id: "r", title: "mine", mine: true });
  await there.sync();
  const { ok, conflicts } = await here.sync();
  assert.deepEqual([ok, conflicts.length], [false, 1]);
  return { ...scene, conflict: conflicts[0] };
}

const theirDeletion = { theirs: (there) => there.delete("r") };

/** Syncs here, then there. Asserts that neither gets a conflict, and that both and the server have one record with `title`, or none if it is undefined. */
async function assertAgreed({ here, there, server }, title) {
  for (const device of [here, there]) assert.deepEqual({ ...(await device.sync()), lastModified: 0 }.conflicts, []);
  const titles = title === undefined ? [] : [title];
  assert.deepEqual([await here.titles(), await there.titles(), await server.titles()], [titles, titles, titles]);
  assert.deepEqual([await here.unsynced(), await there.unsynced()], [[], []]);
  assert.deepEqual(await here.records(), (await server.records()).map(synced));
}

describe("two edits", SIDE_BY_SIDE, () => {
  test("an open conflict is met again by every sync, and stays as it is", async (t) => {
    const { here, there, conflict } = await offlineEdits(t);
    for (let n = 0; n < 2; n += 1) assert.deepEqual((await here.sync()).conflicts, [conflict]);
    assert.deepEqual([(await here.record("r")).title, (await there.record("r")).title], ["mine", "theirs"]);
  });

  test("mine", async (t) => {
    const scene = await offlineEdits(t);
    const { conflict, here } = scene;
    const record = await here.resolve(conflict, conflict.local);
    assert.deepEqual(record, { id: "r", title: "mine", mine: true, last_modified: conflict.remote.last_modified, _status: "updated" });
    await assertAgreed(scene, "mine");
  });

  test("theirs", async (t) => {
    const scene = await offlineEdits(t);
    const { conflict, here, proxy } = scene;
    assert.deepEqual(await here.resolve(conflict, conflict.remote), synced(conflict.remote));
    await assertAgreed(scene, "theirs");
    assert.deepEqual(proxy.take("POST /batch"), []);
  });

  test("both, merged", async (t) => {
    const scene = await offlineEdits(t);
    const { conflict, here, there } = scene;
    await here.resolve(conflict, { ...conflict.remote, ...conflict.local, title: "both" });
    await assertAgreed(scene, "both");
    const { mine, theirs } = await there.record("r");
    assert.deepEqual([mine, theirs], [true, true]);
  });

  test("neither: null deletes it on both sides", async (t) => {
    const scene = await offlineEdits(t);
    await scene.here.resolve(scene.conflict, null);
    await assertAgreed(scene, undefined);
  });

  test("a sync with another strategy decides an open conflict", async (t) => {
    for (const [strategy, title] of [["client_wins", "mine"], ["server_wins", "theirs"]]) {
      const scene = await offlineEdits(t);
      const result = await scene.here.sync({ strategy });
      assert.deepEqual([result.ok, (await scene.here.record("r")).title], [true, title], strategy);
      await assertAgreed(scene, title);
    }
  });

  test("pull_only takes theirs, with what only mine has", async (t) => {
    const { here, server } = await offlineEdits(t);
    assert.equal((await here.sync({ strategy: "pull_only" })).ok, true);
    assert.deepEqual(await here.record("r"), { ...synced(await server.record("r")), mine: true });
    assert.deepEqual([await here.unsynced(), (await here.sync()).ok], [[], true]);
  });

  test("a decision that the server overtakes is a conflict again", async (t) => {
    const scene = await offlineEdits(t);
    const { conflict, here, server } = scene;
    await here.resolve(conflict, conflict.local);
    const theirs = await server.put("r", { title: "theirs again" });
    const [again] = (await here.sync()).conflicts;
    assert.deepEqual([again.local.title, again.remote], ["mine", theirs]);
    await here.resolve(again, again.local);
    await assertAgreed(scene, "mine");
  });
});

describe("an edit here, a deletion there", SIDE_BY_SIDE, () => {
  test("mine makes it again", async (t) => {
    const scene = await offlineEdits(t, theirDeletion);
    assert.equal(scene.conflict.remote.deleted, true);
    await scene.here.resolve(scene.conflict, scene.conflict.local);
    await assertAgreed(scene, "mine");
  });

  test("theirs deletes it here, and leaves no ghost", async (t) => {
    const scene = await offlineEdits(t, theirDeletion);
    await scene.here.resolve(scene.conflict, scene.conflict.remote);
    assert.deepEqual(await scene.here.titles(), []);
    await assertAgreed(scene, undefined);
    assert.equal(await scene.here.record("r"), undefined);
  });
});

describe("a conflict that the push met", SIDE_BY_SIDE, () => {
  async function outgoing(t, change) {
    const scene = await stage(t);
    const { server, proxy, here, there } = scene;
    await server.put("r", { title: "original" });
    await there.sync();
    await here.sync();
    await here.update({ id: "r", title: "mine" });
    proxy.before("POST /batch", () => change(server));
    const { conflicts } = await here.sync();
    assert.deepEqual(conflicts.map(({ type }) => type), ["outgoing"]);
    return { ...scene, conflict: conflicts[0] };
  }

  for (const [choice, title] of [["local", "mine"], ["remote", "theirs"]]) {
    test(`is resolved in the same way: ${title}`, async (t) => {
      const scene = await outgoing(t, (server) => server.put("r", { title: "theirs" }));
      await scene.here.resolve(scene.conflict, scene.conflict[choice]);
      await assertAgreed(scene, title);
    });
  }

  for (const [choice, title] of [["local", "mine"], ["remote", undefined]]) {
    test(`with a record that was deleted there is resolved in the same way: ${title ?? "deleted"}`, async (t) => {
      const scene = await outgoing(t, (server) => server.remove("r"));
      await scene.here.resolve(scene.conflict, scene.conflict[choice]);
      await assertAgreed(scene, title);
    });
  }

  test("with nothing on the server is resolved with null, as apps written for Kinto.js do", async (t) => {
    const scene = await outgoing(t, (server) => server.remove("r"));
    await scene.here.resolve({ ...scene.conflict, remote: null }, null);
    await assertAgreed(scene, undefined);
  });

  test("a deletion here against an edit there, mine", async (t) => {
    const scene = await stage(t);
    const { server, here } = scene;
    await server.put("r", { title: "original" });
    await here.sync();
    await here.delete("r");
    await server.put("r", { title: "theirs" });
    const [conflict] = (await here.sync()).conflicts;
    await here.resolve(conflict, conflict.local);
    await assertAgreed(scene, undefined);
  });

  test("a deletion here against an edit there, theirs", async (t) => {
    const scene = await stage(t);
    const { server, here } = scene;
    await server.put("r", { title: "original" });
    await here.sync();
    await here.delete("r");
    await server.put("r", { title: "theirs" });
    const [conflict] = (await here.sync()).conflicts;
    await here.resolve(conflict, conflict.remote);
    await assertAgreed(scene, "theirs");
  });
});
