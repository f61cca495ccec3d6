// An honest server must never cause an alarm: three devices, two of them with two tabs, work at the same time in random schedules.
//
// `ESSAIM_SEED=7` runs one schedule, `ESSAIM_SEEDS=20` the first twenty.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchBrowser } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";
import { assertTogether } from "./alarms.mjs";
import { stage } from "./devices.mjs";
import { PageDevice } from "./pages.mjs";

const STEPS = 60;
const { ESSAIM_SEED, ESSAIM_SEEDS = "3" } = process.env;
const SEEDS = ESSAIM_SEED ? [Number(ESSAIM_SEED)] : Array.from({ length: Number(ESSAIM_SEEDS) }, (_, index) => index + 1);

/** Random numbers from a seed (mulberry32). The same seed gives the same schedule, except for the order of things that run at the same time. */
class Dice {
  constructor(seed) {
    this.state = seed;
  }

  below(limit) {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  of(list) {
    return list[this.below(list.length)];
  }
}

let browser;
let site;
/** Opens two pages in one new profile: two tabs of one device. */
async function openTabs(t, { key, server }, remote) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const open = () => PageDevice.open(context, site.url, { remote, headers: server.headers, key });
  return [await open(), await open()];
}

/** Makes one random step in one tab. It may fail because of what another tab did at the same time (`expected`). */
async function step(tab, dice, number) {
  const records = await tab.records();
  const fields = { text: `step ${number}`, mood: dice.below(3) };
  const one = records.length > 0 ? dice.of(records) : undefined;
  const work = {
    create: () => tab.call("create", { ...fields, id: `r${dice.below(12)}` }, { useRecordId: true }),
    update: () => one && tab.call("update", { id: one.id, ...fields }),
    delete: () => one && tab.call("delete", one.id),
    upsert: () => tab.call("upsert", { id: `r${dice.below(12)}`, ...fields }),
    // The records that one `execute` writes have to stay together.
    execute: () => tab.executeUpserts([`r${dice.below(12)}`, `r${dice.below(12)}`], fields),
    sync: () => sync(tab, dice),
  };
  const expected = ["already_exists", "not_found"];
  await work[dice.of(["create", "update", "update", "delete", "upsert", "execute", "sync", "sync"])]()?.catch((error) => {
    if (!expected.includes(error.code)) throw error;
  });
}

async function sync(tab, dice) {
  const { errors, conflicts } = await tab.sync();
  // Losing the race again and again (409) is the only error that a sync with an honest server may report.
  assert.deepEqual(errors.filter(({ error }) => error?.code !== 409), []);
  for (const conflict of conflicts) {
    const resolution = dice.of([conflict.local, conflict.remote, { ...conflict.local, text: "both" }]);
    await tab.resolve(conflict, resolution?.deleted || !resolution ? null : resolution).catch((error) => {
      if (error.code !== "not_found") throw error; // the other tab resolved it first
    });
  }
}

describe("random honest schedules", () => {
  before(async () => {
    site = await serveDemo({ www: new URL("../sync/page", import.meta.url).pathname });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });

  for (const seed of SEEDS) {
    test(`seed ${seed}: no alarm, all converge, and a new device reads everything`, async (t) => {
      const dice = new Dice(seed);
      const scene = await stage(t);
      const remote = scene.proxy.url;
      const [phone, laptop] = [await openTabs(t, scene, remote), await openTabs(t, scene, remote)];
      const tabs = [...phone, ...laptop, scene.here];
      // A journal that is about to be compacted, so that snapshots are written while the schedule runs.
      await scene.here.publish(...Array.from({ length: 3 }, (_, n) => n));
      for (let edit = 0; edit < 50; edit++) {
        await scene.here.edit(edit % 3, `before, ${edit}`);
        await scene.here.sync();
      }
      for (let number = 0; number < STEPS; ) {
        const together = Array.from({ length: 1 + dice.below(4) }, () => dice.of(tabs));
        await Promise.all(together.map((tab) => step(tab, dice, number++)));
      }
      await settle(tabs, dice);
      await assertTogether({ here: scene.here, there: phone[0], others: [phone[1], ...laptop], another: scene.another });
      const pages = await scene.here.call("pages");
      assert.ok(pages.some(({ kind }) => kind === "snapshot"), "there was no snapshot");
    });
  }
});

/** Syncs until no tab has unsynced changes or conflicts. */
async function settle(tabs, dice) {
  for (let round = 0; round < 10; round++) {
    for (const tab of tabs) await sync(tab, dice);
    const heads = await Promise.all(tabs.map(async (tab) => JSON.stringify([await tab.head(), await tab.unsynced()])));
    if (new Set(heads).size === 1) return;
  }
  throw new Error("They do not come to rest.");
}
