/** The address of a server, and the headers that go there. */

import { invalidOption } from "./errors.js";
import type { HeadersOption } from "./types.js";

/** The version of Kinto's HTTP API that essaim speaks. */
const VERSION = "v1";

/** Checks that this can be the root of a Kinto server, and drops one `/` at its end. */
export function readRemote(remote: unknown): string {
  if (typeof remote !== "string" || remote === "") throw invalidOption(`Invalid remote URL: ${String(remote)}`);
  const version = /\/(v\d+)\/?$/.exec(remote)?.[1];
  if (!version) throw invalidOption(`The remote URL must contain the version: ${remote}`);
  if (version !== VERSION) throw invalidOption(`Unsupported protocol version: ${version}`);
  return remote.replace(/\/$/, "");
}

/** The remote as requests need it: a remote like `/v1` is on the page's own server. */
export function absoluteRemote(remote: string): string {
  const page = (globalThis as { location?: { href?: string } }).location?.href;
  const url = parse(remote, page);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw invalidOption(`Invalid remote URL: ${remote}. It must begin with https:// or http://.`);
  }
  if (url.username || url.password) {
    throw invalidOption("The remote URL must not contain a password. Give it in the `headers` option.");
  }
  return url.href.replace(/\/$/, "");
}

/** `URL.canParse` is younger than browsers that essaim runs in. */
function parse(url: string, base: string | undefined): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}

/** One set of headers out of several; later ones win, whatever their case. */
export function mergeHeaders(...sets: (HeadersOption | null | undefined)[]): Record<string, string> {
  const merged = new Headers();
  for (const set of sets) {
    for (const [name, value] of Object.entries(set ?? {})) {
      if (value !== undefined && value !== null) setHeader(merged, name, value);
    }
  }
  return Object.fromEntries(merged);
}

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    // The value may be a password: it is not repeated.
    throw invalidOption(`The header ${JSON.stringify(name)} has a name or a value that HTTP does not allow.`);
  }
}
