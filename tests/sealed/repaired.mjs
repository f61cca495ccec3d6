// What repair() accepts and what it refuses: it does not destroy data that any device can still read.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { kintoError } from "../sync/proxy.mjs";
import { assertAlarm, assertHeals, assertTogether, assertWroteNothing } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";
import { change, flip, hide, pageId, show } from "./lies.mjs";

const STRATEGIES = ["manual", "client_wins", "server_wins"];

/** Returns the contents of records by id, without members that change with every write. */
const contents = (records) => Object.fromEntries(records.map(({ id, confession }) => [id, confession]));

/** Asserts that `repair()` fails with `code`, and that nothing changes on the server or here. */
async function assertRefuses({ here, proxy, server }, code) {
  const [before, records] = [await here.state(), await server.records()];
  proxy.take("* ");
  const error = await here.call("repair").then(() => assert.fail("it was repaired"), (error) => error);
  assert.equal(error.code, code, error.stack);
  assertWroteNothing(proxy);
  assert.deepEqual(await here.state(), before);
  assert.deepEqual(await server.records(), records);
  return error;
}

/** Alters only the first list that the server shows. */
function listOnce(proxy, alter) {
  proxy.rule("GET /records", async (_, pass) => {
    const given = await pass();
    return { ...given, body: JSON.stringify({ data: alter(JSON.parse(given.body).data) }) };
  }, { times: 1 });
}

// The server keeps the ciphertext of a page that lost the race for its position. Its author has written the change again, at a later position.
describe("a page that lost the race for its position, shown later in place of the winner", SIDE_BY_SIDE, () => {
  const LATER = {
    deleted: { write: (there) => there.delete("cake-7"), local: null },
    edited: { write: (there) => there.edit(7, "Nobody ate it."), local: "Nobody ate it." },
  };
  for (const strategy of STRATEGIES) {
    for (const [what, { write, local }] of Object.entries(LATER)) {
      test(`does not undo that the record was ${what} since, whatever compaction came between (${strategy})`, async (t) => {
        for (const isCompacted of [false, true]) {
          const scene = await withJournal(t, [1, 2, 3]);
          const { here, there, proxy } = scene;
          const position = (await here.head()).position + 1;
          await here.create(entry(7));
          let refused;
          proxy.rule(`PUT /${pageId(position)}`, async (request, pass) => {
            refused = JSON.parse(request.body).data.ct;
            await there.publish(4);
            return pass();
          }, { times: 1 });
          assert.equal((await here.sync()).ok, true);
          await there.sync();
          await write(there);
          await there.sync();
          await here.sync();
          if (isCompacted) await there.call("repair");
          change(proxy, pageId(position), { v: 1, e: 1, ct: refused });
          const result = await here.call("repair", { strategy });
          assert.deepEqual([result.created, result.errors], [[], []]);
          for (const conflict of result.conflicts) assert.deepEqual([conflict.type, conflict.local?.confession ?? null], ["incoming", local]);
          proxy.behave();
          for (const device of [here, there]) {
            const found = await device.records();
            assert.equal(found.find(({ id }) => id === "cake-7")?.confession ?? null, local, `compacted: ${isCompacted}`);
          }
        }
      });
    }
  }
});

describe("after a restored backup", SIDE_BY_SIDE, () => {
  for (const strategy of STRATEGIES) {
    test(`the third device to repair brings nothing back that was deleted or edited since (${strategy})`, async (t) => {
      const { here, there, another, server } = await withJournal(t, [1, 2, 3]);
      const third = another();
      await third.sync();
      const backup = await server.records();
      await there.publish(4);
      for (const device of [here, third]) await device.sync();
      await server.restore(backup);
      assert.equal((await here.failure()).code, "rollback");
      await here.call("repair");
      await here.edit(1, "It was a whole cake after all.");
      await here.delete("cake-2");
      await here.sync();
      for (const device of [there, third]) {
        assert.equal((await device.failure()).code, "fork");
        const { conflicts, published } = await device.call("repair", { strategy });
        assert.deepEqual([conflicts, published], [[], []]);
      }
      await assertTogether({ here, there, another, others: [third] });
      assert.deepEqual(contents(await third.records()), { "cake-1": "It was a whole cake after all.", "cake-3": "I ate cake number 3.", "cake-4": "I ate cake number 4." });
    });
  }
});

