/** What is known of servers, shared by the databases of one `Kinto` and its HTTP client, and told to the app. */

import { enterNow } from "../wasm/call.js";
import type { RawHttp } from "../wasm/essaim_wasm.js";
import { emit, type Emitter, type EventMap } from "../events.js";
import { load, type Wasm } from "../wasm/load.js";
import { absoluteRemote } from "./address.js";

export class Servers {
  /** Where the app is told; nobody is if there is none. */
  events: Emitter | undefined;
  /** The roots of servers that were asked. */
  readonly #roots = new Set<string>();
  #raw: RawHttp | undefined;

  constructor(events: Emitter | undefined) {
    this.events = events;
  }

  /** @internal Loads the WASM if it is not. */
  async open(): Promise<RawHttp> {
    return this.of(await load());
  }

  /** @internal The same, once WASM is loaded. */
  of(wasm: Wasm): RawHttp {
    this.#raw ??= new wasm.RawHttp((event, value) => this.#tell(event, value));
    return this.#raw;
  }

  /** Notes the root of a server, as it is written. */
  add(root: string): void {
    this.#roots.add(root);
  }

  /** `https://server/v1/buckets?…` → `https://server/v1`: a known root, or up to the version. */
  rootOf(url: string): string {
    const known = [...this.#roots].find((root) => url.startsWith(root) && /^([/?#]|$)/.test(url.slice(root.length)));
    return known ?? /^.*?\/v\d+(?=[/?#]|$)/.exec(url)?.[0] ?? url;
  }

  /** Milliseconds until the server may be asked again; 0 if it may at once. */
  backoffMs(remote: string): number {
    const raw = this.#raw;
    return raw ? enterNow(() => raw.backoff_ms(absoluteRemote(remote))) : 0;
  }

  #tell(event: "backoff" | "retry-after" | "alert", value: unknown): void {
    if (event !== "alert") return this.#emit(event, value as number);
    const alert = readAlert(value as string);
    if (!alert) return console.warn("Unable to parse Alert header message", value);
    console.warn(alert.message, alert.url);
    this.#emit("deprecated", alert);
  }

  #emit<K extends "backoff" | "retry-after" | "deprecated">(event: K, payload: EventMap[K]): void {
    if (this.events) emit(this.events, event, payload);
  }
}

/** The Alert header: `{"code", "message", "url"}`. */
function readAlert(header: string): { message: string; url: string } | undefined {
  try {
    return JSON.parse(header) ?? undefined;
  } catch {
    return undefined;
  }
}
