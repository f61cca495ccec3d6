/** An answer as WASM gets and gives it: `{"status", "headers": [[name, value]]}` as a line of JSON, then the body. */

export interface Answer {
  status: number;
  headers: Headers;
  body: string;
}

export function readAnswer(text: string): Answer {
  const end = text.indexOf("\n");
  const { status, headers } = JSON.parse(text.slice(0, end)) as { status: number; headers: [string, string][] };
  return { status, headers: new Headers(headers), body: text.slice(end + 1) };
}

/** What the rules and an app look at. */
const KNOWN = ["ETag", "Last-Modified", "Next-Page", "Total-Records", "Total-Objects", "Backoff", "Retry-After", "Alert", "Content-Type"];

export function answerText({ status, statusText, headers, type }: Response, body: string): string {
  const head = { status, reason: statusText ?? "", headers: entriesOf(headers), redirected: type === "opaqueredirect" };
  return `${JSON.stringify(head)}\n${body}`;
}

/** An app's own `fetch` may give headers that can be asked, and no more. */
function entriesOf(headers: Headers): [string, string][] {
  if (Symbol.iterator in headers) return [...headers];
  const given: Headers = headers;
  return KNOWN.map((name): [string, unknown] => [name, given.get(name)])
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name, String(value)]);
}

/** The body, if it is JSON. */
export function readBody(body: string): any {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
