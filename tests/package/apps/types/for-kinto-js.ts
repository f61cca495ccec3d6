// An app in TypeScript that was written for Kinto.js. It is compiled with Kinto.js first, and then, with its import lines changed, with essaim.

import Kinto, { AbstractBaseAdapter, BaseAdapter, getDeepKey, KintoBase, KintoClient } from "kinto";
import type { Collection, CollectionSyncOptions, Conflict, KintoBaseOptions, RecordStatus, StorageProxy } from "kinto";
import CollectionClass, { CollectionTransaction, createKeyValueStoreIdSchema, recordsEqual, ServerWasFlushedError, SyncResultObject } from "kinto/lib/collection";

interface Synced {
  id: string;
  last_modified?: number;
  _status?: RecordStatus;
}
interface Task extends Synced {
  title: string;
  done?: boolean;
}
type Item = { id: string; kind: "note"; text: string } | { id: string; kind: "photo"; url: string };
interface Open {
  id: string;
  [field: string]: unknown;
}

class AppEvents {
  emit(_type: string, _event?: any): void {}
  on(_type: string, _handler: (event?: any) => void): void {}
  off(_type: string, _handler: (event?: any) => void): void {}
}

const options: KintoBaseOptions = { remote: "https://kinto.example.com/v1", bucket: "app", events: new AppEvents(), headers: { Authorization: "Bearer x" }, retry: 2, requestMode: "cors", timeout: 5000 };
export const kinto = new Kinto(options);
export const migrated = new Kinto({ adapterOptions: { dbName: "app", migrateOldData: true } });
export const typed = new Kinto<Task>({ bucket: "app", events: new AppEvents() });
let shared: Kinto | undefined;
export const database = (): Kinto => (shared ??= new Kinto({ events: new AppEvents() }));
export const anyKinto: Kinto<any> = typed;
export const isBase: boolean = kinto instanceof KintoBase;
export const adapter: typeof BaseAdapter = Kinto.adapters.BaseAdapter;
export const abstract = AbstractBaseAdapter;
export class AppKinto extends Kinto {
  constructor(given?: KintoBaseOptions) {
    super({ remote: "https://kinto.example.com/v1", ...given });
  }
  get ApiClass() {
    return KintoClient;
  }
}

const tasks: Collection<Task> = kinto.collection<Task>("tasks", { localFields: ["open"], hooks: {}, remoteTransformers: [], idSchema: createKeyValueStoreIdSchema() });
const loose: Collection = kinto.collection("anything");
export const byHand: Collection<Task> = new CollectionClass<Task>("app", "tasks", kinto, { events: new AppEvents(), adapterOptions: { dbName: "app" } });
export const seen: [string, number | null, string] = [tasks.bucket + tasks.name, tasks.lastModified, tasks.api.remote];

export async function work(): Promise<Task[]> {
  const { data } = await tasks.create({ title: "Buy bread" });
  await tasks.create({ id: "bread", title: "Buy bread" }, { useRecordId: true });
  const { data: updated, oldRecord } = await tasks.update({ ...data, done: true });
  await tasks.update(updated, { synced: true, patch: false });
  const { oldRecord: replaced } = await tasks.upsert(oldRecord);
  const found: Task | undefined = replaced ?? (await tasks.getAny("bread")).data;
  const title: string | undefined = (await tasks.deleteAny("bread")).data.title ?? found?.title;
  const removed: Task = (await tasks.delete("bread", { virtual: false })).data;
  const written: Task[] = await tasks.importBulk([{ id: "bread", title: title ?? removed.title, last_modified: 12 }]);
  await tasks.loadDump([{ id: "milk", title: "Buy milk", last_modified: 13 }]);
  await loose.create({ whatever: 1 });
  await loose.update({ id: "x", whatever: 2 });
  const names: string[] = (await loose.list()).data.map((record) => record.name);
  await tasks.clear();
  return [...written, ...(await tasks.deleteAll()).data, ...(await tasks.list({ filters: { done: false, title: names }, order: "-title" }, { includeDeleted: true })).data];
}

