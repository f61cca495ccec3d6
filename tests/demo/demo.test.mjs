// Tests of the demo: two devices and the server between them, in Chromium, with a real Kinto server:
//   target/kinto/bin/python tests/kinto/serve.py -- node --test tests/demo/*.test.mjs

import assert from "node:assert/strict";
import { describe } from "node:test";
import { KINTO, PICTURES, flush, onServer, scenario } from "./scenario.mjs";

/** Rewords one task on both devices while both are offline, then brings the laptop back, then the phone. */
async function disagree(demo, { laptopDeletes = false, phoneDeletes = false } = {}) {
  await demo.phone.add("Buy milk");
  await demo.laptop.task("Buy milk").waitFor();
  await demo.phone.go("offline");
  await demo.laptop.go("offline");
  if (phoneDeletes) await demo.phone.delete("Buy milk");
  else await demo.phone.edit("Buy milk", "Buy milk, two litres");
  if (laptopDeletes) await demo.laptop.delete("Buy milk");
  else await demo.laptop.edit("Buy milk", "Buy oat milk");
  await demo.laptop.go("online");
  await demo.laptop.synced();
  await demo.phone.go("online");
}

describe("two devices and a server", { concurrency: 4 }, () => {
  scenario("a task made on one device appears on the other and on the server", async (demo) => {
    await demo.phone.add("Sow phacelia");
    await demo.phone.status("Sow phacelia", "synced");
    await demo.laptop.status("Sow phacelia", "synced");
    await demo.server.holds(1);
    assert.deepEqual(await demo.server.cells.allTextContents(), ["1"]);
    assert.match(await demo.server.records.first().textContent(), /^p000000000001/);
    assert.deepEqual((await onServer(await demo.account())).map((record) => record.title), ["Sow phacelia"]);
  });

  scenario("the sync button sends what was done while the server was away", async (demo) => {
    await demo.page.route(`${KINTO}/**`, (route) => route.abort());
    await demo.phone.add("Write to Odile");
    await demo.phone.trouble.getByText("The server does not answer").waitFor();
    await demo.phone.status("Write to Odile", "created");
    await demo.page.unroute(`${KINTO}/**`);
    await demo.phone.sync();
    await demo.phone.status("Write to Odile", "synced");
    await demo.phone.trouble.waitFor({ state: "hidden" });
  });

  scenario("nothing leaves a device that is offline", async (demo) => {
    await demo.phone.add("Seen by all");
    await demo.laptop.task("Seen by all").waitFor();
    await demo.phone.go("offline");
    await demo.phone.add("Kept to itself");
    await demo.laptop.add("From the laptop");
    await demo.laptop.synced();
    await demo.phone.pane.getByRole("button", { name: "Sync" }).press("Enter");
    assert.deepEqual((await onServer(await demo.account())).map((record) => record.title).sort(), ["From the laptop", "Seen by all"]);
    assert.deepEqual(await demo.phone.titles(), ["Kept to itself", "Seen by all"]);
    await demo.phone.pane.getByText("Offline · 1 change waits").waitFor();
    await demo.phone.go("online");
    await demo.laptop.task("Kept to itself").waitFor();
  });

  scenario("a check and a deletion reach the other device", async (demo) => {
    await demo.phone.add("Done soon");
    await demo.phone.add("Not needed");
    await demo.laptop.task("Not needed").waitFor();
    await demo.laptop.check("Done soon");
    await demo.laptop.delete("Not needed");
    await demo.phone.task("Not needed").waitFor({ state: "detached" });
    await demo.page.waitForFunction(() => document.querySelector(".pane[data-pane=phone] .check input").checked);
    assert.equal((await onServer(await demo.account())).length, 1);
  });

  scenario("a deleted task can be put back until the server knows", async (demo) => {
    await demo.phone.add("Perhaps");
    await demo.phone.synced();
    await demo.phone.go("offline");
    await demo.phone.delete("Perhaps");
    await demo.phone.status("Perhaps", "deleted");
    await demo.phone.pane.getByRole("button", { name: "Put back: Perhaps" }).click();
    await demo.phone.status("Perhaps", "updated");
    await demo.phone.go("online");
    await demo.phone.synced();
    assert.equal((await onServer(await demo.account())).length, 1);
  });

  scenario("another browser with the same account and key gets the same tasks", async (demo) => {
    await demo.phone.add("Follows me");
    await demo.phone.synced();
    const { user, password, key } = await demo.account();
    const other = await demo.openElsewhere();
    try {
      await other.page.getByRole("button", { name: "Account and key" }).click();
      await other.page.getByRole("textbox", { name: "User" }).fill(user);
      await other.page.getByRole("textbox", { name: "Password" }).fill(password);
      await other.page.getByRole("textbox", { name: "Key" }).fill(key);
      await other.page.getByRole("button", { name: "Use it" }).click();
      await other.laptop.task("Follows me").waitFor();
      assert.equal(new URL(other.page.url()).search, "");
      assert.deepEqual(other.faults, []);
    } finally {
      await other.close();
    }
  });

  scenario("a server that lost everything gets it again", async (demo) => {
    await demo.phone.add("Still here");
    await demo.phone.synced();
    await demo.laptop.status("Still here", "synced");
    const account = await demo.account();
    await flush(account);
    await demo.phone.sync();
    await demo.phone.alarm("The server shows an old state");
    await demo.phone.repair();
    await demo.phone.calmed();
    await demo.phone.synced();
    assert.deepEqual((await onServer(account)).map((record) => record.title), ["Still here"]);
    // The phone has begun a new journal. The laptop knows the old one, so the new journal is a fork for it.
    await demo.laptop.alarm("The server tells another story");
    await demo.laptop.repair();
    await demo.laptop.calmed();
    await demo.laptop.comparesAs("same");
    assert.deepEqual(await demo.laptop.titles(), ["Still here"]);
  });
});

