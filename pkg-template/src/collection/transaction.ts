/** The argument of the callback of `collection.execute()`. */

import { invalidRecord, KintoError } from "../errors.js";
import type {
  DeleteAnyResult,
  DeleteOptions,
  GetOptions,
  IdOf,
  IdSchema,
  ListResult,
  MaybeRecordResult,
  RecordPatch,
  RecordResult,
  StoredRecord,
  UpdateOptions,
  UpdateResult,
  UpsertResult,
  WholeRecord,
} from "../types/records.js";
import { assertId } from "../values/ids.js";
import { keepInside } from "../values/inside.js";
import { asRecord, idText, recordText, withoutText } from "../values/json.js";
import type { RawTransaction } from "../wasm/essaim_wasm.js";
import type { OpenTransaction } from "../wasm/transaction.js";
import type { Changes } from "./changes.js";

/** @internal The private state of a transaction. */
interface Inside<T extends object> {
  txn: OpenTransaction;
  idSchema: IdSchema;
  changes: Changes<T>;
}

/**
 * A transaction of several reads and writes: either all writes are stored, or none. Its methods are synchronous, and reads see the earlier
 * writes of the transaction. The transaction ends when the callback returns; afterwards its methods throw `closed`.
 *
 * @example
 * ```js
 * await accounts.execute((txn) => {
 *   const { data: from } = txn.get("alice");
 *   const { data: to } = txn.get("bob");
 *   txn.update({ ...from, coins: from.coins - 5 });
 *   txn.update({ ...to, coins: to.coins + 5 });
 * }, { preloadIds: ["alice", "bob"] });
 * ```
 */
export class CollectionTransaction<T extends object> {
  /** @internal */
  declare readonly inside: () => Inside<T>;

  /** @internal */
  constructor(inside: Inside<T>) {
    keepInside(this, inside);
  }

  /**
   * Returns the record with this id, or `data: undefined`. Also finds a record that is deleted here but not yet on the server; its `_status`
   * is `deleted`.
   *
   * @example
   * ```js
   * const { data } = txn.getAny("bread");
   * if (!data) txn.create({ id: "bread", title: "Buy bread" });
   * ```
   */
  getAny(id: IdOf<T>): MaybeRecordResult<T> {
    const text = this.inside().txn.enter((raw) => raw.get(idText(id)));
    return { data: text === undefined ? undefined : (JSON.parse(text) as StoredRecord<T>), permissions: {} };
  }

  /**
   * Returns the record with this id. Throws `not_found` if there is none. A record that is deleted here but not yet on the server is found only
   * with `includeDeleted`.
   *
   * @example
   * ```js
   * const { data: task } = txn.get("bread");
   * ```
   */
  get(id: IdOf<T>, { includeDeleted = false }: GetOptions = {}): RecordResult<T> {
    const { data } = this.getAny(id);
    if (!data || (data._status === "deleted" && !includeDeleted)) {
      throw new KintoError("not_found", `Record with id=${String(id)} not found.`, { id: String(id) });
    }
    return { data, permissions: {} };
  }

  /**
   * Creates a record, which must have its id. Throws `already_exists` if there is a record with this id.
   *
   * @example
   * ```js
   * txn.create({ id: "bread", title: "Buy bread" });
   * ```
   */
  create(record: WholeRecord<T>): RecordResult<T> {
    const text = assertedText(this.inside().idSchema, record, "Cannot create a record missing id");
    const data = parse<StoredRecord<T>>(this.inside(), (raw) => raw.create(text));
    this.inside().changes.add({ action: "create", data });
    return { data, permissions: {} };
  }

