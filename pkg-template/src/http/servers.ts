/** Servers: their roots, and how long each of them wants no requests. The databases and the HTTP client of a `Kinto` share them. */

import { type Emitter, type EventMap, emit } from "../events.js";
import { keepInside } from "../values/inside.js";
import { enterNow } from "../wasm/call.js";
import type { RawHttp } from "../wasm/essaim_wasm.js";
import { load, type Wasm } from "../wasm/load.js";
import { absoluteRemote } from "./address.js";

interface Inside {
  /** The roots of the servers that get requests. */
  readonly roots: Set<string>;
  /** Sends requests and knows the backoff of each server. Made when WASM is loaded. */
  raw: RawHttp | undefined;
}

export class Servers {
  /** Emits the announcements of servers. Without an emitter, alerts are still logged. */
  events: Emitter | undefined;
  /** @internal */
  declare readonly inside: () => Inside;

  constructor(events: Emitter | undefined) {
    this.events = events;
    keepInside<Inside>(this, { roots: new Set(), raw: undefined });
  }

  /** @internal Loads WASM if necessary, and returns its HTTP object. */
  async open(): Promise<RawHttp> {
    return this.of(await load());
  }

  /** @internal Returns the HTTP object of WASM. */
  of(wasm: Wasm): RawHttp {
    const inside = this.inside();
    inside.raw ??= new wasm.RawHttp((event, value) => announce(this, event, value));
    return inside.raw;
  }

  /** Adds the root of a server, as the app wrote it. */
  add(root: string): void {
    this.inside().roots.add(root);
  }

  /** The root in a URL: one that was added, or the URL up to the version (`https://server/v1/buckets?…` → `https://server/v1`). */
  rootOf(url: string): string {
    const known = [...this.inside().roots].find((root) => url.startsWith(root) && /^([/?#]|$)/.test(url.slice(root.length)));
    return known ?? /^.*?\/v\d+(?=[/?#]|$)/.exec(url)?.[0] ?? url;
  }

  /** Milliseconds until the server accepts requests again; 0 if it does now. */
  backoffMs(remote: string): number {
    const { raw } = this.inside();
    return raw ? enterNow(() => raw.backoff_ms(absoluteRemote(remote))) : 0;
  }
}

/** Emits an announcement of a server. An alert is logged as well. */
function announce({ events }: Servers, event: "backoff" | "retry-after" | "alert", value: unknown): void {
  const tell = <K extends "backoff" | "retry-after" | "deprecated">(event: K, payload: EventMap[K]) => events && emit(events, event, payload);
  if (event !== "alert") {
    tell(event, value as number);
    return;
  }
  const alert = readAlert(value as string);
  if (!alert) {
    console.warn("Unable to parse Alert header message", value);
    return;
  }
  console.warn(alert.message, alert.url);
  tell("deprecated", alert);
}

/** Reads the `Alert` header: `{"code", "message", "url"}`. */
function readAlert(header: string): { message: string; url: string } | undefined {
  try {
    return JSON.parse(header) ?? undefined;
  } catch {
    return undefined;
  }
}
