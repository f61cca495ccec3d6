// The server: reads and changes it as another client with the same account.

import { reach } from "./network.js";

export class Server {
  constructor(remote, authorization, collection, bucket = "default") {
    Object.assign(this, { root: remote, authorization, collection, bucket });
    this.url = `${remote}/buckets/${bucket}/collections/${collection}`;
  }

  /** Creates a collection of the same name that belongs to another user. */
  async ofAnother() {
    const other = new Server(this.root, `Basic ${btoa(`${crypto.randomUUID()}:secret`)}`, this.collection, crypto.randomUUID());
    await other.#reach("PUT", `${this.root}/buckets/${other.bucket}`);
    await other.#ask("PUT", "");
    return other;
  }

  /** Writes a record and resolves to the stored record. */
  async put(id, fields, permissions) {
    return (await this.#ask("PUT", `/records/${id}`, { data: fields, permissions })).data;
  }

  /** Writes `count` records. */
  fill(count) {
    return this.putAll(Array.from({ length: count }, (_, n) => `r${10 + n}`));
  }

  async putAll(ids) {
    for (const id of ids) await this.put(id, { title: id });
  }

  remove(id) {
    return this.#ask("DELETE", `/records/${id}`);
  }

  /** Resolves to all records, in the order of their ids. */
  async records() {
    const records = [];
    let next = `${this.url}/records?_sort=id`;
    while (next) {
      const response = await this.#reach("GET", next);
      records.push(...(await response.json()).data);
      next = response.headers.get("Next-Page");
    }
    return records;
  }

  async titles() {
    return (await this.records()).map((record) => record.title);
  }

  /** Deletes the collection with its records, tombstones and timestamp. For one user this is like a flush of the server by its administrator. */
  forget() {
    return this.#ask("DELETE", "");
  }

  /** Resolves to the server's settings, like `batch_max_requests`. */
  async settings() {
    return (await (await this.#reach("GET", `${this.root}/`)).json()).settings;
  }

  async #ask(method, path, body) {
    return (await this.#reach(method, this.url + path, body && JSON.stringify(body))).json();
  }

  async #reach(method, url, body) {
    const headers = { Authorization: this.authorization, "Content-Type": "application/json" };
    const response = await reach(url, { method, headers, body, cache: "no-store" });
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
    return response;
  }
}
