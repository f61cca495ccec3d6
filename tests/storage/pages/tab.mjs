// A page of an app: the package, and nothing of its own.

import * as essaim from "/essaim/index.js";

/** On the database that the page's address names. */
const kinto = new essaim.Kinto({ adapterOptions: { dbName: new URL(location.href).searchParams.get("db") } });

Object.assign(globalThis, { essaim, kinto, tasks: kinto.collection("tasks") });
