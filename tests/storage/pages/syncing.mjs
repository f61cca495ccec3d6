// A device that edits and syncs until it is killed. It reports what it does to the logbook, line by line.

import { Kinto } from "/essaim/index.js";
import { random } from "./workload.mjs";

/** Opens the device's collection. With a `key` it is encrypted. */
const open = ({ db, remote, headers, key }) => new Kinto({ remote, headers, adapterOptions: { dbName: db } }).collection("tasks", key ? { key } : {});

/** Syncs a device until nothing is left to sync, or fails. Resolves to all its records. */
export async function syncCleanly(device) {
  const tasks = open(device);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const result = await tasks.sync({ strategy: "client_wins" });
    const dirty = await tasks.gatherLocalChanges();
    if (result.ok && dirty.length === 0) return (await tasks.list({ order: "id" }, { includeDeleted: true })).data;
  }
  const { errors, conflicts } = await tasks.sync({ strategy: "client_wins" });
  throw new Error(`five syncs did not settle it: ${JSON.stringify({ errors, conflicts, dirty: await tasks.gatherLocalChanges() })}`);
}

/** Resolves to the head of the encrypted collection on this device. */
export const head = (device) => open(device).head();

/** Makes the edits of one device. Each is reported before it begins, and again when it was acknowledged. */
class Editor {
  constructor(seed, tasks, known) {
    Object.assign(this, { random: random(seed ^ 0xed17), tasks, seed, known: [...known], count: 0 });
  }

  #below(limit) {
    return Math.floor(this.random() * limit);
  }

  #new() {
    const id = `c${this.known.length}`;
    this.known.push(id);
    return id;
  }

  async edit() {
    const dice = this.random();
    const some = () => (this.known.length > 0 && this.random() < 0.6 ? this.known[this.#below(this.known.length)] : this.#new());
    const write = (id) => ({ id, tag: `local ${this.seed} ${(this.count += 1)}`, text: "x".repeat(this.#below(400)) });
    if (dice < 0.2 && this.known.length > 0) {
      const id = this.known[this.#below(this.known.length)];
      return this.#told({ [id]: null }, () => this.tasks.deleteAny(id));
    }
    if (dice < 0.35) {
      const both = [...new Set([some(), some()])].map(write);
      return this.#told(tags(both), () => this.tasks.execute((txn) => both.forEach((record) => txn.upsert(record))));
    }
    const record = write(some());
    return this.#told(tags([record]), () => this.tasks.upsert(record));
  }

  async #told(writes, work) {
    report(`begun ${JSON.stringify(writes)}`);
    await work();
    report("done");
  }
}

const tags = (records) => Object.fromEntries(records.map(({ id, tag }) => [id, tag]));

let editor;

/** Brings the device into its state before the last sync: it has perhaps synced once, and has made edits. */
export async function prepare({ seed, mine, both, syncedBefore, edits, ...device }) {
  const tasks = open(device);
  if (syncedBefore) await syncCleanly(device);
  editor = new Editor(seed, tasks, syncedBefore ? [...mine, ...both] : []);
  for (let n = 0; n < edits; n += 1) await editor.edit();
  report("prepared");
}

/** Syncs and edits at the same time, until the page is stopped. */
export async function syncAndEdit({ stop, strategy, editsMeanwhile }) {
  stopAt(stop);
  const editing = (async () => { for (let n = 0; n < editsMeanwhile; n += 1) await editor.edit(); })();
  await editor.tasks.sync({ strategy }).catch((error) => report(`sync failed ${error.code}`));
  await editing;
  await editor.tasks.sync({ strategy }).catch((error) => report(`sync failed ${error.code}`));
  report("finished");
}
