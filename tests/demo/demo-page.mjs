// The demo in a browser, as its user sees it: actions of the user, and functions that wait for something to be shown.

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const SETTINGS = { executablePath: CHROMIUM, args: FLAGS.split(" ") };

export function launchBrowser() {
  return chromium.launch(SETTINGS);
}

/** Launches a browser with a profile on disk, which still exists when it is launched again. */
export function launchProfile(folder, options = {}) {
  return chromium.launchPersistentContext(folder, { ...SETTINGS, ...options });
}

/** One browser profile with the demo open. `faults` collects errors that must not occur: errors of scripts, and violations of the policy. */
export class DemoPage {
  faults = [];
  /** All requests that the page sent to Kinto, as text: URL, headers and body. */
  sent = [];

  static async open(browser, url, remote, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const demo = new DemoPage();
    demo.openElsewhere = () => DemoPage.open(browser, url, remote);
    demo.context = context;
    demo.page = await context.newPage();
    demo.page.setDefaultTimeout(30_000);
    demo.page.on("pageerror", (error) => demo.faults.push(String(error.stack)));
    demo.page.on("console", (message) => {
      // The browser reports failed requests on the console too. They are ignored, because some scenarios make requests fail.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) demo.faults.push(message.text());
    });
    demo.page.on("request", (request) => {
      if (request.url().startsWith(remote)) demo.sent.push([request.url(), JSON.stringify(request.headers()), request.postData() ?? ""].join("\n"));
    });
    await demo.page.goto(`${url}?remote=${encodeURIComponent(remote)}`);
    await demo.ready();
    return demo;
  }

  get phone() { return new DevicePane(this.page, "phone"); }
  get laptop() { return new DevicePane(this.page, "laptop"); }
  get server() { return new ServerPane(this.page); }

  ready() {
    return this.page.locator("html[data-ready]").waitFor();
  }

  async reload() {
    await this.page.reload();
    await this.ready();
  }

  /** Resolves to the account that the page generated. */
  account() {
    return this.page.evaluate(() => JSON.parse(localStorage.getItem("essaim-demo/account")));
  }

  /** Waits until every bee has landed and no animation is running. */
  calm() {
    return this.page.waitForFunction(() => !document.querySelector(".bee, .syncing") && document.getAnimations().length === 0);
  }

  close() {
    return this.context.close();
  }
}

/** One of the two devices on the page. */
class DevicePane {
  constructor(page, name) {
    this.page = page;
    this.pane = page.locator(`.pane[data-pane=${name}]`);
    this.input = this.pane.getByRole("textbox", { name: "New task" });
    this.conflict = this.pane.getByRole("group", { name: /^Conflict/ });
    this.trouble = this.pane.getByRole("alert");
    this.words = this.pane.locator(".head-words .words");
  }

  task(title) {
    return this.pane.locator(".task").filter({ has: this.page.getByRole("button", { name: `Edit: ${title}`, exact: true }) });
  }

  async add(title) {
    await this.input.fill(title);
    await this.input.press("Enter");
    await this.task(title).waitFor();
  }

  async edit(title, newTitle) {
    await this.pane.getByRole("button", { name: `Edit: ${title}`, exact: true }).click();
    await this.pane.getByRole("textbox", { name: "Task", exact: true }).fill(newTitle);
    await this.page.keyboard.press("Enter");
    await this.task(newTitle).waitFor();
  }

  async check(title) {
    await this.pane.getByLabel(`Done: ${title}`).check();
  }

  async delete(title) {
    await this.task(title).hover();
    await this.pane.getByRole("button", { name: `Delete: ${title}` }).click();
  }

  async go(state) {
    await this.pane.getByRole("switch").setChecked(state === "online");
    await this.pane.locator(".switch").getByText(state === "online" ? "Online" : "Offline").waitFor();
  }

  async choose(strategy) {
    await this.pane.getByLabel("On conflict").selectOption(strategy);
  }

  async sync() {
    await this.pane.getByRole("button", { name: "Sync" }).click();
  }

  /** Waits until there are no unsynced changes and no conflicts. */
  async synced() {
    await this.pane.locator(".state").getByText("All synced").waitFor();
  }

  /** Waits until an alarm with this headline is shown. */
  async alarm(headline) {
    await this.trouble.getByRole("heading", { name: headline }).waitFor();
  }

  async calmed() {
    await this.trouble.waitFor({ state: "hidden" });
  }

  async repair() {
    await this.pane.getByRole("button", { name: "Repair" }).click();
  }

  /** Waits until the comparison of the four words with those of the other device shows `"same"`, `"different"` or `"apart"`. */
  async comparesAs(relation) {
    await this.pane.locator(`.head-words[data-relation=${relation}]`).waitFor();
  }

  /** Resolves to the titles that are shown, in order. */
  titles() {
    return this.pane.locator(".tasks .title").allTextContents();
  }

  /** Waits until a task's mark shows this status. */
  async status(title, status) {
    await this.task(title).locator(`[data-status=${status}]`).waitFor();
  }
}

/** The server on the page. */
class ServerPane {
  constructor(page) {
    this.page = page;
    this.pane = page.locator(".pane[data-pane=server]");
    this.tale = this.pane.locator(".tale");
    this.cells = this.pane.locator(".cell.full");
    this.records = this.pane.locator(".record");
  }

  /** Makes the server lie: `"old"`, `"bit"` or `"stories"`. */
  async lie(about) {
    await this.pane.getByLabel("What it lies about").selectOption(about);
    await this.pane.getByRole("switch", { name: "Lying server" }).click();
    await this.pane.getByText("Lying", { exact: true }).waitFor();
  }

  async tellTheTruth() {
    await this.pane.getByRole("switch", { name: "Lying server" }).click();
    await this.pane.getByText("Honest", { exact: true }).waitFor();
  }

  /** Waits until the page shows that the server has this number of sealed pages. */
  async holds(pages) {
    await this.pane.locator("[data-fact=count]").getByText(String(pages), { exact: true }).waitFor();
  }
}
