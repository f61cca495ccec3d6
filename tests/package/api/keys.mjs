// makeKey() and the option `key`: which keys open an encrypted collection, and which do not.

import { equal, ok, rejects, throws } from "./expect.mjs";

/** Returns the key with one character changed. */
const mistyped = (key, at = 20) => key.slice(0, at) + (key[at] === "7" ? "8" : "7") + key.slice(at + 1);

/** Resolves to all traces that `work` leaves in the page: its output on the console, and what it stored. */
async function traces(work) {
  const left = [];
  const methods = ["log", "info", "warn", "error", "debug"];
  const original = Object.fromEntries(methods.map((method) => [method, console[method]]));
  for (const method of methods) console[method] = (...said) => left.push(...said.map(String));
  try {
    const thrown = await work();
    for (const error of thrown) left.push(error.message, error.stack, JSON.stringify(error), JSON.stringify(error.data), String(error.cause));
  } finally {
    Object.assign(console, original);
  }
  left.push(JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), JSON.stringify(await indexedDB.databases()));
  return left.join("\n");
}

/** Asserts that a text does not contain eight consecutive characters of a key, with or without its hyphens. */
function assertSaysNothingOf(text, key) {
  const bare = key.replaceAll("-", "").slice("essaim1".length);
  const seen = text.replaceAll("-", "").toUpperCase();
  for (let at = 0; at + 8 <= bare.length; at += 1) ok(!seen.includes(bare.slice(at, at + 8).toUpperCase()), `part of the key is in what was left: ${at}`);
}

/** Runs `work` in a frame, which is like another tab: it has the same databases but shares no memory. */
async function inAnotherTab(work, given) {
  const frame = document.createElement("iframe");
  frame.src = "page.html";
  document.body.append(frame);
  await new Promise((resolve) => frame.addEventListener("load", resolve));
  try {
    return await frame.contentWindow.eval(`(${work})`)(given);
  } finally {
    frame.remove();
  }
}

const openThere = async ({ adapterOptions, name, key }) => {
  const { Kinto } = await import("/essaim/index.js");
  const kinto = new Kinto({ adapterOptions });
  const answer = await kinto.collection(name, key ? { key } : {}).list().then(({ data }) => data.length, (error) => error.code);
  kinto.close();
  return answer;
};

