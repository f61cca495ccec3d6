/** An answer as WASM gets it: `{"status", "reason", "headers": [[name, value]], "redirected", "exceeded"}` as a line of JSON, then the body. */

import type { FetchResponse } from "./types.js";

/** What the rules look at. The other headers are the app's. */
const KNOWN = ["Backoff", "Retry-After", "Alert"];

/** `exceeded` is the limit, if the body was larger. */
export function answerText({ status, statusText, headers, type }: FetchResponse, body: string, exceeded?: number): string {
  const known = KNOWN.map((name) => [name, headers.get(name)]).filter(([, value]) => typeof value === "string");
  return `${JSON.stringify({ status, reason: statusText ?? "", headers: known, redirected: type === "opaqueredirect", exceeded })}\n${body}`;
}

/**
 * The text of a body, or undefined if it has more bytes than the limit: a small compressed body can unpack to more than the
 * memory of WASM. What has no stream (an app's own `fetch` may give such) is measured when it is read.
 */
export async function readText(response: FetchResponse, limit: number): Promise<string | undefined> {
  const reader = (response.body as ReadableStream<Uint8Array> | null | undefined)?.getReader?.();
  if (!reader) {
    const whole = await response.text();
    return whole.length > limit ? undefined : whole;
  }
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > limit) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}
