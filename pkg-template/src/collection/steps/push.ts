/** The step that uploads local changes, through a client of the app. */

import { abortable } from "../../http/defaults.js";
import type { IdOf, StoredRecord } from "../../types/records.js";
import type { RemoteCollection, StepOptions } from "../../types/sync.js";
import { messageOf } from "../../values/json.js";
import { addLists, type SyncLists, type SyncResultObject } from "../result.js";
import { decodeAll, type PullingOf } from "./pull.js";
import { checkJson } from "./rows.js";
import { assertRuns, type Run } from "./run.js";

/** The members of a collection that pushing uses. The methods are called on the collection, because an app may have replaced them. */
export interface PushingOf<T extends object> extends PullingOf<T> {
  cleanLocalFields(record: object): Record<string, unknown>;
  _decodeRecord(type: "remote", record: object): Promise<any>;
}

/** The answer to a push, as a client's `batch()` returns it with the option `aggregate`. */
interface BatchSummary {
  published: { data: any }[];
  errors: object[];
  conflicts: { type: string; local?: { data?: any } | null; remote: any }[];
  skipped: { id: any }[];
}

/** The server's answer to one upload. `overtaken`: the upload lost the race, because another client changed the record first. */
interface UploadAnswer {
  answer: "published" | "overtaken" | "gone";
  id: unknown;
  remote?: any;
}

export async function pushChanges<T extends object>(
  of: PushingOf<T>,
  client: Pick<RemoteCollection, "batch">,
  changes: readonly any[],
  result: SyncResultObject<T>,
  options: StepOptions,
  run: Run,
): Promise<SyncResultObject<T>> {
  const before = new Map((await of.db.list()).map((record) => [record.id as unknown, record]));
  const { retry, strategy = "manual" } = options;
  assertRuns(run);
  const headers = abortable(options.headers, run.signal);
  const summary = (await client.batch((batch: any) => collect(of, changes, batch), { headers, retry, safe: true, aggregate: true })) as BatchSummary;
  assertRuns(run);
  for (const error of summary.errors) result.add("errors", { ...error, type: "outgoing" });
  const answers: UploadAnswer[] = [
    ...(await published(of, summary, result)),
    ...(await lostRaces(of, summary, result, before)),
    ...summary.skipped.map(({ id }): UploadAnswer => ({ answer: "gone", id })),
  ];
  const usable = answers.filter((answer) => checkJson("remote" in answer && answer.remote, "outgoing", result));
  const text = JSON.stringify(usable.map((answer) => ({ ...answer, sent: before.get(answer.id) ?? null })));
  const settled = await of.inside().handle.call<SyncLists<T>>((raw) => raw.settle_answers(text, strategy, run.epoch));
  if (settled.resolved.length > 0) result.reset("conflicts").reset("resolved");
  addLists(result, settled);
  return result.add("skipped", summary.skipped);
}

/** Adds the requests to the batch, deletions first. A deleted record that was never uploaded needs no request. */
function collect(of: PushingOf<any>, changes: readonly any[], batch: any): void {
  for (const record of changes) {
    if (record._status === "deleted" && record.last_modified) batch.deleteRecord(record);
  }
  for (const record of changes) {
    const clean = of.cleanLocalFields(record);
    if (record._status === "created") batch.createRecord(clean);
    else if (record._status !== "deleted") batch.updateRecord(clean);
  }
}

async function published(of: PushingOf<any>, { published }: BatchSummary, result: SyncResultObject<any>): Promise<UploadAnswer[]> {
  const records = published.map((body) => body?.data).filter((record) => typeof record === "object" && record !== null);
  const decoded = await decodeAll(of, records, "outgoing", result);
  return decoded.map((remote) => ({ answer: "published", id: remote.id as unknown, remote }));
}

async function lostRaces<T extends object>(
  of: PushingOf<T>,
  { conflicts }: BatchSummary,
  result: SyncResultObject<T>,
  before: ReadonlyMap<unknown, StoredRecord<T>>,
): Promise<UploadAnswer[]> {
  const answers: UploadAnswer[] = [];
  for (const conflict of conflicts) {
    try {
      const local = await of._decodeRecord("remote", conflict.local?.data ?? { id: conflict.remote.id });
      const remote = conflict.remote && (await of._decodeRecord("remote", conflict.remote));
      if (before.has(local.id)) answers.push({ answer: "overtaken", id: local.id as unknown, remote });
      else result.add("conflicts", { type: "outgoing", local, remote });
    } catch (error) {
      result.add("errors", { type: "outgoing", id: conflict.remote?.id as IdOf<T>, message: messageOf(error) });
    }
  }
  return answers;
}
