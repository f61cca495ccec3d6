// A list of four things to try. Each is crossed off when the user has done it.

const KEY = "essaim-demo/tour";

export class Tour {
  #steps;
  #done = new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));

  constructor(list) {
    this.#steps = [...list.children];
    this.#show();
  }

  /** Crosses off a step: `"add"`, `"offline"`, `"settle"` or `"lie"`. */
  complete(step) {
    if (this.#done.has(step)) return;
    this.#done.add(step);
    localStorage.setItem(KEY, JSON.stringify([...this.#done]));
    this.#show();
  }

  #show() {
    const next = this.#steps.find((step) => !this.#done.has(step.dataset.step));
    for (const step of this.#steps) {
      step.classList.toggle("done", this.#done.has(step.dataset.step));
      if (step === next) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
  }
}
