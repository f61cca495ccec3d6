/** Collects the events of a call or a transaction. */

import { type ChangeTarget, type Emitter, emit, report } from "../events.js";
import type { StoredRecord } from "../types/records.js";

/** The changes of one call or one transaction, in groups: each group becomes one `change` event. The events are emitted once the changes are stored. */
export class Changes<T extends object> {
  private readonly groups: ChangeTarget<T>[][] = [[]];

  add(target: ChangeTarget<T>): void {
    this.groups.at(-1)!.push(target);
  }

  /** Adds an update. If `oldRecord` is undefined (there was no such record, or only a tombstone), adds a creation. */
  addWritten(data: StoredRecord<T>, oldRecord: StoredRecord<T> | undefined): void {
    this.add(oldRecord ? { action: "update", data, oldRecord } : { action: "create", data });
  }

  addDeletedAll(data: StoredRecord<T>[]): void {
    for (const record of data) this.add({ action: "delete", data: record });
    this.add({ action: "deleteAll", data });
  }

  /** Ends the current group: later changes belong to another `change` event. */
  endGroup(): void {
    this.groups.push([]);
  }

  emit(emitter: Emitter): void {
    for (const targets of this.groups.filter((group) => group.length > 0)) {
      for (const { action, ...payload } of targets) {
        report(action, () => emitter.emit(action, payload));
      }
      emit(emitter, "change", { targets });
    }
  }
}
