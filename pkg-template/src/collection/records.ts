/** Reads and writes local records. */

import { invalidRecord, KintoError } from "../errors.js";
import type { Emitter } from "../events.js";
import { BaseAdapter } from "../storage/adapters.js";
import type { CreateOptions, DeleteAnyResult, IdSchema, ListParams, StoredRecord, UpdateOptions, UpdateResult, UpsertResult } from "../types/records.js";
import { readFilters } from "../values/filters.js";
import { assertId, isValidId } from "../values/ids.js";
import { asRecord, idText, kindOf, recordsText, recordText, withoutText } from "../values/json.js";
import type { RawCollection, RawTold } from "../wasm/essaim_wasm.js";
import type { Handle } from "../wasm/handle.js";
import { runTransaction } from "../wasm/transaction.js";
import { Changes } from "./changes.js";
import { CollectionTransaction } from "./transaction.js";

/** The members of a collection that these functions use. */
export interface RecordsOf<T extends object> {
  readonly events: Emitter;
  readonly idSchema: IdSchema;
  readonly db: BaseAdapter<T>;
  readonly inside: () => { readonly handle: Handle };
}

/**
 * Creates a record. The app's `generate` is called synchronously, so that `create()` throws what `generate` throws, as in Kinto.js. An invalid
 * record rejects the promise.
 */
export function create<T extends object>(of: RecordsOf<T>, record: object, { useRecordId = false, synced = false }: CreateOptions): Promise<StoredRecord<T>> {
  let fields: Record<string, unknown>;
  try {
    fields = asRecord(record);
    assertIdPresence(fields, useRecordId || synced);
  } catch (error) {
    return Promise.reject(error);
  }
  const id: unknown = useRecordId || synced ? fields["id"] : of.idSchema.generate(record);
  return store(of, { ...fields, id }, useRecordId, synced);
}

async function store<T extends object>(of: RecordsOf<T>, record: Record<string, unknown>, useRecordId: boolean, synced: boolean): Promise<StoredRecord<T>> {
  assertId(of.idSchema, record["id"]);
  const text = recordText(record);
  const created = change<T, StoredRecord<T>>(
    of,
    [record["id"]],
    (raw, told) => raw.create(text, synced, told),
    (changes, data) => changes.add({ action: "create", data }),
  );
  return created.catch((error: unknown) => {
    if (!useRecordId || !KintoError.is(error, "already_exists")) throw error;
    const message = "Couldn't create record. It may have been virtually deleted.";
    throw new KintoError("already_exists", message, error.data, { cause: error });
  });
}

export async function update<T extends object>(
  of: RecordsOf<T>,
  given: object,
  { patch = false, synced = false }: UpdateOptions,
): Promise<Omit<UpdateResult<T>, "permissions">> {
  const { id, text } = withId(of, given);
  return change<T, UpdateResult<T>>(
    of,
    [id],
    (raw, told) => raw.update(text, patch ? withoutText(given) : undefined, synced, told),
    (changes, { data, oldRecord }) => changes.add({ action: "update", data, oldRecord }),
  );
}

export async function upsert<T extends object>(of: RecordsOf<T>, given: object): Promise<Omit<UpsertResult<T>, "permissions">> {
  const { id, text } = withId(of, given);
  return change<T, UpsertResult<T>>(
    of,
    [id],
    (raw, told) => raw.upsert(text, told),
    (changes, { data, oldRecord }) => changes.addWritten(data, oldRecord),
  );
}

export async function get<T extends object>(of: RecordsOf<T>, id: unknown, includeDeleted: boolean): Promise<StoredRecord<T>> {
  assertId(of.idSchema, id);
  return touch(of, [id], (raw) => raw.get(idText(id), includeDeleted));
}

export async function getAny<T extends object>(of: RecordsOf<T>, id: unknown): Promise<StoredRecord<T> | undefined> {
  assertId(of.idSchema, id);
  return (await touch<StoredRecord<T> | null>(of, [id], (raw) => raw.get_any(idText(id)))) ?? undefined;
}

export async function remove<T extends object>(of: RecordsOf<T>, id: unknown, virtual: boolean): Promise<StoredRecord<T>> {
  assertId(of.idSchema, id);
  return change<T, StoredRecord<T>>(
    of,
    [id],
    (raw, told) => raw.delete(idText(id), virtual, told),
    (changes, data) => changes.add({ action: "delete", data }),
  );
}

