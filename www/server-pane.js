// What the server really holds: asked of Kinto itself with plain HTTP, not of essaim.

import { authorization } from "./account.js";
import { Comb } from "./comb.js";

const POLL_MS = 8_000;

/** Fires `look` after each look at the server; `etag` is then its state, `null` if it did not answer. */
export class ServerPane extends EventTarget {
  etag = null;
  comb;
  #pane;
  #url;
  #headers;
  #looking = Promise.resolve();

  constructor(pane, account) {
    super();
    this.#pane = pane;
    this.#url = `${account.remote}/buckets/default/collections/tasks/records?_sort=-last_modified`;
    this.#headers = authorization(account);
    this.comb = new Comb(pane.querySelector(".comb"));
    pane.querySelector(".address").textContent = account.remote.replace(/^https?:\/\//, "");
    setInterval(() => document.hidden || this.look(), POLL_MS);
  }

  /** Looks at the server, after any look under way: what is shown in the end is never the older answer. */
  look() {
    this.#looking = this.#looking.then(() => this.#lookOnce());
    return this.#looking;
  }

  async #lookOnce() {
    try {
      const { records, etag } = await this.#fetchAll();
      this.etag = etag;
      this.#show(records, etag);
      this.#showTrouble(null);
    } catch (error) {
      this.etag = null;
      this.#showTrouble(error);
    }
    this.dispatchEvent(new Event("look"));
  }

  async #fetchAll() {
    const records = [];
    let etag = null;
    for (let url = this.#url; url; ) {
      const response = await fetch(url, { headers: this.#headers, cache: "no-store" });
      if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`);
      records.push(...(await response.json()).data);
      etag ??= response.headers.get("ETag")?.replaceAll('"', "") ?? null;
      const next = response.headers.get("Next-Page");
      // The account's password is for this server alone.
      url = next && new URL(next).origin === new URL(url).origin ? next : null;
    }
    return { records, etag };
  }

  #show(records, etag) {
    this.comb.show([...records].sort((a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0)));
    this.#pane.querySelector("[data-fact=count]").textContent = records.length;
    this.#pane.querySelector("[data-fact=etag]").textContent = etag ?? "–";
    this.#pane.querySelector("pre").replaceChildren(...colour(JSON.stringify(records, null, 2)));
  }

  #showTrouble(error) {
    this.#pane.classList.toggle("unreachable", !!error);
    const box = this.#pane.querySelector(".trouble");
    // Announced once, not at every poll.
    const text = error ? advise(error) : "";
    if (box.textContent !== text) box.textContent = text;
    box.hidden = !error;
  }
}

function advise(error) {
  if (error instanceof TypeError) return "No answer from this server. Is it running? “make demo” starts one; another address goes under “Server and account”.";
  return `The server answers “${error.message}”. Check the address and the account under “Server and account”.`;
}

/** JSON text as nodes, with keys and values in spans of their own. */
function* colour(json) {
  let end = 0;
  for (const match of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi)) {
    yield json.slice(end, match.index);
    const span = document.createElement("span");
    span.className = match[2] ? "key" : match[1] ? "string" : "literal";
    span.textContent = match[1] ?? match[0];
    yield span;
    end = match.index + span.textContent.length;
  }
  yield json.slice(end);
}
