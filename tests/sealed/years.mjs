// A journal of some hundred pages on a real server, and devices that have not synced for a long time. `tests/sim/sleepers.rs` has one of 10,000.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertTogether } from "./alarms.mjs";
import { entry, SIDE_BY_SIDE, stage } from "./devices.mjs";

const RECORDS = 100;
const EDITS = 300;

const record = (id, text) => ({ ...entry(id), confession: text.padEnd(250, ".") });

/**
 * Makes a journal with 30 KB of live data, in which snapshots have superseded most pages. `here` and `dirty` have synced at the beginning and not
 * since then.
 */
async function withYears(t) {
  const scene = await stage(t);
  const { here, there, another, proxy } = scene;
  const dirty = another();
  for (let id = 0; id < RECORDS; id += 1) await there.create(record(id, "as it was"));
  await there.sync();
  await here.sync();
  await dirty.sync();
  let snapshots = 0;
  for (let n = 0; n < EDITS; n += 1) {
    const { position } = await there.head();
    // The first ten records are not edited; `dirty` edits them.
    await there.update(record(10 + (n % (RECORDS - 10)), `edit ${n}`));
    await there.sync();
    snapshots += (await there.head()).position - position - 1;
  }
  return { ...scene, dirty, others: [dirty], snapshots, receivedBy: (work) => received(proxy, work) };
}

/** Returns the number of requests, and the bytes of their answers, that pass through the proxy while `work` runs. */
async function received(proxy, work) {
  const all = { requests: 0, bytes: 0 };
  proxy.rule("* ", async (_, pass) => {
    const given = await pass();
    all.requests += 1;
    all.bytes += given.body.length;
    return given;
  });
  await work();
  proxy.behave();
  return all;
}

/** How many rows the server lists at a time: 64 at most. */
const ROWS = Number(process.env.KINTO_PAGE_SIZE ?? 64);

describe("a long journal", SIDE_BY_SIDE, () => {
  test("is little for a new device, and caught up with by devices that slept through its snapshots", async (t) => {
    const scene = await withYears(t);
    const { here, there, dirty, another, proxy, receivedBy, snapshots } = scene;
    assert.ok(snapshots >= 4, `${snapshots} snapshots`);

    const live = JSON.stringify(await there.records()).length;
    const pages = (await there.call("pages")).length;
    const taken = await receivedBy(() => another(proxy.url).sync());
    t.diagnostic(`${(await there.head()).position} pages, ${snapshots} snapshots; a new device takes ${taken.bytes} bytes in ${taken.requests} requests for ${live} that live`);
    assert.ok(taken.bytes <= 2 * live + 64 * 1500, `${taken.bytes} bytes for ${live}`);
    assert.ok(taken.requests <= Math.ceil((pages + 1) / ROWS) + 1, `${taken.requests} requests for ${pages} pages`);

    const { requests } = await receivedBy(() => here.sync());
    assert.ok(requests <= Math.ceil((pages + 1) / ROWS) + 5, `${requests} requests`);

    await dirty.update(record(1, "mine alone"));
    await dirty.delete("cake-2");
    await dirty.update(record(20, "mine, and theirs"));
    await dirty.create(record("new", "made asleep"));
    const first = await dirty.sync();
    assert.deepEqual([first.errors, first.conflicts.map(({ local }) => local.id)], [[], ["cake-20"]]);
    assert.deepEqual(first.published.map(({ id }) => id).sort(), ["cake-1", "cake-2", "cake-new"]);
    assert.equal((await dirty.sync({ strategy: "client_wins" })).ok, true);

    await assertTogether(scene);
    const found = new Map((await there.records()).map(({ id, confession }) => [id, confession.replace(/\.+$/, "")]));
    assert.deepEqual(["cake-1", "cake-2", "cake-20", "cake-new"].map((id) => found.get(id)), ["mine alone", undefined, "mine, and theirs", "made asleep"]);
    assert.equal(found.size, RECORDS);
  });
});
