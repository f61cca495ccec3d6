/** The server's description of itself: its settings, its plugins, and the user. */

import { invalidOption } from "../../errors.js";
import { abortable, settingsOf, signalOf } from "../defaults.js";
import { endpoints } from "../requests/endpoints.js";
import type { HelloResponse, RequestOptions } from "../types.js";
import type { SendingClient } from "./execute.js";

/** Requests the description. */
export async function requestInfo(client: SendingClient, options: RequestOptions): Promise<HelloResponse> {
  const { headers, retry } = settingsOf(client, options);
  const { json } = await client.http.request<HelloResponse>(client.inside().remote + endpoints.root(), { headers }, { retry });
  return json;
}

/** Returns the description in `serverInfo`, which is requested first if there is none. */
export async function readInfo(client: SendingClient & { serverInfo: HelloResponse | null }, options: RequestOptions): Promise<HelloResponse> {
  if (client.serverInfo) return client.serverInfo;
  const inside = client.inside();
  const { remote, defaults } = inside;
  // The description is kept for later calls, so the headers of this call are left out. The signal of the call still aborts the request.
  const signal = signalOf(options.headers);
  const info = await requestInfo(client, { retry: options.retry, headers: signal && abortable({}, signal) });
  if (inside.remote === remote && inside.defaults.headers === defaults.headers) client.serverInfo = info;
  return info;
}

/** Calls `work` if the server has the plugin, else rejects. Throws at once within a batch, where nothing handles a rejection. */
export function withCapability<T>(
  client: { fetchServerCapabilities(): Promise<HelloResponse["capabilities"]> },
  capability: string,
  work: () => Promise<T>,
): Promise<T> {
  return client.fetchServerCapabilities().then((capabilities) => {
    if (!(capability in (capabilities ?? {}))) throw invalidOption(`Required capabilities ${capability} not present on server`);
    return work();
  });
}
