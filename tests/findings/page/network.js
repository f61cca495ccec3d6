// The network between a library and the server: records every request, and lets a scenario change it. Requests and answers are real, except for the
// answers that a rule makes.

const reach = globalThis.fetch.bind(globalThis);

/** One network per account. The requests of a library are recognized by their Authorization header. */
const networks = new Map();

// Both libraries read the global `fetch` at each call, so it can be replaced.
globalThis.fetch = (input, init) => {
  const { method, url, headers } = input instanceof Request ? input : new Request(input, { ...init, body: undefined });
  const network = networks.get(headers.get("Authorization"));
  return network ? network.send({ method, url }, () => reach(input, init)) : reach(input, init);
};

export { reach };

export class Network {
  /** All requests, as `METHOD url`. Scenarios empty this list. */
  requests = [];
  #rules = [];

  constructor(authorization) {
    networks.set(authorization, this);
    this.end = () => networks.delete(authorization);
  }

  /**
   * Adds a rule: `rule(pass)` answers requests that match `pattern` (a method and the end of a path, like `"POST /batch"`), at most `times` times.
   * Later rules take precedence.
   */
  rule(pattern, rule, { times = Infinity } = {}) {
    this.#rules.unshift({ pattern, rule, times });
  }

  /** Calls `work` before the next request that matches `pattern` is sent. */
  before(pattern, work) {
    this.rule(pattern, async (pass) => (await work(), pass()), { times: 1 });
  }

  /** Removes all rules, so that every request is passed on unchanged. */
  behave() {
    this.#rules = [];
  }

  count(pattern) {
    return this.requests.filter((request) => matches(pattern, request)).length;
  }

  async send({ method, url }, pass) {
    const request = `${method} ${url}`;
    this.requests.push(request);
    const rule = this.#rules.find(({ pattern, times }) => times > 0 && matches(pattern, request));
    if (!rule) return pass();
    rule.times -= 1;
    return rule.rule(pass);
  }
}

/** Returns an error answer that does not come from Kinto. */
export function refusal(status, headers = {}) {
  const body = { code: status, errno: status === 403 ? 121 : 201, error: "Error", message: "Made up by this scenario" };
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

/** Returns the answer with additional headers. */
function withHeaders(answer, more) {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
}

/** A rule: adds `Backoff: 30` to Kinto's answer, which asks clients to wait for half a minute. */
export const asksToBackOff = async (pass) => withHeaders(await pass(), { Backoff: "30" });

function matches(pattern, request) {
  const [method, end] = pattern.split(" ");
  const [ofRequest, url] = request.split(" ");
  return method === ofRequest && new URL(url).pathname.endsWith(end);
}
