// The line between devices and server. Both devices live in one page with one account, so each marks its requests, and
// the mark is taken off here, before they leave. Only because of this the demo's server can lie, and to one device alone.

const MARK = "X-Demo-Device";

/** The header by which the line knows a device; it never reaches the server. */
export const markOf = (device) => ({ [MARK]: device });

/** Fires `place` when the address of the journal's records is learnt from a device's request. */
export class Line extends EventTarget {
  /** Where the journal's records are, as the devices ask for them; `null` until one has. */
  place;
  /** The collection that a device reaches instead of the journal's own: `(device) => name`, or `null`. */
  detour = null;
  #send = globalThis.fetch.bind(globalThis);
  #open = Promise.resolve();
  #underWay = new Set();

  constructor(place) {
    super();
    this.place = place;
    globalThis.fetch = (input, init) => this.#carry(new Request(input, init));
  }

  /** Runs `change` while no request of a device is under way. */
  hold(change) {
    const opened = this.#open.then(() => Promise.allSettled(this.#underWay)).then(change);
    this.#open = opened.catch(() => {});
    return opened;
  }

  async #carry(request) {
    const device = request.headers.get(MARK);
    if (!device) return this.#send(request);
    await this.#open;
    const answer = this.#forward(request, device);
    this.#underWay.add(answer);
    return answer.finally(() => this.#underWay.delete(answer));
  }

  async #forward(request, device) {
    this.#learn(request.url);
    const { method, cache, credentials, mode, redirect, signal } = request;
    const headers = new Headers(request.headers);
    headers.delete(MARK);
    // Read first: a body that streams is more than HTTP/1.1 can carry.
    const body = method === "GET" || method === "HEAD" ? undefined : await request.text();
    const elsewhere = this.detour?.(device);
    const lead = (text) => (elsewhere ? text?.replaceAll(this.#address, `/collections/${elsewhere}`) : text);
    // A batch has addresses in its body too.
    return this.#send(lead(request.url), { method, headers, body: lead(body), cache, credentials, mode, redirect, signal });
  }

  /** The journal's collection in an address, but not one whose name only begins like it. */
  get #address() {
    return new RegExp(`/collections/${collectionOf(this.place)}(?![\\w-])`, "g");
  }

  #learn(url) {
    const place = /^[^?]*\/collections\/[^/?]+\/records(?=[/?]|$)/.exec(url)?.[0];
    if (!place || place === this.place || this.detour) return;
    this.place = place;
    this.dispatchEvent(new Event("place"));
  }
}

/** The name of the collection in the address of its records. */
export function collectionOf(place) {
  return place.split("/").at(-2);
}
