/** The functions that WASM calls during a sync: the app's remote transformers, hooks and listeners. */

import { type ChangeTarget, type Emitter, emit, hears } from "../events.js";
import type { IncomingChanges, RemoteTransformer } from "../types/sync.js";
import { withoutLocalFields } from "../values/equality.js";
import { asRecord, assertJson, messageOf } from "../values/json.js";
import type { RawApp } from "../wasm/essaim_wasm.js";

/** The members of a collection that the callbacks use. They are read at each call, because an app may add a transformer to an open collection. */
export interface CallbacksOf {
  readonly remoteTransformers: RemoteTransformer[];
  readonly localFields: string[];
  readonly hooks: { "incoming-changes"?: unknown[] };
  readonly events: Emitter;
  applyHook(name: "incoming-changes", payload: IncomingChanges): Promise<IncomingChanges>;
}

/** The result of the transformers for one record. A failure is returned and not thrown, so that the other records are still synced. */
export type Transformed = { ok: object } | { error: string };

export class Callbacks implements RawApp {
  private readonly of: CallbacksOf;
  /** The value that a hook threw last. It is kept here because WASM can pass on only its message. */
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
    // WASM passes records without local fields to the transformers, but a transformer may add a local field.
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

  /** Returns the value that a hook threw since the last call of this method, or undefined. */
  takeThrown(): unknown {
    const { thrown } = this;
    this.thrown = undefined;
    return thrown;
  }
}

/** Returns the `decode` functions of the transformers in reverse order: the transformer that encoded last decodes first. */
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
