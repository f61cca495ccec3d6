/** Every shape of the public API, once. */

import type { Collection } from "../collection/collection.js";
import type { BaseAdapter } from "../storage/adapters.js";
import type { Emitter } from "../events.js";
import type { KeyOption } from "../wasm/key.js";
import type { StorageAdapter } from "../storage/custom.js";

/** A record of a collection that was given no type: anything, so that an app can say for itself what it is. */
export type RecordData = any;

/**
 * A record that says its id: as it is, or with a string. Written so that code generic over `T extends { id: string }` compiles:
 * a conditional type that mentions `T` in its branches is opaque there.
 */
export type Identified<T> = T & (T extends { id: unknown } ? unknown : { id: string });

/** The type of a record's id: what the record says, or a string. */
export type IdOf<T> = (T extends { id: unknown } ? T : { id: string })["id"];

/**
 * Where a record stands: `created` (only here), `updated` (the server has an older one), `deleted` (a tombstone,
 * until the server knows), `synced` (the same on the server).
 */
export type RecordStatus = "created" | "updated" | "deleted" | "synced";

/** A record as it is stored. `last_modified` is the server's time of the last change it knows, in milliseconds. */
export type StoredRecord<T extends object = RecordData> = T & {
  id: IdOf<T>;
  _status: RecordStatus;
  last_modified?: number;
};

/** A record to create: with an id only if `useRecordId` or `synced` says so. */
export type NewRecord<T extends object> = (Omit<T, "id"> & { id?: IdOf<T> }) | T | (T extends unknown ? Omit<T, "id"> : never);

/** A record that replaces another. */
export type WholeRecord<T extends object> = Identified<T> & { last_modified?: number };

/** Some fields of a record, to be merged into it. */
export type RecordPatch<T extends object> = { [K in keyof T]?: T[K] | undefined } & { id: IdOf<T>; last_modified?: number };

/** A record that comes from a server or a dump. */
export type ImportedRecord<T extends object> = Identified<T> & { last_modified: number };

/** What most methods resolve to. `permissions` is always empty: only the server knows them. */
export interface RecordResult<T extends object> {
  data: StoredRecord<T>;
  permissions: Record<string, never>;
}

/** {@link RecordResult}, where there may be no such record. */
export interface MaybeRecordResult<T extends object> {
  data: StoredRecord<T> | undefined;
  permissions: Record<string, never>;
}

/** The new record and the one it replaced. */
export interface UpdateResult<T extends object> extends RecordResult<T> {
  oldRecord: StoredRecord<T>;
}

/** As {@link UpdateResult}; there is no old record where the record is new, or replaces a deleted one. */
export interface UpsertResult<T extends object> extends RecordResult<T> {
  oldRecord: StoredRecord<T> | undefined;
}

/** The record as it was. `deleted` is false if there was none: then `data` is only the id. */
export interface DeleteAnyResult<T extends object> {
  data: { id: IdOf<T> } & Partial<StoredRecord<T>>;
  deleted: boolean;
  permissions: Record<string, never>;
}

/** Many records. */
export interface ListResult<T extends object> {
  data: StoredRecord<T>[];
  permissions: Record<string, never>;
}

/** Makes and checks ids. See the `idSchema` option of {@link CollectionOptions}. */
export interface IdSchema {
  /** Makes an id for a record that `create()` got without one. */
  generate(record?: any): any;
  validate(id: any): boolean;
}

/** Changes records on their way to and from the server; both functions may return a promise. */
export interface RemoteTransformer {
  /** Called before a record is uploaded, in the order of the array. */
  encode(record: any): any;
  /** Called when a record was downloaded, in the reverse order. */
  decode(record: any): any;
}

/** What the `incoming-changes` hook gets, and returns. */
export interface IncomingChanges {
  /** Decoded records; the deleted ones have `deleted: true`. */
  changes: any[];
  /** The server's timestamp of this pull. */
  lastModified: number;
}

/**
 * Each gets what the one before returned. A hook can call `sync()` of its collection, but must not wait for it: that sync begins when this
 * one, which waits for the hook, has ended.
 */
export type IncomingHook = (payload: IncomingChanges, collection: Collection<any>) => IncomingChanges | Promise<IncomingChanges>;

