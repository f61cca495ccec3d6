/** The address of a server, and the headers of its requests. */

import { invalidOption } from "../errors.js";
import type { HeadersOption } from "../types/sync.js";

/** The version of Kinto's HTTP API that essaim supports. */
export const SUPPORTED_PROTOCOL_VERSION = "v1";

/** An address for error messages, without its password, query and fragment. */
function shown(url: unknown): string {
  if (typeof url !== "string") return String(url);
  return url.replace(/^([^/\\?#]*[/\\]{2})?.*@/s, "$1…@").replace(/[?#].*$/s, "?…");
}

/** Checks the root of a Kinto server, and removes one `/` at its end. */
export function readRemote(remote: unknown): string {
  if (typeof remote !== "string" || remote === "") throw invalidOption(`Invalid remote URL: ${shown(remote)}`);
  const version = /\/(v\d+)\/?$/.exec(remote)?.[1];
  if (!version) throw invalidOption(`The remote URL must contain the version: ${shown(remote)}`);
  if (version !== SUPPORTED_PROTOCOL_VERSION) throw invalidOption(`Unsupported protocol version: ${version}`);
  return remote.replace(/\/$/, "");
}

/** The absolute address of a remote. A remote like `/v1` is on the server of the page. */
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

/** Parses a URL. Some supported browsers have no `URL.parse` and no `URL.canParse`. */
function parse(url: string, base: string | undefined): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}

/** Merges headers and checks them; later ones override earlier ones, whatever their case. */
export function mergeHeaders(...sets: (HeadersOption | null | undefined)[]): Record<string, string> {
  const merged = new Headers();
  for (const set of sets) {
    for (const [name, value] of Object.entries(set ?? {})) {
      if (value !== undefined && value !== null) setHeader(merged, name, value);
    }
  }
  return Object.fromEntries(merged);
}

/** Headers whose values are no secrets. Any other header may hold a password. */
const HARMLESS = /^(accept|content-type|if-match|if-none-match)$/i;

/** The headers for error messages and listeners, with secrets replaced. */
export function maskHeaders(headers: HeadersOption): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, HARMLESS.test(name) ? String(value) : "**** (suppressed)"]));
}

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    // The message does not contain the value, which may be a password.
    throw invalidOption(`The header ${JSON.stringify(name)} has a name or a value that HTTP does not allow.`);
  }
}
