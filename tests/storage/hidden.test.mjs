// Pages in the back/forward cache: the browser freezes them and shows them again ("back", "forward").

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Profile } from "./tabs.mjs";

let profile;
// Playwright disables the back/forward cache by default.
before(async () => (profile = await Profile.start({ ignoreDefaultArgs: ["--disable-back-forward-cache"] })));
after(() => profile.close());

/** Navigates away from the page, calls `meanwhile`, and goes back. Asserts that the browser shows the same page again and has not loaded a new one. */
async function away(page, meanwhile) {
  await page.evaluate(() => {
    globalThis.alive = true;
    addEventListener("pageshow", ({ persisted }) => (globalThis.shownAgain = persisted));
  });
  const address = page.url();
  await page.goto(address.replace("localhost", "elsewhere.localhost").replace("tab.html", "empty.html"));
  await meanwhile();
  // A page from the cache fires no `load` event, so "load" cannot be waited for.
  await page.goBack({ waitUntil: "commit" });
  assert.equal(page.url(), address);
  await page.waitForFunction(() => document.readyState === "complete");
  assert.deepEqual(await page.evaluate(() => [globalThis.alive, globalThis.shownAgain]), [true, true], "the browser did not keep the page");
}

test("a page that comes back goes on where it was", async () => {
  const db = randomUUID();
  const page = await profile.open({ db });
  await page.evaluate(() => Promise.all([tasks.create({ title: "a" }), kinto.collection("notes").create({ title: "n" })]));
  await away(page, async () => {});
  const seen = await page.evaluate(async () => {
    await tasks.create({ title: "c" });
    return [await tasks.list({ order: "title" }), await kinto.collection("notes").list()].map(({ data }) => data.map(({ title }) => title));
  });
  assert.deepEqual(seen, [["a", "c"], ["n"]]);
});

for (const [what, look] of [
  ["lists", async () => (await tasks.list({ order: "title" })).data.map(({ title }) => title)],
  ["finds on top of what it writes itself", async () => {
    await tasks.create({ title: "c" });
    return (await tasks.list({ order: "title" })).data.map(({ title }) => title).filter((title) => title !== "c");
  }],
]) {
  test(`a page that comes back ${what} what another tab wrote meanwhile`, async () => {
    const db = randomUUID();
    const page = await profile.open({ db });
    await page.evaluate(() => tasks.create({ title: "a" }));
    await away(page, async () => {
      // A frozen page gets no messages. If one was sent to it, Chromium would discard the page. So the other tab has no BroadcastChannel.
      const other = await profile.open({ db, prepare: () => delete globalThis.BroadcastChannel });
      await other.evaluate(() => tasks.create({ title: "b" }));
      await other.close();
    });
    assert.deepEqual(await page.evaluate(look), ["a", "b"]);
  });
}

test("a page put aside holds up nobody who deletes the database", async () => {
  const db = randomUUID();
  const page = await profile.open({ db });
  await page.evaluate(() => tasks.create({ title: "a" }));
  await away(page, async () => {
    const other = await profile.open();
    const deleted = await other.evaluate((name) => new Promise((resolve) => {
      Object.assign(indexedDB.deleteDatabase(name), { onsuccess: () => resolve("deleted"), onblocked: () => resolve("blocked") });
    }), `essaim/${db}/default/tasks`);
    assert.equal(deleted, "deleted");
  });
  assert.equal(await page.evaluate(async () => (await tasks.create({ title: "b" })).data.title), "b");
});

test("what was being written when the page was left is there when it comes back", async () => {
  const db = randomUUID();
  const page = await profile.open({ db });
  await page.evaluate(() => tasks.list());
  await page.evaluate(() => {
    globalThis.written = [];
    addEventListener("pagehide", () => {
      for (let n = 0; n < 50; n += 1) tasks.create({ id: `${n}` }, { useRecordId: true }).then(({ data }) => written.push(data.id));
    });
  });
  await away(page, async () => {});
  await page.waitForFunction(() => written.length === 50);
  assert.equal(await page.evaluate(async () => (await tasks.list()).data.length), 50);
});
