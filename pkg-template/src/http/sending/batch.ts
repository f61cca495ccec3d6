/** Batches: many requests in one. */

import { invalidOption, UnparseableResponseError } from "../../errors.js";
import { enterNow } from "../../wasm/call.js";
import { load } from "../../wasm/load.js";
import { settingsOf } from "../defaults.js";
import { isObject } from "../requests/arguments.js";
import { endpoints } from "../requests/endpoints.js";
import type { AggregateResponse, BatchOptions, HelloResponse, KintoRequest, OperationResponse, RequestOptions } from "../types.js";
import type { ClientInside } from "./execute.js";

/** A client, as far as batches concern it. */
interface BatchClient {
  readonly remote: string;
  readonly inside: () => ClientInside;
  fetchServerSettings(options: RequestOptions): Promise<HelloResponse["settings"]>;
  execute(request: KintoRequest, options: { retry: number; stringify: boolean }): Promise<{ responses?: OperationResponse[] }>;
}

/** Throws if this is the client of a batch. */
export function assertNoBatch({ inside }: Pick<BatchClient, "inside">, message = "This operation is not supported within a batch operation."): void {
  if (inside().batched) throw invalidOption(message);
}

/** Sends requests in as few batches as the server's limit allows, and returns the answers in the order of the requests. */
export async function sendBatches(client: BatchClient, requests: KintoRequest[], options: BatchOptions): Promise<OperationResponse<any>[]> {
  const { headers, retry } = settingsOf(client, options);
  if (requests.length === 0) return [];
  const settings = await client.fetchServerSettings({ retry, headers });
  const wasm = await load();
  const bodies = enterNow(() => wasm.batch_bodies(JSON.stringify(requests), JSON.stringify(headers), settings?.batch_max_requests || 0));
  const responses: OperationResponse[] = [];
  for (const body of bodies) {
    const answer = await client.execute({ method: "POST", path: endpoints.batch(), headers, body }, { retry, stringify: false });
    if (!Array.isArray(answer?.responses) || !answer.responses.every(isObject)) {
      const url = `${client.remote}${endpoints.batch()}`;
      throw new UnparseableResponseError("The answer to a batch has no responses.", { url, status: 200 });
    }
    for (const response of answer.responses) responses.push(response);
  }
  return responses;
}

/** Sorts the answers to a batch by their outcome. */
export function aggregate(responses: OperationResponse[], requests: KintoRequest[], url: string): AggregateResponse {
  if (responses.length !== requests.length) throw new UnparseableResponseError("Responses length should match requests one.", { url, status: 200 });
  const sorted: AggregateResponse = { errors: [], published: [], conflicts: [], skipped: [] };
  for (const [index, { status, body }] of responses.entries()) {
    const sent = requests[index]!;
    const { path } = sent;
    if (status >= 200 && status < 400) sorted.published.push(body);
    else if (status === 404) sorted.skipped.push({ id: idOf(path), path, error: readError(body) });
    else if (status === 412) sorted.conflicts.push({ type: "outgoing", local: sent.body, remote: body?.details?.existing ?? null });
    else sorted.errors.push({ path, sent, error: readError(body) });
  }
  return sorted;
}

/** The members of Kinto's error format, by type. */
const ERROR_MEMBERS = { code: "number", errno: "number", error: "string", message: "string", info: "string", details: "object" };

/** Picks the members of Kinto's error format from a body. The errors of single requests have the same members. */
function readError(body: unknown): any {
  const members = Object.entries(ERROR_MEMBERS).map(([name, type]) => [name, (body as Record<string, unknown> | null)?.[name], type] as const);
  return Object.fromEntries(members.filter(([, value, type]) => value !== null && typeof value === type));
}

function idOf(path: string): string | undefined {
  const id = /(?:buckets|groups|collections|records)\/([^/]+)$/.exec(path)?.[1];
  return id === undefined ? undefined : decodeURIComponent(id);
}
