// The work that a tab does before it is killed, and the records that must be there afterwards. The same seed gives the same work, in the page that
// does it and in the page that checks it.

/** Returns a function that returns random numbers from 0 to 1, determined by the seed (mulberry32). */
export function random(seed) {
  let state = (seed * 0x9e3779b1) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ALMOST_A_FOLD = { records: 300, length: 1900 };
const SEGMENTS = { records: 400, length: 4400 };

/** What the database is filled with first, so that the journal is about to be compacted when the tab is killed. */
export const FILLINGS = {
  /** Nothing: the first call creates the database. */
  nothing: [],
  /** The journal has almost as many bytes as start a compaction. */
  bytes: [ALMOST_A_FOLD],
  /** The journal has almost as many rows as start a compaction. */
  rows: [{ rows: 246 }],
  /** There are segments that are too large to be rewritten; a compaction of the journal adds segments to them. */
  segments: [SEGMENTS, ALMOST_A_FOLD],
  /** The journal has removed everything that is in the segments. */
  cleared: [SEGMENTS, { clear: true }, ALMOST_A_FOLD],
};

/**
 * Generates steps. Each step is an array of operations that are started in the same turn of the event loop, on different records. `writes` of an
 * operation are the records that it leaves, by id; null if it removes the record.
 */
export class Workload {
  constructor(seed) {
    this.random = random(seed);
    this.records = new Map();
    this.made = 0;
  }

  /** Yields the steps that make a filling. */
  *fill(name) {
    for (const { rows, records, length, clear } of FILLINGS[name]) {
      if (clear) yield this.#step([this.#forget("clear")]);
      if (records) yield this.#step([this.#import(records, length)]);
      for (let n = 0; n < (rows ?? 0); n += 1) yield this.#step([this.#create()]);
    }
  }

  /** Yields random steps without end. */
  *work() {
    for (;;) {
      if (this.random() < 0.03) {
        yield this.#step([this.#forget(this.#one(["clear", "deleteAll"]))]);
        continue;
      }
      this.taken = new Set();
      const width = this.random() < 0.7 ? 1 : 2 + this.#below(6);
      yield this.#step(Array.from({ length: width }, () => this.#any()));
    }
  }

  #step(operations) {
    for (const { writes } of operations) for (const [id, record] of Object.entries(writes)) put(this.records, id, record);
    return operations;
  }

  #any() {
    const make = [this.#create, this.#upsert, this.#update, this.#patch, this.#delete, this.#purge, this.#import, this.#execute];
    return this.#one(make).call(this);
  }

  #create() {
    const record = this.#fresh();
    return { kind: "create", record, writes: { [record.id]: { ...record, _status: "created" } } };
  }

  #upsert() {
    const old = this.#take();
    if (!old) return this.#create();
    const record = { ...this.#fresh(), id: old.id };
    return { kind: "upsert", record, writes: { [old.id]: changed(old, record) } };
  }

  #update() {
    return { ...this.#upsert(), ...(this.lastWasNew ? {} : { kind: "update" }) };
  }

  #patch() {
    const old = this.#take();
    if (!old) return this.#create();
    const record = { id: old.id, tag: this.#tag(), patched: true };
    return { kind: "patch", record, writes: { [old.id]: changed(old, { ...old, ...record }) } };
  }

  #delete() {
    const old = this.#take();
    if (!old) return this.#create();
    return { kind: "delete", id: old.id, writes: { [old.id]: { ...old, _status: "deleted" } } };
  }

  #purge() {
    const old = this.#take();
    if (!old) return this.#create();
    return { kind: "purge", id: old.id, writes: { [old.id]: null } };
  }

  #import(count = 2 + this.#below(60), length = 100 + this.#below(900)) {
    const records = Array.from({ length: count }, () => ({ ...this.#fresh(length), last_modified: 1_700_000_000_000 + this.made }));
    const writes = Object.fromEntries(records.map((record) => [record.id, { ...record, _status: "synced" }]));
    return { kind: "import", records, writes };
  }

  #execute() {
    const parts = Array.from({ length: 2 + this.#below(5) }, () => this.#one([this.#create, this.#patch, this.#delete]).call(this));
    return { kind: "execute", parts, writes: Object.assign({}, ...parts.map(({ writes }) => writes)) };
  }

  /** Returns an operation on all records (`clear` or `deleteAll`). It must be alone in its step. */
  #forget(kind) {
    const entries = [...this.records].map(([id, record]) => [id, kind === "clear" ? null : { ...record, _status: "deleted" }]);
    return { kind, writes: Object.fromEntries(entries) };
  }

  /** Returns a live record that no other operation of this step writes. */
  #take() {
    const free = [...this.records.values()].filter(({ id, _status }) => _status !== "deleted" && !this.taken.has(id));
    const old = free.length > 0 ? this.#one(free) : undefined;
    this.lastWasNew = !old;
    if (old) this.taken.add(old.id);
    return old;
  }

  #fresh(length = 20 + this.#below(200)) {
    return { id: `r${(this.made += 1)}`, tag: this.#tag(), text: "ü🐝x".repeat(length / 4) };
  }

  #tag() {
    return Math.floor(this.random() * 2 ** 32).toString(36);
  }

  #below(limit) {
    return Math.floor(this.random() * limit);
  }

  #one(list) {
    return list[this.#below(list.length)];
  }
}

/** Returns the record as it is stored when it replaces another. */
function changed(old, { last_modified = old.last_modified, ...record }) {
  const _status = old._status === "created" ? "created" : "updated";
  return { ...record, _status, ...(last_modified === undefined ? {} : { last_modified }) };
}

export function put(records, id, record) {
  if (record) records.set(id, record);
  else records.delete(id);
}

const DO = {
  create: (tasks, { record }) => tasks.create(record, { useRecordId: true }),
  upsert: (tasks, { record }) => tasks.upsert(record),
  update: (tasks, { record }) => tasks.update(record),
  patch: (tasks, { record }) => tasks.update(record, { patch: true }),
  delete: (tasks, { id }) => tasks.delete(id),
  purge: (tasks, { id }) => tasks.delete(id, { virtual: false }),
  import: (tasks, { records }) => tasks.importBulk(records),
  clear: (tasks) => tasks.clear(),
  deleteAll: (tasks) => tasks.deleteAll(),
  execute: (tasks, { parts }) => tasks.execute((txn) => { for (const part of parts) IN_TRANSACTION[part.kind](txn, part); }),
};

const IN_TRANSACTION = {
  create: (txn, { record }) => txn.create(record),
  patch: (txn, { record }) => txn.update(record, { patch: true }),
  delete: (txn, { id }) => txn.delete(id),
};

/** Does a step. Calls `done` with the index of each operation when it is acknowledged. */
export function perform(tasks, operations, done = () => {}) {
  return Promise.all(operations.map(async (operation, index) => {
    await DO[operation.kind](tasks, operation);
    done(index);
  }));
}
