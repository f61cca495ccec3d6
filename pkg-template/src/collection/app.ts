/** The app's own functions in a sync: remote transformers and hooks. */

import type { Collection } from "./collection.js";
import { withoutLocalFields } from "../values/equality.js";
import { invalidOption } from "../errors.js";
import { emit, hears, type ChangeTarget, type Emitter } from "../events.js";
import type { RawApp } from "../wasm/essaim_wasm.js";
import { asRecord, assertJson, messageOf } from "../values/json.js";
import type { Hooks, IncomingChanges, RemoteTransformer } from "../types/index.js";

const HOOKS = ["incoming-changes"];

/** The `remoteTransformers` option, checked. */
export function readTransformers(given: RemoteTransformer[] | undefined): RemoteTransformer[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw invalidOption("remoteTransformers should be an array.");
  for (const transformer of given as unknown[]) {
    if (typeof transformer !== "object" || transformer === null) throw invalidOption("A transformer must be an object.");
    const { encode, decode } = transformer as Partial<RemoteTransformer>;
    if (typeof encode !== "function") throw invalidOption("A transformer must provide an encode function.");
    if (typeof decode !== "function") throw invalidOption("A transformer must provide a decode function.");
  }
  return [...given];
}

/** The `hooks` option, checked. */
export function readHooks(given: Hooks | null | undefined): Hooks {
  if (given === undefined || given === null) return {};
  if (Array.isArray(given)) throw invalidOption("hooks should be an object, not an array.");
  if (typeof given !== "object") throw invalidOption("hooks should be an object.");
  for (const [name, hooks] of Object.entries(given) as [string, unknown][]) {
    if (!HOOKS.includes(name)) throw invalidOption(`The hook should be one of ${HOOKS.join(", ")}`);
    if (!Array.isArray(hooks) || hooks.some((hook) => typeof hook !== "function")) {
      throw invalidOption("A hook definition should be an array of functions.");
    }
  }
  return { ...given };
}

/** What went wrong with one record is data: the others are synced. */
export type Outcome = { ok: object } | { error: string };

/** What WASM calls in a sync. Remembers what a hook threw: WASM can only pass its message on. */
export class App implements RawApp {
  readonly #collection: Collection<any>;
  #thrown: unknown;

  constructor(collection: Collection<any>) {
    this.#collection = collection;
  }

  /** Asked each time: an app may add one to a collection that is open, and nothing may then be sent without it. */
  get has_transformers(): boolean {
    return this.#collection.remoteTransformers.length > 0;
  }

  get has_incoming_hook(): boolean {
    return (this.#collection.hooks["incoming-changes"] ?? []).length > 0;
  }

  encode(records: string): Promise<string> {
    const { remoteTransformers, localFields } = this.#collection;
    const steps = remoteTransformers.map((transformer) => (record: any) => transformer.encode(record));
    // They get none, but may make one.
    const dropLocal = (record: any) => ({ ...withoutLocalFields(asRecord(record), localFields), _status: record._status });
    return this.#transform(records, [...steps, dropLocal]);
  }

  decode(records: string): Promise<string> {
    const steps = this.#collection.remoteTransformers.map((transformer) => (record: unknown) => transformer.decode(record));
    return this.#transform(records, steps.reverse());
  }

  async incoming(payload: string): Promise<string> {
    try {
      return await this.#callHooks(JSON.parse(payload) as IncomingChanges);
    } catch (thrown) {
      this.#thrown = thrown;
      throw new Error(messageOf(thrown));
    }
  }

  get events(): Emitter {
    return this.#collection.events;
  }

  get hears_changes(): boolean {
    return hears(this.events, "change");
  }

  changed(changes: string): void {
    emit(this.events, "change", { targets: JSON.parse(changes) as ChangeTarget<any>[], origin: "elsewhere" });
  }

  /** What a hook threw last. */
  takeThrown(): unknown {
    const thrown = this.#thrown;
    this.#thrown = undefined;
    return thrown;
  }

  async #transform(records: string, steps: ((record: unknown) => unknown)[]): Promise<string> {
    const outcomes = (JSON.parse(records) as object[]).map((record) => transformOne(record, steps));
    return JSON.stringify(await Promise.all(outcomes));
  }

  async #callHooks(payload: IncomingChanges): Promise<string> {
    const current = await this.#collection.applyHook("incoming-changes", payload);
    return JSON.stringify({ changes: current.changes, lastModified: payload.lastModified });
  }
}

export async function transformOne(record: object, steps: ((record: unknown) => unknown)[]): Promise<Outcome> {
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
