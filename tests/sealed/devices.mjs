// Devices with one key and one account: `here`, which reaches Kinto through a proxy that a test may make lie, and `there`.
//
// They run in Node, on memory, where a test takes milliseconds. What is kept on disk is in `reload.mjs` and `firefox.mjs`.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before } from "node:test";
import Kinto, { init, makeKey } from "../../pkg/index.js";
import { Device } from "../sync/device.mjs";
import { Proxy } from "../sync/proxy.mjs";
import { KINTO_URL, Server } from "../sync/server.mjs";

await init(await readFile(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url)));

/** All processes of the Kinto that these tests share. */
export const KINTO_URLS = (process.env.KINTO_URLS ?? KINTO_URL).split(" ");

/** A sync mostly waits for Kinto, which does one thing at a time. */
export const SIDE_BY_SIDE = { concurrency: 4 };

/**
 * What nobody but the devices may ever see: the collection, its fields, ids and texts. The key is another. Sealed text is random
 * base64url, in which a short word comes by chance: each is long, or has a character that no base64url has.
 */
export const COLLECTION = "diary-of-a-sweet-tooth";
export const SECRETS = [COLLECTION, "confession", "I ate ", '"cake-'];

/** A record like any other here. */
export const entry = (id) => ({ id: `cake-${id}`, confession: `I ate cake number ${id}.` });

let straight;
before(async () => (straight = await Proxy.start(...KINTO_URLS)));
after(() => straight.close());

const now = Date.now;
let aheadMs = 0;
Date.now = () => now() + aheadMs;

/** For all devices of this process: what Kinto said a minute ago, it says for good (see `Cursor`). */
export function aMinuteLater() {
  aheadMs += 60_000;
}

/** A device in this process. */
export class NodeDevice extends Device {
  static open({ remote, headers, key, bucket, timeout }) {
    const device = new NodeDevice();
    device.kinto = new Kinto({ remote, headers, bucket, timeout, adapter: "memory", adapterOptions: { dbName: randomUUID() } });
    device.collection = device.kinto.collection(COLLECTION, key === undefined ? {} : { key });
    return device;
  }

  async call(method, ...args) {
    const value = await this.collection[method](...args);
    return typeof value?.toObject === "function" ? value.toObject() : value;
  }

  /** Writes a new record, and a page with it. */
  async publish(...ids) {
    for (const id of ids) {
      await this.create(entry(id));
      await this.sync();
    }
  }

  executeUpserts(ids, fields) {
    return this.collection.execute((transaction) => ids.forEach((id) => transaction.upsert({ id, ...fields })), { preloadIds: ids });
  }

  edit(id, text) {
    return this.update({ id: `cake-${id}`, confession: text });
  }

  head() {
    return this.call("head");
  }

  /** All that must not be lost: records, tombstones, and what is still to be sent. */
  async state() {
    const { data } = await this.call("list", { order: "id" }, { includeDeleted: true });
    return { records: data, unsynced: await this.unsynced() };
  }
}

/**
 * An account with a key: the `server` as its administrator sees it, the `proxy` before `here`, `there` beside it, and
 * `another()`: a device that is new. `root`: a Kinto that the test has for itself.
 */
export async function stage(t, { root, bucket } = {}) {
  const key = await makeKey();
  const server = new Server({ root: root ?? KINTO_URL, bucket });
  const proxy = await Proxy.start(...(root ? [root] : KINTO_URLS));
  t.after(() => proxy.close());
  const account = { headers: server.headers, key, bucket };
  const another = (remote = root ?? straight.url) => {
    const device = NodeDevice.open({ ...account, remote });
    t.after(() => device.kinto.close());
    return device;
  };
  return { key, account, server, proxy, here: another(proxy.url), there: another(), another };
}

/** `there` has written some pages, and `here` has read them. The journal's name on the server is known then. */
export async function withJournal(t, ids = [1, 2, 3], options) {
  const scene = await stage(t, options);
  if (options?.bucket) await scene.server.createBucket();
  await scene.there.publish(...ids);
  await scene.here.sync();
  [scene.server.collection] = await scene.server.collections();
  scene.url = `${scene.proxy.url}/buckets/${scene.server.bucket}/collections/${scene.server.collection}`;
  return scene;
}
