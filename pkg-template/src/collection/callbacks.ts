/** What WASM calls in a sync: the app's remote transformers, hooks and listeners. */

import { type ChangeTarget, type Emitter, emit, hears } from "../events.js";
import type { IncomingChanges, RemoteTransformer } from "../types/sync.js";
import { withoutLocalFields } from "../values/equality.js";
import { asRecord, assertJson, messageOf } from "../values/json.js";
import type { RawApp } from "../wasm/essaim_wasm.js";

/** What the callbacks need of a collection. Everything is read at each call: an app may add a transformer to an open collection. */
export interface CallbacksOf {
  readonly remoteTransformers: RemoteTransformer[];
  readonly localFields: string[];
  readonly hooks: { "incoming-changes"?: unknown[] };
  readonly events: Emitter;
  applyHook(name: "incoming-changes", payload: IncomingChanges): Promise<IncomingChanges>;
}

/** One record after the transformers. A failure is data, so that the other records are synced. */
export type Transformed = { ok: object } | { error: string };

export class Callbacks implements RawApp {
  private readonly of: CallbacksOf;
  /** What a hook threw last. WASM can only pass on its message. */
  private thrown: unknown;

  constructor(of: CallbacksOf) {
    this.of = of;
  }

  get has_transformers(): boolean {
    return this.of.remoteTransformers.length > 0;
  }

  get has_incoming_hook(): boolean {
    return (this.of.hooks["incoming-changes"] ?? []).length > 0;
  }

  encode(records: string): Promise<string> {
    const { remoteTransformers, localFields } = this.of;
    const steps = remoteTransformers.map((transformer) => (record: any) => transformer.encode(record));
    // Transformers get no local fields, but one may add some.
    const dropLocal = (record: any) => ({ ...withoutLocalFields(asRecord(record), localFields), _status: record._status });
    return transformAll(records, [...steps, dropLocal]);
  }

  decode(records: string): Promise<string> {
    return transformAll(records, decodingSteps(this.of.remoteTransformers));
  }

  async incoming(payload: string): Promise<string> {
    try {
      const { changes, lastModified } = JSON.parse(payload) as IncomingChanges;
      const current = await this.of.applyHook("incoming-changes", { changes, lastModified });
      return JSON.stringify({ changes: current.changes, lastModified });
    } catch (thrown) {
      this.thrown = thrown;
      throw new Error(messageOf(thrown));
    }
  }

  get events(): Emitter {
    return this.of.events;
  }

  get hears_changes(): boolean {
    return hears(this.events, "change");
  }

  changed(changes: string): void {
    emit(this.events, "change", { targets: JSON.parse(changes) as ChangeTarget<any>[], origin: "elsewhere" });
  }

  /** Returns what a hook threw since the last call. */
  takeThrown(): unknown {
    const { thrown } = this;
    this.thrown = undefined;
    return thrown;
  }
}

/** Decoding runs in the reverse order of encoding. */
export function decodingSteps(transformers: RemoteTransformer[]): ((record: unknown) => unknown)[] {
  return transformers.map((transformer) => (record: unknown) => transformer.decode(record)).reverse();
}

async function transformAll(records: string, steps: ((record: unknown) => unknown)[]): Promise<string> {
  const transformed = (JSON.parse(records) as object[]).map((record) => transform(record, steps));
  return JSON.stringify(await Promise.all(transformed));
}

export async function transform(record: object, steps: ((record: unknown) => unknown)[]): Promise<Transformed> {
  try {
    let current: unknown = record;
    for (const step of steps) current = await step(current);
    const transformed = asRecord(current);
    assertJson(transformed);
    return { ok: transformed };
  } catch (thrown) {
    return { error: messageOf(thrown) };
  }
}
