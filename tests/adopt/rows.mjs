// Functions that run in a page and write rows that Kinto.js's own methods do not write, or not quickly.

/** Writes unusual records with Kinto.js's transactions, which store records unchanged. */
export const oddRows = (collection) => collection.db.execute((txn) => {
  for (const row of [
    { id: 7, title: "a number", _status: "created" },
    { id: 70, title: "a larger number", _status: "synced", last_modified: 70 },
    { id: "big", value: 12n, _status: "created" },
    { id: "date", at: new Date("2020-01-01"), blob: new Blob(["x"]), number: NaN, nothing: undefined, _status: "created" },
    { id: "ghost", deleted: true, last_modified: 5, _status: "synced" },
    { id: "never there", title: "made and deleted", _status: "deleted" },
    { id: "none", title: "no status" },
    { id: "updated", title: "on no version", _status: "updated" },
  ]) txn.create(row);
}).then(() => null);

/** Creates a database as Kinto.js 11 has it: one database for each collection, with an object store of the same name. */
export const oldestForm = ({ name, last_modified }) => new Promise((done, failed) => {
  const opening = indexedDB.open(name, 1);
  opening.onerror = () => failed(opening.error);
  opening.onupgradeneeded = () => {
    const records = opening.result.createObjectStore(name, { keyPath: "id" });
    for (const index of ["_status", "last_modified"]) records.createIndex(index, index);
    for (const [id, _status, version] of [["kept", "synced", 0], ["edited", "updated", 1], ["gone", "deleted", 2], ["made", "created", null]]) {
      records.put({ id, title: id, _status, ...(version === null ? {} : { last_modified: last_modified - version }) });
    }
    opening.result.createObjectStore("__meta__", { keyPath: "name" }).put({ name: `${name}-lastModified`, value: last_modified });
  };
  opening.onsuccess = () => done(opening.result.close());
});

/** Creates the database of all collections in its first version, which had no object store for metadata. */
export const firstVersion = (name) => new Promise((done, failed) => {
  const opening = indexedDB.open(name, 1);
  opening.onerror = () => failed(opening.error);
  opening.onupgradeneeded = () => {
    const records = opening.result.createObjectStore("records", { keyPath: ["_cid", "id"] });
    for (const [index, path] of [["cid", "_cid"], ["_status", ["_cid", "_status"]], ["last_modified", ["_cid", "last_modified"]]]) records.createIndex(index, path);
    records.put({ id: "made", _status: "created", _cid: "default/tasks" });
    records.put({ id: "other", _status: "created", _cid: "default/tasks-2" });
    opening.result.createObjectStore("timestamps", { keyPath: "cid" });
  };
  opening.onsuccess = () => done(opening.result.close());
});