/** The app's own functions in a sync. */
export interface Hooks {
  "incoming-changes"?: IncomingHook[];
}

/** Where data is kept: in the browser's IndexedDB, or in memory until the page is closed. */
export type AdapterName = "indexeddb" | "memory";

/**
 * Where data is kept: a name, an app's own storage, or a function that gives one of these or an adapter of `Kinto.adapters`
 * for a collection (`bucket/name`).
 */
export type AdapterOption = AdapterName | StorageAdapter | ((cid: string, options: AdapterOptions | undefined) => AdapterName | StorageAdapter | BaseAdapter<any>);

/** Where in the browser data is kept. */
export interface AdapterOptions {
  /**
   * First part of the names of the databases. Default `KintoDB`; choose another to keep two accounts apart. What Kinto.js has
   * under this name is taken over.
   */
  dbName?: string;
  /** @deprecated Kinto.js's. What its versions up to 11 wrote is taken over in any case. */
  migrateOldData?: boolean;
}

/** The options of `new Kinto()`. */
export interface KintoOptions {
  /** The root of the server, which ends in its version, like `https://kinto.example.com/v1`. Default `http://localhost:8888/v1`. */
  remote?: string;
  /** The bucket of the collections, here and on the server. Default `default`. */
  bucket?: string;
  /** Headers of every request, like `{ Authorization: "Basic …" }`. */
  headers?: HeadersOption;
  /** Milliseconds after which a request is given up. Default `null`, as 0: never. */
  timeout?: number | null;
  /** How often a request is made again when the server asks for it (`Retry-After`). Default 1. */
  retry?: number;
  /** The `mode` of requests, as `fetch` has it. Default `cors`. */
  requestMode?: "cors" | "same-origin" | "no-cors";
  /** An emitter for the events of this object and its collections. Default: a new {@link Events}. */
  events?: Emitter;
  /** Default `indexeddb`. */
  adapter?: AdapterOption;
  adapterOptions?: AdapterOptions;
  /**
   * `relaxed` (default): a write is acknowledged when the browser has it; a power cut in the next seconds may lose it.
   * `strict`: when the disk has it, which is slower.
   */
  durability?: "relaxed" | "strict";
}

/** Header names and values. One that is undefined is not sent. */
export type HeadersOption = Record<string, string | undefined>;

/** The options of `kinto.collection()`. */
export interface CollectionOptions {
  /** Instead of the bucket of the `Kinto`. */
  bucket?: string;
  /** Instead of the emitter of the `Kinto`. */
  events?: Emitter;
  /** Instead of the adapter of the `Kinto`. */
  adapter?: AdapterOption;
  adapterOptions?: AdapterOptions;
  /** How ids are made and checked. Default: random UUIDs, and what Kinto accepts. */
  idSchema?: IdSchema;
  remoteTransformers?: RemoteTransformer[];
  hooks?: Hooks;
  /** Fields that are never uploaded and that no download overwrites. */
  localFields?: string[];
  /**
   * Encrypts the collection on the server, so that nobody without this key can read it: what `makeKey()` made. Whoever
   * loses the key loses what is on the server. A mistyped one is `invalid_key`; another one is another collection.
   *
   * One key and one name are one collection, whatever the bucket, the account and the server: its pages can move between them.
   * Where a name comes twice (two buckets, two users), give each collection a key of its own.
   */
  key?: KeyOption;
}

/** The options of `collection.create()`. */
export interface CreateOptions {
  /** The record has its id: use it. */
  useRecordId?: boolean;
  /** The record comes from the server: store it as `synced`. It must have its id. */
  synced?: boolean;
}

/** The options of `collection.update()`. */
export interface UpdateOptions {
  /** Merge the fields into the record, instead of replacing it. */
  patch?: boolean;
  /** The record comes from the server: store it as `synced`. */
  synced?: boolean;
}

/** The options of `collection.get()` and `list()`. */
export interface GetOptions {
  /** Also find records that are deleted here, but not yet on the server. */
  includeDeleted?: boolean;
}

/** The options of `collection.delete()`. */
export interface DeleteOptions {
  /** Default true: keep a tombstone, so that the next sync deletes the record on the server too. */
  virtual?: boolean;
}

