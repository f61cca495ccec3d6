/** Sending one request of a client. */

import type { Defaults } from "../defaults.js";
import { withQuery } from "../requests/endpoints.js";
import type { Servers } from "../servers.js";
import type { ExecuteOptions, KintoRequest, RawResponse } from "../types.js";
import type { HTTP } from "./http.js";

/** The internal state of a client. */
export interface ClientInside {
  /** The root of the server, as the app wrote it. */
  remote: string;
  defaults: Defaults;
  readonly servers: Servers;
  /** The client of a batch collects requests here instead of sending them. */
  readonly batched: KintoRequest[] | undefined;
}

/** A client, as far as sending concerns it. */
export interface SendingClient {
  readonly http: HTTP;
  readonly inside: () => ClientInside;
}

/** The answer to a request that is only added to a batch. */
const PLACEHOLDER = "This result is generated from within a batch operation and should not be consumed.";

/** Sends a request, or adds it to the batch. */
export async function execute(client: SendingClient, request: KintoRequest, options: ExecuteOptions): Promise<any> {
  const { raw = false, stringify = true, retry, query, fields } = options;
  const { remote, defaults, batched } = client.inside();
  const path = withQuery(request.path, { ...query, _fields: fields });
  if (batched) {
    batched.push({ ...request, path });
    return raw ? { status: 0, json: PLACEHOLDER, headers: new Headers() } : PLACEHOLDER;
  }
  const { method, headers, body } = request;
  const isJson = stringify && body !== undefined && !(body instanceof FormData);
  const sent = { method, headers, body: isJson ? JSON.stringify(body) : body };
  const answer: RawResponse = await client.http.request(remote + path, sent, { retry: retry ?? defaults.retry });
  return raw ? answer : answer.json;
}
