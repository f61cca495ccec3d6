/** The options of a `Kinto`, and the function that checks them. */

import { invalidOption } from "../errors.js";
import type { Emitter } from "../events.js";
import { mergeHeaders } from "../http/address.js";
import type { AdapterOption } from "../storage/adapter-option.js";
import type { AdapterOptions } from "../storage/adapters.js";
import type { HeadersOption } from "../types/sync.js";

/** The options of `new Kinto()`. */
export interface KintoOptions {
  /** The root URL of the server, which ends in the version of the API, like `https://kinto.example.com/v1`. Default `http://localhost:8888/v1`. */
  remote?: string;
  /** The bucket of the collections, here and on the server. Default `default`. */
  bucket?: string;
  /** Headers that are sent with every request, like `{ Authorization: "Basic …" }`. */
  headers?: HeadersOption;
  /** Milliseconds after which a request is aborted; 0 or `null`: never. Default `null`. */
  timeout?: number | null;
  /** How many times a request is repeated if the server asks for it (`Retry-After`). Default 1. */
  retry?: number;
  /** The `mode` option of `fetch` for requests. Default `cors`. */
  requestMode?: "cors" | "same-origin" | "no-cors";
  /** The emitter for the events of this `Kinto` and its collections. Default: a new {@link Events}. */
  events?: Emitter;
  /** Where the collections are stored. Default `indexeddb`. */
  adapter?: AdapterOption;
  adapterOptions?: AdapterOptions;
  /**
   * When the promise of a write resolves. `relaxed` (default): when the browser has accepted the write; a power failure in the next seconds may
   * lose it. `strict`: when the write is on the disk, which is slower.
   */
  durability?: "relaxed" | "strict";
}

/**
 * Checks the options, except `remote`, and returns those that are not null: an option that is null counts as absent. `remote` is checked when it
 * is used, because a database that is never synced needs none.
 */
export function readOptions(given: KintoOptions): KintoOptions {
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as KintoOptions;
  const { bucket, timeout, retry, durability, requestMode, events, headers } = options;
  if (bucket !== undefined && (typeof bucket !== "string" || bucket === "")) {
    throw invalidOption("bucket must be a string that is not empty.");
  }
  if (timeout !== undefined && timeout !== null && !(Number.isFinite(timeout) && timeout >= 0)) {
    throw invalidOption("timeout must be a number of milliseconds, or null for none.");
  }
  if (retry !== undefined && !(Number.isInteger(retry) && retry >= 0)) throw invalidOption("retry must be a whole number, 0 or more.");
  oneOf("durability", durability, ["relaxed", "strict"]);
  oneOf("requestMode", requestMode, ["cors", "same-origin", "no-cors"]);
  if (events !== undefined && !(["on", "off", "emit"] as const).every((method) => typeof events[method] === "function")) {
    throw invalidOption("events must be an emitter with the methods on, off and emit.");
  }
  mergeHeaders(headers);
  return options;
}

function oneOf(name: string, value: unknown, choices: string[]): void {
  if (value === undefined || choices.includes(value as string)) return;
  throw invalidOption(`${name} must be one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}.`);
}
