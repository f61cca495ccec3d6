// Another app in TypeScript, with typed and untyped records. It is compiled as for-kinto-js.ts is.

import Kinto, { getDeepKey, KintoClient } from "kinto";
import type { Collection, CollectionSyncOptions, Conflict, KintoBaseOptions, RecordStatus, StorageProxy } from "kinto";
import TasksCollection, { createKeyValueStoreIdSchema, recordsEqual, ServerWasFlushedError, SyncResultObject } from "kinto/lib/collection";
import HttpClient, { type KintoObject, type Permission } from "kinto/lib/http";

interface Task {
  id: string;
  title: string;
  tags?: string[];
  last_modified?: number;
  _status?: RecordStatus;
}

class Bus {
  on(_type: string, _handler: (event?: any) => void): void {}
  off(_type: string, _handler: (event?: any) => void): void {}
  emit(_type: string, _event?: any): void {}
}

export class Tasks {
  private readonly kinto: Kinto<Task>;
  private readonly tasks: Collection<Task>;
  private readonly settings: Collection;

  constructor(options: KintoBaseOptions) {
    this.kinto = new Kinto<Task>({ ...options, events: new Bus(), adapterOptions: { dbName: "tasks" } });
    this.kinto.events?.on("sync:success", ({ result }) => console.log(result.ok));
    this.tasks = this.kinto.collection<Task>("tasks", {
      localFields: ["draft"],
      hooks: { "incoming-changes": [async (payload, { name }) => ({ ...payload, changes: payload.changes.map((change: Task) => ({ ...change, name })) })] },
      remoteTransformers: [{ encode: (task: Task) => ({ ...task, title: task.title.trim() }), decode: async (task: Task) => task }],
    });
    this.settings = this.kinto.collection("settings", { idSchema: createKeyValueStoreIdSchema() });
  }

  // In a collection without a type, records have the type any.
  async theme(): Promise<string> {
    const { data: all } = await this.settings.list();
    const named: { id: string; value: string }[] = all;
    const { data: removed } = await this.settings.deleteAny("old");
    const old: string = removed.id;
    for (const { local, remote } of (await this.settings.sync()).conflicts) console.log(local.value, remote?.value);
    return named.find(({ id }) => id !== old)?.value ?? (await this.settings.get("theme")).data.value;
  }

  async rename(id: string, title: string): Promise<Task> {
    const { data: task } = await this.tasks.get(id);
    const { data, oldRecord } = await this.tasks.update({ ...task, title });
    console.log(oldRecord.title, getDeepKey(data, "tags.length"), recordsEqual({ ...data }, { ...oldRecord }, ["draft"]));
    return this.tasks.execute((txn) => txn.upsert({ ...data, tags: [] }).data, { preloadIds: [id] });
  }

  async sync(options?: CollectionSyncOptions): Promise<number> {
    try {
      const result: SyncResultObject = await this.tasks.sync({ strategy: Kinto.syncStrategy.MANUAL, ...options });
      const conflicts: Conflict<Task>[] = result.conflicts;
      for (const conflict of conflicts) await this.tasks.resolve(conflict, { ...conflict.remote, title: conflict.local.title });
      const published: Task[] = result.published;
      const updated: Task[] = result.updated.map((change) => change.new);
      return published.length + updated.length + (result.errors[0]?.message?.length ?? 0);
    } catch (error) {
      if (!(error instanceof ServerWasFlushedError)) throw error;
      return error.clientTimestamp + (await this.tasks.resetSyncStatus());
    }
  }

  async onTheServer(): Promise<string[]> {
    const client: KintoClient = this.kinto.api;
    const collection = client.bucket("default").collection("tasks");
    const { data } = await collection.listRecords({ filters: { min_last_modified: 1 }, pages: Infinity });
    const first: KintoObject | undefined = data[0];
    const permissions: { [key in Permission]?: string[] } = await collection.getPermissions();
    return [first?.id ?? "", ...(permissions.read ?? [])];
  }
}

export const byHand = (kinto: Kinto): Collection<Task> => new TasksCollection<Task>("default", "tasks", kinto, {});
export const titleIn = (proxy: StorageProxy<Task>, id: string): string => proxy.get(id)!.title;
export const http = new HttpClient("https://kinto.example.com/v1", { headers: {} });
