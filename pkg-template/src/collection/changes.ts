/** The events of a change. */

import { type ChangeTarget, type Emitter, emit, report } from "../events.js";
import type { StoredRecord } from "../types/records.js";

/** What one call or transaction changed. Its events are emitted once the change is stored. */
export class Changes<T extends object> {
  private readonly groups: ChangeTarget<T>[][] = [[]];

  add(target: ChangeTarget<T>): void {
    this.groups.at(-1)!.push(target);
  }

  /** `oldRecord` is absent when there was none, or only a tombstone: then it is a creation. */
  addWritten(data: StoredRecord<T>, oldRecord: StoredRecord<T> | undefined): void {
    this.add(oldRecord ? { action: "update", data, oldRecord } : { action: "create", data });
  }

  addDeletedAll(data: StoredRecord<T>[]): void {
    for (const record of data) this.add({ action: "delete", data: record });
    this.add({ action: "deleteAll", data });
  }

  /** Ends a `change` event. Later changes belong to another one. */
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
