// Changes that the app makes to a collection while it is being synced.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { entry, SIDE_BY_SIDE, withJournal } from "./devices.mjs";

const allOf = (...ids) => ids.map((id) => `cake-${id}`);
const ids = async (device) => (await device.records()).map(({ id }) => id);

describe("a collection that is emptied during a sync says so, and has everything after the next one", SIDE_BY_SIDE, () => {
  for (const method of ["clear", "resetSyncStatus"]) {
    test(`${method}() while a page is on its way to the server`, async (t) => {
      const { here, there, proxy } = await withJournal(t);
      await here.create(entry(4));
      const arrived = proxy.before("PUT ", () => here.call(method));
      assert.equal((await here.failure()).code, "interrupted");
      await arrived;
      assert.equal((await here.sync()).ok, true);
      assert.deepEqual([await ids(here), await here.unsynced()], [allOf(1, 2, 3, 4), []]);
      await there.sync();
      assert.deepEqual(await ids(there), allOf(1, 2, 3, 4));
    });

    test(`${method}() between two pages of a listing`, async (t) => {
      const { here, there, another, proxy } = await withJournal(t, [1, 2, 3, 4, 5, 6, 7, 8]);
      await here.call("clear");
      let pages = 0;
      proxy.rule("GET /records", async (_, pass) => ((pages += 1) === 2 && (await here.call(method)), pass()));
      await here.sync().catch((error) => assert.equal(error.code, "interrupted"));
      assert.ok(pages >= 2);
      assert.equal((await here.sync()).ok, true);
      assert.deepEqual([await ids(here), await here.unsynced()], [allOf(1, 2, 3, 4, 5, 6, 7, 8), []]);
      const fresh = another();
      for (const device of [there, fresh]) {
        assert.equal((await device.sync()).ok, true);
        assert.deepEqual(await ids(device), allOf(1, 2, 3, 4, 5, 6, 7, 8));
      }
    });
  }
});