  /**
   * Replaces the record that has this id. With the option `patch`, merges the given fields into the record instead; a field that is given as
   * `undefined` is removed. Throws `not_found` if there is no such record.
   *
   * @example
   * ```js
   * txn.update({ id: "bread", done: true }, { patch: true });
   * ```
   */
  update(record: WholeRecord<T>, options?: UpdateOptions & { patch?: false }): UpdateResult<T>;
  update(record: RecordPatch<T>, options: UpdateOptions & { patch: true }): UpdateResult<T>;
  update(record: object, { patch = false, synced = false }: UpdateOptions = {}): UpdateResult<T> {
    const text = assertedText(this.inside().idSchema, record, "Cannot update a record missing id.");
    const { data, oldRecord } = parse<Omit<UpdateResult<T>, "permissions">>(this.inside(), (raw) =>
      raw.update(text, patch ? withoutText(record) : undefined, synced),
    );
    this.inside().changes.add({ action: "update", data, oldRecord });
    return { data, oldRecord, permissions: {} };
  }

  /**
   * Creates the record, or replaces the record that has its id.
   *
   * @example
   * ```js
   * const { oldRecord } = txn.upsert({ id: "theme", value: "dark" });
   * ```
   */
  upsert(record: WholeRecord<T>): UpsertResult<T> {
    const text = assertedText(this.inside().idSchema, record, "Cannot update a record missing id.");
    const { data, oldRecord } = parse<Omit<UpsertResult<T>, "permissions">>(this.inside(), (raw) => raw.upsert(text));
    this.inside().changes.addWritten(data, oldRecord);
    return { data, oldRecord, permissions: {} };
  }

  /**
   * Deletes a record and returns it as it was. Throws `not_found` if there is none. With `virtual: false` the record is not deleted on the
   * server.
   *
   * @example
   * ```js
   * const { data: deleted } = txn.delete("bread");
   * ```
   */
  delete(id: IdOf<T>, { virtual = true }: DeleteOptions = {}): RecordResult<T> {
    const data = parse<StoredRecord<T>>(this.inside(), (raw) => raw.delete(idText(id), virtual));
    this.inside().changes.add({ action: "delete", data });
    return { data, permissions: {} };
  }

  /**
   * Deletes the record with this id if there is one. Returns `deleted: false` and `data: { id }` if there is none.
   *
   * @example
   * ```js
   * const { deleted } = txn.deleteAny("bread");
   * ```
   */
  deleteAny(id: IdOf<T>): DeleteAnyResult<T> {
    const { data, deleted } = parse<Omit<DeleteAnyResult<T>, "permissions">>(this.inside(), (raw) => raw.delete_any(idText(id)));
    if (deleted) this.inside().changes.add({ action: "delete", data: data as StoredRecord<T> });
    return { data, deleted, permissions: {} };
  }

  /**
   * Deletes the records with these ids and returns them as they were. Throws `not_found` if one of them does not exist.
   *
   * @example
   * ```js
   * txn.deleteAll(["bread", "milk"]);
   * ```
   */
  deleteAll(ids: IdOf<T>[]): ListResult<T> {
    const data = parse<StoredRecord<T>[]>(this.inside(), (raw) => raw.delete_all(JSON.stringify([...new Set(ids)])));
    this.inside().changes.addDeletedAll(data);
    return { data, permissions: {} };
  }

  /**
   * Splits the `change` event of the transaction: changes made before this call belong to one event, later changes to another. Like all
   * events, both are emitted when the transaction is stored, and not at all if it fails.
   *
   * @example
   * ```js
   * await tasks.execute((txn) => {
   *   txn.create({ id: "1", title: "a" });
   *   txn.emitEvents();
   *   txn.create({ id: "2", title: "b" });
   * }); // two `change` events
   * ```
   */
  emitEvents(): void {
    this.inside().changes.endGroup();
  }
}

function assertedText(idSchema: IdSchema, given: object, missingId: string): string {
  const record = asRecord(given);
  if (!Object.hasOwn(record, "id")) throw invalidRecord(missingId);
  assertId(idSchema, record["id"]);
  return recordText(record);
}

function parse<R>({ txn }: Inside<any>, work: (raw: RawTransaction) => string): R {
  return JSON.parse(txn.enter(work)) as R;
}
