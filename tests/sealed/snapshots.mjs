// Snapshots, and a server that lies about them: missing, swapped and changed segments, and appends that the server did not store.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answer } from "../sync/proxy.mjs";
import { assertAlarm, assertHeals, assertRepairs, assertTogether } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, stage, withJournal } from "./devices.mjs";
import { bury, change, exchange, flip, hide, pageId, PARTS } from "./lies.mjs";

/** Makes a journal with a snapshot of 270 KB in two segments. `here` is then a new device; `known` is a device from before the snapshot. */
async function withSegments(t) {
  const scene = await withJournal(t, [1, 2, 3]);
  const { here: known, there, another, proxy, server } = scene;
  for (const id of [4, 5, 6]) await there.create({ ...entry(id), confession: String(id).repeat(90_000) });
  await there.sync();
  await there.call("repair"); // a repair ends with a snapshot
  const records = await server.records();
  const segments = records.filter(({ id, ct }) => id.startsWith("s-") && ct);
  const { position } = await there.head();
  return { ...scene, known, here: another(proxy.url), others: [known], segments, records, position };
}

describe("a snapshot", SIDE_BY_SIDE, () => {
  test("leaves itself and its segments, and pages with nothing in them", async (t) => {
    const { segments, records, position } = await withSegments(t);
    assert.equal(segments.length, 2);
    assert.deepEqual(records.filter(({ id, ct }) => id.startsWith("p") && ct).map(({ id }) => id), [pageId(position)]);
    const emptied = records.filter(({ id }) => id.startsWith("p")).slice(0, -1);
    assert.deepEqual(emptied.map(({ last_modified, ...record }) => record), Array.from({ length: position - 1 }, (_, n) => ({ id: pageId(n + 1), v: 1 })));
  });

  test("comes by itself, when what is superseded outweighs what lives", async (t) => {
    const scene = await withJournal(t, [1]);
    const { here, there, server } = scene;
    for (let edit = 0; edit < 70; edit++) {
      await there.edit(1, `I ate half of cake ${edit}.`);
      await there.sync();
    }
    const sealed = (await server.records()).filter(({ ct }) => ct);
    assert.ok(sealed.length < 15, `${sealed.length} pages and segments`);
    await here.edit(1, "Mine was the better half.");
    // `here` has not synced meanwhile. Its edit is in conflict once, with the newest version.
    assert.deepEqual((await here.sync()).conflicts.map(({ remote }) => remote.confession), ["I ate half of cake 69."]);
  });
});

describe("segments", SIDE_BY_SIDE, () => {
  for (const [way, lie] of Object.entries({ "left out": hide, "shown as a tombstone": bury })) {
    test(`one ${way} is an omission`, async (t) => {
      const scene = await withSegments(t);
      lie(scene.proxy, scene.segments[1].id);
      await assertAlarm(scene, "omission");
      await assertHeals(scene);
    });
  }

  for (const [part, at] of Object.entries(PARTS)) {
    test(`one bit flipped in the ${part} of one`, async (t) => {
      const scene = await withSegments(t);
      const [segment] = scene.segments;
      change(scene.proxy, segment.id, ({ ct }) => ({ ct: flip(ct, at) }));
      await assertAlarm(scene, "tampered", { position: scene.position });
      await assertHeals(scene);
    });
  }

  test("two in each other's place", async (t) => {
    const scene = await withSegments(t);
    exchange(scene.proxy, ...scene.segments);
    await assertAlarm(scene, "tampered", { position: scene.position });
    await assertHeals(scene);
  });

  test("a page in the place of a segment, and a segment in that of a page", async (t) => {
    const scene = await withSegments(t);
    const snapshot = scene.records.find(({ id }) => id === pageId(scene.position));
    exchange(scene.proxy, scene.segments[0], snapshot);
    await assertAlarm(scene, "tampered", { position: scene.position });
    await assertHeals(scene);
  });

  test("the snapshot page left out leaves nothing that could be believed", async (t) => {
    const scene = await withSegments(t);
    await scene.there.publish(7, 8);
    hide(scene.proxy, pageId(scene.position));
    await assertAlarm(scene, "omission");
    await assertHeals(scene);
  });
});

describe("false success", SIDE_BY_SIDE, () => {
  const written = (request) => answer(201, { data: { ...JSON.parse(request.body).data, id: request.path.split("/").at(-1), last_modified: Date.now() } });

  test("for segments that were not stored: no page is emptied for their sake", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    const { here, proxy, server } = scene;
    proxy.rule("PUT ", (request, pass) => (request.path.includes("/records/s-") ? written(request) : pass()));
    await here.call("repair");
    assert.equal((await server.records()).filter(({ ct }) => ct).length, 4);
    await assertHeals(scene);
  });

  test("for segments that go missing later: who is new gets an omission, who knows the records repairs it", async (t) => {
    const { known, there, another, server, segments, ...scene } = await withSegments(t);
    for (const { id } of segments) await server.remove(id);
    await assertAlarm({ ...scene, there }, "omission");
    assert.equal((await there.sync()).ok, true);
    await there.call("repair");
    await assertTogether({ here: scene.here, there, another, others: [known] });
    assert.equal((await scene.here.records()).length, 6);
  });

  test("for the snapshot's own page: no other is emptied for its sake, and nothing is lost", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    const { here, there, proxy, server } = scene;
    const id = pageId((await here.head()).position + 1);
    proxy.rule("PUT ", (request, pass) => (request.path.endsWith(id) ? written(request) : pass()));
    await here.call("repair");
    proxy.behave();
    assert.equal((await server.records()).filter((record) => record.id.startsWith("p") && record.ct).length, 3);
    await here.create(entry(4));
    await there.create(entry(5));
    await assertAlarm(scene, "rollback");
    await assertRepairs(scene, { alarms: [[here, ["rollback"]]], expected: [1, 2, 3, 4, 5].map((n) => `cake-${n}`) });
  });

  test("for what should have been emptied and deleted: no harm", async (t) => {
    const scene = await withJournal(t, [1, 2, 3]);
    const { here, proxy, server } = scene;
    proxy.rule("POST /batch", (request) => answer(200, { responses: JSON.parse(request.body).requests.map(({ path }) => ({ status: 200, path, body: {}, headers: {} })) }));
    await here.call("repair");
    assert.ok((await server.records()).filter(({ ct }) => ct).length > 3);
    await assertHeals(scene);
  });
});

test("one device that compacts while others write: nobody notices", async (t) => {
  const scene = await stage(t);
  const { here, there } = scene;
  await there.publish(1, 2, 3);
  await here.sync();
  for (let round = 0; round < 10; round++) {
    await there.edit(1, `By them, ${round}.`);
    await here.edit(2, `By me, ${round}.`);
    const results = await Promise.all([there.call("repair"), here.sync()]);
    for (const { ok } of results) assert.equal(ok, true);
  }
  await assertTogether(scene);
});
