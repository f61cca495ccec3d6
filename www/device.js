// A device: one essaim database, a switch between online and offline, and the conflicts of the last sync.
// This file is what your own app would need; the rest of the demo only displays it.

import Kinto from "/essaim/index.js";
import { authorization } from "./account.js";
import { explain, explainEviction, explainRefusals } from "./advice.js";
import { markOf } from "./line.js";

const SYNC_DELAY_MS = 700;
const RETRY_DELAY_MS = 10_000;

/**
 * Fires `change` when there is something new to show; `added`, `edited` and `settled` after an action of the user; and `synced` after each attempt
 * to sync, with the sync result as its `detail`, or `null` if the sync failed.
 */
export class Device extends EventTarget {
  tasks = [];
  conflicts = [];
  syncing = false;
  problem = null;
  /** The head of the journal as this device knows it: position, hash and four words, see `collection.head()`. Null before the first sync. */
  head = null;
  #saved;
  #kinto;
  #collection;
  #running = null;
  #timer = 0;
  #editedSinceSync = false;
  #etagHeard = null;
  #etagSynced = null;

  constructor(name, label, account) {
    super();
    this.name = name;
    this.label = label;
    this.#saved = { online: true, strategy: "manual", lastSync: null, ...JSON.parse(localStorage.getItem(this.#key) ?? "{}") };
    this.#kinto = new Kinto({
      remote: account.remote,
      bucket: "default",
      headers: { ...authorization(account), ...markOf(name) },
      timeout: 15_000,
      adapterOptions: { dbName: `sealed-demo-${account.user}-${name}` },
    });
    this.#collection = this.#kinto.collection("tasks", { key: account.key });
    this.#kinto.events.on("storage:evicted", ({ unsynced }) => this.#warn(explainEviction(unsynced)));
  }

  get online() { return this.#saved.online; }
  get strategy() { return this.#saved.strategy; }
  get lastSync() { return this.#saved.lastSync; }
  get persistent() { return this.#collection.persistent !== false; }
  get unsynced() { return this.tasks.filter((task) => task._status !== "synced").length; }

  /** Reads the tasks, including deleted tasks that are not deleted on the server yet. */
  async load() {
    try {
      const { data } = await this.#collection.list({ order: "" }, { includeDeleted: true });
      this.tasks = data.sort((a, b) => Number(!!a.done) - Number(!!b.done) || (b.createdAt ?? 0) - (a.createdAt ?? 0));
      this.head = await this.#collection.head();
    } catch (error) {
      this.problem = explain(error);
    }
    this.#changed();
  }

  /** Reads the tasks again, with the latest writes of other tabs. */
  async refresh() {
    await this.#collection.refresh().catch(() => {}); // `load` gets the same error, and shows it
    await this.load();
  }

  add(title) {
    return this.#edit(() => this.#collection.create({ title, done: false, createdAt: Date.now() }), "added");
  }

  edit(id, changes) {
    return this.#edit(() => this.#collection.update({ id, ...changes }, { patch: true }));
  }

  remove(task) {
    // A task that was never uploaded needs no tombstone, except while a sync is running, which may be uploading it.
    const virtual = task._status !== "created" || this.syncing;
    return this.#edit(() => this.#collection.delete(task.id, { virtual }));
  }

  restore(task) {
    return this.#edit(() => this.#collection.upsert(withoutStatus(task)));
  }

  setOnline(online) {
    this.#keep({ online });
    if (online) this.syncSoon(0);
    else clearTimeout(this.#timer);
  }

  setStrategy(strategy) {
    this.#keep({ strategy });
    if (this.conflicts.length && strategy !== "manual") this.syncSoon(0);
  }

  /** Syncs now. Calls during a sync get the same promise. The promise never rejects; an error is stored in `problem`. */
  sync() {
    clearTimeout(this.#timer);
    if (!this.online) return Promise.resolve();
    return this.#run(() => this.#collection.sync({ strategy: this.strategy }));
  }

  /** Repairs after an alarm, when the user asks for it: accepts the state that the server shows, and uploads what the server lacks. */
  async repair() {
    await this.#running; // a running sync, which would end with the same alarm
    clearTimeout(this.#timer);
    if (this.online) await this.#run(() => this.#collection.repair({ strategy: this.strategy }));
  }

  #run(work) {
    this.#running ??= this.#talk(work).finally(() => {
      this.#running = null;
      if (this.problem?.passing) this.syncSoon(RETRY_DELAY_MS);
      else if (this.#editedSinceSync && !this.problem) this.syncSoon();
    });
    return this.#running;
  }

  syncSoon(delayMs = SYNC_DELAY_MS) {
    clearTimeout(this.#timer);
    // While the user has conflicts to resolve, a sync would only list the same conflicts again.
    if (this.online && !(this.conflicts.length && this.strategy === "manual")) this.#timer = setTimeout(() => this.sync(), delayMs);
  }

  /** Takes note of the server's current ETag. Syncs once if this device does not know it yet. */
  hear(etag) {
    if (etag === this.#etagHeard || etag === this.#etagSynced) return;
    this.#etagHeard = etag;
    this.syncSoon(0);
  }

  /** Resolves a conflict: `choice` is `"mine"`, `"theirs"`, or a merge `{title, done}`. */
  async settle(conflict, choice) {
    this.conflicts = this.conflicts.filter((other) => other !== conflict);
    await this.#edit(() => this.#resolve(conflict, choice), "settled");
  }

  #resolve(conflict, choice) {
    const { local, remote } = conflict;
    const mine = isDeletion(local) ? null : withoutStatus(local);
    const theirs = isDeletion(remote) ? null : remote;
    if (choice === "mine") return this.#collection.resolve(conflict, mine);
    return this.#collection.resolve(conflict, choice === "theirs" ? theirs : { ...mine, ...choice });
  }

  async #talk(work) {
    this.syncing = true;
    this.#editedSinceSync = false;
    this.#changed();
    let result = null;
    try {
      result = await work();
      this.conflicts = result.conflicts;
      this.problem = result.errors.length ? explainRefusals(result.errors) : null;
      this.#etagSynced = String(result.lastModified);
      this.#keep({ lastSync: Date.now() });
    } catch (error) {
      this.problem = explain(error);
    }
    this.syncing = false;
    await this.load();
    this.dispatchEvent(new CustomEvent("synced", { detail: result }));
  }

  async #edit(write, event = "edited") {
    try {
      await write();
    } catch (error) {
      this.#warn(explain(error));
      return this.load();
    }
    this.#editedSinceSync = true;
    await this.load();
    this.dispatchEvent(new Event(event));
    this.syncSoon();
  }

  #warn(problem) {
    this.problem = problem;
    this.#changed();
  }

  #keep(values) {
    Object.assign(this.#saved, values);
    localStorage.setItem(this.#key, JSON.stringify(this.#saved));
    this.#changed();
  }

  get #key() { return `essaim-demo/${this.name}`; }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Returns whether one side of a conflict is a deletion: it is null, a tombstone, or a record that has no fields of its own. */
export function isDeletion(record) {
  if (!record || record.deleted || record._status === "deleted") return true;
  return Object.keys(record).every((field) => ["id", "last_modified", "_status"].includes(field));
}

function withoutStatus({ _status, ...record }) {
  return record;
}
