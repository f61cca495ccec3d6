// Lists the records of the journal as Kinto has them, newest first: an id, two small numbers, and sealed bytes. Below them are the pages that were
// emptied after a snapshot took over their content.

import { moveChildren } from "./motion.js";

const MOST_SHOWN = 40;
const CUT_AT = 132;

export class PageList {
  #list;
  #older;
  #items = new Map();

  constructor(list, older) {
    this.#list = list;
    this.#older = older;
  }

  /** Shows `pages` (`{key, row, tale, note}`, oldest first). */
  show(pages) {
    const shown = pages.slice(-MOST_SHOWN).reverse();
    moveChildren(this.#list, () => {
      const items = new Map(shown.map((page) => [page.key, this.#items.get(page.key) ?? document.createElement("li")]));
      for (const page of shown) fill(items.get(page.key), page);
      this.#list.replaceChildren(...items.values());
      this.#items = items;
    });
    const more = pages.length - shown.length;
    this.#older.hidden = pages.length > 0 && more === 0;
    this.#older.textContent = more ? `and ${more} older` : "Nothing yet.";
  }

  /** Plays the animation of a record that has just arrived. */
  flash(key) {
    const item = this.#items.get(key);
    item?.classList.add("new");
    item?.addEventListener("animationend", () => item.classList.remove("new"), { once: true });
  }
}

/** Returns the size of a record on the server: the length of its JSON text. */
export const weight = (row) => JSON.stringify(row).length;

/** Returns a number of bytes as text, in B or KiB. */
export function bytesText(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

export function timeText(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

function fill(item, { row, twin, tale, note }) {
  // Items that look the same as before are not changed, so that they keep their animation and the user's text selection.
  const look = JSON.stringify([row, tale, note]);
  if (item.look === look) return;
  item.look = look;
  item.className = "record";
  item.dataset.tale = tale;
  const head = element("p", "", element("b", "", row.id), ...numbers(row), row.ct ? "" : element("i", "", "emptied"), element("small", "", `${bytesText(weight(row))} · ${timeText(row.last_modified)}`));
  const parts = [head];
  if (row.ct) parts.push(element("code", "", ...sealedText(row.ct, twin?.ct)));
  if (note) parts.push(element("p", "note", note));
  item.replaceChildren(...parts);
}

function numbers(row) {
  const known = ["v", "e"].filter((name) => name in row);
  return known.map((name) => element("span", "key", `${name} `, element("span", "literal", String(row[name]))));
}

function sealedText(ct, other) {
  const cut = ct.length > CUT_AT ? `${ct.slice(0, CUT_AT)}…` : ct;
  return [element("span", "key", "ct "), element("span", "string", ...markChange(cut, ct, other))];
}

/** Returns the shown text with the letter marked in which `ct` differs from `other`, if they differ in one letter only. */
function markChange(shown, ct, other) {
  const at = [...ct].findIndex((letter, place) => letter !== other?.[place]);
  if (!other || at >= shown.length || ct.slice(at + 1) !== other.slice(at + 1)) return [shown];
  return [shown.slice(0, at), element("mark", "", shown[at]), shown.slice(at + 1)];
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}
