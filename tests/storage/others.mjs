// The others that change the same records: other clients of a plain collection, or other devices with the key of an encrypted collection.

import { readFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import Kinto, { init, makeKey } from "../../pkg/index.js";
import { KINTO_URL, Server } from "../sync/server.mjs";
import { random } from "./pages/workload.mjs";

await init(await readFile(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url)));

/** The base class. `tags` holds the last write to each record, by id. */
class Others {
  tags = new Map();
  /** The `Kinto`s to close. Node does not exit before they are closed. */
  opened = [];
  server = new Server();
  #count = 0;

  constructor(seed) {
    Object.assign(this, { random: random(seed ^ 0x0743), seed });
  }

  /** The options with which a device in a page is opened. */
  get place() {
    return { remote: KINTO_URL, headers: this.server.headers };
  }

  async write(ids) {
    for (const id of ids) {
      this.tags.set(id, `foreign ${this.seed} ${(this.#count += 1)}`);
      await this.put(id, { tag: this.tags.get(id) });
    }
  }

  close() {
    for (const kinto of this.opened) kinto.close();
  }

  async change(ids, count) {
    for (let n = 0; n < count; n += 1) {
      const id = this.random() < 0.3 ? `new${(this.#count += 1)}` : ids[Math.floor(this.random() * ids.length)];
      if (this.random() < 0.25 && this.tags.get(id)) {
        await this.remove(id);
        this.tags.set(id, null);
      } else await this.write([id]);
    }
  }
}

export class Clients extends Others {
  put(id, fields) {
    return this.server.put(id, fields);
  }

  remove(id) {
    return this.server.remove(id);
  }

  async fill() {}

  async segments() {
    return 0;
  }

  /** Resolves to all records, in the form in which a device should have them. */
  async records() {
    return (await this.server.records()).map((record) => ({ ...record, _status: "synced" }));
  }

  async wrongHeads() {
    return [];
  }
}

export class Devices extends Others {
  static async begin(seed) {
    const others = new Devices(seed);
    others.key = await makeKey();
    others.device = others.#open();
    return others;
  }

  get place() {
    return { ...super.place, key: this.key };
  }

  #open() {
    const kinto = new Kinto({ ...super.place, adapter: "memory", adapterOptions: { dbName: randomUUID() } });
    this.opened.push(kinto);
    return kinto.collection("tasks", { key: this.key });
  }

  async #sync(device = this.device) {
    const { ok, errors, conflicts } = await device.sync({ strategy: "client_wins" });
    if (!ok) throw new Error(`another device's sync: ${JSON.stringify({ errors, conflicts })}`);
  }

  async put(id, fields) {
    await this.#sync();
    await this.device.upsert({ id, ...fields });
    await this.#sync();
  }

  async remove(id) {
    await this.#sync();
    await this.device.deleteAny(id);
    await this.#sync();
  }

  /** Extends the journal to this number of pages, most of which are superseded. */
  async fill(pages) {
    for (let page = (await this.device.pages()).length; page < pages; page += 1) {
      await this.device.upsert({ id: "page", tag: "page", page });
      await this.#sync();
    }
    if (pages > 0) this.tags.set("page", "page");
  }

  /** Resolves to the number of snapshot segments on the server: 5 at most. */
  async segments() {
    const ask = async (path) => (await (await fetch(`${KINTO_URL}/buckets/default/collections${path}`, { headers: this.server.headers })).json()).data;
    const [{ id }] = await ask("");
    return (await ask(`/${id}/records?_fields=id&_limit=5&_sort=-id`)).filter((record) => record.id.startsWith("s-")).length;
  }

  async records() {
    this.fresh = this.#open();
    await this.#sync(this.fresh);
    return (await this.fresh.list({}, { includeDeleted: true })).data;
  }

  /** Resolves to a list with an error if the heads are not all the same. */
  async wrongHeads(heads) {
    await this.#sync();
    const all = [...heads, await this.device.head(), await this.fresh.head()].map(({ position, hash }) => `${position} ${hash}`);
    return new Set(all).size === 1 ? [] : [`the heads differ: ${all.join(", ")}`];
  }
}
