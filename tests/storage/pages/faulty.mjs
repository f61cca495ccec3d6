// A page of an app whose IndexedDB may be out of order: what a collection does there, as plain data.

import * as essaim from "/essaim/index.js";
import * as remaining from "./remains.mjs";

const dbName = new URL(location.href).searchParams.get("db");
const plain = ({ name, code, message }) => ({ name, code, message });

/** A `Kinto` as the app has it: `told` are its events of storage. */
function start(options) {
  const kinto = new essaim.Kinto({ adapterOptions: { dbName }, ...options });
  const told = [];
  for (const event of ["storage:memory", "storage:evicted", "storage:adopted"]) kinto.events.on(event, ({ collection }) => told.push(`${event} ${collection}`));
  return { kinto, told };
}

/** Titles, or the error. */
const titles = (collection) => collection.list({ order: "title" }).then(({ data }) => data.map(({ title }) => title), plain);

Object.assign(globalThis, { essaim, start, titles, plain, ...remaining });
