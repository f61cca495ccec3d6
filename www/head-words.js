// The four words of a device's head, and whether the other device has the same: then both have the same history.
// In real life two people read them to each other; here both devices stand side by side.

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

/** `"apart"` until both are at the same page: only then can the words tell anything. */
function relate(mine, theirs) {
  if (!mine) return "none";
  if (mine.hash === theirs?.hash) return "same";
  return mine.position === theirs?.position ? "different" : "apart";
}
