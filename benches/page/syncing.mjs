// The parts with a server: the same records are uploaded from one device to a real Kinto server, and downloaded by a new device.

import * as essaim from "/essaim/index.js";
import KintoJs from "/kinto-js.js";
import { assertCount, records, timed } from "./work.mjs";

const RECORDS = 5_000;
export const syncing = { push, pull };

/** How each peer opens its collection; the `sealed` peers encrypt it. Each of them uses the same key for all devices of a round. */
const OPEN = {
  "Kinto.js": (options) => new KintoJs(options).collection("tasks"),
  "Kinto.js, sealed": (options) => new KintoJs(options).collection("tasks", { remoteTransformers: [sealing()] }),
  essaim: (options) => new essaim.Kinto(options).collection("tasks"),
  "essaim, sealed": (options, key) => new essaim.Kinto(options).collection("tasks", { key }),
};

/** A transformer that encrypts each record as `{ id, iv, ct }`: the usual way to encrypt with Kinto.js, in its fastest form. */
function sealing() {
  const key = crypto.subtle.importKey("raw", new Uint8Array(32).fill(7), "AES-GCM", false, ["encrypt", "decrypt"]);
  const text = (bytes) => btoa(String.fromCharCode(...bytes));
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return {
    async encode({ id, last_modified, ...record }) {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const ct = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key, new TextEncoder().encode(JSON.stringify(record)));
      return { id, last_modified, iv: text(iv), ct: text(new Uint8Array(ct)) };
    },
    async decode({ id, last_modified, iv, ct, deleted }) {
      if (deleted) return { id, last_modified, deleted };
      const record = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(iv) }, await key, bytes(ct));
      return { id, last_modified, ...JSON.parse(new TextDecoder().decode(record)) };
    },
  };
}

/** Returns the methods of all requests since its last call. */
const requests = (() => {
  const { fetch } = globalThis;
  let methods = [];
  globalThis.fetch = (resource, init) => {
    methods.push(init?.method ?? resource.method ?? "GET");
    return fetch(resource, init);
  };
  return () => methods.splice(0);
})();
const writes = (methods) => methods.filter((method) => method !== "GET").length;

/** Returns the collection of a new device: its database is empty. */
const device = (peer, { remote, headers, key }) => OPEN[peer]({ adapterOptions: { dbName: crypto.randomUUID() }, remote, headers: headers[peer] }, key);

async function push(peer, place) {
  await essaim.init();
  const tasks = device(peer, place);
  await tasks.importBulk(records(RECORDS));
  await tasks.resetSyncStatus();
  requests();
  const { ms, answer } = await timed(() => tasks.sync());
  const sent = requests();
  assertCount(answer.published.length, RECORDS);
  await idle(tasks);
  return { "first sync up": ms, "write requests": writes(sent) };
}

async function pull(peer, place) {
  await essaim.init();
  const tasks = device(peer, place);
  requests();
  const { ms, answer } = await timed(() => tasks.sync());
  const received = requests().length;
  assertCount(answer.created.length, RECORDS);
  return { "first sync down": ms, "its requests": received, "requests of an idle sync": await idle(tasks) };
}

/** Syncs with nothing to do, and resolves to the number of requests. */
async function idle(tasks) {
  requests();
  const { ok, created, updated, published } = await tasks.sync();
  assertCount(Number(!ok) + created.length + updated.length + published.length, 0);
  return requests().length;
}