describe("after a restored backup that is older than several snapshots", SIDE_BY_SIDE, () => {
  for (const strategy of STRATEGIES) {
    test(`what was deleted and edited since stays so (${strategy})`, async (t) => {
      const { here, there, another, server } = await withJournal(t, [1, 2, 3]);
      const backup = await server.records();
      await there.delete("cake-2");
      await there.edit(1, "It was a whole cake.");
      await there.sync();
      for (const id of [4, 5, 6]) {
        await there.call("repair"); // a repair ends with a snapshot
        await here.sync();
        await there.publish(id);
      }
      await here.sync();
      await server.restore(backup);
      for (const device of [here, there]) {
        await device.failure();
        const { conflicts, errors } = await device.call("repair", { strategy });
        assert.deepEqual([conflicts, errors], [[], []]);
      }
      await assertTogether({ here, there, another });
      assert.deepEqual(contents(await here.records()), { "cake-1": "It was a whole cake.", "cake-3": "I ate cake number 3.", "cake-4": "I ate cake number 4.", "cake-5": "I ate cake number 5.", "cake-6": "I ate cake number 6." });
    });
  }
});

describe("one page shown in the place of another to a new device", SIDE_BY_SIDE, () => {
  test("in lists only, and the next page names the other: that one is asked for", async (t) => {
    const scene = await withJournal(t, [1]);
    const { here, there, another, proxy } = scene;
    const position = (await here.head()).position + 1;
    await here.create(entry(7));
    let refused;
    proxy.rule(`PUT /${pageId(position)}`, async (request, pass) => {
      refused = JSON.parse(request.body).data.ct;
      await there.publish(4);
      return pass();
    }, { times: 1 });
    assert.equal((await here.sync()).ok, true);
    const fresh = another(proxy.url);
    proxy.rule("GET /records", async (_, pass) => {
      const given = await pass();
      const shown = (record) => (record.id === pageId(position) && record.ct ? { ...record, ct: refused } : record);
      return { ...given, body: JSON.stringify({ data: JSON.parse(given.body).data.map(shown) }) };
    });
    await fresh.call("repair");
    proxy.behave();
    assert.deepEqual(Object.keys(contents(await fresh.records())), ["cake-1", "cake-4", "cake-7"]);
    await assertTogether({ here, there, another, others: [fresh] });
  });
});

describe("where nothing was wrong", SIDE_BY_SIDE, () => {
  for (const strategy of STRATEGIES) {
    test(`a device that slept through two snapshots just catches up (${strategy})`, async (t) => {
      const { here, there, another } = await withJournal(t, [1, 2, 3]);
      await there.edit(1, "By them.");
      await there.delete("cake-2");
      await there.sync();
      for (const id of [4, 5]) {
        await there.publish(id);
        await there.call("repair"); // a repair ends with a snapshot
      }
      await here.edit(3, "By me.");
      const { conflicts } = await here.call("repair", { strategy });
      assert.deepEqual(conflicts, []);
      await assertTogether({ here, there, another });
      assert.deepEqual(contents(await there.records()), { "cake-1": "By them.", "cake-3": "By me.", "cake-4": "I ate cake number 4.", "cake-5": "I ate cake number 5." });
    });
  }
});

/** Makes a journal with a snapshot in two segments and a page after it. `here` is then a new device. */
async function withSnapshot(t) {
  const scene = await withJournal(t, [1, 2, 3]);
  const { here: known, there, another, proxy, server } = scene;
  for (const id of [4, 5, 6]) await there.create({ ...entry(id), confession: String(id).repeat(90_000) });
  await there.sync();
  await there.call("repair");
  const { position } = await there.head();
  await there.publish(7);
  const segments = (await server.records()).filter(({ id, ct }) => id.startsWith("s-") && ct);
  return { ...scene, here: another(proxy.url), others: [known], segments, snapshot: pageId(position) };
}

