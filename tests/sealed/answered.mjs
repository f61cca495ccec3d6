// A server whose answers do not match what it did: a false 200, 201, 304 or 412, and answers that lead nowhere.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answer, BREAK, kintoError } from "../sync/proxy.mjs";
import { assertAlarm, assertEvidence, assertFailure, assertHeals, assertRepairs } from "./alarms.mjs";
import { aMinuteLater, entry, SIDE_BY_SIDE, stage, withJournal } from "./devices.mjs";
import { pageId } from "./lies.mjs";

const written = (request, status) => {
  const id = request.path.split("/").at(-1);
  return answer(status, { data: { ...JSON.parse(request.body).data, id, last_modified: Date.now() } });
};

/** Asserts that a sync finds the lie while it writes, that nothing local is lost, and that changes which are not on the server stay unsynced. */
async function assertNoticed(scene, code, evidence) {
  const before = await scene.here.state();
  const error = await scene.here.failure();
  assert.equal(error.code, code, error.stack);
  assertEvidence(scene, error.data.evidence, evidence);
  assert.deepEqual(await scene.here.state(), before);
}

const allOf = (...ids) => ids.map((id) => `cake-${id}`);

describe("false success", SIDE_BY_SIDE, () => {
  test("a 201 for a page that was not stored: the next sync misses it, and sends nothing", async (t) => {
    const scene = await withJournal(t);
    const { here, there, proxy } = scene;
    await here.create(entry(4));
    proxy.rule("PUT ", (request) => written(request, 201));
    assert.equal((await here.sync()).ok, true);
    await here.create(entry(5));
    await assertAlarm(scene, "rollback", { position: 4, expected: (await here.head()).hash });
    proxy.behave();
    await there.publish(6);
    await assertRepairs(scene, { alarms: [[here, ["fork"]]], expected: allOf(1, 2, 3, 4, 5, 6) });
  });

  test("a 201 for every write of a device, for long: repair() brings all of it to the server", async (t) => {
    const scene = await withJournal(t);
    const { here, proxy } = scene;
    proxy.rule("PUT ", (request) => written(request, 201), { times: 1 });
    await here.create(entry(4));
    await here.delete("cake-2");
    await here.edit(3, "Plum.");
    assert.equal((await here.sync()).ok, true);
    assert.deepEqual(await here.unsynced(), []);
    await assertRepairs(scene, { alarms: [[here, ["rollback"]]], expected: allOf(1, 3, 4) });
    assert.equal((await scene.there.record("cake-3")).confession, "Plum.");
  });

  test("a 200 for a page that was not stored is looked into, and is an omission", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("PUT ", (request) => written(request, 200));
    await assertNoticed(scene, "omission", { position: 4 });
    await assertHeals(scene);
  });

  test("a 200 for a page that was stored is looked into, and is a 201", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("PUT ", async (_, pass) => ({ ...(await pass()), status: 200 }));
    assert.equal((await scene.here.sync()).ok, true);
    await assertHeals(scene);
  });

  test("a 201 without a date, or with another record's answer, is looked into", async (t) => {
    const scene = await withJournal(t);
    const { here, proxy } = scene;
    for (const data of [{}, { id: pageId(1), last_modified: "soon" }, []]) {
      proxy.rule("PUT ", async (_, pass) => ({ ...(await pass()), body: JSON.stringify({ data }) }), { times: 1 });
      await here.edit(1, `Half of it, ${JSON.stringify(data)}`);
      const result = await here.sync().catch((error) => error);
      assert.ok(result.ok || result.code === "bad_response", result.stack ?? JSON.stringify(result));
    }
    await assertHeals(scene);
  });

  test("an answer that never comes, and a page that was stored: it is recognised as one's own", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("PUT ", async (_, pass) => (await pass(), BREAK), { times: 1 });
    assert.equal((await scene.here.failure()).code, "network");
    await scene.here.edit(4, "It was cake number four.");
    await assertHeals(scene);
    assert.equal((await scene.there.record("cake-4")).confession, "It was cake number four.");
  });
});

describe("false refusal", SIDE_BY_SIDE, () => {
  test("a 412 where the place is free is an omission, after some tries", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("PUT ", () => kintoError(412, 114, "Resource was modified meanwhile."));
    await assertNoticed(scene, "omission", { position: 4 });
    await assertHeals(scene);
  });

  test("a 412 that quotes an old page, too", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    const [first] = await scene.server.records();
    scene.proxy.rule("PUT ", () => answer(412, { code: 412, errno: 114, error: "Precondition Failed", details: { existing: { ...first, id: pageId(4) } } }));
    await assertNoticed(scene, "omission", { position: 4 });
    await assertHeals(scene);
  });

  test("a 409 for ever ends as an error of this sync, not as an accusation", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("PUT ", () => kintoError(409, 122, "Conflict."));
    const { ok, errors } = await scene.here.sync();
    assert.deepEqual([ok, errors.map(({ type, error }) => [type, error.code])], [false, [["outgoing", 409]]]);
    assert.deepEqual(await scene.here.unsynced(), ["cake-4"]);
    await assertHeals(scene);
  });

  // Reading the default bucket creates it. With PostgreSQL no two buckets can have the same timestamp, even of different users, so such requests
  // can collide.
  test("many users who are new at the same moment do not hinder each other", async (t) => {
    const scenes = await Promise.all(Array.from({ length: 40 }, () => stage(t)));
    const results = await Promise.all(scenes.map(({ there }) => there.sync()));
    assert.ok(results.every(({ ok }) => ok));
  });

  test("a 413 is an error of that record, and the rest goes on", async (t) => {
    const scene = await withJournal(t);
    const { here, proxy } = scene;
    await here.create({ id: "cake-big", confession: "x".repeat(60_000) });
    await here.create(entry(4));
    proxy.rule("PUT ", (request, pass) => (request.body.length > 20_000 ? kintoError(413, 113, "Request body too large.") : pass()));
    const { errors, published } = await here.sync();
    assert.deepEqual([errors.map(({ id, error }) => [id, error.code]), published.map(({ id }) => id)], [[["cake-big", 413]], ["cake-4"]]);
    assert.deepEqual(await here.unsynced(), ["cake-big"]);
    await assertHeals(scene);
  });
});

