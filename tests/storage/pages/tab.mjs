// A page of an app that has nothing but the package.

import * as essaim from "/essaim/index.js";

/** A `Kinto` with the database that the page's address names. */
const kinto = new essaim.Kinto({ adapterOptions: { dbName: new URL(location.href).searchParams.get("db") } });

Object.assign(globalThis, { essaim, kinto, tasks: kinto.collection("tasks") });
