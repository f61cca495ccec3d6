// What happens between a library and the server: every request is seen here, and a scenario may meddle with it. The requests
// and the answers are real, but for the answers that a rule makes up.

const reach = globalThis.fetch.bind(globalThis);

/** One per account: a library's requests are known by their Authorization. */
const networks = new Map();

// Both libraries look `fetch` up when they call it.
globalThis.fetch = (input, init) => {
  const { method, url, headers } = input instanceof Request ? input : new Request(input, { ...init, body: undefined });
  const network = networks.get(headers.get("Authorization"));
  return network ? network.send({ method, url }, () => reach(input, init)) : reach(input, init);
};

export { reach };

export class Network {
  /** `METHOD url` of every request since this was last emptied. */
  requests = [];
  #rules = [];

  constructor(authorization) {
    networks.set(authorization, this);
    this.end = () => networks.delete(authorization);
  }

  /** `rule(pass)` answers requests like `"POST /batch"` (a method, and the end of a path), `times` times. A later rule comes first. */
  rule(pattern, rule, { times = Infinity } = {}) {
    this.#rules.unshift({ pattern, rule, times });
  }

  /** Does `work` when the next such request is about to leave. */
  before(pattern, work) {
    this.rule(pattern, async (pass) => (await work(), pass()), { times: 1 });
  }

  /** Passes everything on again. */
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

/** An answer that Kinto did not give. */
export function refusal(status, headers = {}) {
  const body = { code: status, errno: status === 403 ? 121 : 201, error: "Error", message: "Made up by this scenario" };
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

/** An answer with some headers more. */
function withHeaders(answer, more) {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
}

/** A rule: Kinto's answer, with the wish to be left alone for half a minute. */
export const asksToBackOff = async (pass) => withHeaders(await pass(), { Backoff: "30" });

function matches(pattern, request) {
  const [method, end] = pattern.split(" ");
  const [ofRequest, url] = request.split(" ");
  return method === ofRequest && new URL(url).pathname.endsWith(end);
}
