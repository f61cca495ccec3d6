// What the server learns, and which lies of the server the devices detect.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe } from "node:test";
import { KINTO, PICTURES, dump, onServer, scenario } from "./scenario.mjs";

/** Texts that only the devices may know: titles, field names, the collection's name. None can occur by chance in sealed text, which is base64url. */
const SECRETS = ["Hide the honey", "Under the old", "pear tree", '"title', '"done', "createdAt", "/tasks", '"tasks'];

/** Adds two tasks and changes one, and waits until both devices have them. */
async function share(demo) {
  await demo.phone.add("Hide the honey");
  await demo.laptop.status("Hide the honey", "synced");
  await demo.laptop.add("Under the old tree");
  await demo.phone.status("Under the old tree", "synced");
  await demo.phone.edit("Under the old tree", "Under the old pear tree");
  await demo.laptop.status("Under the old pear tree", "synced");
  await demo.server.holds(3);
  await demo.phone.comparesAs("same");
}

function assertNothingOf(secrets, text, where) {
  for (const secret of secrets) assert.ok(!text.includes(secret), `“${secret}” stands in ${where}`);
}

/** Resolves to the records of the true journal, not of the copy that a lie shows to the devices. */
async function dumpedTruth(demo) {
  return (await dump(await demo.account())).find(({ id }) => !id.endsWith("-lie")).records;
}