describe("by a device that does not have what the server seems to have lost", SIDE_BY_SIDE, () => {
  const LIES = {
    "a hidden segment": [({ proxy, segments }) => hide(proxy, segments[0].id), "omission"],
    "a changed segment": [({ proxy, segments }) => change(proxy, segments[1].id, ({ ct }) => ({ ct: flip(ct, -1) })), "tampered"],
    "a hidden snapshot": [({ proxy, snapshot }) => hide(proxy, snapshot), "omission"],
    "a changed snapshot": [({ proxy, snapshot }) => change(proxy, snapshot, ({ ct }) => ({ ct: flip(ct, -1) })), "omission"],
    "an unavailable segment": [
      ({ proxy, segments: [{ id }] }) => {
        listOnce(proxy, (records) => records.filter((record) => record.id !== id));
        proxy.rule(`GET /${id}`, () => kintoError(503, 201, "Busy."));
      },
      "server",
    ],
  };
  for (const [what, [lie, code]] of Object.entries(LIES)) {
    test(`${what} ends it, and all is well when the lie is over`, async (t) => {
      const scene = await withSnapshot(t);
      lie(scene);
      await assertRefuses(scene, code);
      await assertHeals(scene);
    });
  }

  test("a 404 in the middle of a list ends it", async (t) => {
    const scene = await withJournal(t, [1, 2, 3, 4, 5, 6, 7, 8]);
    const { here: known, another, proxy } = scene;
    // This Kinto server lists five rows at a time, so there are requests for next pages (`_token`).
    proxy.rule("GET /records", (request, pass) => (request.query.has("_token") ? kintoError(404, 111, "Not found.") : pass()));
    await assertRefuses({ ...scene, here: another(proxy.url) }, "remote_not_found");
    await assertHeals({ ...scene, others: [known] });
  });

  test("a segment that is really gone is repaired by who has what was in it, even after more was written", async (t) => {
    const scene = await withSnapshot(t);
    const { here, there, another, others, server, segments } = scene;
    await server.remove(segments[0].id);
    await assertRefuses(scene, "omission");
    await there.call("repair");
    await assertTogether({ here, there, another, others });
    assert.equal((await here.records()).length, 7);
  });

  test("so is a snapshot that is damaged", async (t) => {
    const scene = await withSnapshot(t);
    const { here, there, another, others, server, snapshot } = scene;
    const { last_modified, ...page } = await server.record(snapshot);
    await server.put(snapshot, { ...page, ct: flip(page.ct, -1) });
    await assertRefuses(scene, "omission");
    await there.call("repair");
    await assertTogether({ here, there, another, others });
    assert.equal((await here.records()).length, 7);
  });
});

describe("one list that is not the truth", SIDE_BY_SIDE, () => {
  const ONCE = {
    "without the first page": (records) => records.filter(({ id }) => id !== pageId(1)),
    "without a page between": (records) => records.filter(({ id }) => id !== pageId(2)),
    "without the known head": (records) => records.filter(({ id }) => id !== pageId(3)),
    "with one bit changed": (records) => records.map((record) => (record.id === pageId(4) ? { ...record, ct: flip(record.ct, 60) } : record)),
    "with nothing": () => [],
    "with an empty page far ahead": (records) => [...records.filter(({ id }) => id !== pageId(2)), { id: "p999999999999", v: 1, last_modified: Date.now() }],
    "with an empty page not so far ahead": (records) => [...records.filter(({ id }) => id !== pageId(2)), { id: pageId(20_000), v: 1, last_modified: Date.now() }],
    "with a page far ahead": (records) => [...records, { id: "p999999999999", v: 1, e: 1, ct: "AAAA", last_modified: Date.now() }],
    "with a page not so far ahead": (records) => [...records, { id: pageId(900), v: 1, e: 1, ct: "AAAA", last_modified: Date.now() }],
  };
  for (const [what, alter] of Object.entries(ONCE)) {
    for (const who of ["a device that is behind", "a new device"]) {
      test(`${what}, to ${who}: nothing is lost, and nothing is written far away`, async (t) => {
        const scene = await withJournal(t, [1, 2, 3]);
        const { here: known, there, another, proxy } = scene;
        await there.publish(4, 5);
        const here = who === "a new device" ? another(proxy.url) : known;
        await here.create(entry(6));
        listOnce(proxy, alter);
        const { ok, conflicts } = await here.call("repair");
        assert.deepEqual([ok, conflicts], [true, []]);
        await assertTogether({ here, there, another, others: [known] });
        assert.equal((await there.records()).length, 6);
        assert.ok((await there.head()).position < 20);
      });
    }
  }
});

