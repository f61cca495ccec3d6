// Devices in browsers: their collection is kept in IndexedDB, and may be open in several tabs.

import { Device } from "../sync/device.mjs";
import { COLLECTION } from "./devices.mjs";

/** A tab. `page` is whatever has `evaluate(function, argument)`: Playwright's, or Firefox's (`webdriver.mjs`). */
export class PageDevice extends Device {
  /** In a new tab of a profile that Playwright drives. */
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

  /** The page, as the user reloads it: what is in memory is gone. */
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

  /** Several records in one go: all or nothing, here and on their way. */
  executeUpserts(ids, fields) {
    return this.page.evaluate(([number, ids, fields]) => outcome(() => executeUpserts(number, ids, fields)), [this.number, ids, fields]).then(({ error }) => {
      if (error) throw Object.assign(new Error(error.message), error);
    });
  }
}
