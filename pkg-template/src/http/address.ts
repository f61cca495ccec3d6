/** The address of a server, and the headers that go there. */

import { invalidOption } from "../errors.js";
import type { HeadersOption } from "../types/sync.js";

/** The version of Kinto's HTTP API that essaim speaks. */
const VERSION = "v1";

/** An address for messages: without a password, and without what comes after its path. */
function shown(url: unknown): string {
  if (typeof url !== "string") return String(url);
  return url.replace(/^([^/\\?#]*[/\\]{2})?[^]*@/, "$1…@").replace(/[?#][^]*$/, "?…");
}

/** Checks that this can be the root of a Kinto server, and drops one `/` at its end. */
export function readRemote(remote: unknown): string {
  if (typeof remote !== "string" || remote === "") throw invalidOption(`Invalid remote URL: ${shown(remote)}`);
  const version = /\/(v\d+)\/?$/.exec(remote)?.[1];
  if (!version) throw invalidOption(`The remote URL must contain the version: ${shown(remote)}`);
  if (version !== VERSION) throw invalidOption(`Unsupported protocol version: ${version}`);
  return remote.replace(/\/$/, "");
}

/** The remote as requests need it: a remote like `/v1` is on the page's own server. */
export function absoluteRemote(remote: string): string {
  const page = (globalThis as { location?: { href?: string } }).location?.href;
  const url = parse(remote, page);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw invalidOption(`Invalid remote URL: ${shown(remote)}. It must begin with https:// or http://.`);
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

/** Headers that tell nothing. The value of any other may be a password, under whatever name. */
const HARMLESS = /^(accept|content-type|if-match|if-none-match)$/i;

/** Headers for messages and listeners. */
export function maskHeaders(headers: HeadersOption): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, HARMLESS.test(name) ? String(value) : "**** (suppressed)"]));
}

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    // The value may be a password: it is not repeated.
    throw invalidOption(`The header ${JSON.stringify(name)} has a name or a value that HTTP does not allow.`);
  }
}
