// The types of the API: code that must compile, and code that must not. It is compiled but never run.

import Kinto, {
  createKeyValueStoreIdSchema,
  Events,
  getDeepKey,
  init,
  Kinto as Named,
  KintoError,
  NetworkTimeoutError,
  recordsEqual,
  ServerResponse,
  ServerWasFlushedError,
  SyncResultObject,
  UnparseableResponseError,
  type Collection,
  type CollectionOptions,
  type CollectionTransaction,
  type StorageAdapter,
  BaseAdapter,
  KintoBase,
  type Conflict,
  type Emitter,
  type ErrorCode,
  type KintoOptions,
  type RecordStatus,
  type StoredRecord,
  type Strategy,
  type SyncOptions,
} from "essaim";
import CollectionByDefault, * as lib from "essaim/lib/collection";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

interface Task {
  title: string;
  done?: boolean;
}
interface Counter {
  id: number;
  value: number;
}

const options: KintoOptions = {
  remote: "https://kinto.example.com/v1",
  bucket: "default",
  headers: { Authorization: undefined },
  timeout: null,
  retry: 2,
  requestMode: "cors",
  adapter: "memory",
  adapterOptions: { dbName: "alice" },
  durability: "strict",
};
new Kinto(options);
const kinto = new Kinto({ remote: "https://kinto.example.com/v1" });
same<typeof Kinto, typeof Named>(true);
same<typeof kinto.events, Events>(true);
// @ts-expect-error no such durability
new Kinto({ durability: "maybe" });
// @ts-expect-error an adapter is a name, a storage, or a function that gives one of these
new Kinto({ adapter: () => ({}) });
const storage: StorageAdapter = {
  persistent: true,
  open: async () => ({ head: null, segments: [], journal: [] }),
  append: (_name, entry) => entry.length,
  decide: (_name, _from, decide) => decide({ head: null, segments: [], journal: [] })?.length,
  compact: (_name, fold) => fold(null)?.upto,
  forget: () => {},
};
new Kinto({ adapter: storage });
new Kinto({ adapter: (cid, options) => new Kinto.adapters.IDB(cid, { ...options, dbName: "alice" }) });
class MyKinto extends KintoBase {}
new MyKinto({ adapter: "memory" }).collection<Task>("tasks");
// @ts-expect-error KintoBase has no IndexedDB
KintoBase.adapters.IDB;

const collectionOptions: CollectionOptions = {
  idSchema: createKeyValueStoreIdSchema(),
  remoteTransformers: [{ encode: (record) => record, decode: async (record) => record }],
  hooks: { "incoming-changes": [(payload, collection) => ({ ...payload, changes: payload.changes.filter(() => collection.name !== "") })] },
  localFields: ["open"],
};
const tasks = kinto.collection<Task>("tasks", collectionOptions);
const untyped = kinto.collection("anything");
const counters = kinto.collection<Counter>("counters");
same<typeof tasks, Collection<Task>>(true);
// @ts-expect-error hooks are arrays
kinto.collection("tasks", { hooks: { "incoming-changes": (payload) => payload } });

const { data } = await tasks.create({ title: "Buy bread" });
same<typeof data, StoredRecord<Task>>(true);
same<typeof data.id, string>(true);
same<typeof data._status, RecordStatus>(true);
same<typeof data.last_modified, number | undefined>(true);
await tasks.create({ id: "bread", title: "Buy bread" }, { useRecordId: true });
await counters.create({ id: 1, value: 2 }, { useRecordId: true });
await untyped.create({ what: ["ever"] });
// @ts-expect-error a title is a string
await tasks.create({ title: 1 });
// @ts-expect-error a title is required
await tasks.create({ done: true });
// @ts-expect-error the ids of counters are numbers
await counters.create({ id: "one", value: 2 });

const updated = await tasks.update({ ...data, done: true });
same<typeof updated.oldRecord, StoredRecord<Task>>(true);
await tasks.update({ id: "bread", done: true }, { patch: true });
// @ts-expect-error without patch it replaces, so it must be whole
await tasks.update({ id: "bread", done: true });
// @ts-expect-error an update needs an id
await tasks.update({ title: "Buy bread" });
const upserted = await tasks.upsert({ id: "bread", title: "Buy bread" });
same<typeof upserted.oldRecord, StoredRecord<Task> | undefined>(true);

