// A page whose IndexedDB may be broken (see faults.js). Its functions return what a collection does as plain data.

import * as essaim from "/essaim/index.js";
import * as remaining from "./remains.mjs";

const dbName = new URL(location.href).searchParams.get("db");
const plain = ({ name, code, message }) => ({ name, code, message });

/** Makes a `Kinto`. `told` gets its `storage:…` events. */
function start(options) {
  const kinto = new essaim.Kinto({ adapterOptions: { dbName }, ...options });
  const told = [];
  for (const event of ["storage:memory", "storage:evicted", "storage:adopted"]) kinto.events.on(event, ({ collection }) => told.push(`${event} ${collection}`));
  return { kinto, told };
}

/** Resolves to the titles in a collection, or to the error. */
const titles = (collection) => collection.list({ order: "title" }).then(({ data }) => data.map(({ title }) => title), plain);

Object.assign(globalThis, { essaim, start, titles, plain, ...remaining });
