/** Makes `kinto.api`: the HTTP client of a `Kinto`. It shares the knowledge about servers (their backoff) with the syncs of the `Kinto`. */

import type { Emitter } from "../events.js";
import { KintoClient } from "../http/client.js";
import type { Servers } from "../http/servers.js";
import type { KintoOptions } from "./options.js";

export { KintoClient };

const DEFAULT_REMOTE = "http://localhost:8888/v1";
const DEFAULT_RETRY = 1;

/** The class of a `Kinto`'s HTTP client: {@link KintoClient}, or a class that an app derived from it. */
export type ApiClass = typeof KintoClient;

/** @internal Makes a client with the options of a `Kinto`. */
export function makeApi(
  Api: ApiClass,
  { remote = DEFAULT_REMOTE, headers, retry = DEFAULT_RETRY, timeout, requestMode }: KintoOptions,
  events: Emitter,
  servers: Servers,
): KintoClient {
  return new Api(remote, { events, headers, retry, timeout, requestMode }, { servers });
}