same<Awaited<ReturnType<typeof tasks.get>>["data"], StoredRecord<Task>>(true);
same<Awaited<ReturnType<typeof tasks.getAny>>["data"], StoredRecord<Task> | undefined>(true);
(await counters.get(1)).data.value.toFixed();
// @ts-expect-error the ids of counters are numbers
await counters.get("1");
(await tasks.list({ filters: { done: false }, order: "-title" }, { includeDeleted: true })).data[0]?.title.trim();
(await tasks.deleteAny("bread")).data.title?.trim();
await tasks.importBulk([{ id: "bread", title: "Buy bread", last_modified: 1 }]);
// @ts-expect-error a record from a server has a timestamp
await tasks.importBulk([{ id: "bread", title: "Buy bread" }]);
same<Awaited<ReturnType<typeof tasks.metadata>>, Record<string, any> | null>(true);
same<typeof tasks.lastModified, number | null>(true);
same<typeof tasks.persistent, boolean | undefined>(true);

const title = await tasks.execute((txn) => {
  same<typeof txn, CollectionTransaction<Task>>(true);
  txn.update({ id: "bread", done: true }, { patch: true });
  return txn.get("bread").data.title;
}, { preloadIds: ["bread"] });
same<typeof title, string>(true);

const syncOptions: SyncOptions = { strategy: Kinto.syncStrategy.SERVER_WINS, headers: {}, retry: 1, ignoreBackoff: true, bucket: null, collection: "x", remote: null, expectedTimestamp: 1 };
const result = await tasks.sync(syncOptions);
same<typeof result, SyncResultObject<Task>>(true);
result.created[0]?.title.trim();
result.updated[0]?.old.title.trim();
const conflict: Conflict<Task> | undefined = result.conflicts[0];
if (conflict) {
  await tasks.resolve(conflict, conflict.local);
  await tasks.resolve(conflict, conflict.remote);
  await tasks.resolve(conflict, { ...conflict.remote, title: conflict.local.title });
}
// @ts-expect-error no such strategy
await tasks.sync({ strategy: "mine" });

same<typeof CollectionByDefault, typeof lib.Collection>(true);
same<typeof lib.SyncResultObject, typeof SyncResultObject>(true);
const byHand = new lib.Collection<Task>("default", "tasks", kinto, { localFields: ["open"] });
same<typeof byHand, Collection<Task>>(true);
const client = tasks.api.bucket("default").collection("tasks");
same<Awaited<ReturnType<typeof tasks.pullChanges>>, SyncResultObject<Task>>(true);
await tasks.pullMetadata(client, { headers: {} });
await tasks.pullChanges(client, result, { strategy: "pull_only", lastModified: 12, exclude: [{ id: "bread" }] });
await tasks.pushChanges(client, await tasks.gatherLocalChanges(), result, { retry: 2 });
await tasks.importChanges(result, [{ id: "bread", deleted: true }], "server_wins");
const passed = await tasks.applyHook("incoming-changes", { lastModified: 1, changes: [] });
same<typeof passed.lastModified, number>(true);
// @ts-expect-error there is only one hook
await tasks.applyHook("outgoing-changes", { lastModified: 1, changes: [] });

same<typeof tasks.db, BaseAdapter<Task>>(true);
same<Awaited<ReturnType<typeof tasks.db.getLastModified>>, number | null>(true);
const seen = await tasks.db.execute((proxy) => proxy.get("bread")?.title);
same<typeof seen, string | undefined>(true);
(await tasks.db.list({ filters: { done: true } }))[0]?.title.trim();
const strategy: Strategy = Kinto.syncStrategy.MANUAL;

kinto.events.on("create", ({ data }) => data.id);
kinto.events.on("sync:error", ({ error }) => error.code === "network");
kinto.events.on("storage:evicted", ({ unsynced }) => unsynced.toFixed());
kinto.events.on("the app's own", (payload) => payload);
const emitter: Emitter = { on() {}, off() {}, emit() {} };
const withEmitter = new Kinto({ events: emitter });
same<typeof withEmitter.events, Emitter>(true);

const error: unknown = new Error();
if (KintoError.is(error, "server_flushed")) error.data.clientTimestamp.toFixed();
if (KintoError.is(error, "backoff")) error.data.retryAfterMs.toFixed();
if (KintoError.is(error)) same<typeof error.code, ErrorCode>(true);
if (error instanceof ServerWasFlushedError) error.serverTimestamp.toFixed();
if (error instanceof NetworkTimeoutError) error.url.trim();
if (error instanceof ServerResponse) error.response.status.toFixed();
if (error instanceof UnparseableResponseError) error.status.toFixed();
// @ts-expect-error no such code
KintoError.is(error, "no_such_code");

same<ReturnType<typeof recordsEqual>, boolean>(true);
same<ReturnType<typeof getDeepKey>, unknown>(true);
same<ReturnType<typeof init>, Promise<void>>(true);
await init(new Uint8Array());
await init(fetch("/essaim_wasm_bg.wasm"));
kinto.api.remote = "https://other.example.com/v1";
same<typeof kinto.api.backoff, number>(true);
kinto.close();
export { strategy };
