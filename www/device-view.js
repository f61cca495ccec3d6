// The pane of one device: its switch, its list of tasks, its conflicts, and its sync state.

import { ConflictList } from "./conflict.js";
import { HeadWords } from "./head-words.js";
import { TaskList } from "./task-list.js";
import { Trouble } from "./trouble.js";

export class DeviceView {
  #pane;
  #device;
  #parts;
  #tasks;
  #conflicts;
  #trouble;

  /** `other` is the other device, whose four words are compared with those of this device. */
  constructor(pane, device, other) {
    this.#pane = pane;
    this.#device = device;
    pane.append(document.getElementById("device-template").content.cloneNode(true));
    pane.querySelector("h2").textContent = device.label;
    this.#parts = Object.fromEntries([...pane.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    const focusInput = () => this.#parts.title.focus();
    this.#tasks = new TaskList(pane.querySelector(".tasks"), device, focusInput);
    this.#conflicts = new ConflictList(pane.querySelector(".conflicts"), device, focusInput);
    this.#trouble = new Trouble(pane.querySelector(".trouble"), device);
    new HeadWords(pane.querySelector(".head-words"), device, other);
    this.#wire();
    device.addEventListener("change", () => this.render());
    // Texts like "2 min ago" must be updated while time passes.
    setInterval(() => this.#showState(), 20_000);
    this.render();
  }

  render() {
    const { tasks, conflicts, online, syncing, strategy } = this.#device;
    const contested = new Set(conflicts.map(({ local, remote }) => local?.id ?? remote.id));
    this.#tasks.render(tasks.filter((task) => !contested.has(task.id)));
    this.#conflicts.render(conflicts);
    this.#pane.classList.toggle("offline", !online);
    this.#pane.classList.toggle("syncing", syncing);
    this.#pane.querySelector(".empty").hidden = tasks.length > 0;
    this.#pane.querySelector(".progress").hidden = !syncing;
    this.#parts.online.checked = online;
    this.#parts.network.textContent = online ? "Online" : "Offline";
    this.#parts.strategy.value = strategy;
    this.#showSync();
    this.#trouble.show();
    this.#showState();
  }

  /**
   * Returns the rectangle at which a task's bee starts or lands: the mark of the task, or the whole screen of the device if the mark is not
   * visible; `null` if the pane is not visible.
   */
  anchor(id) {
    const screen = this.#pane.querySelector(".scroll").getBoundingClientRect();
    if (screen.width === 0) return null;
    const mark = this.#tasks.mark(id)?.getBoundingClientRect();
    return mark && mark.top >= screen.top && mark.bottom <= screen.bottom ? mark : screen;
  }

  /** Plays the animation of a task's mark when the task was sent or received. */
  flash(id) {
    const mark = this.#tasks.mark(id);
    mark?.classList.add("landed");
    mark?.addEventListener("animationend", () => mark.classList.remove("landed"), { once: true });
  }

  #wire() {
    const { online, strategy, sync, title } = this.#parts;
    const device = this.#device;
    online.addEventListener("change", () => device.setOnline(online.checked));
    strategy.addEventListener("change", () => device.setStrategy(strategy.value));
    sync.addEventListener("click", () => device.sync());
    this.#pane.querySelector(".add").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = title.value.trim();
      title.focus();
      if (!text) return;
      title.value = "";
      device.add(text);
    });
    title.addEventListener("keydown", (event) => {
      if (event.key === "Escape") title.value = "";
    });
  }

  #showSync() {
    const { online, syncing, unsynced } = this.#device;
    const button = this.#parts.sync;
    // `aria-disabled` and not `disabled`, because a button that becomes disabled loses the focus, also that of a keyboard user who just
    // pressed it.
    button.setAttribute("aria-disabled", String(!online || syncing));
    button.setAttribute("aria-busy", String(syncing));
    button.title = online ? "" : "Go online to sync";
    const badge = button.querySelector(".badge");
    badge.hidden = unsynced === 0;
    badge.textContent = unsynced;
    badge.setAttribute("aria-label", `${unsynced} unsynced`);
  }

  #showState() {
    const { lastSync } = this.#device;
    this.#parts.state.textContent = describe(this.#device);
    this.#parts.last.textContent = lastSync ? `Last sync ${ago(lastSync)}` : "Never synced";
  }
}

/** Returns a short text about the sync state of a device. */
export function describe({ online, syncing, unsynced, conflicts, problem, lastSync, persistent }) {
  if (syncing) return "Syncing…";
  const parts = online ? [] : ["Offline"];
  if (conflicts.length) parts.push(count(conflicts.length, "conflict to settle", "conflicts to settle"));
  else if (unsynced) parts.push(count(unsynced, "change waits", "changes wait"));
  else if (online && lastSync && !problem) parts.push("All synced");
  if (!persistent) parts.push("kept only until this page closes");
  return parts.join(" · ");
}

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

function ago(time) {
  const minutes = Math.floor((Date.now() - time) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  return new Date(time).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });
}
