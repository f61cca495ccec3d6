// A front server before a real Kinto, or before several processes of one. It forwards requests to the processes in turn,
// keeps a list of them, and changes answers where a rule says so. The lies in `lies/` are made of such rules.

import { createServer, request as requestHttp } from "node:http";
import { once } from "node:events";

/** What a rule returns to break the connection off instead of answering. */
export const BREAK = Symbol("break the connection off");

/** What a rule returns to never answer. */
export const NEVER = new Promise(() => {});

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Alert, Backoff, Content-Length, Content-Type, ETag, Last-Modified, Next-Page, Retry-After",
};

/** An answer that Kinto did not give, which a page may read all the same. */
export function answer(status, body = "", headers = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers: { "Content-Type": "application/json", ...CORS, ...headers }, body: text };
}

/** An error as Kinto words it. */
export function kintoError(status, errno, message, headers) {
  return answer(status, { code: status, errno, error: "Error", message }, headers);
}

export class Proxy {
  /** Every request but preflights: `{method, path, query, headers, body, aborted}`; `closed` is when `aborted` is known. */
  requests = [];
  /** Preflights too, as `METHOD url`. */
  seen = [];
  #rules = [];
  #passed = 0;
  #server;

  /** `targets`: roots of Kintos over one database, as `http://localhost:8888/v1`; before them, `{port}` may be given. */
  static async start(...targets) {
    const { port = 0 } = typeof targets[0] === "object" ? targets.shift() : {};
    const proxy = new Proxy();
    proxy.targets = targets.map((target) => new URL(target));
    proxy.#server = createServer((incoming, outgoing) => proxy.#serve(incoming, outgoing).catch(() => outgoing.destroy()));
    // A connection that ends for being idle may end under the next request: a test that computes for seconds would see that.
    proxy.#server.keepAliveTimeout = 0;
    proxy.#server.listen(port, "localhost");
    await once(proxy.#server, "listening");
    proxy.origin = `http://localhost:${proxy.#server.address().port}`;
    proxy.url = `${proxy.origin}/v1`;
    return proxy;
  }

  /**
   * From now on, `rule(request, pass)` answers requests like `"POST /batch"` (a method, and the end of a path). `pass()`
   * gives Kinto's own answer `{status, headers, body}`, and `pass({ body })` that to something else. A later rule comes first; with `times`, it ends by itself.
   * The body of an answer is a text, bytes, or an async iterable of them, which is sent part by part.
   */
  rule(pattern, rule, { times = Infinity } = {}) {
    this.#rules.unshift({ pattern, rule, times });
  }

  /**
   * Does `work` when the next such request has left the page, and only then passes it on. Resolves when the server has answered it:
   * a request that the page gives up meanwhile still reaches the server, but perhaps after the page's next one.
   */
  before(pattern, work) {
    return new Promise((resolve) => {
      this.rule(pattern, async (request, pass) => (await work(), pass().finally(resolve)), { times: 1 });
    });
  }

  /** Passes everything on again. */
  behave() {
    this.#rules = [];
  }

  /** The requests like `"GET /records"` since this was last asked. */
  take(pattern) {
    const taken = this.requests.filter((request) => matches(pattern, request));
    this.requests = this.requests.filter((request) => !taken.includes(request));
    return taken;
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(incoming, outgoing) {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { pathname, searchParams } = new URL(incoming.url, this.origin);
    const request = { method: incoming.method, url: incoming.url, path: pathname, query: searchParams, headers: incoming.headers, body: Buffer.concat(chunks).toString(), aborted: false };
    request.closed = once(outgoing, "close").then(() => (request.aborted = !outgoing.writableFinished));
    this.seen.push(`${request.method} ${request.url}`);
    if (request.method !== "OPTIONS") this.requests.push(request);
    const found = await this.#answer(request);
    if (found === BREAK) return outgoing.destroy();
    // Kinto's own length is wrong once a body was changed; a rule may lie about it on purpose.
    outgoing.writeHead(found.status, found.headers);
    for await (const part of parts(found.body)) {
      if (outgoing.destroyed) return;
      await new Promise((resolve) => outgoing.write(part, resolve));
    }
    if (found.breaksOff) outgoing.destroy();
    else outgoing.end();
  }

  #answer(request) {
    const rule = this.#rules.find((rule) => rule.times > 0 && matches(rule.pattern, request));
    if (!rule) return this.#pass(request);
    rule.times -= 1;
    return rule.rule(request, (changes) => this.#pass({ ...request, ...changes }));
  }

  /** The Host stays the page's, so that the addresses in Kinto's answers lead through here. */
  async #pass({ method, url, headers: { "content-length": _, ...headers }, body }) {
    const target = this.targets[this.#passed++ % this.targets.length];
    const passed = requestHttp(new URL(url, target), { method, headers, agent: false });
    passed.end(body);
    const [received] = await once(passed, "response");
    const chunks = [];
    for await (const chunk of received) chunks.push(chunk);
    const { "content-length": length, connection, "transfer-encoding": encoding, ...kept } = received.headers;
    return { status: received.statusCode, headers: kept, body: Buffer.concat(chunks).toString() };
  }
}

function parts(body) {
  return typeof body === "string" || Buffer.isBuffer(body) ? [body] : body;
}

function matches(pattern, { method, path }) {
  const [wantedMethod, end] = pattern.split(" ");
  return (wantedMethod === "*" || wantedMethod === method) && method !== "OPTIONS" && path.endsWith(end);
}