/** Saves the evidence of a device's alarm, as a user does. Resolves to the name and the text of the file. */
async function saveEvidence(demo, device) {
  const [download] = await Promise.all([demo.page.waitForEvent("download"), device.pane.getByRole("button", { name: "Save the evidence" }).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

describe("what the server is told", { concurrency: 4 }, () => {
  scenario("neither its pane nor any request nor the server itself has a title in it", async (demo) => {
    await share(demo);
    const account = await demo.account();
    const pane = await demo.server.pane.evaluate((element) => element.outerHTML);
    assertNothingOf(SECRETS.slice(0, 3), pane, "the server's pane");
    const writes = demo.sent.filter((text) => text.includes('"ct"'));
    assert.equal(writes.length, 3, "three pages were sent");
    assertNothingOf([...SECRETS, account.key], demo.sent.join("\n"), "a request");
    const collections = await dump(account);
    assert.deepEqual(collections.map(({ id, records }) => [id.slice(0, 2), records.length]), [["e-", 3]]);
    assertNothingOf([...SECRETS, account.key], JSON.stringify(collections), "what the server holds");
  });

  scenario("a page weighs the same whatever is in it", async (demo) => {
    await demo.phone.go("offline");
    await demo.phone.add("Short");
    await demo.phone.go("online");
    await demo.server.holds(1);
    await demo.phone.go("offline");
    for (const title of ["Something much longer than that", "And another", "And one more"]) await demo.phone.add(title);
    await demo.phone.go("online");
    await demo.server.holds(2);
    const [{ records }] = await dump(await demo.account());
    assert.equal(new Set(records.map(({ ct }) => ct.length)).size, 1);
  });

  scenario("what a device uses to tell itself apart in this page leaves it in no request", async (demo) => {
    await share(demo);
    assertNothingOf(["x-demo-device", "X-Demo-Device"], demo.sent.join("\n"), "a request");
  });

  scenario("its pages are shown after a reload, although no device asks for them", async (demo) => {
    await share(demo);
    await demo.phone.go("offline");
    await demo.laptop.go("offline");
    await demo.reload();
    await demo.server.holds(3);
    await demo.phone.comparesAs("same");
  });

  scenario("a mistyped key changes nothing and is said to be mistyped", async (demo) => {
    await share(demo);
    await demo.page.getByRole("button", { name: "Account and key" }).click();
    const input = demo.page.getByRole("textbox", { name: "Key" });
    const key = await input.inputValue();
    await input.fill(key.slice(0, -1) + (key.endsWith("0") ? "1" : "0"));
    await demo.page.getByRole("button", { name: "Use it" }).click();
    await demo.phone.trouble.getByText("This key is mistyped").waitFor();
    assert.deepEqual((await onServer({ ...(await demo.account()), key })).length, 2);
  });
});

describe("the four words", { concurrency: 4 }, () => {
  scenario("are the same on both devices after a sync, and others after another change", async (demo) => {
    await share(demo);
    const words = await demo.phone.words.textContent();
    assert.match(words, /^[a-z]+ [a-z]+ [a-z]+ [a-z]+$/);
    assert.equal(await demo.laptop.words.textContent(), words);
    await demo.laptop.go("offline");
    await demo.phone.add("One more");
    await demo.phone.comparesAs("apart");
    await demo.laptop.go("online");
    await demo.laptop.comparesAs("same");
    assert.notEqual(await demo.laptop.words.textContent(), words);
    assert.equal(await demo.laptop.words.textContent(), await demo.phone.words.textContent());
  });

  scenario("differ as soon as the server tells two stories, which nothing else can show", async (demo) => {
    await share(demo);
    await demo.server.lie("stories");
    await demo.phone.add("Told to the phone");
    await demo.laptop.add("Told to the laptop");
    await demo.phone.comparesAs("different");
    await demo.laptop.comparesAs("different");
    await demo.phone.synced();
    await demo.laptop.synced();
    assert.equal(await demo.phone.trouble.isVisible() || (await demo.laptop.trouble.isVisible()), false);
    await demo.server.pane.getByText("told to the laptop only").waitFor();
    await demo.server.tellTheTruth();
    await demo.laptop.alarm("The server tells another story");
    await demo.laptop.repair();
    await demo.laptop.calmed();
    await demo.phone.comparesAs("same");
    const all = ["Hide the honey", "Told to the laptop", "Told to the phone", "Under the old pear tree"];
    assert.deepEqual((await demo.phone.titles()).sort(), all);
    assert.deepEqual((await demo.laptop.titles()).sort(), all);
    assert.deepEqual((await onServer(await demo.account())).map(({ title }) => title).sort(), all);
  });
});

describe("a lying server", { concurrency: 4 }, () => {
  const lies = [
    { about: "old", headline: "The server shows an old state", code: "rollback" },
    { about: "bit", headline: "Somebody changed a page", code: "tampered" },
  ];
  for (const { about, headline, code } of lies) {
    scenario(`is found out with “${code}” on both devices, and all is well when it stops`, async (demo) => {
      await share(demo);
      await demo.server.lie(about);
      for (const device of [demo.phone, demo.laptop]) {
        await device.alarm(headline);
        await device.trouble.getByText(`${code} · page 3`).waitFor();
        await device.trouble.getByText("Nothing of yours is lost").waitFor();
      }
      assert.deepEqual((await demo.phone.titles()).sort(), ["Hide the honey", "Under the old pear tree"]);
      await demo.phone.add("Written meanwhile");
      await demo.phone.status("Written meanwhile", "created");
      await demo.server.tellTheTruth();
      await demo.phone.calmed();
      await demo.laptop.calmed();
      await demo.laptop.status("Written meanwhile", "synced");
      await demo.phone.comparesAs("same");
      assert.equal((await dump(await demo.account())).length, 1, "the false journal is gone");
    });
  }

  scenario("leaves evidence that can be saved, with nothing readable in it", async (demo) => {
    await share(demo);
    await demo.server.lie("bit");
    await demo.laptop.alarm("Somebody changed a page");
    const { name, text } = await saveEvidence(demo, demo.laptop);
    assert.equal(name, "essaim-tampered-page-3.json");
    const { code, device, evidence } = JSON.parse(text);
    assert.deepEqual([code, device, evidence.position], ["tampered", "Laptop", 3]);
    assert.ok(evidence.url.startsWith(KINTO));
    assert.equal(JSON.parse(evidence.record).id, "p000000000003");
    const { key, password } = await demo.account();
    assertNothingOf([...SECRETS, key, password], text, "the evidence");
  });

  scenario("that put back an old backup is brought up to date by Repair", async (demo) => {
    await share(demo);
    const truth = await dumpedTruth(demo);
    await demo.server.lie("old");
    await demo.phone.alarm("The server shows an old state");
    await demo.page.screenshot({ path: `${PICTURES}alarm-light.png` });
    await demo.phone.repair();
    await demo.phone.calmed();
    await demo.phone.synced();
    await demo.server.pane.getByText("told to both").first().waitFor();
    await demo.laptop.alarm("The server tells another story");
    await demo.laptop.repair();
    await demo.laptop.calmed();
    await demo.laptop.comparesAs("same");
    assert.deepEqual(await dumpedTruth(demo), truth, "the true journal was let alone");
    // The devices have repaired with the lie, so the true journal raises an alarm.
    await demo.server.tellTheTruth();
    await demo.phone.alarm("The server shows an old state");
    for (const device of [demo.phone, demo.laptop]) {
      await device.repair();
      await device.calmed();
    }
    await demo.phone.comparesAs("same");
    for (const device of [demo.phone, demo.laptop]) assert.deepEqual((await device.titles()).sort(), ["Hide the honey", "Under the old pear tree"]);
  });

  scenario("may choose another lie while it lies", async (demo) => {
    await share(demo);
    await demo.server.lie("old");
    await demo.phone.alarm("The server shows an old state");
    await demo.server.pane.getByLabel("What it lies about").selectOption("bit");
    await demo.phone.alarm("Somebody changed a page");
    await demo.server.tellTheTruth();
    await demo.phone.calmed();
  });

  scenario("has nothing to lie about as long as it is empty", async (demo) => {
    await demo.server.pane.getByRole("switch", { name: "Lying server" }).click();
    await demo.server.tale.getByText("an empty server has nothing to lie about").waitFor();
    assert.equal(await demo.server.pane.getByRole("switch", { name: "Lying server" }).isChecked(), false);
  });
});