export const keys = {
  async a_key_is_made_of_groups_of_five_and_is_made_once({ essaim }) {
    const made = await Promise.all(Array.from({ length: 50 }, () => essaim.makeKey()));
    for (const key of made) ok(/^essaim1(-[0-9A-HJKMNP-TV-Z]{5}){11}-[0-9A-HJKMNP-TV-Z]{1,5}$/.test(key), key);
    equal(new Set(made).size, made.length);
    const beginnings = new Set(made.map((key) => key.slice(8, 13)));
    equal(beginnings.size, made.length);
  },

  async a_mistyped_key_is_refused_wherever_the_mistake_is({ essaim, kinto, name }) {
    const key = await essaim.makeKey();
    const wrong = [mistyped(key, 8), mistyped(key), mistyped(key, key.length - 1), key.slice(0, -1), `${key}0`, key.replace("essaim1", "essaim2"), key.slice(8), "", "essaim1-", key.replace(/-(.)(.)/, (whole, a, b) => (a === b ? "-UU" : `-${b}${a}`))];
    for (const bad of wrong) {
      const tasks = kinto.collection(name, { key: bad });
      for (const call of [() => tasks.list(), () => tasks.create({}), () => tasks.sync(), () => tasks.head()]) await rejects(call(), { code: "invalid_key", data: {} });
    }
    equal((await kinto.collection(name, { key }).list()).data, []);
  },

  async a_key_that_was_meant_and_is_missing_opens_nothing({ essaim, kinto, name }) {
    for (const key of [undefined, null, 7, true, {}, []]) throws(() => kinto.collection(name, { key }), { code: "invalid_option", message: /makeKey/ });
    const key = await essaim.makeKey();
    const thrown = [];
    for (const promised of [undefined, null, 7, { key }, [key], Symbol(key), new TextEncoder().encode(key)]) {
      const tasks = kinto.collection(name, { key: Promise.resolve(promised) });
      for (const call of [() => tasks.list(), () => tasks.create({ title: "in clear" }), () => tasks.sync(), () => tasks.head()]) {
        const error = await call().catch((error) => error);
        equal(error.code, "invalid_option", String(error));
        thrown.push(error);
      }
    }
    assertSaysNothingOf(await traces(async () => thrown), key);
    equal((await kinto.collection(name).list()).data, []);
  },

  async a_key_is_read_as_people_write_it({ essaim, kinto, name }) {
    const key = await essaim.makeKey();
    await kinto.collection(name, { key }).create({ title: "mine" });
    for (const same of [key.toLowerCase(), ` ${key}\n`, key.replaceAll("-", " ").replace("essaim1 ", "essaim1-"), key.replaceAll("0", "O").replaceAll("1", "l").replace("essaiml", "essaim1")]) {
      equal((await kinto.collection(name, { key: same }).list()).data.map(({ title }) => title), ["mine"], same.replace(/[0-9A-Z]/gi, "x"));
    }
  },

  async a_key_may_be_a_promise_which_may_fail({ essaim, kinto, name }) {
    const tasks = kinto.collection(name, { key: essaim.makeKey() });
    await tasks.create({ title: "a" });
    equal((await tasks.list()).data.length, 1);
    const mine = new Error("no key in the keychain");
    const lost = await kinto.collection("lost", { key: Promise.reject(mine) }).list().catch((error) => error);
    ok(lost === mine, lost);
  },

  async nothing_that_is_said_or_stored_tells_a_key({ essaim, device, name }) {
    const key = await essaim.makeKey();
    const left = await traces(async () => {
      const used = {};
      const tasks = device(used).collection(name, { key });
      await tasks.create({ title: "a" });
      await tasks.sync();
      const fail = (promise) => promise.then(() => { throw new Error("it did not fail"); }, (error) => error);
      const again = (options) => device({ adapterOptions: used.used }).collection(name, options);
      return [
        await fail(again({ key: mistyped(key) }).list()),
        await fail(again({ key: key.slice(0, -3) }).sync()),
        await fail(again({ key }).sync({ remote: "http://localhost:9/v1" })),
        await fail(again({ key }).create("no record")),
        await fail(again({ key }).create({ text: "x".repeat(600_000) })),
      ];
    });
    assertSaysNothingOf(left, key);
  },

  async another_key_is_another_collection({ essaim, device, name }) {
    const [key, other] = [await essaim.makeKey(), await essaim.makeKey()];
    const kinto = device();
    const [mine, theirs] = [kinto.collection(name, { key }), kinto.collection(name, { key: other })];
    await mine.create({ title: "mine" });
    await mine.sync();
    equal([(await theirs.list()).data, await theirs.head()], [[], null]);
    const result = await theirs.sync();
    equal([result.ok, result.created], [true, []]);
    await theirs.create({ title: "theirs" });
    await theirs.sync();
    await mine.sync();
    equal([await mine.list(), await theirs.list()].map(({ data }) => data.map(({ title }) => title)), [["mine"], ["theirs"]]);
    ok((await mine.head()).hash !== (await theirs.head()).hash);
    const elsewhere = device().collection("another name", { key });
    equal((await elsewhere.sync()).created, []);
  },

  async an_encrypted_collection_is_not_opened_without_its_key({ essaim, device, name, storage }) {
    const used = {};
    const key = await essaim.makeKey();
    const kinto = device(used);
    await kinto.collection(name, { key }).create({ title: "secret" });
    const refused = { code: "key_required", data: { name } };
    const tasks = kinto.collection(name);
    for (const call of [() => tasks.list(), () => tasks.create({}), () => tasks.sync(), () => tasks.clear(), () => tasks.importBulk([{ id: "a", last_modified: 1 }])]) await rejects(call(), refused);
    kinto.close();
    if (storage.adapter === "memory") return; // the memory is gone with its Kinto
    const later = device({ adapterOptions: used.used });
    await rejects(later.collection(name).list(), refused);
    equal((await later.collection(name, { key }).list()).data.length, 1);
    if (storage.adapter !== "indexeddb") return; // other tabs share only IndexedDB
    const there = { adapterOptions: used.used, name };
    equal([await inAnotherTab(openThere, there), await inAnotherTab(openThere, { ...there, key }), await inAnotherTab(openThere, { ...there, key: await essaim.makeKey() })], ["key_required", 1, 0]);
  },

  async nor_a_plain_one_with_a_key({ essaim, device, name, storage }) {
    const used = {};
    const key = await essaim.makeKey();
    const kinto = device(used);
    await kinto.collection(name).create({ title: "plain" });
    const refused = { code: "not_encrypted", data: { name } };
    const tasks = kinto.collection(name, { key });
    for (const call of [() => tasks.list(), () => tasks.create({}), () => tasks.sync(), () => tasks.clear()]) await rejects(call(), refused);
    equal((await kinto.collection(name).list()).data.length, 1);
    kinto.close();
    if (storage.adapter === "memory") return;
    await rejects(device({ adapterOptions: used.used }).collection(name, { key }).list(), refused);
    if (storage.adapter !== "indexeddb") return;
    const there = { adapterOptions: used.used, name };
    equal([await inAnotherTab(openThere, { ...there, key }), await inAnotherTab(openThere, there)], ["not_encrypted", 1]);
  },

  async a_plain_one_that_was_cleared_may_become_encrypted({ essaim, kinto, name }) {
    const plain = kinto.collection(name);
    await plain.create({ title: "plain" });
    await plain.clear();
    const notes = kinto.collection(name, { key: await essaim.makeKey() });
    await notes.create({ title: "secret" });
    equal((await notes.list()).data.length, 1);
    await rejects(plain.create({ title: "plain again" }), { code: "key_required" });
  },

  async what_is_only_for_encrypted_collections_says_so({ kinto, name }) {
    const tasks = kinto.collection(name);
    for (const method of ["head", "pages"]) await rejects(tasks[method](), { code: "invalid_option", message: new RegExp(`${method}\\(\\) is for encrypted collections`) });
  },
};
