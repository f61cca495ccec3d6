/** Records, and what the methods that read and write them take and resolve to. */

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
