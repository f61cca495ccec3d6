// On narrow screens one pane is shown at a time. The bar at the bottom selects the pane.

export class Tabs {
  #buttons;

  constructor(nav) {
    this.#buttons = new Map([...nav.querySelectorAll("[data-show]")].map((button) => [button.dataset.show, button]));
    nav.addEventListener("click", (event) => {
      const button = event.target.closest("[data-show]");
      if (button) this.#show(button.dataset.show);
    });
  }

  /** Sets the badge of a tab: a count, `"!"`, or `""` for no badge. */
  mark(name, text) {
    const badge = this.#buttons.get(name).querySelector(".badge");
    badge.textContent = text;
    badge.hidden = text === "";
  }

  /** Returns the rectangle of a tab, where bees start and land while the pane is hidden; `null` if the tabs are not visible. */
  anchor(name) {
    const rect = this.#buttons.get(name).getBoundingClientRect();
    return rect.width ? rect : null;
  }

  #show(name) {
    document.body.dataset.pane = name;
    for (const [each, button] of this.#buttons) {
      if (each === name) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
  }
}
