// The server's records as a honeycomb that grows in rings from its middle. A task that is done is a capped cell.

const FULL_RINGS = 2; // the comb is never smaller than this, filled or not
const MOST_RINGS = 5;

export class Comb {
  #element;
  #places = new Map(); // id → number of its cell, kept while the record lives
  #cells = [];
  #rings = 0;

  constructor(element) {
    this.#element = element;
    this.#grow(FULL_RINGS);
  }

  show(records) {
    const alive = new Set(records.map((record) => record.id));
    for (const id of this.#places.keys()) if (!alive.has(id)) this.#places.delete(id);
    const taken = new Set(this.#places.values());
    let free = 0;
    for (const { id } of records) {
      if (this.#places.has(id)) continue;
      while (taken.has(free)) free++;
      taken.add(free);
      this.#places.set(id, free);
    }
    const rings = ringsFor(Math.max(0, ...taken) + 1);
    if (rings !== this.#rings) this.#grow(rings);
    const byPlace = new Map(records.map((record) => [this.#places.get(record.id), record]));
    this.#cells.forEach((cell, place) => fill(cell, byPlace.get(place)));
  }

  /** The rectangle of a record's cell, or of the whole comb if it has none; `null` if the comb is not to be seen. */
  anchor(id) {
    const cell = this.#cells[this.#places.get(id)] ?? this.#element;
    const rect = cell.getBoundingClientRect();
    return rect.width ? rect : null;
  }

  has(id) {
    return this.#places.has(id);
  }

  /** Keeps a new record's cell looking empty until its bee has landed. */
  awaitBee(id) {
    this.#cells[this.#places.get(id)]?.classList.add("awaited");
  }

  /** Lets a record's cell light up: a bee was here. */
  land(id) {
    const cell = this.#cells[this.#places.get(id)];
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
      // In cells' widths and row steps from the middle.
      cell.style.setProperty("--x", q + r / 2);
      cell.style.setProperty("--y", r);
      cell.append(document.createElement("span"));
      return cell;
    });
    this.#element.replaceChildren(...this.#cells);
  }
}

function fill(cell, record) {
  cell.classList.toggle("full", !!record);
  cell.classList.toggle("done", !!record?.done);
  cell.firstElementChild.textContent = record?.title ?? "";
  cell.title = record?.title ?? "";
}

function ringsFor(cells) {
  for (let rings = FULL_RINGS; rings < MOST_RINGS; rings++) if (cells <= 3 * rings * (rings + 1) + 1) return rings;
  return MOST_RINGS;
}

/** Axial coordinates of all cells, from the middle outwards, ring by ring. */
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
