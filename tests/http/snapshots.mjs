// Snapshots: a collection as it was at an earlier time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { KINTO_VERSION, newAccount, startProxy, withCollection } from "./places.mjs";

/** Makes changes in the collection `c`. Resolves to the timestamps after the changes, and to the records at these times. */
async function live(place, account) {
  return place.run(async ({ bucket, ...account }) => {
    const records = connect(account).bucket(bucket).collection("c");
    const times = [];
    const note = ({ data }) => times.push(data.last_modified);
    note(await records.createRecord({ id: "a", n: 1 }));
    note(await records.createRecord({ id: "b", n: 1 }));
    note(await records.updateRecord({ id: "a", n: 2 }));
    note(await records.deleteRecord("b"));
    note(await records.createRecord({ id: "b", n: 3 }));
    const { data } = await records.deleteRecords({ filters: { n: 2 } });
    note({ data: data[0] });
    return times;
  }, await withCollection(place, account));
}

const LOOKED = [["a1"], ["b1", "a1"], ["a2", "b1"], ["a2"], ["b3", "a2"], ["b3"]];

const snapshotsAt = (place, account, times) =>
  place.run(async ({ account: { bucket, ...account }, times }) => {
    const records = connect(account).bucket(bucket).collection("c");
    const seen = [];
    for (const at of times) seen.push((await records.listRecords({ at })).data.map(({ id, n }) => `${id}${n}`));
    return seen;
  }, { account, times });

export function snapshots(place) {
  test("finding 16: a collection is shown as it was, also by a server that makes no snapshots", async () => {
    const account = newAccount();
    const times = await live(place, account);
    assert.deepEqual(await snapshotsAt(place, account, times), LOOKED);
  });

  test("finding 16: a server that is too old is not asked for what it does not know", async (t) => {
    const proxy = await startProxy(t);
    const account = newAccount(proxy.url);
    const times = await live(place, account);
    await snapshotsAt(place, account, times.slice(0, 1));
    const asked = proxy.seen.some((line) => line.includes("/snapshot/"));
    assert.equal(asked, Number.parseInt(KINTO_VERSION) > 20);
  });

  test("a snapshot is a list without further pages", async () => {
    const account = newAccount();
    const [, second] = await live(place, account);
    const told = await place.run(async ({ account: { bucket, ...account }, at }) => {
      const list = await connect(account).bucket(bucket).collection("c").listRecords({ at });
      return { ...list, data: list.data.length, next: await refused((async () => list.next())()) };
    }, { account, at: second });
    assert.deepEqual([told.data, told.totalRecords, told.hasNextPage, told.last_modified], [2, 2, false, String(second)]);
    assert.match(told.next.message, /don't support pagination/);
  });

  test("a time that is none is refused", async () => {
    const told = await place.run(async ({ bucket, ...account }) => refused(connect(account).bucket(bucket).collection("c").listRecords({ at: -1 })), newAccount());
    assert.equal(told.message, "Invalid argument, expected a positive integer.");
  });
}
