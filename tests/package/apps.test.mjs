// The packed tarball in apps with common tools, with a real Kinto server. Each app creates a task, lists it and syncs it (apps/tasks.js).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { build, createServer } from "vite";
import webpack from "webpack";
import { launch, openPage, outcome, serve } from "./browser.mjs";
import { appAddress, KINTO_URL, newUser, recordsOnServer } from "./kinto.mjs";
import { project } from "./projects.mjs";

// The Content-Security-Policy that the README recommends.
const CSP = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${new URL(KINTO_URL).origin}`;

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function checkOutcome(user, { task, listed, ok, published, synced, persistent }, { stored = true } = {}) {
  assert.deepEqual([task.title, task._status], ["Buy bread", "created"]);
  assert.deepEqual(listed, [task]);
  assert.equal(ok, true);
  assert.deepEqual(published.map(({ id }) => id), [task.id]);
  assert.equal(synced._status, "synced");
  assert.equal(persistent, stored);
  const [record, ...others] = await recordsOnServer(user);
  assert.deepEqual(record, { id: task.id, title: "Buy bread", done: false, last_modified: synced.last_modified });
  assert.deepEqual(others, []);
}

async function checkServed(folder, headers, page = "") {
  const server = await serve(folder, headers);
  try {
    const user = newUser();
    await checkOutcome(user, await outcome(browser, appAddress(server.url + page, user)));
  } finally {
    await server.close();
  }
}

test("a plain page with the documented Content-Security-Policy keeps and syncs a task", async () => {
  await checkServed(project("plain"), { "Content-Security-Policy": CSP });
});

test("a page that forbids WebAssembly is told which directive is missing", async () => {
  const server = await serve(project("plain"), { "Content-Security-Policy": CSP.replace(" 'wasm-unsafe-eval'", "") });
  const { page, close } = await openPage(browser, appAddress(server.url, newUser()));
  try {
    const error = await page.evaluate(() => globalThis.outcome.then(null, ({ code, data, message }) => ({ code, data, message })));
    assert.deepEqual([error.code, error.data], ["wasm_unavailable", { reason: "blocked" }]);
    assert.match(error.message, /'wasm-unsafe-eval'/);
  } finally {
    await close();
    await server.close();
  }
});

/** Runs Vite's development server while `work` runs. */
async function withViteDev(config, work) {
  const server = await createServer({ root: project("vite"), logLevel: "error", server: { port: 0, host: "localhost" }, ...config });
  try {
    await server.listen();
    await work(server.resolvedUrls.local[0]);
  } finally {
    await server.close();
  }
}

test("an app in Vite keeps and syncs a task in development", async () => {
  await withViteDev({}, async (url) => {
    const user = newUser();
    await checkOutcome(user, await outcome(browser, appAddress(url, user)));
  });
});

test("an app in Vite without configuration works when init is given the address of the WASM", async () => {
  await withViteDev({ configFile: false }, async (url) => {
    const user = newUser();
    await checkOutcome(user, await outcome(browser, appAddress(`${url}with-url.html`, user)));
  });
});

test("an app built by Vite keeps and syncs a task", async () => {
  const root = project("vite");
  await build({ root, logLevel: "error" });
  await checkServed(join(root, "dist"), { "Content-Security-Policy": CSP });
});

test("an app built by webpack keeps and syncs a task", async () => {
  const folder = project("webpack");
  const compiler = webpack({ context: folder, mode: "production", entry: "./src/main.js", output: { path: join(folder, "dist"), publicPath: "auto" } });
  const stats = await promisify(compiler.run).call(compiler);
  await promisify(compiler.close).call(compiler);
  assert.deepEqual(stats.toJson({ errors: true, warnings: true }).errors, []);
  await checkServed(folder, { "Content-Security-Policy": CSP });
});

/** Runs a script of the Node project, and resolves to the JSON that it prints. */
async function runInNode(script, ...args) {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { cwd: project("node") });
  return JSON.parse(stdout);
}

test("an import in Node loads nothing and changes nothing", async () => {
  assert.deepEqual(await runInNode("import.mjs"), { name: "tasks", added: 0 });
});

test("Node given the bytes of the WASM keeps a task in memory, syncs it, and exits once the Kinto is closed", async () => {
  const user = newUser();
  await checkOutcome(user, await runInNode("main.mjs", appAddress("http://app.example/", user)), { stored: false });
});

test("Node without the bytes of the WASM is told to give them", async () => {
  const { code, data, message } = await runInNode("uninitialised.mjs");
  assert.deepEqual([code, data], ["wasm_unavailable", { reason: "download" }]);
  assert.match(message, /give its bytes to init\(\)/);
});
