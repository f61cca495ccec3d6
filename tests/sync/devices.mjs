// Two browser profiles with one account: a phone, which reaches Kinto through a proxy that a test may meddle with, and a
// laptop. They are opened once; each test has an account and databases of its own in them, so tests may run side by side.

import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launchBrowser } from "../demo/demo-page.mjs";
import { serveDemo } from "../demo/serve.mjs";
import { Proxy } from "./proxy.mjs";
import { KINTO_URL, Server } from "./server.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** For suites: a sync mostly waits, for one side or the other. */
export const SIDE_BY_SIDE = { concurrency: 4 };

/** The page of each profile. */
export const pages = {};

let browser;
let site;
before(async () => {
  browser = await launchBrowser();
  site = await serveDemo({ www: `${HERE}page` });
  for (const name of ["phone", "laptop"]) pages[name] = await openProfile(site.url);
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function openProfile(url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.route("**/kinto-js.js", async (route) => route.fulfill({ contentType: "text/javascript", body: await kintoJs() }));
  await page.goto(url);
  await page.waitForFunction(() => "handles" in globalThis);
  return page;
}

/** The npm package `kinto`, as an ES module. */
async function kintoJs() {
  const { outputFiles } = await build({ entryPoints: ["kinto"], absWorkingDir: HERE, bundle: true, format: "esm", platform: "browser", write: false, logLevel: "error" });
  return outputFiles[0].text;
}

/** What a test plays with: the account's `server`, the `proxy` before it, its tasks `here` (phone) and `there` (laptop). */
export async function stage(t, { options = {}, collectionOptions } = {}) {
  const server = new Server();
  const proxy = await Proxy.start(KINTO_URL);
  t.after(() => proxy.close());
  const account = { headers: server.headers, adapterOptions: { dbName: server.user } };
  const here = await Device.open(pages.phone, { remote: proxy.url, ...account, ...options }, { collectionOptions });
  const there = await Device.open(pages.laptop, { remote: KINTO_URL, ...account }, { collectionOptions });
  return { server, proxy, account, here, there };
}

/** A stage with the record `r`, the same here and on the server. */
export async function withRecord(t) {
  const scene = await stage(t);
  await scene.server.put("r", { title: "original" });
  await scene.here.sync();
  return scene;
}

/** A collection of tasks in a page. Calls give plain data; an error has the `code` and `data` it had there. */
export class Device {
  static async open(page, options, { library = "essaim", collectionOptions = {} } = {}) {
    const device = new Device();
    device.page = page;
    device.number = await page.evaluate((args) => openCollection(...args), [library, options, "tasks", collectionOptions]);
    return device;
  }

  async call(method, ...args) {
    const { value, error } = await this.page.evaluate((args) => callCollection(...args), [this.number, method, args]);
    if (error) throw Object.assign(new Error(error.message), error);
    return value;
  }

  events() {
    return this.page.evaluate((number) => takeEvents(number), this.number);
  }

  /** With the id that the record has. */
  async create(record) {
    return (await this.call("create", record, { useRecordId: true })).data;
  }

  async createAll(ids, fields = (id) => ({ title: id })) {
    for (const id of ids) await this.create({ id, ...fields(id) });
  }

  async update(record) {
    return (await this.call("update", record)).data;
  }

  async delete(id) {
    return (await this.call("delete", id)).data;
  }

  /** The record, its tombstone or `undefined`. */
  async record(id) {
    return (await this.call("getAny", id)).data;
  }

  /** Live records by id. */
  async records() {
    return (await this.call("list", { order: "id" })).data;
  }

  async titles() {
    return (await this.records()).map((record) => record.title);
  }

  /** Ids of what is still to be sent. */
  async unsynced() {
    return (await this.call("gatherLocalChanges")).map(({ id }) => id).sort();
  }

  sync(options) {
    return this.call("sync", ...(options ? [options] : []));
  }

  /** What a sync fails with; it must. */
  async failure(options) {
    const result = await this.sync(options).catch((error) => error);
    if (!(result instanceof Error)) throw new Error(`The sync did not fail: ${JSON.stringify(result)}`);
    return result;
  }

  resolve(conflict, resolution) {
    return this.call("resolve", conflict, resolution).then(({ data }) => data);
  }
}

const LISTS = ["errors", "created", "updated", "deleted", "published", "conflicts", "skipped", "resolved"];

/** The lists of a sync's result that are not empty. */
export function lists(result) {
  return Object.fromEntries(LISTS.filter((name) => result[name].length > 0).map((name) => [name, result[name]]));
}
