// Shows what the server holds. The data is read from Kinto with plain HTTP, without essaim.

import { authorization } from "./account.js";
import { Comb } from "./comb.js";
import { PageList, bytesText, timeText, weight } from "./page-list.js";
import { listRecords } from "./records.js";
import { compareTales } from "./told.js";

const POLL_MS = 8_000;

/** Fires `look` each time it has read the server's records. */
export class ServerPane extends EventTarget {
  reachable = true;
  comb;
  #pane;
  #line;
  #liar;
  #headers;
  #list;
  #pages = [];
  #etags = {};
  #looking = Promise.resolve();

  constructor(pane, account, line, liar) {
    super();
    this.#pane = pane;
    this.#line = line;
    this.#liar = liar;
    this.#headers = authorization(account);
    this.comb = new Comb(pane.querySelector(".comb"));
    this.#list = new PageList(pane.querySelector(".records"), pane.querySelector(".older"));
    pane.querySelector(".address").textContent = account.remote.replace(/^https?:\/\//, "");
    this.#fact("account", account.user);
    setInterval(() => document.hidden || this.look(), POLL_MS);
  }

  /** The keys of the pages shown, oldest first. */
  get keys() { return this.#pages.map(({ key }) => key); }

  /** Returns the key of the newest page that the server shows to this device; `undefined` if there is none. */
  keyOf(device) {
    const own = this.#isVictim(device) ? "false" : "hidden";
    return this.#pages.findLast(({ tale }) => tale === "true" || tale === own)?.key;
  }

  /** Returns the ETag that the server shows to this device; `null` if the server did not answer or was not asked. */
  etagFor(device) {
    return (this.#isVictim(device) ? this.#etags.told : this.#etags.true) ?? null;
  }

  /** Reads the server's records, after any earlier reading has ended, so that an older answer never replaces a newer one. */
  look() {
    this.#looking = this.#looking.then(() => this.#lookOnce());
    return this.#looking;
  }

  /** Plays the animations of a page, in the comb and in the list, when a bee arrives. */
  land(key) {
    this.comb.land(key);
    this.#list.flash(key);
  }

  async #lookOnce() {
    this.#etags = {};
    try {
      if (this.#line.place) {
        const { lie } = this.#liar;
        const { rows, etag } = await listRecords(this.#line.place, this.#headers);
        const told = await this.#liar.told();
        // A lie may have begun or ended during the requests.
        if (lie !== this.#liar.lie) return this.#lookOnce();
        this.#etags = { true: etag, told: told?.etag };
        this.#show(rows, compareTales(rows, told?.rows, lie?.victims));
      }
      this.#showTrouble(null);
    } catch (error) {
      this.#showTrouble(error);
    }
    this.dispatchEvent(new Event("look"));
  }

  #isVictim(device) {
    return !!this.#liar.lie?.victims.includes(device);
  }

  #show(rows, pages) {
    pages.sort(byAge);
    this.#pages = pages.filter(({ row }) => row.ct);
    this.comb.show(this.#pages);
    this.#list.show(pages);
    const full = rows.filter((row) => row.ct);
    this.#fact("count", full.filter((row) => row.id.startsWith("p")).length);
    this.#fact("size", bytesText(full.reduce((sum, row) => sum + weight(row), 0)));
    this.#fact("last", rows.length ? timeText(Math.max(...rows.map((row) => row.last_modified))) : "–");
  }

  #fact(name, value) {
    this.#pane.querySelector(`[data-fact=${name}]`).textContent = value;
  }

  #showTrouble(error) {
    this.reachable = !error;
    this.#pane.classList.toggle("unreachable", !!error);
    const box = this.#pane.querySelector(".trouble");
    // The text is written only if it changes, so that screen readers do not announce it at every poll.
    const text = error ? advise(error) : "";
    if (box.textContent !== text) box.textContent = text;
    box.hidden = !error;
  }
}

/** Compares pages by age. Emptied pages come first, because their time is only that of the emptying. */
function byAge(a, b) {
  return Number(!!a.row.ct) - Number(!!b.row.ct) || a.row.last_modified - b.row.last_modified || (a.row.id < b.row.id ? -1 : 1);
}

function advise(error) {
  if (error instanceof TypeError) return "No answer from this server. Is it running? “make demo” starts one; another address goes under “Account and key”.";
  return `The server answers “${error.message}”. Check the address and the account under “Account and key”.`;
}
