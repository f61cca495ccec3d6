// The page of the demo: reloads, keyboard control, narrow screens, reduced motion, and its appearance.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { PICTURES, onServer, scenario } from "./scenario.mjs";

const NARROW = { viewport: { width: 375, height: 740 }, hasTouch: true };

describe("the page", { concurrency: 4 }, () => {
  scenario("keeps tasks, edits and the switch over a reload", async (demo) => {
    await demo.phone.add("Order frames");
    await demo.phone.synced();
    await demo.phone.go("offline");
    await demo.phone.edit("Order frames", "Order ten frames");
    await demo.phone.add("Sharpen the hive tool");
    await demo.phone.choose("client_wins");
    await demo.reload();
    assert.deepEqual(await demo.phone.titles(), ["Sharpen the hive tool", "Order ten frames"]);
    await demo.phone.status("Order ten frames", "updated");
    await demo.phone.status("Sharpen the hive tool", "created");
    assert.equal(await demo.phone.pane.getByRole("switch").isChecked(), false);
    assert.equal(await demo.phone.pane.getByLabel("On conflict").inputValue(), "client_wins");
    assert.deepEqual((await onServer(await demo.account())).map((record) => record.title), ["Order frames"]);
  });

  scenario("keeps the account to itself: nothing secret stands in the address", async (demo) => {
    const { user, password, key } = await demo.account();
    assert.match(password, /^[0-9a-f]{32}$/);
    assert.match(key, /^essaim1-/);
    for (const secret of [user, password, key]) assert.ok(!demo.page.url().includes(secret));
  });

  scenario("can be used without a mouse", async (demo) => {
    const { page, phone } = demo;
    await phone.go("offline");
    await phone.input.focus();
    await page.keyboard.type("Call Odile");
    await page.keyboard.press("Enter");
    await phone.task("Call Odile").waitFor();
    await press(page, "Tab", "Add task");
    await press(page, "Tab", "Done: Call Odile");
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.querySelector(".task.done input:focus"));
    await press(page, "Tab", "Edit: Call Odile");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Nonsense");
    await page.keyboard.press("Escape");
    assert.deepEqual(await phone.titles(), ["Call Odile"]);
    assert.equal(await focusedName(page), "Edit: Call Odile");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Call Odile at noon");
    await page.keyboard.press("Enter");
    await phone.task("Call Odile at noon").waitFor();
    assert.equal(await focusedName(page), "Edit: Call Odile at noon");
    await press(page, "Tab", "Delete: Call Odile at noon");
    await page.keyboard.press("Enter");
    await phone.task("Call Odile at noon").waitFor({ state: "detached" });
    assert.equal(await focusedName(page), "New task");
    await press(page, "Shift+Tab", "Offline");
    await page.keyboard.press("Space");
    await phone.pane.locator(".switch").getByText("Online").waitFor();
  });

  scenario("settles a conflict without a mouse, and leaves the focus where it is of use", async (demo) => {
    const { page, phone, laptop } = demo;
    await phone.add("Feed the bees");
    await laptop.task("Feed the bees").waitFor();
    await phone.go("offline");
    await phone.edit("Feed the bees", "Feed the bees on Monday");
    await laptop.edit("Feed the bees", "Feed the bees on Friday");
    await laptop.synced();
    await phone.go("online");
    await phone.conflict.waitFor();
    await phone.pane.getByRole("switch").focus();
    await press(page, "Tab", "New task");
    await press(page, "Tab", "Add task");
    await press(page, "Tab", "Keep mine");
    await press(page, "Tab", "Keep theirs");
    await press(page, "Tab", "Write a merge");
    await page.keyboard.press("Enter");
    assert.equal(await focusedName(page), "Merged task");
    await page.keyboard.press("Escape");
    assert.equal(await focusedName(page), "Write a merge");
    await press(page, "Shift+Tab", "Keep theirs");
    await page.keyboard.press("Enter");
    await phone.status("Feed the bees on Friday", "synced");
    assert.equal(await focusedName(page), "New task");
  });

  scenario("shows where the focus is, on everything that can have it", async (demo) => {
    const { page, phone, laptop } = demo;
    await phone.add("Something to stand on");
    await phone.status("Something to stand on", "synced");
    await laptop.status("Something to stand on", "synced");
    await demo.calm();
    const names = [];
    for (await page.getByText("Account and key").first().focus(); await page.evaluate(firstTimeHere); await page.keyboard.press("Tab")) {
      names.push(await focusedName(page));
      assert.ok(await focusIsVisible(page), `no focus to be seen on “${names.at(-1)}”`);
    }
    // Two controls in the masthead, five in the pane of the server, eight on each device.
    assert.equal(names.length, 23, names.join(", "));
  });

  scenario("fits a phone, one pane at a time", async (demo) => {
    const { page, phone } = demo;
    await phone.add("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft");
    await phone.synced();
    for (const name of ["Server", "Laptop", "Phone"]) {
      await page.locator(".tabs").getByRole("button", { name }).tap();
      await page.getByRole("heading", { name, exact: true }).waitFor();
      assert.equal(await page.locator(".pane:visible").count(), 1);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 375, `${name} scrolls sideways`);
      await demo.calm();
      await page.screenshot({ path: `${PICTURES}narrow-${name.toLowerCase()}.png` });
    }
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, select, input")].filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 24).map((each) => each.outerHTML),
    );
    assert.deepEqual(small, [], "too small for a finger");
  }, NARROW);

  scenario("sends no bees to who asked for less motion", async (demo) => {
    const { page, phone, laptop } = demo;
    await page.evaluate(countBees);
    await phone.add("Calm");
    await laptop.status("Calm", "synced");
    await demo.server.holds(1);
    assert.equal(await page.evaluate(() => window.bees), 0);
  }, { reducedMotion: "reduce" });

  scenario("sends a bee for each task otherwise", async (demo) => {
    const { page, phone } = demo;
    await page.evaluate(countBees);
    await phone.add("Busy");
    // One bee flies to the server, and one from the server to the laptop.
    await page.waitForFunction(() => window.bees === 2);
  });

  scenario("is light or dark as the system is, until the user chooses", async (demo) => {
    const { page } = demo;
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await paper();
    assert.notEqual(light, dark);
    await page.getByRole("button", { name: "Use the light theme" }).click();
    assert.equal(await paper(), light);
    await demo.reload();
    assert.equal(await paper(), light);
    await page.getByRole("button", { name: "Use the dark theme" }).click();
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await paper(), light);
  });

  scenario("is worth looking at", async (demo) => {
    const { page, phone, laptop } = demo;
    for (const title of ["Order new frames for the east hive", "Return the library books", "Call Odile about Saturday", "Sow phacelia behind the shed", "Buy oat milk"]) {
      await phone.add(title);
    }
    await laptop.task("Buy oat milk").waitFor();
    await laptop.check("Return the library books");
    await phone.go("offline");
    await phone.edit("Buy oat milk", "Buy oat milk, two litres");
    await laptop.edit("Buy oat milk", "Buy oat milk and honey cake");
    await laptop.synced();
    await phone.go("online");
    await phone.conflict.waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await demo.calm();
      await page.screenshot({ path: `${PICTURES}wide-${colorScheme}.png` });
    }
  });
});

