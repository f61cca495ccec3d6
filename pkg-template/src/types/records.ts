/** Types of records, and of the arguments and results of the methods that read and write them. */

/** The type of records if a collection is made without a type. It is `any`, so that an app can assign a record to a type of its own. */
export type RecordData = any;

/**
 * A record with an id: `T` itself if it has an `id`, or else `T` with `id: string`. `T` is outside of the conditional type, so that code that is
 * generic over `T extends { id: string }` compiles: there, TypeScript cannot resolve a conditional type that has `T` in its branches.
 */
export type Identified<T> = T & (T extends { id: unknown } ? unknown : { id: string });

/** The type of a record's id: that of its member `id`, or else `string`. */
export type IdOf<T> = (T extends { id: unknown } ? T : { id: string })["id"];

/**
 * The sync status of a record: `created` (exists only here), `updated` (changed here; the server has an earlier version), `deleted` (a tombstone,
 * kept until the record is deleted on the server), `synced` (the same here and on the server).
 */
export type RecordStatus = "created" | "updated" | "deleted" | "synced";

/** A record as it is stored here. `last_modified` is the server's timestamp (milliseconds since 1970) of the last version that was synced. */
export type StoredRecord<T extends object = RecordData> = T & {
  id: IdOf<T>;
  _status: RecordStatus;
  last_modified?: number;
};

/** A record to create. It must have an `id` if `useRecordId` or `synced` is set, and must not have one otherwise. */
export type NewRecord<T extends object> = (Omit<T, "id"> & { id?: IdOf<T> }) | T | (T extends unknown ? Omit<T, "id"> : never);

/** A record that replaces the stored record with its id. */
export type WholeRecord<T extends object> = Identified<T> & { last_modified?: number };

/** Some fields of a record, to be merged into the stored record with this id. `undefined` removes a field. */
export type RecordPatch<T extends object> = { [K in keyof T]?: T[K] | undefined } & { id: IdOf<T>; last_modified?: number };

/** A record that comes from a server or a dump. */
export type ImportedRecord<T extends object> = Identified<T> & { last_modified: number };

/** The result of most methods. `permissions` is always an empty object, because permissions are not stored here. */
export interface RecordResult<T extends object> {
  data: StoredRecord<T>;
  permissions: Record<string, never>;
}

/** The result of methods that may find no record: then `data` is undefined. */
export interface MaybeRecordResult<T extends object> {
  data: StoredRecord<T> | undefined;
  permissions: Record<string, never>;
}

/** The new record (`data`), and the record that it replaced. */
export interface UpdateResult<T extends object> extends RecordResult<T> {
  oldRecord: StoredRecord<T>;
}

/** The new record (`data`), and the record that it replaced: undefined if there was none, or only a tombstone. */
export interface UpsertResult<T extends object> extends RecordResult<T> {
  oldRecord: StoredRecord<T> | undefined;
}

/** The deleted record as it was. `deleted` is false if there was no such record: then `data` has only the id. */
export interface DeleteAnyResult<T extends object> {
  data: { id: IdOf<T> } & Partial<StoredRecord<T>>;
  deleted: boolean;
  permissions: Record<string, never>;
}

/** The result of methods that return several records. */
export interface ListResult<T extends object> {
  data: StoredRecord<T>[];
  permissions: Record<string, never>;
}

/** Generates and validates ids. See the option `idSchema` of {@link CollectionOptions}. */
export interface IdSchema {
  /** Returns a new id for a record that was given to `create()` without an id. */
  generate(record?: any): any;
  /** Returns whether an id is valid. Called only with strings, booleans and finite numbers; other ids are never valid. */
  validate(id: any): boolean;
}

/** The options of `collection.create()`. */
export interface CreateOptions {
  /** Use the id that the record has, instead of generating one. */
  useRecordId?: boolean;
  /** Store the record with the status `synced`, because it comes from the server. It must have its id. */
  synced?: boolean;
}

/** The options of `collection.update()`. */
export interface UpdateOptions {
  /** Merge the given fields into the stored record, instead of replacing it. */
  patch?: boolean;
  /** Store the record with the status `synced`, because it comes from the server. */
  synced?: boolean;
}

/** The options of `collection.get()` and `list()`. */
export interface GetOptions {
  /** Also find records that are deleted here, but not yet on the server. */
  includeDeleted?: boolean;
}

/** The options of `collection.delete()`. */
export interface DeleteOptions {
  /** True (default): keep a tombstone, so that the next sync deletes the record on the server too. False: remove the record only here. */
  virtual?: boolean;
}

/** The filters and the order of a list. */
export interface ListParams {
  /**
   * The wanted value of each field; a record must match all of them. A value in an array matches if any item of the array does. An object holds
   * filters for the fields of a nested object. The field name `"a.b"` means field `b` of the object in field `a`; `"a.0"` means the first
   * item of an array or the first character of a string in field `a`, and `"a.length"` its length.
   */
  filters?: Record<string, unknown>;
  /**
   * The field to sort by, with a leading `-` for descending order. Default `-last_modified`; `""` for the order of storage. The ascending order is:
   * records without the field, numbers (`null` and `false` count as 0, `true` as 1), strings, objects and arrays. Records with equal values
   * are in the order of storage.
   */
  order?: string;
}

/** The options of `collection.execute()`. */
export interface ExecuteOptions {
  /** The ids that the callback will read or write. Not required: they are only validated, because the callback can access every record. */
  preloadIds?: unknown[];
}
