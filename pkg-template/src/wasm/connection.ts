/** The connection of one `Kinto` to its databases, which its collections share. It also emits the events `storage:…`, without repeating them. */

import { KintoError } from "../errors.js";
import { type CollectionNames, type Emitter, type EventMap, emit } from "../events.js";
import type { Servers } from "../http/servers.js";
import type { StorageAdapter } from "../storage/custom.js";
import { enter, enterNow } from "./call.js";
import type { RawApp, RawClient, RawCollection } from "./essaim_wasm.js";
import { awaitKey, type KeyOption } from "./key.js";
import { load, type Wasm } from "./load.js";

/** The options of a `Kinto` that apply to all its databases. */
export interface ConnectionSettings {
  durability: "relaxed" | "strict";
  requestMode: RequestMode;
}

/** Identifies a database. */
export interface Place {
  dbName: string;
  storage: "indexeddb" | "memory" | StorageAdapter;
}

/** A collection to open, and the options that it is opened with. */
export interface Opening {
  place: Place;
  bucket: string;
  name: string;
  localFields: string[];
  /** The key, if the collection is encrypted. */
  key: KeyOption | undefined;
  events: Emitter;
  app: RawApp;
}

/** An open collection. */
export interface OpenCollection {
  raw: RawCollection;
  persistent: boolean;
  /** Emits `storage:evicted`: the browser deleted the database, and so many unsynced changes were lost. */
  tellEvicted: (unsynced: number) => void;
}

/** The answer of WASM when a collection was opened. */
interface Opened {
  persistent: boolean;
  lastModified: number | null;
  evicted: { unsynced: number } | null;
  adopted: Omit<EventMap["storage:adopted"], keyof CollectionNames> | null;
}

/** Returns the function `tellEvicted`. It is made outside of `open`, so that its closure holds only these arguments and not the key. */
function evictedTeller(events: Emitter, names: CollectionNames): OpenCollection["tellEvicted"] {
  return (unsynced) => emit(events, "storage:evicted", { ...names, unsynced });
}

export class Connection {
  private readonly settings: ConnectionSettings;
  /** The servers and their backoff, shared with the HTTP client: if a server asks to wait, both wait. */
  private readonly servers: Servers;
  /** One client for each database. The keys are the storage, then the name of the database. */
  private readonly clients = new Map<Place["storage"], Map<string, RawClient>>();
  /** The collections that were already checked for leftovers. */
  private readonly looked = new Set<string>();
  private memoryTold = false;
  private closed = false;

  constructor(settings: ConnectionSettings, servers: Servers) {
    this.settings = settings;
    this.servers = servers;
  }

  /** Loads the WASM if necessary, opens a collection, and emits the events about its storage. */
  async open(opening: Opening): Promise<OpenCollection> {
    const { bucket, name, events } = opening;
    const raw = await this.take(opening);
    const opened = JSON.parse(await enter(() => raw.open())) as Opened;
    const tellEvicted = evictedTeller(events, { bucket, collection: name });
    this.tellMemory(opening, opened);
    if (opened.evicted) tellEvicted(opened.evicted.unsynced);
    if (opened.adopted) emit(events, "storage:adopted", { bucket, collection: name, ...opened.adopted });
    else if (opened.persistent && opening.key === undefined) void this.tellLeftovers(opening, raw);
    return { raw, persistent: opened.persistent, tellEvicted };
  }

  /** Makes the collection in WASM. The key itself exists only in this function, which creates no closure that outlives it. */
  private async take({ place, bucket, name, localFields, app, key: option }: Opening): Promise<RawCollection> {
    const [wasm, key] = await Promise.all([load(), awaitKey(option)]);
    if (this.closed) throw new KintoError("closed", "This Kinto was closed. Make a new one.", {});
    return enterNow(() => this.client(wasm, place).collection({ bucket, name, localFields, ...(key === undefined ? {} : { key }) }, app));
  }

  /**
   * Closes the databases: later calls reject with `closed`. Resolves when the content of deleted records is erased from the disk. If the erasure
   * fails, it is repeated when the database is opened again.
   */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const closed = this.all().map((client) => enter(() => client.close()));
    this.clients.clear();
    await Promise.allSettled(closed);
  }

  /** Closes the connections to a database. They are opened again when they are needed. */
  disconnect({ storage, dbName }: Place): void {
    const client = this.clients.get(storage)?.get(dbName);
    if (client) enterNow(() => client.disconnect());
  }

  private all(): RawClient[] {
    return [...this.clients.values()].flatMap((clients) => [...clients.values()]);
  }

  private client(wasm: Wasm, { storage, dbName }: Place): RawClient {
    const clients = this.clients.get(storage) ?? new Map<string, RawClient>();
    this.clients.set(storage, clients);
    const client = clients.get(dbName) ?? this.makeClient(wasm, storage, dbName);
    clients.set(dbName, client);
    return client;
  }

  private makeClient(wasm: Wasm, storage: Place["storage"], dbName: string): RawClient {
    const isNamed = typeof storage === "string";
    const options = { ...this.settings, dbName, storage: isNamed ? storage : "app" } as const;
    return new wasm.RawClient(options, this.servers.of(wasm), isNamed ? undefined : storage);
  }

  /** Deletes the database of this name that Kinto.js wrote. */
  async forgetKintoJs(dbName: string): Promise<void> {
    const wasm = await load();
    if (this.closed) throw new KintoError("closed", "This Kinto was closed. Make a new one.", {});
    await enter(() => this.client(wasm, { dbName, storage: "indexeddb" }).forget_predecessor());
  }

  /** Emits `storage:leftover` if there are leftovers. Runs in the background, once per collection. Errors are ignored. */
  private async tellLeftovers({ place, bucket, name, events }: Opening, raw: RawCollection): Promise<void> {
    const which = JSON.stringify([place.dbName, bucket, name]);
    if (this.looked.has(which)) return;
    this.looked.add(which);
    const text = await enter(() => raw.leftovers()).catch(() => "[]");
    const unsynced = (JSON.parse(text) as unknown[]).length;
    if (unsynced > 0 && !this.closed) emit(events, "storage:leftover", { bucket, collection: name, unsynced });
  }

  private tellMemory({ place, bucket, name, events }: Opening, { persistent }: Opened): void {
    if (place.storage === "indexeddb" && !persistent && !this.memoryTold) {
      this.memoryTold = true;
      emit(events, "storage:memory", { bucket, collection: name });
    }
  }
}
