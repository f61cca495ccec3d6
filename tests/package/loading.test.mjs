// Loading the package in a browser: when the WASM is loaded, where data is stored, and what survives.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, launchProfile, serve } from "./browser.mjs";
import { project } from "./projects.mjs";

const FOLDERS = { "/": join(import.meta.dirname, "api"), "/essaim/": join(project("plain"), "node_modules/essaim") };
const WASM = "**/essaim_wasm_bg.wasm";

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await serve(FOLDERS);
});
after(async () => {
  await browser.close();
  await server.close();
});

/** Calls `work` with a page in a new profile, in which `globalThis.essaim` is the package. */
async function withPage(work, address = server.url) {
  const context = await browser.newContext();
  try {
    await work(await essaimPage(context, address));
  } finally {
    await context.close();
  }
}

async function essaimPage(context, address = server.url) {
  const page = await context.newPage();
  await page.goto(`${address}empty.html`);
  await page.evaluate(async (url) => (globalThis.essaim = await import(url)), `${address}essaim/index.js`);
  return page;
}

/** Resolves to the error of the first call, or to null. */
const firstFailure = (page) =>
  page.evaluate(() => new essaim.Kinto().collection("tasks").list().then(() => null, ({ code, data, message }) => ({ code, data, message })));

describe("loading", () => {
  test("the WASM is fetched by the first call that is awaited, once", async () => {
    await withPage(async (page) => {
      const fetched = [];
      page.on("request", (request) => request.url().endsWith(".wasm") && fetched.push(request.url()));
      await page.evaluate(() => void (globalThis.tasks = new essaim.Kinto().collection("tasks")));
      assert.deepEqual(fetched, []);
      await page.evaluate(() => Promise.all([tasks.list(), tasks.create({}), new essaim.Kinto().collection("other").list()]));
      assert.equal(fetched.length, 1);
    });
  });

  test("a download that failed is forgotten, and the next call tries again", async () => {
    await withPage(async (page) => {
      await page.route(WASM, (route) => route.abort());
      const failure = await firstFailure(page);
      assert.deepEqual([failure.code, failure.data], ["wasm_unavailable", { reason: "download" }]);
      assert.match(failure.message, /try again when online/);
      await page.unroute(WASM);
      assert.equal(await firstFailure(page), null);
    });
  });

  test("a web page in the place of the WASM is explained", async () => {
    await withPage(async (page) => {
      await page.route(WASM, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
      const failure = await firstFailure(page);
      assert.deepEqual([failure.code, failure.data], ["wasm_unavailable", { reason: "download" }]);
      assert.match(failure.message, /optimizeDeps/);
    });
  });

  test("a missing or broken WASM is a typed error", async () => {
    await withPage(async (page) => {
      await page.route(WASM, (route) => route.fulfill({ status: 404, body: "" }));
      assert.match((await firstFailure(page)).message, /HTTP 404/);
      await page.unroute(WASM);
      await page.route(WASM, (route) => route.fulfill({ contentType: "application/wasm", body: "not WASM" }));
      assert.deepEqual((await firstFailure(page)).data, { reason: "invalid" });
    });
  });

  test("init takes an address, bytes, a module or a response", async () => {
    for (const source of ["url", "bytes", "module", "response", "promise"]) {
      await withPage(async (page) => {
        const listed = await page.evaluate(async (kind) => {
          const url = new URL("/essaim/essaim_wasm_bg.wasm", location.href);
          const make = {
            url: () => url,
            bytes: async () => (await fetch(url)).arrayBuffer(),
            module: async () => WebAssembly.compileStreaming(fetch(url)),
            response: () => fetch(url),
            promise: () => Promise.resolve(url.href),
          };
          await essaim.init(await make[kind]());
          return (await new essaim.Kinto().collection("tasks").list()).data;
        }, source);
        assert.deepEqual(listed, [], source);
      });
    }
  });
});

describe("a bug in the WASM", () => {
  test("rejects the calls under way, which would wait for ever, and every later one", async () => {
    await withPage(async (page) => {
      const asked = page.waitForRequest("**/v1/**");
      await page.route("**/v1/**", () => {}); // these requests are never answered
      const seen = await page.evaluate(async () => {
        const { instantiateStreaming } = WebAssembly;
        WebAssembly.instantiateStreaming = async (...given) => {
          const { module, instance } = await instantiateStreaming(...given);
          const rawcollection_clear = () => {
            throw new WebAssembly.RuntimeError("panicked at src/somewhere.rs");
          };
          return { module, instance: { exports: { ...instance.exports, rawcollection_clear } } };
        };
        const tasks = new essaim.Kinto({ remote: `${location.origin}/v1` }).collection("tasks");
        await tasks.create({ title: "safe" });
        const told = (promise) => promise.then(() => "resolved", ({ code, message }) => ({ code, message }));
        const underWay = told(tasks.sync());
        const broken = told(tasks.clear());
        return [await broken, await underWay, await told(tasks.list()), await told(new essaim.Kinto().collection("other").list())];
      });
      await asked;
      assert.deepEqual(seen.map(({ code }) => code), ["bug", "bug", "closed", "closed"]);
      assert.match(seen[0].message, /please report it: panicked at src\/somewhere\.rs\. Reload the page/);
      const reloaded = await essaimPage(page.context());
      const { data } = await reloaded.evaluate(() => new essaim.Kinto().collection("tasks").list());
      assert.deepEqual(data.map((record) => record.title), ["safe"]);
    });
  });
});

describe("storage", () => {
  test("where the browser refuses IndexedDB data lives in memory, and the app is told once", async () => {
    // A sandboxed page has an opaque origin, for which the browser stores nothing.
    const sandbox = await serve(FOLDERS, { "Content-Security-Policy": "sandbox allow-scripts", "Access-Control-Allow-Origin": "*" });
    try {
      await withPage(async (page) => {
        const seen = await page.evaluate(async () => {
          const kinto = new essaim.Kinto();
          const told = [];
          kinto.events.on("storage:memory", (names) => told.push(names));
          const [tasks, notes] = [kinto.collection("tasks"), kinto.collection("notes")];
          await tasks.create({ title: "a" });
          await notes.list();
          return { told, persistent: tasks.persistent, titles: (await tasks.list()).data.map((record) => record.title) };
        });
        assert.deepEqual(seen, { told: [{ bucket: "default", collection: "tasks" }], persistent: false, titles: ["a"] });
      }, sandbox.url);
    } finally {
      await sandbox.close();
    }
  });

  test("what was acknowledged is there when the browser is started again", async () => {
    const profile = await mkdtemp(join(tmpdir(), "essaim-profile-"));
    try {
      for (const durability of ["relaxed", "strict"]) {
        let context = await launchProfile(profile);
        let page = await essaimPage(context);
        await page.evaluate((durability) => new essaim.Kinto({ durability }).collection(durability).create({ title: durability }), durability);
        await context.close();
        context = await launchProfile(profile);
        page = await essaimPage(context);
        const { data, persistent } = await page.evaluate(async (name) => {
          const tasks = new essaim.Kinto().collection(name);
          return { ...(await tasks.list()), persistent: tasks.persistent };
        }, durability);
        assert.deepEqual([data.map((record) => record.title), persistent], [[durability], true]);
        await context.close();
      }
    } finally {
      await rm(profile, { recursive: true, force: true });
    }
  });

  test("1,000 creates of one turn make at most 2 readwrite transactions and survive a reload", async () => {
    await withPage(async (page) => {
      const transactions = await page.evaluate(async () => {
        let readwrite = 0;
        const { transaction } = IDBDatabase.prototype;
        IDBDatabase.prototype.transaction = function (stores, mode, options) {
          if (mode === "readwrite") readwrite += 1;
          return transaction.call(this, stores, mode, options);
        };
        const tasks = new essaim.Kinto().collection("tasks");
        await tasks.list();
        readwrite = 0;
        await Promise.all(Array.from({ length: 1000 }, (_, n) => tasks.create({ n })));
        const warm = readwrite;
        const others = new essaim.Kinto().collection("others");
        readwrite = 0;
        await Promise.all(Array.from({ length: 1000 }, (_, n) => others.create({ n })));
        return { warm, cold: readwrite };
      });
      assert.ok(transactions.warm >= 1 && transactions.warm <= 2, `warm: ${transactions.warm}`);
      assert.ok(transactions.cold >= 1 && transactions.cold <= 2, `cold: ${transactions.cold}`);
      const reloaded = await essaimPage(page.context());
      const counts = await reloaded.evaluate(async () => {
        const kinto = new essaim.Kinto();
        const lists = await Promise.all(["tasks", "others"].map((name) => kinto.collection(name).list()));
        return lists.map(({ data }) => new Set(data.map((record) => record.n)).size);
      });
      assert.deepEqual(counts, [1000, 1000]);
    });
  });

  test("a database that the browser threw away is noticed, with the number of changes lost", async () => {
    await withPage(async (page) => {
      await page.evaluate(async () => {
        const kinto = new essaim.Kinto();
        await kinto.collection("tasks").importBulk([{ id: "safe", last_modified: 1 }]);
        for (const title of ["a", "b"]) await kinto.collection("tasks").create({ title });
        kinto.close();
        const names = (await indexedDB.databases()).map(({ name }) => name);
        await Promise.all(names.map((name) => new Promise((resolve) => (indexedDB.deleteDatabase(name).onsuccess = resolve))));
      });
      const reloaded = await essaimPage(page.context());
      const seen = await reloaded.evaluate(async () => {
        const kinto = new essaim.Kinto();
        const told = [];
        kinto.events.on("storage:evicted", (payload) => told.push(payload));
        const { data } = await kinto.collection("tasks").list();
        await kinto.collection("tasks").list();
        return { told, data };
      });
      assert.deepEqual(seen, { told: [{ bucket: "default", collection: "tasks", unsynced: 2 }], data: [] });
    });
  });

  test("nothing is ever written to the database that belongs to Kinto.js", async () => {
    await withPage(async (page) => {
      const names = await page.evaluate(async () => {
        await new essaim.Kinto().collection("tasks").create({});
        return (await indexedDB.databases()).map(({ name }) => name);
      });
      assert.deepEqual(names, ["essaim/KintoDB/default/tasks"]);
    });
  });
});
