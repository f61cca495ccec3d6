// Two tabs that write to one collection at the same time.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Profile } from "./tabs.mjs";

let profile;
before(async () => (profile = await Profile.start()));
after(() => profile.close());

const EACH = 500;

/** Opens two tabs with one new database and runs `work` in both at the same time. Returns the results of `look` in both tabs and in a third. */
async function both(work, look) {
  const db = randomUUID();
  const tabs = [await profile.open({ db }), await profile.open({ db })];
  await Promise.all(tabs.map((tab) => tab.evaluate(() => tasks.list())));
  await Promise.all(tabs.map((tab, index) => tab.evaluate(work, { name: "ab"[index], count: EACH })));
  tabs.push(await profile.open({ db }));
  const seen = await Promise.all(tabs.map((tab) => tab.evaluate(look)));
  await Promise.all(tabs.map((tab) => tab.close()));
  return seen;
}

const ids = async () => {
  await tasks.refresh();
  return (await tasks.list()).data.map((record) => record.id).sort();
};

const everyId = ["a", "b"].flatMap((name) => Array.from({ length: EACH }, (_, n) => `${name}${n}`)).sort();

const WRITING = {
  "one after the other": async ({ name, count }) => {
    for (let n = 0; n < count; n += 1) await tasks.create({ id: `${name}${n}` }, { useRecordId: true });
  },
  "all at once": async ({ name, count }) => {
    await Promise.all(Array.from({ length: count }, (_, n) => tasks.create({ id: `${name}${n}` }, { useRecordId: true })));
  },
  "in groups": async ({ name, count }) => {
    for (let n = 0; n < count; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, m) => tasks.upsert({ id: `${name}${n + m}` })));
    }
  },
  "in transactions": async ({ name, count }) => {
    for (let n = 0; n < count; n += 5) {
      await tasks.execute((txn) => { for (let m = n; m < n + 5; m += 1) txn.create({ id: `${name}${m}` }); });
    }
  },
};

for (const [how, work] of Object.entries(WRITING)) {
  test(`two tabs that write ${EACH} records each, ${how}, lose none, and every tab lists them all`, async () => {
    for (const listed of await both(work, ids)) assert.deepEqual(listed, everyId);
  });
}

test("two tabs that count together in one record count every step", async () => {
  const count = async ({ count }) => {
    const step = (txn) => {
      const { data } = txn.getAny("counter");
      txn.upsert({ id: "counter", value: (data?.value ?? 0) + 1 });
    };
    for (let n = 0; n < count; n += 1) await tasks.execute(step, { preloadIds: ["counter"] });
  };
  const look = async () => {
    await tasks.refresh();
    return (await tasks.get("counter")).data.value;
  };
  assert.deepEqual(await both(count, look), [2 * EACH, 2 * EACH, 2 * EACH]);
});

test("the same id made in two tabs at once is made by one of them", async () => {
  const db = randomUUID();
  const tabs = [await profile.open({ db }), await profile.open({ db })];
  const make = (name) => Promise.all(Array.from({ length: 100 }, (_, n) =>
    tasks.create({ id: `${n}`, by: name }, { useRecordId: true }).then(() => true, ({ code }) => code)));
  const [one, other] = await Promise.all(tabs.map((tab, index) => tab.evaluate(make, "ab"[index])));
  const { data } = await (await profile.open({ db })).evaluate(() => tasks.list());
  assert.equal(data.length, 100);
  for (const { id, by } of data) {
    assert.deepEqual([one[id], other[id]], by === "a" ? [true, "already_exists"] : ["already_exists", true], id);
  }
});

test("what one tab wrote is listed by the other without being asked to refresh", async () => {
  const db = randomUUID();
  const [one, other] = [await profile.open({ db }), await profile.open({ db })];
  assert.deepEqual(await other.evaluate(async () => (await tasks.list()).data), []);
  await one.evaluate(() => tasks.create({ title: "bread" }));
  await other.waitForFunction(async () => (await tasks.list()).data[0]?.title === "bread");
});
