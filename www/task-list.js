// The list of tasks. Rows are kept from one rendering to the next, so that the focus, an open editor and animations survive a sync.

import { moveChildren } from "./motion.js";
import { TaskRow } from "./task-row.js";

export class TaskList {
  #list;
  #device;
  #focusElsewhere;
  #rows = new Map();

  /** `focusElsewhere` is called when the row that had the focus is removed and no other row can take the focus. */
  constructor(list, device, focusElsewhere) {
    this.#list = list;
    this.#device = device;
    this.#focusElsewhere = focusElsewhere;
  }

  render(tasks) {
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const heirs = focused ? this.#heirsOf(focused.closest("li")) : [];
    moveChildren(this.#list, () => {
      const kept = new Set(tasks.map((task) => task.id));
      for (const [id, row] of this.#rows) {
        if (kept.has(id)) continue;
        row.element.remove();
        this.#rows.delete(id);
      }
      tasks.forEach((task, place) => {
        const row = this.#rows.get(task.id) ?? this.#make(task.id);
        row.show(task);
        this.#place(row.element, place);
      });
    });
    if (focused) this.#restoreFocus(focused, heirs);
  }

  /** Returns the mark in a task's row; `undefined` if there is no such row. */
  mark(id) {
    return this.#rows.get(id)?.mark;
  }

  #make(id) {
    const row = new TaskRow(this.#device, id);
    this.#rows.set(id, row);
    return row;
  }

  #place(element, place) {
    const there = this.#list.children[place];
    if (there !== element) this.#list.insertBefore(element, there ?? null);
  }

  /** Returns the ids of the rows that may take the focus, best first: the row itself, the rows after it, then the rows before it. */
  #heirsOf(row) {
    const rows = [...this.#list.children];
    const place = rows.indexOf(row);
    return [...rows.slice(place), ...rows.slice(0, place).reverse()].map((element) => element.dataset.id);
  }

  #restoreFocus(focused, heirs) {
    if (focused.isConnected && !focused.hidden && !focused.disabled) return focused.focus({ preventScroll: true });
    const heir = heirs.find((id) => this.#rows.has(id));
    if (heir) this.#rows.get(heir).focus();
    else this.#focusElsewhere();
  }
}
