/** `kinto.api`: the HTTP client of one `Kinto`, which knows of its servers what the syncs know. */

import type { Emitter } from "../events.js";
import { KintoClient } from "../http/client.js";
import type { Servers } from "../http/servers.js";
import type { KintoOptions } from "./options.js";

export { KintoClient };

const DEFAULT_REMOTE = "http://localhost:8888/v1";
const DEFAULT_RETRY = 1;

/** The class of a `Kinto`'s client: {@link KintoClient}, or what an app derived from it. */
export type ApiClass = typeof KintoClient;

/** @internal The client with the options of a `Kinto`. */
export function makeApi(
  Api: ApiClass,
  { remote = DEFAULT_REMOTE, headers, retry = DEFAULT_RETRY, timeout, requestMode }: KintoOptions,
  events: Emitter,
  servers: Servers,
): KintoClient {
  return new Api(remote, { events, headers, retry, timeout, requestMode }, { servers });
}
