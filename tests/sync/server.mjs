// The server of a test: reads and changes it as another client with the same account.

import assert from "node:assert/strict";
import { authorization, KINTO_URL, newUser } from "../package/kinto.mjs";

export { KINTO_URL };

/** The collection of tasks of one account on a real Kinto server. */
export class Server {
  constructor({ root = KINTO_URL, user = newUser(), bucket = "default", collection = "tasks" } = {}) {
    Object.assign(this, { root, user, bucket, collection, headers: { Authorization: authorization(user) } });
  }

  /** Writes a record, with the given `lastModified` if there is one, and resolves to the stored record. */
  async put(id, fields, { lastModified } = {}) {
    const data = lastModified ? { ...fields, last_modified: lastModified } : fields;
    return (await this.#ask("PUT", `/records/${id}`, { data })).data;
  }

  async putAll(ids, fields = (id) => ({ title: id })) {
    for (const id of ids) await this.put(id, fields(id));
  }

  /** Deletes a record and resolves to its tombstone. */
  async remove(id) {
    return (await this.#ask("DELETE", `/records/${id}`)).data;
  }

  /** Resolves to the record with this id; to `undefined` if there is none, or only a tombstone. */
  async record(id) {
    return (await this.records()).find((record) => record.id === id);
  }

  /** Resolves to all records, in the order of their ids. */
  async records() {
    const records = [];
    let next = `${this.#url()}/records?_sort=id`;
    while (next) {
      const response = await this.#fetch(next);
      assert.equal(response.status, 200, next);
      records.push(...(await response.json()).data);
      next = response.headers.get("Next-Page");
    }
    return records;
  }

  async titles() {
    return (await this.records()).map((record) => record.title);
  }

  /** Deletes the collection itself, with its records and tombstones. */
  removeCollection() {
    return this.#ask("DELETE", "");
  }

  /** Creates the collection with these metadata, or replaces its metadata. Resolves to the stored metadata. */
  async makeCollection(data = {}) {
    return (await this.#ask("PUT", "", { data })).data;
  }

  /** Creates the bucket. Only needed if it is not the default bucket, which Kinto creates itself. */
  createBucket() {
    return this.#ask("PUT", `${this.root}/buckets/${this.bucket}`, {});
  }

  /** Deletes all records in one request. */
  removeRecords() {
    return this.#ask("DELETE", "/records");
  }

  /** Restores the state in which `records()` returned `backup`: every record with its `last_modified`. */
  async restore(backup) {
    await this.removeCollection();
    for (const { last_modified, ...record } of backup.toSorted((one, other) => one.last_modified - other.last_modified)) {
      await this.put(record.id, record, { lastModified: last_modified });
    }
  }

  /** Resolves to the names of the bucket's collections. */
  async collections() {
    const response = await this.#fetch(`${this.root}/buckets/${this.bucket}/collections`);
    assert.equal(response.status, 200);
    return (await response.json()).data.map(({ id }) => id);
  }

  /** Returns another collection of the same bucket. */
  of(collection) {
    const { root, user, bucket } = this;
    return new Server({ root, user, bucket, collection });
  }

  /** Empties the whole server, for all users. */
  async flush() {
    const response = await fetch(`${this.root}/__flush__`, { method: "POST", headers: this.headers });
    assert.equal(response.status, 202);
  }

  /** Purges the tombstones of all users' records, as an administrator does with old ones. */
  async purge() {
    const response = await fetch(`${this.root}/__purge__`, { method: "POST", headers: this.headers });
    assert.equal(response.status, 200);
  }

  async #fetch(url, options) {
    const ask = () => fetch(url, { headers: { ...this.headers, "Content-Type": "application/json" }, ...options });
    let response = await ask();
    // Kinto with PostgreSQL answers 409 to the later of two clients that write at the same moment. Reading the default bucket writes too: it
    // creates the bucket.
    while (response.status === 409) response = await ask();
    return response;
  }

  #url() {
    return `${this.root}/buckets/${this.bucket}/collections/${this.collection}`;
  }

  async #ask(method, path, body) {
    const url = path.startsWith(this.root) ? path : this.#url() + path;
    const response = await this.#fetch(url, { method, body: body && JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}
