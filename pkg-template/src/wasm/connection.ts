/** What the collections of one `Kinto` share: the databases they are in, and what was already said about them. */

import { KintoError } from "../errors.js";
import { type CollectionNames, type Emitter, type EventMap, emit } from "../events.js";
import type { Servers } from "../http/servers.js";
import type { StorageAdapter } from "../storage/custom.js";
import { enter, enterNow } from "./call.js";
import type { RawApp, RawClient, RawCollection } from "./essaim_wasm.js";
import { awaitKey, type KeyOption } from "./key.js";
import { load, type Wasm } from "./load.js";

/** Settings of a `Kinto` that concern all its databases. */
export interface ConnectionSettings {
  durability: "relaxed" | "strict";
  requestMode: RequestMode;
}

/** Which database. */
export interface Place {
  dbName: string;
  storage: "indexeddb" | "memory" | StorageAdapter;
}

/** Which collection, and what it is opened with. */
export interface Opening {
  place: Place;
  bucket: string;
  name: string;
  localFields: string[];
  /** Of an encrypted collection. */
  key: KeyOption | undefined;
  events: Emitter;
  app: RawApp;
}

/** A collection that was opened. */
export interface OpenCollection {
  raw: RawCollection;
  persistent: boolean;
  /** Tells the app that unsynced changes were lost with a database that the browser threw away. */
  tellEvicted: (unsynced: number) => void;
}

/** What WASM says of a collection that was opened. */
interface Opened {
  persistent: boolean;
  lastModified: number | null;
  evicted: { unsynced: number } | null;
  adopted: Omit<EventMap["storage:adopted"], keyof CollectionNames> | null;
}

/** A function of its own, so that it keeps only its arguments in memory, and no key. */
function evictedTeller(events: Emitter, names: CollectionNames): OpenCollection["tellEvicted"] {
  return (unsynced) => emit(events, "storage:evicted", { ...names, unsynced });
}

export class Connection {
  private readonly settings: ConnectionSettings;
  /** Shared with the HTTP client: a server that wants to be left alone is left alone by both. */
  private readonly servers: Servers;
  /** By storage, then by name of the database. */
  private readonly clients = new Map<Place["storage"], Map<string, RawClient>>();
  /** Collections whose leftovers were looked for. */
  private readonly looked = new Set<string>();
  private memoryTold = false;
  private closed = false;

  constructor(settings: ConnectionSettings, servers: Servers) {
    this.settings = settings;
    this.servers = servers;
  }

  /** Loads the WASM if it is not, and opens a collection. */
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

  /** The only place that has the key itself: no function that is kept was made here. */
  private async take({ place, bucket, name, localFields, app, key: option }: Opening): Promise<RawCollection> {
    const [wasm, key] = await Promise.all([load(), awaitKey(option)]);
    if (this.closed) throw new KintoError("closed", "This Kinto was closed. Make a new one.", {});
    return enterNow(() => this.client(wasm, place).collection({ bucket, name, localFields, ...(key === undefined ? {} : { key }) }, app));
  }

  /** Nothing enters any more. Resolves when nothing that was removed is left on disk; what fails there is done at the next opening. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const closed = this.all().map((client) => enter(() => client.close()));
    this.clients.clear();
    await Promise.allSettled(closed);
  }

  /** Closes the connections to the databases of a place until somebody needs them again. */
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

  /** In the background, once for all handles: nothing waits for it, and where it cannot be said there is nothing to tell. */
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
