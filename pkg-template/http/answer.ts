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

export function answerText({ status, headers, type }: Response, body: string): string {
  return `${JSON.stringify({ status, headers: [...headers], redirected: type === "opaqueredirect" })}\n${body}`;
}

/** The body, if it is JSON. */
export function readBody(body: string): any {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
