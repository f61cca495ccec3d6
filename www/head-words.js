// Shows the four words of a device's head, and whether the other device has the same words: then both have the same history. In real life two
// users read the words to each other; in this demo both devices are on one page.

export class HeadWords {
  #strip;
  #device;
  #other;

  constructor(strip, device, other) {
    this.#strip = strip;
    this.#device = device;
    this.#other = other;
    for (const each of [device, other]) each.addEventListener("change", () => this.#show());
    this.#show();
  }

  #show() {
    const { head } = this.#device;
    const relation = relate(head, this.#other.head);
    this.#strip.dataset.relation = relation;
    this.#part("words").textContent = head ? head.words.join(" ") : "no words yet";
    this.#part("sign").textContent = { same: "=", different: "≠", apart: "…", none: "–" }[relation];
    this.#part("explanation").textContent = head ? `Page ${head.position}${this.#explain(relation)}` : "Four words come with the first page.";
  }

  #explain(relation) {
    const { head, label } = this.#other;
    const other = label.toLowerCase();
    if (relation === "same") return `: same words on the ${other}`;
    if (relation === "different") return `: other words on the ${other}, so another story`;
    return head ? `; the ${other} is at page ${head.position}` : `; the ${other} has no words yet`;
  }

  #part(name) {
    return this.#strip.querySelector(`[data-part=${name}]`);
  }
}

/** Compares two heads. Returns `"apart"` if they are at different pages, because then their words cannot be compared. */
function relate(mine, theirs) {
  if (!mine) return "none";
  if (mine.hash === theirs?.hash) return "same";
  return mine.position === theirs?.position ? "different" : "apart";
}
