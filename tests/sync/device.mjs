// A device: one collection of one database, as tests use it.

/** A collection in a page. Calls give plain data; an error has the `code` and `data` it had there. */
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
