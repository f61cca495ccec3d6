// Merging: every pair of a local record and a remote change, with every strategy.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lists, SIDE_BY_SIDE, stage } from "./devices.mjs";

/** Brings the local record `r` into a state. Changes that are made here after the sync are not on the server. */
const LOCAL = {
  absent: async ({ here }) => void (await here.sync()),
  synced: async ({ here, server }) => {
    await server.put("r", { title: "original", note: "kept" });
    await here.sync();
  },
  updated: async (scene) => {
    await LOCAL.synced(scene);
    await scene.here.update({ id: "r", title: "mine", mine: true });
  },
  created: async ({ here }) => {
    await here.sync();
    await here.create({ id: "r", title: "mine", mine: true });
  },
  deleted: async (scene) => {
    await LOCAL.synced(scene);
    await scene.here.delete("r");
  },
};

/** Changes the record on the server. Returns what the next pull will list. */
const REMOTE = {
  record: ({ server }) => server.put("r", { title: "theirs" }),
  "equal record": async ({ here, server }) => {
    const { id, _status, last_modified, ...content } = await here.record("r");
    return server.put(id, content);
  },
  tombstone: async ({ server }) => {
    if (!(await server.record("r"))) await server.put("r", { title: "theirs" });
    return server.remove("r");
  },
};

/** Makes a local and a remote state and syncs. Returns what was on both sides before the sync, and what is there after it. */
async function meeting(t, local, remote, strategy) {
  const scene = await stage(t);
  // With another record: a device whose first sync found nothing gets no tombstones in its next one.
  await scene.server.put("other", { title: "other" });
  await LOCAL[local](scene);
  const theirs = await REMOTE[remote](scene);
  const mine = await scene.here.record("r");
  const result = await scene.here.sync({ strategy });
  return { scene, mine, theirs, result, lists: lists(result), here: await scene.here.record("r"), there: await scene.server.record("r") };
}

const synced = (record) => ({ ...record, _status: "synced" });
const wire = ({ _status, ...record }) => record;
const EVERY = ["manual", "client_wins", "server_wins", "pull_only"];
const PUSHING = ["manual", "client_wins", "server_wins"];

/** Adds the tests of one row of the table, one for each strategy. `check` gets what {@link meeting} returns. */
function row(title, local, remote, strategies, check) {
  for (const strategy of strategies) {
    test(`${title} (${strategy})`, async (t) => {
      const met = await meeting(t, local, remote, strategy);
      assert.equal(met.result.ok, !met.lists.conflicts, JSON.stringify(met.result));
      await check(met);
    });
  }
}

describe("a record that is not here", SIDE_BY_SIDE, () => {
  row("a record of the server is created", "absent", "record", EVERY, ({ theirs, lists, here, there }) => {
    assert.deepEqual([lists, here, there], [{ created: [synced(theirs)] }, synced(theirs), theirs]);
  });
  row("a tombstone of the server is skipped", "absent", "tombstone", EVERY, ({ theirs, lists, here }) => {
    assert.deepEqual([lists, here], [{ skipped: [theirs] }, undefined]);
  });
});

describe("a record that was not changed here", SIDE_BY_SIDE, () => {
  row("follows a change, members that are gone included", "synced", "record", PUSHING, ({ mine, theirs, lists, here, there }) => {
    assert.deepEqual([lists, here, there], [{ updated: [{ old: mine, new: synced(theirs) }] }, synced(theirs), theirs]);
  });
  row("takes a new version of the same content without a word", "synced", "equal record", PUSHING, ({ mine, theirs, lists, here, there }) => {
    assert.ok(theirs.last_modified > mine.last_modified);
    assert.deepEqual([lists, here, there], [{}, synced(theirs), theirs]);
  });
  row("follows a deletion", "synced", "tombstone", EVERY, ({ mine, lists, here, there }) => {
    assert.deepEqual([lists, here, there], [{ deleted: [mine] }, undefined, undefined]);
  });
});

describe("a record that was deleted here", SIDE_BY_SIDE, () => {
  row("deleted there too, it is skipped and gone", "deleted", "tombstone", PUSHING, ({ mine, lists, here, there }) => {
    assert.deepEqual([lists, here, there], [{ skipped: [mine] }, undefined, undefined]);
  });
  row("changed there, it is skipped, and its deletion meets the newer version as a conflict", "deleted", "record", ["manual"], ({ mine, theirs, lists, here, there }) => {
    assert.deepEqual(lists, { skipped: [mine], conflicts: [{ type: "outgoing", local: { id: "r" }, remote: theirs }] });
    assert.deepEqual([here, there], [mine, theirs]);
  });
  row("changed there, it is skipped and deleted there", "deleted", "record", ["client_wins"], ({ mine, theirs, lists, here, there }) => {
    const [{ accepted, ...resolved }] = lists.resolved;
    assert.deepEqual([resolved, accepted.id], [{ id: "r", rejected: theirs, _status: "deleted" }, "r"]);
    assert.deepEqual({ ...lists, resolved: undefined }, { skipped: [mine], published: [{ id: "r", deleted: true }], resolved: undefined });
    assert.deepEqual([here, there], [undefined, undefined]);
  });
  row("changed there, it is skipped and comes back", "deleted", "record", ["server_wins"], ({ mine, theirs, lists, here, there }) => {
    assert.deepEqual(lists, { skipped: [mine], resolved: [{ id: "r", accepted: synced(theirs), rejected: mine, _status: "synced" }] });
    assert.deepEqual([here, there], [synced(theirs), theirs]);
  });
});

