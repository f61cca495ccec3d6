// Shows a conflict as a card with both versions and three choices: mine, theirs, or a merge that the user writes.

import { isDeletion } from "./device.js";

/** The cards of a device's conflicts. A card stays until its conflict is resolved. */
export class ConflictList {
  #list;
  #device;
  #focusElsewhere;
  #cards = new Map();

  /** `focusElsewhere` is called when the card that had the focus is removed and no other card is left. */
  constructor(list, device, focusElsewhere) {
    this.#list = list;
    this.#device = device;
    this.#focusElsewhere = focusElsewhere;
  }

  render(conflicts) {
    const kept = new Map();
    for (const conflict of conflicts) {
      // Each sync returns a new object for the same conflict. So conflicts are compared by content: a card that the user is working with must
      // not be replaced.
      const key = JSON.stringify([conflict.local, conflict.remote]);
      const card = this.#cards.get(key) ?? this.#make();
      card.onSettle = (choice) => this.#device.settle(conflict, choice);
      if (!this.#cards.has(key)) showConflict(card, conflict, this.#device.label);
      kept.set(key, card);
    }
    const focused = this.#list.contains(document.activeElement);
    for (const [key, card] of this.#cards) if (!kept.has(key)) card.remove();
    this.#cards = kept;
    this.#list.hidden = kept.size === 0;
    if (focused && !this.#list.contains(document.activeElement)) this.#moveFocus();
  }

  #moveFocus() {
    const [next] = this.#cards.values();
    if (next) next.querySelector("button").focus();
    else this.#focusElsewhere();
  }

  #make() {
    const card = document.getElementById("conflict-template").content.firstElementChild.cloneNode(true);
    wire(card);
    this.#list.append(card);
    return card;
  }
}

function wire(card) {
  const form = card.querySelector(".merge");
  const opener = card.querySelector("[data-action=open-merge]");
  const open = (opened) => {
    form.hidden = !opened;
    opener.hidden = opened;
    (opened ? form.elements.title : opener).focus();
  };
  card.querySelector("[data-action=mine]").addEventListener("click", () => card.onSettle("mine"));
  card.querySelector("[data-action=theirs]").addEventListener("click", () => card.onSettle("theirs"));
  opener.addEventListener("click", () => open(true));
  card.querySelector("[data-action=close-merge]").addEventListener("click", () => open(false));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) open(false);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    card.onSettle({ title: form.elements.title.value.trim(), done: form.elements.done.checked });
  });
}

function showConflict(card, { local, remote }, label) {
  const deletedHere = isDeletion(local);
  const deletedThere = isDeletion(remote);
  const title = (deletedHere ? remote.title : local.title) || "(no title)";
  card.querySelector("h3").textContent = headline(deletedHere, deletedThere);
  card.setAttribute("aria-label", `Conflict: ${title}`);
  showSide(card.querySelector("[data-side=mine]"), deletedHere ? null : local, remote, `On this ${label.toLowerCase()}`, "Keep mine");
  showSide(card.querySelector("[data-side=theirs]"), deletedThere ? null : remote, local, "On the server", "Keep theirs");
  const form = card.querySelector(".merge");
  form.elements.title.value = deletedHere ? remote.title : local.title;
  form.elements.done.checked = !!local?.done || !!remote?.done;
  // A deletion has no content that could be merged.
  card.querySelector("[data-action=open-merge]").hidden = deletedHere || deletedThere;
}

function headline(deletedHere, deletedThere) {
  if (deletedHere) return "Deleted here, changed there";
  return deletedThere ? "Changed here, deleted there" : "Changed on both sides";
}

function showSide(side, version, other, heading, action) {
  side.querySelector("h4").textContent = heading;
  side.querySelector("button").textContent = action;
  const text = side.querySelector("p");
  text.classList.toggle("deleted", !version);
  if (!version) return text.replaceChildren("Deleted");
  text.replaceChildren(...markOwnWords(version.title || "(no title)", other?.title ?? ""));
  if (!!version.done !== !!other?.done && !isDeletion(other)) text.append(" ", element("span", "mark", version.done ? "done" : "to do"));
}

/** Returns nodes for `text`. The words between the beginning and the end that both texts share are marked. */
function markOwnWords(text, other) {
  const [words, others] = [text.split(/(?<=\s)/), other.split(/(?<=\s)/)];
  let start = 0;
  while (start < words.length && words[start].trim() === others[start]?.trim()) start++;
  let end = words.length;
  let otherEnd = others.length;
  while (end > start && otherEnd > start && words[end - 1] === others[otherEnd - 1]) end--, otherEnd--;
  if (start === end || !other) return [text];
  return [words.slice(0, start).join(""), element("ins", "", words.slice(start, end).join("")), words.slice(end).join("")];
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
