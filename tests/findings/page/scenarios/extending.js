// Functions of the app that are called during a sync.

const withId = { useRecordId: true };

/** Returns a transformer that appends a mark to the titles it encodes, and removes it from the titles it decodes. A title without the mark is reported. */
const marking = (mark) => ({
  encode: (record) => (record.title === undefined ? record : { ...record, title: `${record.title}${mark}` }),
  decode: (record) => (record.title === undefined ? record : { ...record, title: record.title.endsWith(mark) ? record.title.slice(0, -mark.length) : `${record.title}<not ${mark}>` }),
});

export const extending = [
  {
    number: 4,
    title: "two transformers are undone in reverse, for every record",
    story: "An app has two transformers: each adds a mark to what is uploaded, and takes it off what is downloaded. Three records are uploaded by one device and downloaded by another.",
    async run(world) {
      const remoteTransformers = [marking("1"), marking("2")];
      const one = world.open({ remoteTransformers: [...remoteTransformers] });
      for (const id of ["a", "b", "c"]) await one.create({ id, title: "x" }, withId);
      await one.sync();
      const other = world.open({ remoteTransformers: [...remoteTransformers], adapterOptions: { dbName: `${world.dbName} other` } });
      const { ok } = await other.sync();
      const { data } = await other.list({ order: "id" });
      return { "uploaded": await world.server.titles(), "downloaded": data.map(({ title }) => title).join(" "), "ok": ok };
    },
    right: { "uploaded": ["x12", "x12", "x12"], "downloaded": "x x x", "ok": true },
    fault: { "uploaded": ["x12", "x12", "x12"], "downloaded": "x x12<not 1><not 2> x", "ok": true },
  },
  {
    number: 29,
    title: "each hook gets what the one before it returned",
    story: "Two hooks: one adds “!” to every title that comes in, the other “?”.",
    async run(world) {
      const adding = (mark) => (payload) => ({ ...payload, changes: payload.changes.map((change) => ({ ...change, title: `${change.title}${mark}` })) });
      const tasks = world.open({ hooks: { "incoming-changes": [adding("!"), adding("?")] } });
      await world.server.put("a", { title: "a" });
      await tasks.sync();
      return { "stored": (await tasks.get("a")).data.title };
    },
    right: { "stored": "a!?" },
    fault: { "stored": "a?" },
  },
];
