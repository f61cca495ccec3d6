// A proxy before a real Kinto server, or before several processes of one server. It forwards requests to the processes in turn, records the
// requests, and changes answers by rules. The lies in `lies/` consist of such rules.

import { createServer, request as requestHttp } from "node:http";
import { once } from "node:events";

/** A rule returns this to break the connection instead of answering. */
export const BREAK = Symbol("break the connection off");

/** A rule returns this to never answer. */
export const NEVER = new Promise(() => {});

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Alert, Backoff, Content-Length, Content-Type, ETag, Last-Modified, Next-Page, Retry-After",
};

/** Returns an answer that does not come from Kinto. It has the CORS headers that pages need to read it. */
export function answer(status, body = "", headers = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers: { "Content-Type": "application/json", ...CORS, ...headers }, body: text };
}

/** Returns an error answer in Kinto's format. */
export function kintoError(status, errno, message, headers) {
  return answer(status, { code: status, errno, error: "Error", message }, headers);
}

export class Proxy {
  /** All requests except preflights: `{method, path, query, headers, body, aborted, closed}`. `closed` resolves when `aborted` is known. */
  requests = [];
  /** All requests, including preflights, as `METHOD url`. */
  seen = [];
  #rules = [];
  #passed = 0;
  #server;

  /** Starts a proxy. `targets` are root URLs of Kinto processes that share one database, like `http://localhost:8888/v1`; `{port}` may precede them. */
  static async start(...targets) {
    const { port = 0 } = typeof targets[0] === "object" ? targets.shift() : {};
    const proxy = new Proxy();
    proxy.targets = targets.map((target) => new URL(target));
    proxy.#server = createServer((incoming, outgoing) => proxy.#serve(incoming, outgoing).catch(() => outgoing.destroy()));
    // Idle connections are not closed. Otherwise a connection could be closed just when the next request is sent over it; this happened in tests
    // that compute for seconds between two requests.
    proxy.#server.keepAliveTimeout = 0;
    proxy.#server.listen(port, "localhost");
    await once(proxy.#server, "listening");
    proxy.origin = `http://localhost:${proxy.#server.address().port}`;
    proxy.url = `${proxy.origin}/v1`;
    return proxy;
  }

  /**
   * Adds a rule. From now on `rule(request, pass)` answers requests that match `pattern`: a method and the end of a path, like `"POST /batch"`; `*`
   * matches every method. `pass()` resolves to Kinto's answer `{status, headers, body}`; `pass({ body })` sends another body to Kinto. Later rules
   * take precedence. With `times`, the rule applies to this number of requests. The body of an answer is a text, bytes, or an async iterable of
   * these, which is sent part by part.
   */
  rule(pattern, rule, { times = Infinity } = {}) {
    this.#rules.unshift({ pattern, rule, times });
  }

  /**
   * Calls `work` when the next request that matches `pattern` has left the page, and passes the request on afterwards. Resolves when the server has
   * answered. A request that the page aborts meanwhile still reaches the server, perhaps after the page's next request.
   */
  before(pattern, work) {
    return new Promise((resolve) => {
      this.rule(pattern, async (request, pass) => (await work(), pass().finally(resolve)), { times: 1 });
    });
  }

  /** Removes all rules, so that every request is passed on unchanged. */
  behave() {
    this.#rules = [];
  }

  /** Returns the recorded requests that match `pattern`, like `"GET /records"`, and removes them from the record. */
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
    // `#pass` removes Kinto's Content-Length, which is wrong after the body was changed. A rule can set a false one on purpose.
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

  /** Sends a request to Kinto. The Host header stays that of the page's request, so that URLs in Kinto's answers lead to this proxy. */
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
