// The switch that makes the server lie, the choice of the lie, and a text that describes it.

/** Fires `turned` when the server has begun or stopped lying. */
export class LieSwitch extends EventTarget {
  #box;
  #liar;
  #parts;
  #about = null;
  #turning = Promise.resolve();

  constructor(box, liar) {
    super();
    this.#box = box;
    this.#liar = liar;
    this.#parts = Object.fromEntries([...box.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    // Changes are applied one after the other. Each reads the controls when it begins, so the last one applies the final choice.
    const turn = () => (this.#turning = this.#turning.then(() => this.#turn()));
    this.#parts.lying.addEventListener("change", turn);
    this.#parts.lie.addEventListener("change", turn);
    this.#show("");
  }

  async #turn() {
    const { lying, lie } = this.#parts;
    const wanted = lying.checked ? lie.value : null;
    if (wanted === this.#about) return;
    let hint = "";
    try {
      if (this.#about) await this.#liar.stop();
      if (wanted && !(await this.#liar.start(wanted))) hint = "Add a task first: an empty server has nothing to lie about.";
    } catch (error) {
      hint = `That did not work: ${error.message}. Try again when the server answers.`;
    }
    this.#about = this.#liar.lie ? wanted : null;
    this.#show(hint);
    this.dispatchEvent(new Event("turned"));
  }

  #show(hint) {
    const { lying, honesty, tale } = this.#parts;
    const told = this.#liar.lie;
    lying.checked = !!told;
    honesty.textContent = told ? "Lying" : "Honest";
    this.#box.closest(".pane").classList.toggle("lying", !!told);
    tale.textContent = told ? `${told.tale} (This page makes the lie; Kinto itself stays honest.)` : hint;
    tale.hidden = !tale.textContent;
  }
}