describe("a conflict", { concurrency: 4 }, () => {
  const endings = [
    { choice: "Keep mine", title: "Buy milk, two litres" },
    { choice: "Keep theirs", title: "Buy oat milk" },
  ];
  for (const { choice, title } of endings) {
    scenario(`is settled for all by “${choice}”`, async (demo) => {
      await disagree(demo);
      await demo.phone.conflict.getByText("Changed on both sides").waitFor();
      await demo.phone.conflict.getByRole("button", { name: choice }).click();
      await demo.phone.status(title, "synced");
      await demo.laptop.status(title, "synced");
      assert.deepEqual((await onServer(await demo.account())).map((record) => record.title), [title]);
    });
  }

  scenario("is settled for all by a merge", async (demo) => {
    await disagree(demo);
    await demo.phone.conflict.getByRole("button", { name: "Write a merge" }).click();
    await demo.page.screenshot({ path: `${PICTURES}conflict-light.png` });
    await demo.phone.conflict.getByRole("textbox", { name: "Merged task" }).fill("Buy oat milk, two litres");
    await demo.phone.conflict.getByRole("button", { name: "Save the merge" }).click();
    await demo.laptop.status("Buy oat milk, two litres", "synced");
    await demo.phone.synced();
    assert.equal(await demo.phone.conflict.count(), 0);
  });

  scenario("with a deletion elsewhere keeps the task if mine is kept", async (demo) => {
    await disagree(demo, { laptopDeletes: true });
    await demo.phone.conflict.getByText("Changed here, deleted there").waitFor();
    await demo.phone.conflict.getByRole("button", { name: "Keep mine" }).click();
    await demo.laptop.status("Buy milk, two litres", "synced");
    await demo.phone.synced();
  });

  scenario("with a deletion elsewhere deletes the task if theirs is kept", async (demo) => {
    await disagree(demo, { laptopDeletes: true });
    await demo.phone.conflict.getByRole("button", { name: "Keep theirs" }).click();
    await demo.phone.synced();
    assert.deepEqual(await demo.phone.titles(), []);
    assert.deepEqual(await onServer(await demo.account()), []);
  });

  scenario("with a deletion here deletes the task if mine is kept", async (demo) => {
    await disagree(demo, { phoneDeletes: true });
    await demo.phone.conflict.getByText("Deleted here, changed there").waitFor();
    await demo.phone.conflict.getByRole("button", { name: "Keep mine" }).click();
    await demo.laptop.task("Buy oat milk").waitFor({ state: "detached" });
    await demo.phone.synced();
    assert.deepEqual(await onServer(await demo.account()), []);
  });

  scenario("with a deletion here brings the task back if theirs is kept", async (demo) => {
    await disagree(demo, { phoneDeletes: true });
    await demo.phone.conflict.getByRole("button", { name: "Keep theirs" }).click();
    await demo.phone.status("Buy oat milk", "synced");
  });

  const strategies = [
    { strategy: "client_wins", title: "Buy milk, two litres" },
    { strategy: "server_wins", title: "Buy oat milk" },
  ];
  for (const { strategy, title } of strategies) {
    scenario(`asks nobody with ${strategy}`, async (demo) => {
      await demo.phone.choose(strategy);
      await disagree(demo);
      await demo.phone.status(title, "synced");
      await demo.laptop.status(title, "synced");
      assert.equal(await demo.phone.conflict.count(), 0);
    });
  }

  scenario("is met again after a reload, with the unsent edit", async (demo) => {
    await disagree(demo);
    await demo.phone.conflict.waitFor();
    await demo.reload();
    await demo.phone.conflict.getByText("Buy milk, two litres").waitFor();
    await demo.phone.conflict.getByText("Buy oat milk").waitFor();
  });
});