export async function synchronise(online: boolean): Promise<boolean> {
  let strategy = Kinto.syncStrategy.MANUAL;
  if (online) strategy = Kinto.syncStrategy.CLIENT_WINS;
  const given: CollectionSyncOptions = { strategy: "server_wins", headers: {}, retry: 1, ignoreBackoff: true, bucket: null, collection: null, remote: null, expectedTimestamp: "12" };
  await loose.sync({ ...given, strategy });
  const result: SyncResultObject = await tasks.sync(given);
  for (const conflict of result.conflicts as Conflict<Task>[]) {
    const merged: Task = { ...conflict.local, ...conflict.remote };
    await tasks.resolve(conflict, merged);
  }
  await Promise.all(result.conflicts.map((conflict) => tasks.resolve(conflict, conflict.remote)));
  const changed: Task[] = [...result.created, ...result.updated.map((update) => update.new), ...result.deleted, ...result.published];
  const own = new SyncResultObject().add("created", [{ id: "1" }]).add("skipped", { id: "2" }).reset("created");
  const client = tasks.api.bucket("app").collection("tasks");
  await tasks.pullMetadata(client);
  await tasks.pullChanges(client, own, { strategy: Kinto.syncStrategy.MANUAL, lastModified: null });
  await tasks.importChanges(own, [], strategy);
  await tasks.pushChanges(client, await tasks.gatherLocalChanges(), own, { strategy: Kinto.syncStrategy.MANUAL });
  const timestamp: number | null = await tasks.db.saveLastModified(await tasks.db.getLastModified());
  const error: Error = new ServerWasFlushedError(timestamp ?? 0, 2, "Server has been flushed.");
  return own.ok && recordsEqual({ ...changed[0] }, {}) && getDeepKey(error, "message") === (await tasks.resetSyncStatus());
}

/** A generic wrapper of a collection, as apps have it for all their types of records. */
export class Repository<T extends Synced> {
  private readonly collection: Collection<T>;
  constructor(db: Kinto, name: string) {
    this.collection = db.collection<T>(name);
  }
  all = async (): Promise<T[]> => (await this.collection.list()).data;
  one = async (id: string): Promise<T> => (await this.collection.get(id)).data;
  find = async (id: string): Promise<T | undefined> => (await this.collection.getAny(id)).data;
  add = async (record: T): Promise<T> => (await this.collection.create(record, { useRecordId: true })).data;
  save = async (record: T): Promise<T> => (await this.collection.upsert(record)).data;
  replace = async (record: T): Promise<T> => (await this.collection.update(record)).data;
  remove = async (id: string): Promise<T> => (await this.collection.delete(id)).data;
  load = async (records: (T & { last_modified: number })[]): Promise<T[]> => this.collection.importBulk(records);
  rename = async (id: string, record: T): Promise<T | undefined> =>
    this.collection.execute(
      (txn: CollectionTransaction<T>) => {
        txn.upsert(record);
        txn.deleteAll([id]);
        return txn.getAny(id).data;
      },
      { preloadIds: [id, record.id] },
    );
}

export const repositories = [new Repository<Task>(kinto, "tasks"), new Repository<Task>(database(), "tasks")];

export async function several(): Promise<string> {
  const items = kinto.collection<Item>("items");
  await items.upsert({ id: "1", kind: "note", text: "Bread" });
  await items.update({ id: "1", kind: "photo", url: "/bread.jpeg" });
  const open: Open = (await kinto.collection<Open>("open").upsert({ id: "1", whatever: 2 })).data;
  const { data } = await items.get(open.id);
  return data.kind === "note" ? data.text : data.url;
}

export const low = (proxy: StorageProxy<Task>): string | undefined => proxy.get("1")?.title;