for (const local of ["created", "updated"]) {
  describe(`a record that was ${local} here`, SIDE_BY_SIDE, () => {
    row("the same on the server, it is synced", local, "equal record", PUSHING, ({ mine, theirs, lists, here, there }) => {
      assert.deepEqual([lists, here, there], [{ updated: [{ old: mine, new: synced(theirs) }] }, synced(theirs), theirs]);
    });

    for (const remote of ["record", "tombstone"]) {
      row(`a ${remote} of the server is a conflict, and both sides stay as they are`, local, remote, ["manual"], ({ mine, theirs, lists, here, there }) => {
        assert.deepEqual(lists, { conflicts: [{ type: "incoming", local: mine, remote: theirs }] });
        assert.deepEqual([here, there], [mine, remote === "tombstone" ? undefined : theirs]);
      });
      row(`over a ${remote} of the server mine is published`, local, remote, ["client_wins"], ({ mine, theirs, lists, here, there }) => {
        const { resolved: [{ accepted, ...resolved }], ...others } = lists;
        assert.deepEqual(resolved, { id: "r", rejected: theirs, _status: "updated" });
        assert.deepEqual([accepted.title, accepted._status], ["mine", "updated"]);
        assert.deepEqual(others, { published: [here] });
        assert.deepEqual([here._status, wire(here)], ["synced", there]);
        assert.deepEqual({ ...there, last_modified: 0 }, { ...wire(mine), last_modified: 0 });
      });
    }

    row("a record of the server replaces it", local, "record", ["server_wins"], ({ mine, theirs, lists, here, there }) => {
      assert.deepEqual(lists, { resolved: [{ id: "r", accepted: synced(theirs), rejected: mine, _status: "synced" }] });
      assert.deepEqual([here, there], [synced(theirs), theirs]);
    });
    row("a tombstone of the server removes it", local, "tombstone", ["server_wins"], ({ mine, lists, here, there }) => {
      const [{ id, rejected }] = lists.resolved;
      assert.deepEqual([Object.keys(lists), id, rejected, here, there], [["resolved"], "r", mine, undefined, undefined]);
    });
  });
}

describe("pull_only", SIDE_BY_SIDE, () => {
  for (const local of ["synced", "updated", "created", "deleted"]) {
    row(`a record that was ${local} here is overwritten, but keeps what the server's does not have`, local, "record", ["pull_only"], ({ mine, theirs, lists, here, there }) => {
      const merged = synced({ ...mine, ...theirs });
      assert.deepEqual([lists, here, there], [{ updated: [{ old: mine, new: merged }] }, merged, theirs]);
    });
    row(`a record that was ${local} here is listed as updated by the same content`, local, "equal record", ["pull_only"], ({ mine, theirs, lists, here, there }) => {
      assert.deepEqual([lists, here, there], [{ updated: [{ old: mine, new: synced(theirs) }] }, synced(theirs), theirs]);
    });
    row(`a record that was ${local} here is deleted`, local, "tombstone", ["pull_only"], ({ mine, lists, here, there }) => {
      assert.deepEqual([lists, here, there], [{ deleted: [mine] }, undefined, undefined]);
    });
  }

  test("uploads nothing, and keeps it for later", async (t) => {
    const { server, here } = await stage(t);
    await here.create({ id: "new", title: "new" });
    assert.deepEqual(lists(await here.sync({ strategy: "pull_only" })), {});
    assert.deepEqual([await server.titles(), (await here.record("new"))._status], [[], "created"]);
    assert.deepEqual((await here.sync()).published.map(({ id }) => id), ["new"]);
  });
});

describe("a record that was made and deleted here before any sync", SIDE_BY_SIDE, () => {
  test("leaves nothing to send, nor a tombstone", async (t) => {
    const { here, proxy } = await stage(t);
    await here.create({ id: "r", title: "brief" });
    await here.delete("r");
    assert.deepEqual(lists(await here.sync()), {});
    assert.deepEqual([await here.record("r"), proxy.take("POST /batch")], [undefined, []]);
  });

  test("does not delete what another client made under its id", async (t) => {
    const { here, server } = await stage(t);
    await here.create({ id: "r", title: "brief" });
    await here.delete("r");
    const theirs = await server.put("r", { title: "theirs" });
    assert.equal((await here.sync()).ok, true);
    assert.deepEqual([await here.record("r"), await server.record("r")], [synced(theirs), theirs]);
  });
});