describe("what stands where no page should", SIDE_BY_SIDE, () => {
  for (const [what, position] of Object.entries({ "far ahead": 500_000, "very far ahead": 999_999_999_999, "at the next place": 4, "some places on": 7 })) {
    for (const v of [1, undefined]) {
      test(`${what}, by somebody without the key (v: ${v}): it is emptied, and is in nobody's way`, async (t) => {
        const scene = await withJournal(t);
        const { here, there, another, server } = scene;
        await server.put(pageId(position), { v, e: 1, ct: "AAAA" });
        await assertAlarm(scene, "tampered", { position });
        await here.create(entry(4));
        await here.call("repair");
        assert.equal((await server.record(pageId(position))).ct, undefined);
        assert.ok((await here.head()).position < 12);
        await assertTogether({ here, there, another });
      });
    }
  }

  test("a page that only seemed to be damaged is left alone", async (t) => {
    const scene = await withJournal(t);
    const { here, there, another, proxy, server } = scene;
    await there.publish(4);
    // Every list shows the page changed. Requests for the page itself show it changed too, except from the third request on: then it is intact.
    change(proxy, pageId(4), ({ ct }) => (ct ? { ct: flip(ct, -1) } : {}));
    let asked = 0;
    proxy.rule(`GET /${pageId(4)}`, async (_, pass) => {
      const given = await pass();
      asked += 1;
      if (asked > 2) return given;
      return { ...given, body: given.body.replace(/"ct":"..../, '"ct":"AAAA') };
    });
    await here.call("repair");
    assert.ok((await server.record(pageId(4))).ct);
    proxy.behave();
    await there.failure();
    await there.call("repair");
    await assertTogether({ here, there, another });
    assert.equal((await here.records()).length, 4);
  });
});

describe("what only a newer essaim can read", SIDE_BY_SIDE, () => {
  for (const [what, labels, code] of [["another version", { v: 2 }, "upgrade_required"], ["another epoch", { e: 2 }, "no_key"]]) {
    test(`${what} ends it, and stays as it is`, async (t) => {
      const scene = await withJournal(t);
      await scene.server.put(pageId(4), { v: 1, e: 1, ct: "AAAA", ...labels });
      await scene.here.create(entry(4));
      await assertRefuses(scene, code);
    });

    test(`${what}, said of all pages`, async (t) => {
      const scene = await withSnapshot(t);
      show(scene.proxy, (records) => records.map((record) => (record.ct ? { ...record, ...labels } : record)));
      await assertRefuses(scene, code);
      await assertHeals(scene);
    });
  }
});

describe("a damaged history", SIDE_BY_SIDE, () => {
  for (const [what, damage] of Object.entries({
    damaged: (server, { last_modified, ...segment }) => server.put(segment.id, { ...segment, history: flip(segment.history, 60) }),
    lost: (server, { id }) => server.remove(id),
  })) {
    test(`${what}: no sync that does not need it is alarmed, and snapshots go on`, async (t) => {
      const { here, there, another, server } = await withJournal(t, [1, 2, 3]);
      for (const id of [4, 5]) {
        await there.call("repair");
        await there.publish(id);
      }
      await here.sync();
      const [history] = (await server.records()).filter((record) => record.history);
      await damage(server, history);
      for (let edit = 0; edit < 70; edit++) {
        await there.edit(1, `I ate half of cake ${edit}.`);
        assert.equal((await there.sync()).ok, true);
      }
      assert.ok((await server.records()).filter(({ ct }) => ct).length < 30);
      await here.call("repair");
      await there.call("repair");
      await assertTogether({ here, there, another });
    });
  }
});

// A proxy between device and server shows an invalid page in the place of the snapshot page, and refuses the segments of the next snapshot.
test("a repair whose snapshot cannot be written empties nothing that new devices need", async (t) => {
  const { here, there, another, proxy, server } = await withJournal(t, [1, 2, 3]);
  await here.call("repair"); // a repair ends with a snapshot
  const id = pageId((await here.head()).position);
  await there.sync();
  const before = (await server.records()).find((row) => row.id === id);
  change(proxy, id, { ...before, ct: flip(before.ct, -1) });
  proxy.rule("PUT ", (request, pass) => (request.path.includes("/records/s-") ? kintoError(409, 122, "Conflict.") : pass()));
  await here.call("repair").catch((error) => assert.ok(error.code, error.stack));
  proxy.behave();
  assert.deepEqual((await server.records()).find((row) => row.id === id), before);
  const fresh = another();
  await fresh.sync();
  assert.deepEqual(contents(await fresh.records()), contents(await here.records()));
});
