// Arguments that an app may pass by mistake: each is a typed error that says what to do, and nothing is changed or sent.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Device, pages, SIDE_BY_SIDE, stage } from "./devices.mjs";

/** Runs `work` (source text) in the page, where values can be made that cannot be passed to the page. Resolves to the error that it fails with. */
function failureOf({ page, number }, work) {
  const source = `async (number) => (await outcome(() => (${work})(handles[number].collection))).error`;
  return page.evaluate(`(${source})(${number})`);
}

function assertError(error, { code, message, data }) {
  assert.ok(error, "nothing failed");
  assert.deepEqual([error.isKintoError, error.code], [true, code], JSON.stringify(error));
  assert.match(error.message, message);
  if (data) assert.deepEqual(error.data, data);
}

describe("a remote", SIDE_BY_SIDE, () => {
  for (const [title, remote, message] of [
    ["without a version", "http://localhost:8888", /must contain the version/],
    ["of another version", "http://localhost:8888/v2", /version/],
    ["that is no address", "nonsense", /must contain the version/],
    ["of another protocol", "ftp://localhost/v1", /http/],
    ["with a password in it", "http://me:secret@localhost:8888/v1", /headers/],
  ]) {
    test(`${title} is refused by sync(), and everything local works`, async (t) => {
      const { account } = await stage(t);
      const here = await Device.open(pages.phone, { ...account, remote });
      await here.create({ id: "a", title: "a" });
      const error = await here.failure();
      assertError(error, { code: "invalid_option", message });
      assert.ok(!error.message.includes("secret@"));
      assert.deepEqual([await here.titles(), await here.unsynced()], [["a"], ["a"]]);
    });
  }

  test("that is given to one sync() is checked the same, and the next sync uses the usual one", async (t) => {
    const { here, server } = await stage(t);
    await here.create({ id: "a", title: "a" });
    assertError(await here.failure({ remote: "http://localhost:8888" }), { code: "invalid_option", message: /must contain the version/ });
    assert.deepEqual([(await here.sync()).ok, await server.titles()], [true, ["a"]]);
  });
});

describe("a record", SIDE_BY_SIDE, () => {
  for (const [title, value, message] of [
    ["a string", `"text"`, /Record is not an object\./],
    ["null", "null", /Record is not an object\./],
    ["undefined", "undefined", /Record is not an object\./],
    ["a number", "1", /Record is not an object\./],
    ["an array", "[]", /Record is not an object\./],
    ["a function", "() => {}", /Record is not an object\./],
  ]) {
    test(`that is ${title} is refused by every method that takes one`, async (t) => {
      const { here } = await stage(t);
      await here.create({ id: "a", title: "a" });
      for (const method of ["create", "update", "upsert"]) {
        assertError(await failureOf(here, `(tasks) => tasks.${method}(${value})`), { code: "invalid_record", message });
      }
      assert.deepEqual(await here.titles(), ["a"]);
    });
  }

  for (const [what, value, path] of [
    ["NaN", "{ a: { b: [0, NaN] } }", "a.b[1]"],
    ["Infinity", "{ n: -Infinity }", "n"],
    ["a BigInt", "{ n: 1n }", "n"],
    ["a Map", "{ m: new Map([[1, 2]]) }", "m"],
    ["a Set", "{ list: [new Set([1])] }", "list[0]"],
    ["a function", "{ f() {} }", "f"],
    ["a symbol", "{ s: Symbol('s') }", "s"],
    ["a Blob", "{ file: new Blob(['x']) }", "file"],
    ["a typed array", "{ bytes: new Uint8Array(2) }", "bytes"],
  ]) {
    test(`with ${what} in it is refused, with the path`, async (t) => {
      const { here } = await stage(t);
      await here.create({ id: "a", title: "a" });
      assertError(await failureOf(here, `(tasks) => tasks.create(${value})`), { code: "invalid_record", message: /JSON/, data: { path } });
      assertError(await failureOf(here, `(tasks) => tasks.update({ id: "a", ...${value} })`), { code: "invalid_record", message: /JSON/, data: { path } });
      assertError(await failureOf(here, `(tasks) => tasks.execute((txn) => txn.upsert({ id: "a", ...${value} }), { preloadIds: ["a"] })`), { code: "invalid_record", message: /JSON/ });
      assert.deepEqual((await here.records()).map(({ id, title }) => [id, title]), [["a", "a"]]);
    });
  }

  test("with a cycle is refused, with the path", async (t) => {
    const { here } = await stage(t);
    const work = `(tasks) => { const record = { nested: {} }; record.nested.self = record; return tasks.create(record); }`;
    assertError(await failureOf(here, work), { code: "invalid_record", message: /^nested\.self.* is a cycle/ });
    assert.deepEqual(await here.records(), []);
  });

  test("with an invalid id is refused by every method", async (t) => {
    const { here } = await stage(t);
    await here.create({ id: "a", title: "a" });
    for (const id of [`""`, `"-a"`, `"a b"`, `"../a"`, `"a/b"`, "1", "null", "{}", `"é"`]) {
      for (const call of [`create({ id: ${id} }, { useRecordId: true })`, `update({ id: ${id} })`, `upsert({ id: ${id} })`, `get(${id})`, `getAny(${id})`, `delete(${id})`, `deleteAny(${id})`]) {
        assertError(await failureOf(here, `(tasks) => tasks.${call}`), { code: "invalid_id", message: /Invalid Id/ });
      }
    }
    assert.deepEqual(await here.titles(), ["a"]);
  });

  test("that importBulk cannot take stops it before anything is written", async (t) => {
    const { here } = await stage(t);
    for (const [records, message] of [
      [`"all"`, /Records is not an array\./],
      [`[{ id: "a", last_modified: 1 }, { id: "a b", last_modified: 1 }]`, /Record has invalid ID: /],
      [`[{ id: "a", last_modified: 1 }, { id: "b" }]`, /Record has no last_modified value: /],
      [`[{ id: "a", last_modified: 1 }, null]`, /not an object/],
      [`[{ id: "a", last_modified: 1 }, { id: "b", last_modified: 1, n: NaN }]`, /JSON/],
    ]) {
      assertError(await failureOf(here, `(tasks) => tasks.importBulk(${records})`), { code: "invalid_record", message });
      assert.deepEqual(await here.records(), []);
    }
  });
});

describe("other options", SIDE_BY_SIDE, () => {
  test("an unknown strategy is refused", async (t) => {
    const { here, proxy } = await stage(t);
    assertError(await here.failure({ strategy: "mine" }), { code: "invalid_option", message: /Kinto\.syncStrategy/ });
    assert.deepEqual(proxy.seen, []);
  });

  test("a header that HTTP does not allow is refused, and its value not repeated", async (t) => {
    const { here, proxy } = await stage(t);
    const error = await here.failure({ headers: { Authorization: "secret\nline" } });
    assertError(error, { code: "invalid_option", message: /Authorization/ });
    assert.ok(!error.message.includes("secret"));
    assert.deepEqual(proxy.seen, []);
  });

  test("a conflict that is none is refused, and changes nothing", async (t) => {
    const { here } = await stage(t);
    await here.create({ id: "a", title: "a" });
    for (const conflict of ["undefined", "null", "{}", `"a"`]) {
      const error = await failureOf(here, `(tasks) => tasks.resolve(${conflict}, { id: "a", title: "b" })`);
      assert.equal(error?.isKintoError, true, `resolve(${conflict}): ${error ? JSON.stringify(error) : "no error"}`);
    }
    assert.deepEqual(await here.titles(), ["a"]);
  });
});
