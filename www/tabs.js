// At a phone's width one pane is shown at a time; the bar at the bottom chooses which.

export class Tabs {
  #buttons;

  constructor(nav) {
    this.#buttons = new Map([...nav.querySelectorAll("[data-show]")].map((button) => [button.dataset.show, button]));
    nav.addEventListener("click", (event) => {
      const button = event.target.closest("[data-show]");
      if (button) this.#show(button.dataset.show);
    });
  }

  /** Puts a mark on a tab: a count, `"!"`, or `""` for none. */
  mark(name, text) {
    const badge = this.#buttons.get(name).querySelector(".badge");
    badge.textContent = text;
    badge.hidden = text === "";
  }

  /** The rectangle of a tab, for bees whose pane is hidden; `null` where there are no tabs. */
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
