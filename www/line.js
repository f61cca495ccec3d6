// The line between the devices and the server: a replacement of `fetch`. Both devices are in one page and use one account, so each marks its
// requests with a header. The line removes this header before it sends a request. By the header it knows the device, so that the server of the
// demo can lie to one device only.

const MARK = "X-Demo-Device";

/** Returns the header that marks the requests of a device. It never reaches the server. */
export const markOf = (device) => ({ [MARK]: device });

/** Fires `place` when a device's request reveals the URL of the journal's records. */
export class Line extends EventTarget {
  /** The URL of the journal's records; `null` until a device has requested it. */
  place;
  /** A function `(device) => name` that returns the collection to use instead of the journal's own, or `null`; or `null` for no device. */
  detour = null;
  #send = globalThis.fetch.bind(globalThis);
  #open = Promise.resolve();
  #underWay = new Set();

  constructor(place) {
    super();
    this.place = place;
    globalThis.fetch = (input, init) => this.#carry(new Request(input, init));
  }

  /** Runs `change` when no request of a device is running, and holds new requests back until it has ended. */
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
    // The body is read first, because a browser cannot send a body as a stream over HTTP/1.1.
    const body = method === "GET" || method === "HEAD" ? undefined : await request.text();
    const elsewhere = this.detour?.(device);
    const lead = (text) => (elsewhere ? text?.replaceAll(this.#address, `/collections/${elsewhere}`) : text);
    // The body of a batch request has paths in it too.
    return this.#send(lead(request.url), { method, headers, body: lead(body), cache, credentials, mode, redirect, signal });
  }

  /** A pattern for the journal's collection in a URL. It does not match collections whose name only begins with the same characters. */
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

/** Returns the name of the collection in the URL of its records. */
export function collectionOf(place) {
  return place.split("/").at(-2);
}
