// Devices in browsers: their collection is stored in IndexedDB, and can be open in several tabs.

import { Device } from "../sync/device.mjs";
import { COLLECTION } from "./devices.mjs";

/** A device in a tab. `page` is an object with `evaluate(function, argument)`: a page of Playwright, or of Firefox (`webdriver.mjs`). */
export class PageDevice extends Device {
  /** Opens a device in a new tab of a profile that Playwright drives. */
  static async open(context, url, account) {
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(url);
    return PageDevice.in(page, account);
  }

  static async in(page, { remote, headers, key, dbName = "device" }) {
    await page.waitForFunction(() => "handles" in globalThis);
    const device = await Device.open(page, { remote, headers, adapterOptions: { dbName } }, { name: COLLECTION, collectionOptions: { key } });
    return Object.assign(new PageDevice(), device, { account: { remote, headers, key, dbName } });
  }

  /** Reloads the page, so that everything in memory is lost. Returns the device in the reloaded page. */
  async reload() {
    await this.page.reload();
    return PageDevice.in(this.page, this.account);
  }

  edit(id, text) {
    return this.update({ id: `cake-${id}`, confession: text });
  }

  head() {
    return this.call("head");
  }

  async state() {
    const { data } = await this.call("list", { order: "id" }, { includeDeleted: true });
    return { records: data, unsynced: await this.unsynced() };
  }

  /** Writes several records in one `execute()`. They are stored and sent as one unit. */
  executeUpserts(ids, fields) {
    return this.page.evaluate(([number, ids, fields]) => outcome(() => executeUpserts(number, ids, fields)), [this.number, ids, fields]).then(({ error }) => {
      if (error) throw Object.assign(new Error(error.message), error);
    });
  }
}
