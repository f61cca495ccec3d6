// Listings that never end: each page has new rows and a next page.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noEnd } from "../evil/lies/listings.mjs";
import { assertFailure, assertHeals } from "./alarms.mjs";
import { COLLECTION, entry, NodeDevice, SIDE_BY_SIDE, stage, withJournal } from "./devices.mjs";

describe("a list without an end", SIDE_BY_SIDE, () => {
  test("of an encrypted collection, of rows that are none of its pages, is given up", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    noEnd(scene.proxy, { rows: 1, row: (number) => ({ id: `p${number}`, last_modified: number, v: 1, e: 1, ct: "AAAA" }) });
    await assertFailure(scene, "bad_response");
    await assertHeals(scene);
  });

  test("of a plain collection is given up", async (t) => {
    const { server, proxy } = await stage(t);
    await server.of(COLLECTION).put("theirs", { title: "theirs" });
    const device = NodeDevice.open({ remote: proxy.url, headers: server.headers });
    t.after(() => device.kinto.close());
    await device.create(entry(1));
    noEnd(proxy, { rows: 1 });
    assert.equal((await device.failure()).code, "bad_response");
    assert.deepEqual(await device.unsynced(), ["cake-1"]);
  });
});