/** Presses a key and asserts that the focus is then on the element with this name. */
async function press(page, key, name) {
  await page.keyboard.press(key);
  assert.equal(await focusedName(page), name);
}

/** Runs in the page: counts in `window.bees` all bees that start to fly. */
function countBees() {
  window.bees = 0;
  const isBee = (node) => node.classList?.contains("bee");
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) window.bees += [...addedNodes].filter(isBee).length;
  }).observe(document.body, { childList: true });
}

/** Runs in the page: returns whether the focused element has the focus for the first time. */
function firstTimeHere() {
  window.visited ??= new WeakSet();
  const first = !window.visited.has(document.activeElement);
  window.visited.add(document.activeElement);
  return first && document.activeElement !== document.body;
}

/** Resolves to the accessible name of the focused element, which a screen reader would read. */
function focusedName(page) {
  return page.evaluate(() => {
    const { activeElement: focused } = document;
    const label = focused.labels?.[0]?.cloneNode(true);
    label?.querySelectorAll("input, select, svg").forEach((part) => part.remove());
    return (focused.getAttribute("aria-label") ?? label?.textContent ?? focused.textContent).trim();
  });
}

/** Resolves to whether the focused element, or the part of the page that shows its focus, looks different than without the focus. */
function focusIsVisible(page) {
  return page.evaluate(() => {
    const { activeElement: focused } = document;
    const look = () => [focused, focused.nextElementSibling?.nextElementSibling, focused.closest("form")]
      .filter(Boolean)
      .map((each) => getComputedStyle(each))
      .map((style) => [style.outlineStyle, style.boxShadow, style.backgroundColor].join());
    const withFocus = look();
    focused.blur();
    const without = look();
    focused.focus();
    return withFocus.some((each, place) => each !== without[place]);
  });
}
