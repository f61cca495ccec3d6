// A running sync during which something else happens: another call of sync(), clear(), close(), a deleted database, another user. With a real Kinto
// server. `device()` makes a device with another database and the same account.

import { equal, ok, rejects } from "./expect.mjs";

const USE = { useRecordId: true };
const ids = async (collection) => (await collection.list({ order: "id" })).data.map(({ id }) => id);
const until = async (condition) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Records the requests of the page, and holds the `at`-th request back until `letGo()` or `lose()` is called, as a slow connection would. */
class Line {
  seen = [];
  /** While this is true, requests are not recorded and not held back. */
  isOff = false;
  #fetch = globalThis.fetch;
  #open = () => {};
  #lose = () => {};
  #gate;

  constructor(at) {
    this.#gate = new Promise((resolve, reject) => ([this.#open, this.#lose] = [resolve, reject]));
    this.#gate.catch(() => {});
    globalThis.fetch = async (resource, init) => {
      if (this.isOff) return this.#fetch.call(globalThis, resource, init);
      const request = new Request(resource, init);
      this.seen.push(request);
      if (this.seen.length === at) await Promise.race([this.#gate, new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))))]);
      return this.#fetch.call(globalThis, request);
    };
  }

  /** Calls `work`, whose requests are not recorded and not held back. */
  async aside(work) {
    this.isOff = true;
    const result = await work();
    this.isOff = false;
    return result;
  }

  /** Lets the held request continue. */
  letGo() {
    this.#open();
  }

  /** Makes the held request fail. */
  lose() {
    this.#lose(new TypeError("the line is dead"));
  }

  end() {
    this.letGo();
    globalThis.fetch = this.#fetch;
  }
}

/** Returns the options for each kind of collection. "in steps" is a plain collection with a replaced step, so that its sync consists of public steps. */
async function kinds(essaim) {
  return { plain: {}, encrypted: { key: await essaim.makeKey() }, "in steps": {} };
}

function open(kinto, name, kind, options) {
  const collection = kinto.collection(name, options);
  if (kind === "in steps") {
    const { pullMetadata } = collection;
    collection.pullMetadata = (...args) => pullMetadata.apply(collection, args);
  }
  return collection;
}

/** Makes a collection with one unsynced record; three more records are on the server only. */
async function scene({ device }, kind, options) {
  // Each round uses another collection, because all rounds use the same account.
  const name = `tasks-${crypto.randomUUID()}`;
  const [elsewhere, used] = [open(device(), name, kind, options), {}];
  for (const id of ["a", "b", "c"]) await elsewhere.create({ id }, USE);
  await elsewhere.sync();
  const kinto = device(used);
  const here = open(kinto, name, kind, options);
  await here.create({ id: "mine" }, USE);
  return { name, elsewhere, kinto, here, used: used.used };
}

/**
 * Calls `play` for each request of a sync. Returns the number of requests. The storage makes little difference, so with storages other than
 * IndexedDB `play` is called for one request only.
 */
async function atEachRequest(adapter, play) {
  const first = adapter === "indexeddb" ? 1 : 2;
  for (let at = first; at <= first || first === 1; at += 1) {
    const line = new Line(at);
    try {
      if ((await play(line, at)) === false) return at - 1;
    } finally {
      line.end();
    }
  }
  return first;
}

/** Starts a sync. Resolves to `{ sync }` when it has made the request that is held back, or to undefined if it ended before. */
async function beginSync(collection, line, at, options) {
  let ended = false;
  const sync = collection.sync(options);
  sync.then(() => (ended = true), () => (ended = true));
  await until(() => ended || line.seen.length >= at);
  return line.seen.length >= at ? { sync } : undefined;
}

/** Asserts that no more requests are made, and that the held request was aborted. */
async function assertSilence(line, at) {
  const asked = line.seen.length;
  await pause(30);
  equal([line.seen.length, asked, line.seen[at - 1].signal.aborted], [at, at, true], "requests");
  line.letGo();
  await pause(30);
  equal(line.seen.length, at, "requests");
}

export const leaving = {
  async a_sync_called_during_another_begins_after_its_call({ essaim, device, adapter }) {
    for (const [kind, options] of Object.entries(await kinds(essaim))) {
      const count = await atEachRequest(adapter, async (line, at) => {
        const { elsewhere, here } = await line.aside(() => scene({ device }, kind, options));
        const begun = await beginSync(here, line, at);
        if (!begun) return false;
        await here.create({ id: "later" }, USE);
        await line.aside(() => elsewhere.create({ id: "remote" }, USE).then(() => elsewhere.sync()));
        const late = [here.sync(), here.sync(), here.sync()];
        const other = here.sync({ strategy: "server_wins" });
        line.letGo();
        await begun.sync;
        const results = await Promise.all(late);
        equal([...new Set(results.map((result) => JSON.stringify(result)))].length, 1, `${kind}: results of the late calls`);
        ok(results[0].ok, kind);
        equal(await ids(here), ["a", "b", "c", "later", "mine", "remote"], `${kind}, request ${at}`);
        await other;
        await elsewhere.sync();
        equal(await ids(elsewhere), ["a", "b", "c", "later", "mine", "remote"], `${kind}, request ${at}`);
      });
      ok(count >= 2, `${kind}: ${count} requests`);
    }
  },

  async that_a_sync_fails_is_not_the_business_of_a_later_call({ essaim, device }) {
    for (const [kind, options] of Object.entries(await kinds(essaim))) {
      const line = new Line(1);
      try {
        const { here } = await line.aside(() => scene({ device }, kind, options));
        const first = here.sync();
        await until(() => line.seen.length === 1);
        const late = here.sync();
        line.lose();
        await rejects(first, { code: "network" });
        equal((await late).ok, true);
        equal(await ids(here), ["a", "b", "c", "mine"]);
      } finally {
        line.end();
      }
    }
  },

  async clear_ends_the_sync_under_way_and_everything_that_waits({ essaim, device, adapter }) {
    for (const [kind, options] of Object.entries(await kinds(essaim))) {
      await atEachRequest(adapter, async (line, at) => {
        const { elsewhere, here } = await line.aside(() => scene({ device }, kind, options));
        const { sync } = (await beginSync(here, line, at)) ?? {};
        if (!sync) return false;
        const waiting = here.sync();
        for (const ended of [sync, waiting]) ended.catch(() => {});
        await here.clear();
        await rejects(sync, { code: "interrupted", message: /Sync again/ });
        await rejects(waiting, { code: "interrupted" });
        await assertSilence(line, at);
        equal([await ids(here), await here.metadata(), here.lastModified], [[], null, null], `${kind}, request ${at}`);
        equal((await line.aside(() => here.sync())).ok, true);
        await line.aside(() => elsewhere.sync());
        equal(await ids(here), await ids(elsewhere), `${kind}, request ${at}`);
      });
    }
  },

  async a_sync_called_right_after_clear_fills_the_collection_again({ device, name }) {
    const [here, elsewhere] = [device().collection(name), device().collection(name)];
    await elsewhere.create({ id: "a" }, USE);
    await elsewhere.sync();
    await here.sync();
    const [before, , after] = [here.sync(), here.clear(), here.sync()];
    await rejects(before, { code: "interrupted" });
    equal([(await after).created.length, await ids(here)], [1, ["a"]]);
  },

  async close_ends_the_sync_under_way_and_the_next_user_gets_nothing_of_it({ essaim, device, adapter }) {
    for (const [kind, options] of Object.entries(await kinds(essaim))) {
      await atEachRequest(adapter, async (line, at) => {
        const { name, kinto, here, used } = await line.aside(() => scene({ device }, kind, options));
        const { sync } = (await beginSync(here, line, at)) ?? {};
        if (!sync) return false;
        const waiting = here.sync();
        for (const ended of [sync, waiting]) ended.catch(() => {});
        kinto.close();
        await rejects(sync, { code: "closed" });
        await rejects(waiting, { code: "closed" });
        await rejects(here.list(), { code: "closed" });
        const mine = async () => (await indexedDB.databases()).map((database) => database.name).filter((database) => database.includes(used.dbName));
        const isOnDisk = adapter === "indexeddb";
        if (isOnDisk) await Promise.all((await mine()).map(deleteDatabase));
        await assertSilence(line, at);
        if (isOnDisk) equal(await mine(), [], "databases");
        // The next user has other headers and the same database name.
        const bob = { Authorization: `Basic ${btoa(`bob-${crypto.randomUUID()}:secret`)}` };
        const next = new essaim.Kinto({ remote: kinto.api.remote, headers: bob, adapter, adapterOptions: used });
        const tasks = open(next, name, kind, options);
        if (!isOnDisk) await tasks.clear();
        await tasks.create({ id: "bobs" }, USE);
        equal((await tasks.sync()).ok, true);
        equal(await ids(tasks), ["bobs"], `${kind}, request ${at}`);
        const told = line.seen.slice(at).map(({ headers }) => headers.get("Authorization"));
        equal([...new Set(told)], [bob.Authorization]);
        next.close();
      });
    }
  },

  async another_object_of_the_page_clears_it_too({ essaim, device, adapter }) {
    if (adapter === "memory") return; // each Kinto has its own memory
    for (const [kind, options] of Object.entries(await kinds(essaim))) {
      await atEachRequest(adapter, async (line, at) => {
        const { name, here, used } = await line.aside(() => scene({ device }, kind, options));
        const other = open(device({ adapterOptions: used }), name, kind, options);
        await other.list();
        const { sync } = (await beginSync(here, line, at)) ?? {};
        if (!sync) return false;
        sync.catch(() => {});
        await other.clear();
        await rejects(sync, { code: "interrupted" });
        await assertSilence(line, at);
        equal([await ids(here), await ids(other)], [[], []], `${kind}, request ${at}`);
      });
    }
  },

  async steps_that_the_app_takes_end_as_a_sync_does({ essaim, device, adapter }) {
    if (adapter !== "indexeddb") return; // the storage makes little difference
    const STEPS = {
      pullMetadata: (tasks, client) => tasks.pullMetadata(client),
      pullChanges: (tasks, client) => tasks.pullChanges(client, new essaim.SyncResultObject()),
      pushChanges: async (tasks, client) => tasks.pushChanges(client, await tasks.gatherLocalChanges(), new essaim.SyncResultObject()),
    };
    for (const [step, take] of Object.entries(STEPS)) {
      for (const [leave, code] of [["clear", "interrupted"], ["close", "closed"]]) {
        for (const at of step === "pushChanges" ? [1, 2] : [1]) {
          const line = new Line(at);
          try {
            const { name, kinto, here, elsewhere } = await line.aside(() => scene({ device }, "plain", {}));
            const taken = take(here, kinto.api.bucket("default").collection(name));
            taken.catch(() => {});
            await until(() => line.seen.length >= at);
            await (leave === "clear" ? here : kinto)[leave]();
            await rejects(taken, { code });
            await assertSilence(line, at);
            if (leave === "close") continue;
            equal([await ids(here), await here.metadata()], [[], null], step);
            equal((await line.aside(() => here.sync())).ok, true);
            equal(await ids(here), await ids(elsewhere), step);
          } finally {
            line.end();
          }
        }
      }
    }
  },

  async what_the_server_says_of_itself_is_not_asked_again_after_close({ device, name, adapter }) {
    if (adapter !== "indexeddb") return;
    const kinto = device();
    const tasks = open(kinto, name, "in steps");
    await tasks.create({ id: "a" }, USE);
    const { fetch } = globalThis;
    let asked = 0;
    globalThis.fetch = async (resource, init) => {
      if (!new Request(resource, init).url.endsWith("/v1/")) return fetch.call(globalThis, resource, init);
      asked += 1;
      return new Response("{}", { status: 503, headers: { "Retry-After": "1", "Content-Type": "application/json" } });
    };
    try {
      const sync = tasks.sync();
      sync.catch(() => {});
      await until(() => asked === 1);
      await kinto.close();
      await rejects(sync, { code: "closed" });
      await pause(1100);
      equal(asked, 1);
    } finally {
      globalThis.fetch = fetch;
    }
  },

  async a_hook_that_is_waited_for_does_not_hold_up_a_logout({ device, name }) {
    const [here, elsewhere] = [device(), device().collection(name)];
    await elsewhere.create({ id: "a" }, USE);
    await elsewhere.sync();
    let answer;
    const hook = (changes) => new Promise((resolve) => (answer = () => resolve(changes)));
    const tasks = here.collection(name, { hooks: { "incoming-changes": [hook] } });
    const sync = tasks.sync();
    sync.catch(() => {});
    await until(() => answer);
    await tasks.clear();
    await rejects(sync, { code: "interrupted" });
    answer();
    await pause(10);
    equal(await ids(tasks), []);
    const again = tasks.sync();
    answer = undefined;
    await until(() => answer);
    here.close();
    await rejects(again, { code: "closed" });
  },
};

function deleteDatabase(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onblocked = () => reject(new Error(`${name} is held open`));
    request.onerror = () => reject(request.error);
  });
}
