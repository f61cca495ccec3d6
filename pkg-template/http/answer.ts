/** An answer as WASM gets it: `{"status", "reason", "headers": [[name, value]], "redirected"}` as a line of JSON, then the body. */

import type { FetchResponse } from "./types.js";

/** What the rules look at. The other headers are the app's. */
const KNOWN = ["Backoff", "Retry-After", "Alert"];

export function answerText({ status, statusText, headers, type }: FetchResponse, body: string): string {
  const known = KNOWN.map((name) => [name, headers.get(name)]).filter(([, value]) => typeof value === "string");
  return `${JSON.stringify({ status, reason: statusText ?? "", headers: known, redirected: type === "opaqueredirect" })}\n${body}`;
}
