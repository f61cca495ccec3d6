// A sync writes a snapshot after its own work. Whatever the server answers to the snapshot, the sync succeeds, and a later sync writes the snapshot.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answer, BREAK, kintoError, NEVER } from "../evil/proxy.mjs";
import { assertTogether } from "./alarms.mjs";
import { NodeDevice, SIDE_BY_SIDE, withJournal } from "./devices.mjs";

const FAILURES = {
  "401": () => kintoError(401, 104, "Please authenticate yourself to use this endpoint."),
  "403": () => kintoError(403, 121, "This user cannot access this resource."),
  "404": () => kintoError(404, 111, "There is no such collection."),
  "410": () => kintoError(410, 202, "This version of the API was closed."),
  "503": () => kintoError(503, 201, "Service temporarily unavailable."),
  "a redirect": () => answer(307, "", { Location: "http://elsewhere.invalid/v1/" }),
  "a page of HTML": () => answer(200, "<!doctype html><title>Welcome</title>", { "Content-Type": "text/html" }),
  "a broken connection": () => BREAK,
  "no answer": () => NEVER,
};

const isSegment = ({ method, path }) => method === "PUT" && path.includes("/records/s-");
const isPage = ({ method, path }) => method === "PUT" && path.includes("/records/p");

/** Which requests of a compaction fail. Each function returns a predicate for the requests of one sync. */
const STEPS = {
  segments: () => isSegment,
  "the snapshot's page": () => {
    let segments = 0;
    return (request) => {
      segments += isSegment(request);
      return isPage(request) && segments > 0;
    };
  },
};

/** Requests that follow the snapshot. If they fail, the snapshot is already written, so each test needs a journal of its own. */
const LAST_STEPS = {
  "the list of what is superseded": { isStep: ({ query }) => query.has("_fields"), failure: "401" },
  "emptying pages": { isStep: ({ method, path }) => method === "POST" && path.endsWith("/batch"), failure: "410" },
};

/** Makes a journal of 63 pages. The next page is the 64th; then a snapshot is due. */
async function withPages(t) {
  const scene = await withJournal(t, [1]);
  const { there, account, proxy } = scene;
  const here = NodeDevice.open({ ...account, remote: proxy.url, timeout: 1_000 });
  t.after(() => here.kinto.close());
  for (let page = 0; page < 61; page++) {
    await there.edit(1, `I ate half of cake ${page}.`);
    await there.sync();
  }
  await here.sync();
  await here.edit(1, "I ate a quarter.");
  await here.sync();
  return { ...scene, here };
}

async function assertSyncsAllTheSame({ here, proxy }, isStep, failure) {
  let failed = 0;
  proxy.rule("* ", (request, pass) => (isStep(request) ? ((failed += 1), failure()) : pass()));
  await here.edit(1, `I ate it all, ${Math.random()}.`);
  const { ok, errors, published } = await here.sync();
  proxy.behave();
  assert.deepEqual([ok, errors, published.map(({ id }) => id)], [true, [], ["cake-1"]]);
  assert.ok(failed > 0, "no compaction was tried");
}

const sealed = async (server) => (await server.records()).filter(({ ct }) => ct).length;

describe("a compaction that fails", SIDE_BY_SIDE, () => {
  test("before its snapshot is there: the sync succeeds, and the next one compacts", async (t) => {
    const scene = await withPages(t);
    const { here, there, another, server } = scene;
    for (const step of Object.values(STEPS)) {
      for (const failure of Object.values(FAILURES)) await assertSyncsAllTheSame(scene, step(), failure);
    }
    assert.ok((await sealed(server)) > 60);
    await here.edit(1, "There is no cake left.");
    await here.sync();
    assert.ok((await sealed(server)) < 10);
    await assertTogether({ here, there, another });
  });

  for (const [step, { isStep, failure }] of Object.entries(LAST_STEPS)) {
    test(`after its snapshot is there, at ${step} (${failure}): the sync succeeds`, async (t) => {
      const scene = await withPages(t);
      await assertSyncsAllTheSame(scene, isStep, FAILURES[failure]);
      await assertTogether(scene);
    });
  }
});
