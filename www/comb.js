// Shows the server's sealed pages as a honeycomb that grows in rings from its middle. Of a page only its number is visible.

import { positionOf } from "./liar.js";

const FULL_RINGS = 2; // the comb has at least this many rings, even if their cells are empty
const MOST_RINGS = 4;

export class Comb {
  #element;
  #places = new Map(); // key of a page → number of its cell, kept as long as the page is shown
  #cells = [];
  #rings = 0;

  constructor(element) {
    this.#element = element;
    this.#grow(FULL_RINGS);
  }

  /** Shows `pages` (`{key, row, tale, note}`, oldest first). If there are too many, the oldest are left out. */
  show(pages) {
    const shown = pages.slice(-capacity(MOST_RINGS));
    const alive = new Set(shown.map(({ key }) => key));
    for (const key of this.#places.keys()) if (!alive.has(key)) this.#places.delete(key);
    const taken = new Set(this.#places.values());
    let free = 0;
    for (const { key } of shown) {
      if (this.#places.has(key)) continue;
      while (taken.has(free)) free++;
      taken.add(free);
      this.#places.set(key, free);
    }
    const rings = ringsFor(Math.max(0, ...taken) + 1);
    if (rings !== this.#rings) this.#grow(rings);
    const byPlace = new Map(shown.map((page) => [this.#places.get(page.key), page]));
    this.#cells.forEach((cell, place) => fill(cell, byPlace.get(place)));
  }

  /** Returns the rectangle of a page's cell, or of the whole comb if the page has no cell; `null` if the comb is not visible. */
  anchor(key) {
    const cell = this.#cells[this.#places.get(key)] ?? this.#element;
    const rect = cell.getBoundingClientRect();
    return rect.width ? rect : null;
  }

  /** Makes the cell of a new page look empty until `land()` is called for it. */
  awaitBee(key) {
    this.#cells[this.#places.get(key)]?.classList.add("awaited");
  }

  /** Plays the animation of a page's cell when a bee arrives. */
  land(key) {
    const cell = this.#cells[this.#places.get(key)];
    cell?.classList.remove("awaited");
    cell?.classList.add("landed");
    cell?.addEventListener("animationend", () => cell.classList.remove("landed"), { once: true });
  }

  #grow(rings) {
    this.#rings = rings;
    const across = 2 * rings + 1;
    this.#element.style.setProperty("--across", across);
    this.#element.dataset.rings = rings;
    this.#cells = spiral(rings).map(({ q, r }) => {
      const cell = document.createElement("div");
      cell.className = "cell";
      // The distance from the middle: x in widths of a cell, y in rows.
      cell.style.setProperty("--x", q + r / 2);
      cell.style.setProperty("--y", r);
      cell.append(document.createElement("span"));
      return cell;
    });
    this.#element.replaceChildren(...this.#cells);
  }
}

function fill(cell, page) {
  cell.classList.toggle("full", !!page);
  if (page) cell.dataset.tale = page.tale;
  else delete cell.dataset.tale;
  // A segment of a snapshot has no position.
  cell.firstElementChild.textContent = !page ? "" : page.row.id.startsWith("p") ? positionOf(page.row) : "s";
  cell.title = page ? [page.row.id, page.note].filter(Boolean).join(", ") : "";
}

function capacity(rings) {
  return 3 * rings * (rings + 1) + 1;
}

function ringsFor(cells) {
  for (let rings = FULL_RINGS; rings < MOST_RINGS; rings++) if (cells <= capacity(rings)) return rings;
  return MOST_RINGS;
}

/** Returns the axial coordinates of all cells, from the middle outwards, ring by ring. */
function spiral(rings) {
  const steps = [[1, -1], [0, -1], [-1, 0], [-1, 1], [0, 1], [1, 0]];
  const cells = [{ q: 0, r: 0 }];
  for (let ring = 1; ring <= rings; ring++) {
    let [q, r] = [0, ring];
    for (const [dq, dr] of steps) {
      for (let step = 0; step < ring; step++) {
        cells.push({ q, r });
        q += dq;
        r += dr;
      }
    }
  }
  return cells;
}
