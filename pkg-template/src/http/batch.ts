/** Many requests in one. */

import { load } from "../wasm/load.js";
import { enterNow } from "../wasm/call.js";
import { UnparseableResponseError } from "../errors.js";
import type { AggregateResponse, KintoRequest, OperationResponse } from "./types.js";

/** The bodies of the batches that carry these requests, as few as the limit allows. */
export async function batchBodies(requests: KintoRequest[], headers: Record<string, string>, maxRequests: number): Promise<string[]> {
  const wasm = await load();
  return enterNow(() => wasm.batch_bodies(JSON.stringify(requests), JSON.stringify(headers), maxRequests));
}

/** What stands for an answer that is not there yet. */
export const PLACEHOLDER = "This result is generated from within a batch operation and should not be consumed.";

const TYPES = { code: "number", errno: "number", error: "string", message: "string", info: "string", details: "object" };

/** Of a refusal's body the members of Kinto's error format, as in the errors of single requests: whatever else is there says nothing. */
function saidBy(body: unknown): any {
  const members = Object.entries(TYPES).map(([name, type]) => [name, (body as Record<string, unknown> | null)?.[name], type] as const);
  return Object.fromEntries(members.filter(([, value, type]) => value !== null && typeof value === type));
}

/** The answers, sorted by what came of them. */
export function aggregate(responses: OperationResponse[], requests: KintoRequest[], url: string): AggregateResponse {
  if (responses.length !== requests.length) throw new UnparseableResponseError("Responses length should match requests one.", { url, status: 200 });
  const sorted: AggregateResponse = { errors: [], published: [], conflicts: [], skipped: [] };
  for (const [index, { status, body }] of responses.entries()) {
    const sent = requests[index]!;
    const { path } = sent;
    if (status >= 200 && status < 400) sorted.published.push(body);
    else if (status === 404) sorted.skipped.push({ id: idOf(path), path, error: saidBy(body) });
    else if (status === 412) sorted.conflicts.push({ type: "outgoing", local: sent.body, remote: body?.details?.existing ?? null });
    else sorted.errors.push({ path, sent, error: saidBy(body) });
  }
  return sorted;
}

function idOf(path: string): string | undefined {
  const id = /(?:buckets|groups|collections|records)\/([^/]+)$/.exec(path)?.[1];
  return id === undefined ? undefined : decodeURIComponent(id);
}
