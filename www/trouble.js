// Shows what went wrong on a device: a text for the user, the error's own message, and buttons to repair and to save the evidence.

export class Trouble {
  #box;
  #device;
  #parts;

  constructor(box, device) {
    this.#box = box;
    this.#device = device;
    this.#parts = Object.fromEntries([...box.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.#parts.repair.addEventListener("click", () => device.repair());
    this.#parts.evidence.addEventListener("click", () => saveEvidence(device));
  }

  show() {
    const { problem, online, syncing } = this.#device;
    const shown = problem && (online || !problem.passing);
    this.#box.hidden = !shown;
    if (!shown) return;
    const { headline, advice, cause, repair, evidence, note } = this.#parts;
    this.#box.classList.toggle("alarm", !!problem.repairable);
    say(headline, problem.headline ?? "");
    say(advice, problem.advice);
    say(cause, problem.cause);
    repair.hidden = note.hidden = !problem.repairable;
    repair.setAttribute("aria-disabled", String(!online || syncing));
    repair.title = online ? "" : "Go online to repair";
    evidence.hidden = !problem.evidence;
  }
}

/** Sets a text. Screen readers read an alert again each time it is written, so it is written only if it changes. */
function say(part, text) {
  if (part.textContent !== text) part.textContent = text;
  part.hidden = !text;
}

/** Saves the evidence of the alarm as a file. It holds sealed bytes and hashes, nothing that could be read without the key. */
function saveEvidence({ label, problem: { code, evidence } }) {
  const text = JSON.stringify({ code, device: label, evidence }, null, 2);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `essaim-${code}-page-${evidence.position}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
