// Two browser profiles with one account: essaim in one, and essaim or Kinto.js in the other.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./browser.mjs";
import { authorization, KINTO_URL, newUser, recordsOnServer } from "./kinto.mjs";
import { project } from "./projects.mjs";

const KINTO_JS = dirname(createRequire(import.meta.url).resolve("kinto/dist/kinto.min.js"));

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await serve({ "/": join(import.meta.dirname, "api"), "/essaim/": join(project("plain"), "node_modules/essaim"), "/kinto.js/": KINTO_JS });
});
after(async () => {
  await browser.close();
  await server.close();
});

/** Opens a page in a new profile, with the account's collection of tasks in `globalThis.tasks`. */
async function profile(library, user) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}empty.html`);
  if (library === "Kinto.js") await page.addScriptTag({ url: "/kinto.js/kinto.min.js" });
  await page.evaluate(async ([options, isEssaim]) => {
    const Kinto = isEssaim ? (await import("/essaim/index.js")).default : globalThis.Kinto.default;
    globalThis.tasks = new Kinto(options).collection("tasks");
  }, [{ remote: KINTO_URL, headers: { Authorization: authorization(user) } }, library === "essaim"]);
  const call = (method, ...args) => page.evaluate(([method, args]) => tasks[method](...args), [method, args]);
  return {
    close: () => context.close(),
    create: async (record) => (await call("create", record)).data,
    update: async (record) => (await call("update", record)).data,
    remove: (id) => call("delete", id),
    titles: async () => (await call("list")).data.map((record) => record.title).sort(),
    statuses: async () => (await call("list")).data.map((record) => record._status),
    resolve: (conflict, resolution) => call("resolve", conflict, resolution),
    // The result of Kinto.js is not plain data, so its members are copied.
    sync: (strategy) => page.evaluate(async (options) => {
      const { ok, created, updated, deleted, published, conflicts, resolved, errors } = await tasks.sync(options);
      return { ok, created, updated, deleted, published, conflicts, resolved, errors };
    }, strategy ? { strategy } : undefined),
  };
}

async function withProfiles(other, work) {
  const user = newUser();
  const profiles = [await profile("essaim", user), await profile(other, user)];
  try {
    await work(...profiles, user);
  } finally {
    for (const each of profiles) await each.close();
  }
}

for (const other of ["essaim", "Kinto.js"]) {
  describe(`essaim beside ${other}`, () => {
    test("records made in one appear in the other, changes and deletions too", async () => {
      await withProfiles(other, async (here, there, user) => {
        const bread = await here.create({ title: "bread" });
        await there.create({ title: "milk" });
        await there.sync();
        assert.equal((await here.sync()).ok, true);
        assert.equal((await there.sync()).ok, true);
        assert.deepEqual([await here.titles(), await there.titles()], [["bread", "milk"], ["bread", "milk"]]);
        await there.update({ ...bread, title: "rye bread" });
        await there.sync();
        assert.deepEqual((await here.sync()).updated.map((change) => change.new.title), ["rye bread"]);
        await here.remove(bread.id);
        await here.sync();
        assert.deepEqual((await there.sync()).deleted.map(({ id }) => id), [bread.id]);
        assert.deepEqual([await here.titles(), await there.titles()], [["milk"], ["milk"]]);
        const [record] = await recordsOnServer(user);
        assert.deepEqual(Object.keys(record).sort(), ["id", "last_modified", "title"]);
      });
    });

    for (const [strategy, winner] of [["client_wins", "mine"], ["server_wins", "theirs"]]) {
      test(`offline edits on both sides meet, and with ${strategy} ${winner} stays`, async () => {
        await withProfiles(other, async (here, there) => {
          const bread = await here.create({ title: "bread" });
          await here.sync();
          await there.sync();
          await there.update({ ...bread, title: "theirs" });
          await there.sync();
          await here.update({ ...bread, title: "mine" });
          const { ok, resolved } = await here.sync(strategy);
          assert.deepEqual([ok, resolved.length], [true, 1]);
          await there.sync();
          assert.deepEqual([await here.titles(), await there.titles(), await here.statuses()], [[winner], [winner], ["synced"]]);
        });
      });
    }

    test("offline edits on both sides meet as a conflict, and what is decided reaches the other side", async () => {
      await withProfiles(other, async (here, there) => {
        const bread = await here.create({ title: "bread" });
        await here.sync();
        await there.sync();
        await there.update({ ...bread, title: "theirs" });
        await there.sync();
        await here.update({ ...bread, title: "mine" });
        const { ok, conflicts } = await here.sync();
        assert.deepEqual([ok, conflicts.map(({ local, remote }) => [local.title, remote.title])], [false, [["mine", "theirs"]]]);
        await here.resolve(conflicts[0], { ...conflicts[0].remote, title: "both" });
        assert.equal((await here.sync()).ok, true);
        await there.sync();
        assert.deepEqual([await here.titles(), await there.titles()], [["both"], ["both"]]);
      });
    });

    test("an edit here of what was deleted there is a conflict, which loses nothing", async () => {
      await withProfiles(other, async (here, there) => {
        const bread = await here.create({ title: "bread" });
        await here.sync();
        await there.sync();
        await there.remove(bread.id);
        await there.sync();
        await here.update({ ...bread, title: "mine" });
        const { conflicts } = await here.sync();
        assert.deepEqual([conflicts.length, conflicts[0].remote.deleted, await here.titles()], [1, true, ["mine"]]);
        await here.resolve(conflicts[0], conflicts[0].local);
        assert.equal((await here.sync()).ok, true);
        await there.sync();
        assert.deepEqual([await here.titles(), await there.titles()], [["mine"], ["mine"]]);
      });
    });
  });
}