/** Which records, in which order. */
export interface ListParams {
  /**
   * Field by field, all must match: a value, an array (any of its values), or an object of filters for a nested object.
   * `"a.b"` is field `b` of the object in field `a`; `"a.0"` is the first of an array or a string, `"a.length"` how many there are.
   */
  filters?: Record<string, unknown>;
  /**
   * A field, after `-` for descending. Default `-last_modified`; `""` for the order of storage. Ascending: records without the
   * field, numbers (`null` and `false` are 0, `true` is 1), strings, objects and arrays; equal ones as they are stored.
   */
  order?: string;
}

/** The options of `collection.execute()`. */
export interface ExecuteOptions {
  /** The ids that the callback will read or write. */
  preloadIds?: unknown[];
}

/** What a sync does when a record was changed both here and on the server; see `Kinto.syncStrategy`. */
export type Strategy = "manual" | "client_wins" | "server_wins" | "pull_only";

/** The options of `collection.sync()`. */
export interface SyncOptions {
  /** Default `manual`. */
  strategy?: Strategy;
  /** Added to the headers of the `Kinto`. */
  headers?: HeadersOption;
  /** Instead of the `retry` of the `Kinto`. */
  retry?: number | null;
  /** Sync although the server asked clients to wait. */
  ignoreBackoff?: boolean;
  /** The bucket on the server, if it has another name there. */
  bucket?: string | null;
  /** The collection on the server, if it has another name there. */
  collection?: string | null;
  /** Another server, for this sync only. */
  remote?: string | null;
  /** The timestamp that the server is known to have: passed on as `_expected`, to get past caches. */
  expectedTimestamp?: number | string | null;
}

/** How far an encrypted collection has come. Two devices with the same head have the same history. */
export interface JournalHead {
  /** How many pages there have been. */
  position: number;
  /** Of the last one, and so of all before it: base64url of SHA-256. */
  hash: string;
  /** The beginning of the hash (44 bits), to be compared by voice. */
  words: [string, string, string, string];
}

/** Where an encrypted collection goes on: in a collection of the same name, made from its key. */
export interface JournalDestination {
  remote: string;
  /** Default: the same as before. */
  bucket?: string;
}

/** A page of an encrypted collection, as this device read it. */
export interface JournalPage {
  position: number;
  /** By the clock of the device that wrote it, in milliseconds since 1970. Null if a snapshot was all that was read of it. */
  time: number | null;
  /** A random name that a browser gave itself. */
  device: string | null;
  /** What it weighs on the server, sealed and padded. */
  bytes: number;
  kind: "changes" | "snapshot" | "closed" | "void";
}

/** A record that was changed both here and at Kinto.js, in the same browser. */
export interface LeftoverConflict<T extends object = RecordData> {
  local: StoredRecord<T>;
  leftover: StoredRecord<T>;
}

/** The options of `collection.adoptLeftovers()`. */
export interface AdoptLeftoversOptions {
  /** Which one is taken where both were changed. Default: neither. */
  prefer?: "here" | "leftover";
}

/** What `collection.adoptLeftovers()` did. */
export interface AdoptedLeftovers<T extends object = RecordData> {
  /** As they are here now: the next sync uploads them. */
  adopted: StoredRecord<T>[];
  /** Left as they are, on both sides. */
  conflicts: LeftoverConflict<T>[];
}

/** A record changed on both sides. Give it to `collection.resolve()`. */
export interface Conflict<T extends object = RecordData> {
  /** `incoming`: met while downloading; `outgoing`: the server refused the upload. */
  type: "incoming" | "outgoing";
  /** Of a deletion that the server refused, the id alone. */
  local: StoredRecord<T>;
  /** Null, or with `deleted: true`, if it was deleted on the server. */
  remote: (Partial<T> & { id: IdOf<T>; last_modified: number; deleted?: boolean }) | null;
}

/** A conflict that the strategy decided. */
export interface Resolution<T extends object = RecordData> {
  id: IdOf<T>;
  accepted: any;
  rejected: any;
  _status: RecordStatus;
}

/** One record that could not be synced, while the others were. */
export interface SyncFailure {
  type: "incoming" | "outgoing";
  message?: string;
  [detail: string]: any;
}
