/** Reading an HTTP response, for WASM. */

import type { FetchResponse } from "../types.js";

/** Headers that the retry rules read. Others stay on this side. */
const KNOWN = ["Backoff", "Retry-After", "Alert"];

/**
 * A response as WASM reads it: a line of JSON (`{"status", "reason", "headers": [[name, value]], "redirected", "exceeded"}`), then
 * the body. `exceeded` is the size limit, if the body is larger.
 */
export function answerText({ status, statusText, headers, type }: FetchResponse, body: string, exceeded?: number): string {
  const known = KNOWN.map((name) => [name, headers.get(name)]).filter(([, value]) => typeof value === "string");
  return `${JSON.stringify({ status, reason: statusText ?? "", headers: known, redirected: type === "opaqueredirect", exceeded })}\n${body}`;
}

/**
 * Reads the text of a body, or undefined if the body has more bytes than the limit. A small compressed body can unpack to more than
 * the memory of WASM. A body without a stream, as an app's own `fetch` may return, is measured after reading.
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
