// The lying server. Kinto itself stays honest: a lie is a doctored copy of the journal, in another collection of the same
// account, to which the devices that are lied to are led. So a lie answers every request as a real server would.

import { collectionOf } from "./line.js";
import { deleteCollection, listRecords, putRecords } from "./records.js";

const CHANGED_AT = 24; // early enough to be shown
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** What can be lied about: to whom, and what the copy is made of. */
const LIES = {
  old: { victims: ["phone", "laptop"], doctor: withoutNewest, tale: (page) => `It shows an old state to both, from before page ${page}.` },
  bit: { victims: ["phone", "laptop"], doctor: withOneBitChanged, tale: (page) => `It changed one bit of page ${page}.` },
  stories: { victims: ["laptop"], doctor: (rows) => rows, tale: (page) => `After page ${page}, phone and laptop are told different stories. Add a task on each, and compare the four words.` },
};

export class Liar {
  /** The lie that is told, `{victims, tale, place}`, or `null`. */
  lie = null;
  #line;
  #remote;
  #headers;
  #reading = Promise.resolve();

  constructor(line, remote, headers) {
    this.#line = line;
    this.#remote = remote;
    this.#headers = headers;
  }

  /** Begins to lie: `"old"`, `"bit"` or `"stories"`. False if there is nothing yet to lie about. */
  start(about) {
    return this.#line.hold(async () => {
      const { rows } = this.#line.place ? await listRecords(this.#line.place, this.#headers) : { rows: [] };
      const newest = newestOf(rows);
      if (!newest) return false;
      const { victims, doctor, tale } = LIES[about];
      const name = `${collectionOf(this.#line.place)}-lie`;
      const place = this.#line.place.replace(/[^/]+\/records$/, `${name}/records`);
      await deleteCollection(place, this.#headers);
      await putRecords(this.#remote, place, this.#headers, doctor(rows, newest));
      this.lie = { victims, place, tale: tale(positionOf(newest)) };
      this.#line.detour = (device) => (victims.includes(device) ? name : null);
      return true;
    });
  }

  /** What the victims are told, as `listRecords` gives it; `null` if that is the truth. */
  told() {
    if (!this.lie) return null;
    this.#reading = listRecords(this.lie.place, this.#headers);
    return this.#reading;
  }

  /** Tells the truth again. */
  stop() {
    const { place } = this.lie;
    return this.#line.hold(async () => {
      this.lie = this.#line.detour = null;
      // Kinto makes a collection of the default bucket again when it is asked for.
      await this.#reading.catch(() => {});
      await deleteCollection(place, this.#headers);
    });
  }
}

/** The position that stands in a page's id. */
export function positionOf({ id }) {
  return Number(id.slice(1));
}

function newestOf(rows) {
  return rows.filter(({ id, ct }) => id.startsWith("p") && ct).sort((a, b) => positionOf(b) - positionOf(a))[0];
}

function withoutNewest(rows, newest) {
  return rows.filter((row) => row !== newest);
}

function withOneBitChanged(rows, newest) {
  const changed = BASE64URL[BASE64URL.indexOf(newest.ct[CHANGED_AT]) ^ 1];
  const ct = newest.ct.slice(0, CHANGED_AT) + changed + newest.ct.slice(CHANGED_AT + 1);
  return rows.map((row) => (row === newest ? { ...row, ct } : row));
}
