// Records that are imported from a dump, and what the next sync downloads. With a real Kinto server.

import { equal } from "./expect.mjs";

/** Resolves to the records that `work` downloads completely. Records in lists of versions are not counted; they have only an id and a timestamp. */
async function downloaded(work) {
  const { fetch } = globalThis;
  const seen = [];
  globalThis.fetch = async (...request) => {
    const response = await fetch(...request);
    const { data } = await response.clone().json().catch(() => ({}));
    if (Array.isArray(data)) seen.push(...data.filter(({ title }) => title !== undefined).map(({ id }) => id));
    return response;
  };
  try {
    await work();
  } finally {
    globalThis.fetch = fetch;
  }
  return seen.sort();
}

/**
 * Makes a server with the records a to e and a dump of them. Their timestamps are a minute apart, because a sync lists the last seconds before the
 * newest version seen again.
 */
async function dumped({ device, name }) {
  const author = device().collection(name);
  const remote = author.api.bucket("default").collection(name);
  const then = Date.now() - 3_600_000;
  for (const [at, id] of ["a", "b", "c", "d", "e"].entries()) await remote.createRecord({ id, title: id, last_modified: then + 60_000 * at });
  await author.sync();
  const { data } = await author.list({ order: "last_modified" });
  return { author, dump: data.map(({ _status, ...record }) => record) };
}

export const dumps = {
  async after_a_dump_only_what_is_new_comes({ device, name }) {
    const { author, dump } = await dumped({ device, name });
    await author.update({ id: "b", title: "edited" });
    await author.delete("c");
    await author.create({ id: "f", title: "f" }, { useRecordId: true });
    await author.sync();
    const here = device().collection(name);
    equal((await here.importBulk(dump)).length, 5);
    let result;
    const came = await downloaded(async () => (result = await here.sync()));
    equal([result.ok, result.created.map(({ id }) => id), result.updated.map((update) => update.new.id), result.deleted.map(({ id }) => id)], [true, ["f"], ["b"], ["c"]]);
    equal((await here.list({ order: "id" })).data, (await author.list({ order: "id" })).data);
    equal(came, ["b", "e", "f"]);
  },

  async a_dump_of_a_part_hides_nothing({ device, name }) {
    const { author, dump } = await dumped({ device, name });
    const here = device().collection(name);
    await here.importBulk(dump.filter(({ id }) => id !== "b"));
    equal((await here.sync()).created.map(({ id }) => id), ["b"]);
    equal((await here.list({ order: "id" })).data, (await author.list({ order: "id" })).data);
  },

  async what_was_deleted_before_the_dump_ended_goes({ device, name }) {
    const { author, dump } = await dumped({ device, name });
    await author.delete("a");
    await author.sync();
    await author.create({ id: "f", title: "f" }, { useRecordId: true });
    await author.sync();
    const youngest = (await author.get("f")).data;
    const here = device().collection(name);
    const { _status, ...f } = youngest;
    await here.importBulk([...dump, f]);
    equal((await here.sync()).deleted.map(({ id }) => id), ["a"]);
    equal((await here.list({ order: "id" })).data, (await author.list({ order: "id" })).data);
  },

  async the_app_may_say_how_far_its_dump_goes({ device, name }) {
    const { author, dump } = await dumped({ device, name });
    const here = device().collection(name);
    await here.importBulk(dump);
    await here.db.saveLastModified(author.lastModified);
    await author.create({ id: "f", title: "f" }, { useRecordId: true });
    await author.sync();
    equal(await downloaded(() => here.sync()), ["f"]);
    await here.db.saveLastModified(null);
    await here.clear();
    equal((await here.sync()).created.length, 6);
  },
};
