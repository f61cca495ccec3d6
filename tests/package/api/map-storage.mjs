// A custom storage as an app would write it: the example in the documentation of `StorageAdapter`, and mistakes that it can make.

export class MapStorage {
  persistent = true;
  #kept = new Map();

  #of(name) {
    if (!this.#kept.has(name)) this.#kept.set(name, { head: null, segments: [], journal: [], lastKey: 0 });
    return this.#kept.get(name);
  }

  #add(kept, entry) {
    kept.journal.push([++kept.lastKey, entry]);
    return kept.lastKey;
  }

  /** A copy of all that is stored, by name. */
  get kept() {
    return new Map(this.#kept);
  }

  open(name) {
    const { head, segments, journal } = this.#of(name);
    return { head, segments: [...segments], journal: [...journal] };
  }

  append(name, entry) {
    return this.#add(this.#of(name), entry);
  }

  decide(name, from, decide) {
    const kept = this.#of(name);
    const entry = decide({ ...kept, journal: kept.journal.filter(([key]) => key >= (from ?? 0)) });
    return entry && this.#add(kept, entry);
  }

  compact(name, fold) {
    const kept = this.#of(name);
    const change = fold(kept.head);
    if (!change) return;
    kept.head = change.head;
    kept.segments = [...(change.keepSegments ? kept.segments : []), ...change.segments];
    kept.journal = kept.journal.filter(([key]) => key > change.upto);
  }

  forget(name) {
    this.#kept.delete(name);
  }
}
