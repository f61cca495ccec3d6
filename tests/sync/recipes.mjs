// Runs the code blocks that README.md, docs/ and the doc comments of the package recommend, exactly as they are written there.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { Device, pages, stage } from "./devices.mjs";
import { startKinto } from "./second-kinto.mjs";
import { Server } from "./server.mjs";

const ids = (records) => records.map(({ id }) => id).sort();

/** Returns the only block of JavaScript in a file that contains this text. */
async function recipe(file, text) {
  const source = (await readFile(new URL(`../../${file}`, import.meta.url), "utf8")).replaceAll(/^ *\* ?/gm, "");
  const blocks = [...source.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block).filter((block) => block.includes(text));
  assert.equal(blocks.length, 1, `${file} has ${blocks.length} recipes with ${text}`);
  return blocks[0].replaceAll(/^import .*$/gm, "");
}

/**
 * Runs a code block in the page. The collection is a variable with this name, and `confirm()` returns `agrees`. Resolves to the code of the error
 * that the block throws.
 */
function follow({ page, number }, code, name, agrees = true) {
  // The function is passed as text, because the Content-Security-Policy of the page forbids `eval`.
  return page.evaluate(`(async () => {
    const { KintoError } = await import("/essaim/index.js");
    const confirm = () => ${agrees};
    const ${name} = handles[${number}].collection;
    try { ${code} } catch (error) { return error.code ?? String(error); }
  })()`);
}

let second;
before(async () => (second = await startKinto()));
after(() => second.stop());

describe("the recipe", () => {
  test("of the README's twenty lines", async (t) => {
    const { here, server, proxy } = await stage(t);
    const code = (await recipe("README.md", "Plant lavender"))
      .replace("https://kinto.example.org/v1", proxy.url)
      .replace(/headers: .*/, `headers: ${JSON.stringify(server.headers)}, adapterOptions: { dbName: "${server.user}-readme" },`);
    assert.equal(await follow(here, code, "unused"), undefined);
    const onAnotherDevice = await here.page.evaluate(async (options) => {
      const key = localStorage.getItem("key of tasks");
      localStorage.removeItem("key of tasks");
      const tasks = new Kinto({ ...options, adapter: "memory" }).collection("tasks", { key });
      await tasks.sync();
      return (await tasks.list()).data.map(({ title, done }) => [title, done]);
    }, { remote: server.root, headers: server.headers });
    assert.deepEqual(onAnotherDevice, [["Plant lavender", true]]);
    assert.ok(!JSON.stringify(await server.of((await server.collections())[0]).records()).includes("lavender"));
  });

  for (const [file, text] of [["README.md", "server_flushed"], ["pkg/types/collection/collection.d.ts", "tasks.repair()"]]) {
    test(`of ${file} after a flush loses no edit, and brings nothing back`, async (t) => {
      const server = new Server({ root: second.url });
      const options = { remote: second.url, headers: server.headers, adapterOptions: { dbName: server.user } };
      const [here, there] = [await Device.open(pages.phone, options), await Device.open(pages.laptop, options)];
      await here.createAll(["a", "b", "c"]);
      for (const device of [here, there]) await device.sync();
      await here.update({ id: "a", title: "A" });
      await here.delete("b");
      await server.flush();
      const code = await recipe(file, text);
      for (const device of [there, here]) assert.equal(await follow(device, code, "tasks"), undefined);
      assert.deepEqual([(await here.sync()).ok, (await there.sync()).ok], [true, true]);
      for (const device of [here, there, server]) assert.deepEqual(await device.titles(), ["A", "c"]);
    });

    test(`of ${file} asks before another server gets anything`, async (t) => {
      const scene = await stage(t);
      await scene.here.createAll(["a", "b"]);
      await scene.here.sync();
      const server = new Server({ root: second.url, user: scene.server.user });
      const moved = await Device.open(pages.phone, { ...scene.account, remote: second.url });
      const code = await recipe(file, text);
      assert.equal(await follow(moved, code, "tasks", false), "server_flushed");
      assert.deepEqual(await server.records(), []);
      if (!code.includes("confirm")) return;
      assert.equal(await follow(moved, code, "tasks"), undefined);
      assert.deepEqual(ids(await server.records()), ["a", "b"]);
    });
  }

  for (const [file, text] of [["docs/encryption.md", "notes.repair()"], ["pkg/types/collection/collection.d.ts", "notes.repair()"]]) {
    test(`of ${file} after an encrypted collection was set back`, async (t) => {
      const collectionOptions = { key: await pages.phone.evaluate(() => makeKey()) };
      const { here, server } = await stage(t, { collectionOptions });
      await here.create({ id: "a", title: "a" });
      await here.sync();
      const sealed = server.of((await server.collections()).find((name) => name.startsWith("e-")));
      const backup = await sealed.records();
      await here.create({ id: "b", title: "b" });
      await here.sync();
      await here.update({ id: "a", title: "A" });
      await sealed.restore(backup);
      const code = await recipe(file, text);
      assert.ok(["rollback", "omission"].includes(await follow(here, code, "notes", false)));
      assert.equal(await follow(here, code, "notes"), undefined);
      const fresh = await Device.open(pages.laptop, { remote: server.root, headers: server.headers, adapterOptions: { dbName: server.user } }, { collectionOptions });
      await fresh.sync();
      assert.deepEqual([await here.titles(), await fresh.titles()], [["A", "b"], ["A", "b"]]);
    });
  }
});
