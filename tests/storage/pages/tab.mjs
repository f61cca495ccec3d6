// A page of an app: the package, and nothing of its own.

import * as essaim from "/essaim/index.js";

/** This page's handle on a collection of the database that its address names: one `Kinto` for all. */
const kinto = new essaim.Kinto({ adapterOptions: { dbName: new URL(location.href).searchParams.get("db") } });

Object.assign(globalThis, { essaim, kinto, tasks: kinto.collection("tasks") });