export async function removeAny<T extends object>(of: RecordsOf<T>, id: unknown): Promise<Omit<DeleteAnyResult<T>, "permissions">> {
  assertId(of.idSchema, id);
  return change<T, DeleteAnyResult<T>>(
    of,
    [id],
    (raw, told) => raw.delete_any(idText(id), told),
    (changes, { data, deleted }) => deleted && changes.add({ action: "delete", data: data as StoredRecord<T> }),
  );
}

export function removeAll<T extends object>(of: RecordsOf<T>): Promise<StoredRecord<T>[]> {
  return change<T, StoredRecord<T>[]>(
    of,
    [],
    (raw, told) => raw.delete_all(told),
    (changes, data) => changes.addDeletedAll(data),
  );
}

export function list<T extends object>(of: RecordsOf<T>, params: ListParams | null | undefined, includeDeleted: boolean): Promise<StoredRecord<T>[]> {
  const { filters, order = "-last_modified" } = params ?? {};
  const query = JSON.stringify({ filters: readFilters(filters), order: String(order ?? ""), includeDeleted });
  return of.inside().handle.call((raw) => raw.list(query));
}

export function importBulk<T extends object>(of: RecordsOf<T>, records: readonly object[]): Promise<StoredRecord<T>[]> {
  if (!Array.isArray(records)) throw invalidRecord("Records is not an array.");
  const text = recordsText(records);
  for (const [index, record] of records.map(asRecord).entries()) {
    const { id, last_modified } = record;
    const [ofId, ofTime] = [`[${index}].id`, `[${index}].last_modified`];
    if (!isValidId(of.idSchema, id))
      throw invalidRecord(`Record has invalid ID: ${ofId} is ${id === undefined ? "missing" : `${kindOf(id)} that is no id`}`, ofId);
    if (!last_modified)
      throw invalidRecord(`Record has no last_modified value: ${ofTime} is ${last_modified === undefined ? "missing" : kindOf(last_modified)}`, ofTime);
  }
  return of.inside().handle.call((raw) => raw.import_bulk(text));
}

export async function execute<T extends object, R>(of: RecordsOf<T>, callback: (txn: CollectionTransaction<T>) => R, preloadIds: unknown[]): Promise<R> {
  const { idSchema } = of;
  for (const id of preloadIds) assertId(idSchema, id);
  const changes = new Changes<T>();
  return runTransaction(
    (work) => touch(of, preloadIds, work),
    preloadIds,
    (txn) => callback(new CollectionTransaction<T>({ txn, idSchema, changes })),
    () => changes.emit(of.events),
  );
}

/**
 * Reads or writes records in WASM. In Kinto.js every access goes through `db.execute()`, so an app can replace that method to make storage
 * fail in a test, or to observe accesses. Therefore a replaced `db.execute()` is called first; if it rejects, nothing else happens.
 */
export async function touch<R>(of: RecordsOf<any>, preload: unknown[], work: (raw: RawCollection) => Promise<string>): Promise<R> {
  if (of.db.execute !== BaseAdapter.prototype.execute) await of.db.execute(() => undefined, { preload });
  return of.inside().handle.call<R>(work);
}

/** Makes a change. Its events are emitted when it is stored, before the promise resolves. */
async function change<T extends object, R>(
  of: RecordsOf<T>,
  preload: unknown[],
  work: (raw: RawCollection, told: RawTold) => Promise<string>,
  describe: (changes: Changes<T>, result: R) => void,
): Promise<R> {
  let result!: R;
  const told = (text: string) => {
    result = JSON.parse(text) as R;
    const changes = new Changes<T>();
    describe(changes, result);
    changes.emit(of.events);
  };
  await touch(of, preload, (raw) => work(raw, told));
  return result;
}

function withId({ idSchema }: RecordsOf<any>, given: object): { id: unknown; text: string } {
  const record = asRecord(given);
  if (!Object.hasOwn(record, "id")) throw invalidRecord("Cannot update a record missing id.");
  assertId(idSchema, record["id"]);
  return { id: record["id"], text: recordText(record) };
}

function assertIdPresence(record: object, expected: boolean): void {
  const present = Object.hasOwn(record, "id");
  if (expected && !present) throw invalidRecord("Missing required Id; synced and useRecordId options require one");
  if (!expected && present) throw invalidRecord("Extraneous Id; can't create a record having one set.");
}
