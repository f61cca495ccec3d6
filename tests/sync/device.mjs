// A device: one collection of one database, as tests use it.

/** A collection in a page. Its methods resolve to plain data. An error has the same `code` and `data` as in the page. */
export class Device {
  static async open(page, options, { library = "essaim", name = "tasks", collectionOptions = {} } = {}) {
    const device = new Device();
    device.page = page;
    device.number = await page.evaluate((args) => openCollection(...args), [library, options, name, collectionOptions]);
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

  /** Creates a record with the id that it has. */
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

  /** Resolves to the record, its tombstone, or `undefined`. */
  async record(id) {
    return (await this.call("getAny", id)).data;
  }

  /** Resolves to the live records, in the order of their ids. */
  async records() {
    return (await this.call("list", { order: "id" })).data;
  }

  async titles() {
    return (await this.records()).map((record) => record.title);
  }

  /** Resolves to the ids of unsynced records and deletions, sorted. */
  async unsynced() {
    return (await this.call("gatherLocalChanges")).map(({ id }) => id).sort();
  }

  sync(options) {
    return this.call("sync", ...(options ? [options] : []));
  }

  /** Resolves to the error that a sync fails with. Rejects if it does not fail. */
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

/** Returns the lists of a sync result that are not empty. */
export function lists(result) {
  return Object.fromEntries(LISTS.filter((name) => result[name].length > 0).map((name) => [name, result[name]]));
}
