// The server of a test, as another client of the same account sees and changes it.

import assert from "node:assert/strict";
import { authorization, KINTO_URL, newUser } from "../package/kinto.mjs";

export { KINTO_URL };

/** One account's collection of tasks on a real Kinto. */
export class Server {
  constructor({ root = KINTO_URL, user = newUser(), bucket = "default", collection = "tasks" } = {}) {
    Object.assign(this, { root, user, bucket, collection, headers: { Authorization: authorization(user) } });
  }

  /** Writes a record, on a version of its own if one is given, and gives it as stored. */
  async put(id, fields, { lastModified } = {}) {
    const data = lastModified ? { ...fields, last_modified: lastModified } : fields;
    return (await this.#ask("PUT", `/records/${id}`, { data })).data;
  }

  async putAll(ids, fields = (id) => ({ title: id })) {
    for (const id of ids) await this.put(id, fields(id));
  }

  /** Deletes a record and gives its tombstone. */
  async remove(id) {
    return (await this.#ask("DELETE", `/records/${id}`)).data;
  }

  /** What is there by id; `undefined` if there is nothing, or only a tombstone. */
  async record(id) {
    return (await this.records()).find((record) => record.id === id);
  }

  /** All records, by id. */
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

  /** Makes the collection with these metadata, or sets them, and gives them. */
  async makeCollection(data = {}) {
    return (await this.#ask("PUT", "", { data })).data;
  }

  /** Makes the bucket, where it is not the default one, which makes itself. */
  createBucket() {
    return this.#ask("PUT", `${this.root}/buckets/${this.bucket}`, {});
  }

  /** Deletes all records in one request. */
  removeRecords() {
    return this.#ask("DELETE", "/records");
  }

  /** Makes the server what it was when `backup` was what `records()` gave: every record with its `last_modified`. */
  async restore(backup) {
    await this.removeCollection();
    for (const { last_modified, ...record } of backup.toSorted((one, other) => one.last_modified - other.last_modified)) {
      await this.put(record.id, record, { lastModified: last_modified });
    }
  }

  /** The names of the bucket's collections. */
  async collections() {
    const response = await this.#fetch(`${this.root}/buckets/${this.bucket}/collections`);
    assert.equal(response.status, 200);
    return (await response.json()).data.map(({ id }) => id);
  }

  /** Another collection of the same bucket. */
  of(collection) {
    const { root, user, bucket } = this;
    return new Server({ root, user, bucket, collection });
  }

  /** Empties the whole server: everybody's data. */
  async flush() {
    const response = await fetch(`${this.root}/__flush__`, { method: "POST", headers: this.headers });
    assert.equal(response.status, 202);
  }

  /** Purges the tombstones of everybody's records, as an administrator does with those that are old. */
  async purge() {
    const response = await fetch(`${this.root}/__purge__`, { method: "POST", headers: this.headers });
    assert.equal(response.status, 200);
  }

  async #fetch(url, options) {
    const ask = () => fetch(url, { headers: { ...this.headers, "Content-Type": "application/json" }, ...options });
    let response = await ask();
    // Kinto on PostgreSQL says so to the later of two writers at the same moment; reading the default bucket makes it.
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
