// Devices with one key and one account: `here`, which reaches Kinto through a proxy that a test can make lie, and `there`, which reaches it directly.
//
// They run in Node with storage in memory, where a test takes milliseconds. Storage on disk is tested in `reload.mjs` and `firefox.mjs`.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before } from "node:test";
import Kinto, { init, makeKey } from "../../pkg/index.js";
import { Device } from "../sync/device.mjs";
import { Proxy } from "../sync/proxy.mjs";
import { KINTO_URL, Server } from "../sync/server.mjs";

await init(await readFile(new URL("../../pkg/essaim_wasm_bg.wasm", import.meta.url)));

/** The URLs of all processes of the Kinto server that these tests share. */
export const KINTO_URLS = (process.env.KINTO_URLS ?? KINTO_URL).split(" ");

/** For suites whose tests can run at the same time. A sync mostly waits for Kinto, each process of which handles one request at a time. */
export const SIDE_BY_SIDE = { concurrency: 4 };

/**
 * Texts that only the devices may see: the name of the collection, of its fields, ids, and content. (The key is checked separately.) Sealed text
 * is random base64url, in which a short word occurs by chance. So each text is long, or has a character that base64url does not have.
 */
export const COLLECTION = "diary-of-a-sweet-tooth";
export const SECRETS = [COLLECTION, "confession", "I ate ", '"cake-'];

/** Returns a record of the kind that these tests use. */
export const entry = (id) => ({ id: `cake-${id}`, confession: `I ate cake number ${id}.` });

let straight;
before(async () => (straight = await Proxy.start(...KINTO_URLS)));
after(() => straight.close());

const now = Date.now;
let aheadMs = 0;
Date.now = () => now() + aheadMs;

/** Moves the clock of this process forward by a minute. Its devices then regard all that they have read as final (see `Cursor`). */
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

  /** Creates these records and syncs after each, so that each is written in a page of its own. */
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

  /** Returns all that must not be lost: records and tombstones, and the ids of unsynced records. */
  async state() {
    const { data } = await this.call("list", { order: "id" }, { includeDeleted: true });
    return { records: data, unsynced: await this.unsynced() };
  }
}

/**
 * Makes an account and a key. Returns the `server` as its administrator sees it, the device `here` behind the `proxy`, the device `there`, and
 * `another()`, which opens a new device. `root` is the URL of a Kinto server that only this test uses.
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

/** As `stage`. In addition, `there` has written some pages and `here` has read them, so that the journal's name on the server is known. */
export async function withJournal(t, ids = [1, 2, 3], options) {
  const scene = await stage(t, options);
  if (options?.bucket) await scene.server.createBucket();
  await scene.there.publish(...ids);
  await scene.here.sync();
  [scene.server.collection] = await scene.server.collections();
  scene.url = `${scene.proxy.url}/buckets/${scene.server.bucket}/collections/${scene.server.collection}`;
  return scene;
}
