// The row of one task: its checkbox, its title (edited in place), the mark of its sync status, and the buttons to delete and restore it.

const STATUS = {
  created: "only on this device yet",
  updated: "changed here, not yet on the server",
  synced: "same as on the server",
  deleted: "deleted here, still on the server",
};

export class TaskRow {
  element = document.getElementById("task-template").content.firstElementChild.cloneNode(true);
  #device;
  #task;
  #parts;

  constructor(device, id) {
    this.#device = device;
    this.element.dataset.id = id;
    const part = (selector) => this.element.querySelector(selector);
    this.#parts = {
      check: part(".check input"), checkLabel: part(".check span"), title: part(".title"),
      mark: part(".status"), remove: part(".remove"), restore: part(".restore"),
    };
    const { check, title, remove, restore } = this.#parts;
    check.addEventListener("change", () => device.edit(id, { done: check.checked }));
    title.addEventListener("click", () => this.#openEditor());
    remove.addEventListener("click", () => device.remove(this.#task));
    restore.addEventListener("click", () => device.restore(this.#task));
  }

  /** The element at which bees start and land. */
  get mark() { return this.#parts.mark; }

  show(task) {
    this.#task = task;
    const { check, checkLabel, title, mark, remove, restore } = this.#parts;
    const text = task.title || "(no title)";
    const deleted = task._status === "deleted";
    this.element.classList.toggle("done", !!task.done);
    this.element.classList.toggle("deleted", deleted);
    check.checked = !!task.done;
    check.disabled = title.disabled = deleted;
    checkLabel.textContent = `Done: ${text}`;
    title.textContent = text;
    title.setAttribute("aria-label", `Edit: ${text}`);
    mark.dataset.status = task._status;
    mark.title = STATUS[task._status];
    mark.setAttribute("aria-label", STATUS[task._status]);
    remove.hidden = deleted;
    remove.setAttribute("aria-label", `Delete: ${text}`);
    restore.hidden = !deleted;
    restore.setAttribute("aria-label", `Put back: ${text}`);
  }

  focus() {
    (this.#task._status === "deleted" ? this.#parts.restore : this.#parts.title).focus();
  }

  #openEditor() {
    const { title } = this.#parts;
    const input = document.createElement("input");
    Object.assign(input, { className: "title", value: this.#task.title ?? "", maxLength: 200, enterKeyHint: "done" });
    input.setAttribute("aria-label", "Task");
    title.replaceWith(input);
    input.focus();
    input.select();
    const close = (save, keepFocus) => {
      // Removing the input fires `blur`, which would call this function a second time.
      input.onblur = null;
      input.replaceWith(title);
      if (keepFocus) title.focus();
      const text = input.value.trim();
      if (save && text && text !== this.#task.title) this.#device.edit(this.#task.id, { title: text });
    };
    input.onblur = () => close(true, false);
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      // Without this, the same Enter would press the title button, which has just got the focus.
      event.preventDefault();
      close(event.key === "Enter", true);
    });
  }
}
