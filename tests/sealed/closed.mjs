// Closing a journal: it counts as moved only if the closing page is committed, and changes that could not be sent are reported.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answer, kintoError } from "../sync/proxy.mjs";
import { assertEvidence, assertHeals } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";

const NEW_HOME = { remote: "https://new.example/v1", bucket: "b" };

const close = (device) => device.call("closeJournal", NEW_HOME);
const failsToClose = (device) => close(device).then(() => assert.fail("it was closed"), (error) => error);

/** Asserts that the sync of every device fails with `moved`. */
async function assertMoved(...devices) {
  for (const device of devices) assert.equal((await device.failure()).code, "moved");
}

describe("closing", SIDE_BY_SIDE, () => {
  test("sends what is here first, and is over for everybody; who closes it again is told so", async (t) => {
    const { here, there } = await withJournal(t);
    await here.create(entry(4));
    assert.equal((await close(here)).ok, true);
    await assertMoved(here, there);
    assert.equal((await there.records()).length, 4);
    for (const device of [here, there]) assert.equal((await close(device)).ok, true);
    const error = await here.call("closeJournal", { remote: "https://other.example/v1" }).catch((error) => error);
    assert.equal(error.code, "moved");
  });

  test("a 201 for a closing page that was not stored: nobody has moved", async (t) => {
    const scene = await withJournal(t);
    const { here, proxy } = scene;
    proxy.rule("PUT ", (request) => answer(201, { data: { ...JSON.parse(request.body).data, id: request.path.split("/").at(-1), last_modified: Date.now() } }));
    const error = await failsToClose(here);
    assert.equal(error.code, "omission");
    assertEvidence(scene, error.data.evidence, { position: 4 });
    await assertHeals(scene);
    assert.equal((await close(here)).ok, true);
    await assertMoved(here, scene.there);
  });

  test("a 412 where the place is free is an omission, after some tries", async (t) => {
    const scene = await withJournal(t);
    scene.proxy.rule("PUT ", () => kintoError(412, 114, "Resource was modified meanwhile."));
    const error = await failsToClose(scene.here);
    assert.equal(error.code, "omission");
    assertEvidence(scene, error.data.evidence, { position: 4 });
    await assertHeals(scene);
  });

  test("what the server does not take keeps it open", async (t) => {
    const scene = await withJournal(t);
    const { here, proxy } = scene;
    await here.create({ id: "cake-big", confession: "x".repeat(60_000) });
    proxy.rule("PUT ", (request, pass) => (request.body.length > 20_000 ? kintoError(413, 113, "Request body too large.") : pass()));
    const { ok, errors } = await close(here);
    assert.deepEqual([ok, errors.map(({ id, error }) => [id, error.code])], [false, [["cake-big", 413]]]);
    await assertHeals(scene);
  });

  test("a conflict keeps it open until it is resolved", async (t) => {
    const scene = await withJournal(t);
    const { here, there } = scene;
    await there.edit(1, "By them.");
    await there.sync();
    await here.edit(1, "By me.");
    const { ok, conflicts: [conflict] } = await close(here);
    assert.equal(ok, false);
    assert.equal((await there.sync()).ok, true);
    await here.resolve(conflict, { ...conflict.local, confession: "By both." });
    assert.equal((await close(here)).ok, true);
    await assertMoved(here, there);
    assert.equal((await there.record("cake-1")).confession, "By both.");
  });
});
