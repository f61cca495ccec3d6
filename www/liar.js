// Makes the server lie. Kinto itself stays honest: a lie is a modified copy of the journal in another collection of the same account. Requests of
// the devices that are lied to are redirected to this copy (see line.js). So every request is still answered by a real server.

import { collectionOf } from "./line.js";
import { deleteCollection, listRecords, putRecords } from "./records.js";

const CHANGED_AT = 24; // the changed letter; near the beginning, so that the list of pages shows it
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The possible lies: the devices that are lied to, the function that makes the modified copy, and the description. */
const LIES = {
  old: { victims: ["phone", "laptop"], doctor: withoutNewest, tale: (page) => `It shows an old state to both, from before page ${page}.` },
  bit: { victims: ["phone", "laptop"], doctor: withOneBitChanged, tale: (page) => `It changed one bit of page ${page}.` },
  stories: { victims: ["laptop"], doctor: (rows) => rows, tale: (page) => `After page ${page}, phone and laptop are told different stories. Add a task on each, and compare the four words.` },
};

export class Liar {
  /** The current lie, `{victims, tale, place}`, or `null`. */
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

  /** Begins a lie: `"old"`, `"bit"` or `"stories"`. Resolves to false if the journal has no page yet. */
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

  /** Resolves to the records that the victims of the lie see, as `listRecords` returns them. Returns `null` if there is no lie. */
  told() {
    if (!this.lie) return null;
    this.#reading = listRecords(this.lie.place, this.#headers);
    return this.#reading;
  }

  /** Ends the lie. */
  stop() {
    const { place } = this.lie;
    return this.#line.hold(async () => {
      this.lie = this.#line.detour = null;
      // Kinto creates a collection of the default bucket again when its records are read. So the last read has to end before the deletion.
      await this.#reading.catch(() => {});
      await deleteCollection(place, this.#headers);
    });
  }
}

/** Returns the position of a page, which is a part of its id. */
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
