/** What the collections of one `Kinto` share: the databases they are in, and what was already said about them. */

import { enter, enterNow } from "./door.js";
import { invalidOption, KintoError } from "./errors.js";
import { emit, type Emitter } from "./events.js";
import type { RawApp, RawClient, RawCollection } from "./essaim_wasm.js";
import type { Servers } from "./http/servers.js";
import { load, type Wasm } from "./load.js";
import type { AdapterName, AdapterOptions } from "./types.js";

/** Settings of a `Kinto` that concern all its databases. */
export interface ConnectionSettings {
  durability: "relaxed" | "strict";
  requestMode: RequestMode;
}

/** Which database. */
export interface Place {
  dbName: string;
  storage: AdapterName;
}

/** Which collection, and what it is opened with. */
export interface Opening {
  place: Place;
  bucket: string;
  name: string;
  localFields: string[];
  /** Of an encrypted collection. */
  key: string | Promise<string> | undefined;
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
}

const DEFAULT_DB_NAME = "KintoDB";

/** The place that these options name. Those of a collection come before those of its `Kinto`. */
export function readPlace(adapter: AdapterName | undefined, adapterOptions: AdapterOptions | undefined): Place {
  const storage = adapter ?? "indexeddb";
  if (storage !== "indexeddb" && storage !== "memory") {
    throw invalidOption('Unsupported adapter. Use "indexeddb" or "memory".');
  }
  const dbName = adapterOptions?.dbName ?? DEFAULT_DB_NAME;
  if (typeof dbName !== "string" || dbName === "") throw invalidOption("dbName must be a string that is not empty.");
  return { dbName, storage };
}

export class Connection {
  readonly #settings: ConnectionSettings;
  /** Shared with the HTTP client: a server that wants to be left alone is left alone by both. */
  readonly #servers: Servers;
  readonly #clients = new Map<string, RawClient>();
  #memoryTold = false;
  #closed = false;

  constructor(settings: ConnectionSettings, servers: Servers) {
    this.#settings = settings;
    this.#servers = servers;
  }

  /** Loads the WASM if it is not, and opens a collection. */
  async open(opening: Opening): Promise<OpenCollection> {
    const [wasm, key] = await Promise.all([load(), opening.key]);
    if (this.#closed) throw new KintoError("closed", "This Kinto was closed. Make a new one.", {});
    const { place, bucket, name, localFields, app } = opening;
    const raw = enterNow(() => this.#client(wasm, place).collection({ bucket, name, localFields, ...(key === undefined ? {} : { key }) }, app));
    const opened = JSON.parse(await enter(() => raw.open())) as Opened;
    const tellEvicted = (unsynced: number) => emit(opening.events, "storage:evicted", { bucket, collection: name, unsynced });
    this.#tellMemory(opening, opened);
    if (opened.evicted) tellEvicted(opened.evicted.unsynced);
    return { raw, persistent: opened.persistent, tellEvicted };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const client of this.#clients.values()) enterNow(() => client.close());
    this.#clients.clear();
  }

  #client(wasm: Wasm, place: Place): RawClient {
    const key = JSON.stringify([place.storage, place.dbName]);
    const client = this.#clients.get(key) ?? new wasm.RawClient({ ...this.#settings, ...place }, this.#servers.of(wasm));
    this.#clients.set(key, client);
    return client;
  }

  #tellMemory({ place, bucket, name, events }: Opening, { persistent }: Opened): void {
    if (place.storage === "indexeddb" && !persistent && !this.#memoryTold) {
      this.#memoryTold = true;
      emit(events, "storage:memory", { bucket, collection: name });
    }
  }
}