describe("false news", SIDE_BY_SIDE, () => {
  /** The device `here` is certain of what it has read (`aMinuteLater()`), so it asks only for newer rows (`If-None-Match`). */
  async function certain(t) {
    const scene = await withJournal(t);
    aMinuteLater();
    await scene.here.sync();
    scene.proxy.rule("GET /records", async (request, pass) => {
      const { "if-none-match": known } = request.headers;
      return known ? answer(304, "", { ETag: known }) : pass();
    });
    return scene;
  }

  test("a 304 for ever is a stale view, and over when the truth is told", async (t) => {
    const scene = await certain(t);
    const { here, there, proxy } = scene;
    await there.publish(4);
    proxy.take("* ");
    assert.equal((await here.sync()).ok, true);
    assert.equal((await here.records()).length, 3);
    assert.deepEqual(proxy.take("* ").map(({ method }) => method), ["GET"]);
    await assertHeals(scene);
  });

  test("a 304 for ever does no harm to what is sent: the append itself shows that there is more", async (t) => {
    const scene = await certain(t);
    const { here, there } = scene;
    await there.publish(4);
    await here.create(entry(5));
    assert.equal((await here.sync()).ok, true);
    assert.deepEqual((await here.records()).map(({ id }) => id), allOf(1, 2, 3, 4, 5));
    await assertHeals(scene);
  });

  test("a 304 that hides that everything is gone: what was sent is not lost", async (t) => {
    const scene = await certain(t);
    const { here, there, server, proxy } = scene;
    await server.removeRecords();
    await here.create(entry(4));
    assert.equal((await here.sync()).ok, true);
    proxy.behave();
    await here.create(entry(5));
    await there.create(entry(6));
    // The server has lost the page of the head that `there` knows. But the pages that `here` has sent since refer to this head, so the journal
    // continues from it.
    await assertRepairs(scene, { alarms: [[there, ["rollback"]]], expected: allOf(1, 2, 3, 4, 5, 6) });
  });

  test("a 304 that nobody asked for is no answer", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("GET /records", () => answer(304));
    await assertFailure(scene, "bad_response");
    await assertHeals(scene);
  });

  test("a 404 for everything is a server that is lost", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("* ", (request, pass) => (request.path.includes("/collections/") ? kintoError(404, 111, "Not found.") : pass()));
    assert.equal((await assertFailure(scene, "server_lost")).data.url, scene.url);
    await assertHeals(scene);
  });

  for (const body of ["", "<html>", "[]", "{}", '{"data":{}}', '{"data":"x"}', '{"data":null}', '{"data":[{}]', '{"data":[]}{"data":[]}']) {
    test(`a list that is ${body || "nothing"} is no answer`, async (t) => {
      const scene = await withJournal(t);
      await scene.here.create(entry(4));
      scene.proxy.rule("GET /records", () => answer(200, body));
      await assertFailure(scene, "bad_response");
      await assertHeals(scene);
    });
  }
});

describe("answers that lead elsewhere", SIDE_BY_SIDE, () => {
  test("the next page of a list at another origin is never asked for", async (t) => {
    const scene = await withJournal(t);
    const { proxy } = scene;
    await scene.here.create(entry(4));
    const elsewhere = `http://127.0.0.1:${new URL(proxy.url).port}/v1/stolen`;
    proxy.rule("GET /records", async (_, pass) => {
      const given = await pass();
      return { ...given, headers: { ...given.headers, "next-page": elsewhere } };
    });
    assert.equal((await scene.here.sync()).ok, true);
    assert.ok(!proxy.seen.some((request) => request.includes("stolen")));
    await assertHeals(scene);
  });

  test("a redirection is not followed", async (t) => {
    const scene = await withJournal(t);
    await scene.here.create(entry(4));
    scene.proxy.rule("GET /records", () => answer(302, "", { Location: `${scene.proxy.url}/stolen` }));
    await assertFailure(scene, "redirected");
    assert.ok(!scene.proxy.seen.some((request) => request.includes("stolen")));
    await assertHeals(scene);
  });

  // After a page, the device asks for rows newer than the newest version seen. It stops if a page shows nothing newer.
  const ENDLESS = { "the same page for ever": (given) => given, "pages of nothing": (given) => ({ ...given, body: '{"data":[]}' }) };
  for (const [what, more] of Object.entries(ENDLESS)) {
    test(`a list without an end, ${what}, is read to the end of its rows`, async (t) => {
      const scene = await withJournal(t);
      await scene.here.create(entry(4));
      let asked = 0;
      scene.proxy.rule("GET /records", async (request, pass) => {
        const given = await pass();
        asked += 1;
        if (asked > 100) return given;
        const headers = { ...given.headers, "next-page": `${scene.proxy.origin}${request.url}` };
        return { ...(asked > 1 ? more(given) : given), headers };
      });
      assert.equal((await scene.here.sync()).ok, true);
      assert.ok(asked < 30, `${asked} requests`);
      await assertHeals(scene);
    });
  }
});
