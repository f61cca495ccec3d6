/** The options and the connection that the collections of one `Kinto` share. */

import { type Emitter, Events } from "../events.js";
import { Servers } from "../http/servers.js";
import type { AdapterOption } from "../storage/adapter-option.js";
import type { AdapterOptions } from "../storage/adapters.js";
import type { HeadersOption } from "../types/sync.js";
import { Connection } from "../wasm/connection.js";

/** The options of a `Kinto` that apply to its collections, and its connection to their databases. */
export interface Shared {
  connection: Connection;
  adapter: AdapterOption | undefined;
  adapterOptions: AdapterOptions | undefined;
  headers: HeadersOption | undefined;
  retry: number;
  timeout: number | null;
  /** True if the app constructed the collections itself, for an object with an `api` that is not a `Kinto`. */
  byHand?: true;
}

/**
 * The name of the property of a `Kinto` (or another object with an `api`) that holds the shared options. A `WeakMap` with that object as the key
 * failed, because frameworks pass a proxy of the object instead of the object.
 */
const SHARED = Symbol("essaim.shared");

interface Sharing {
  [SHARED]?: () => Shared;
}

export function share(kinto: object, shared: Shared): void {
  Object.defineProperty(kinto, SHARED, { value: () => shared });
}

/**
 * Returns what the collections of this object share. If an app constructs collections for an object that is not a `Kinto`, they share one
 * connection per object; if that object is frozen, each collection has its own connection.
 */
export function sharedBy(kinto: { events?: Emitter | undefined }): Shared {
  const known = (kinto as Sharing)[SHARED]?.();
  if (known) return known;
  const connection = new Connection({ durability: "relaxed", requestMode: "cors" }, new Servers(kinto.events ?? new Events()));
  const shared: Shared = { connection, adapter: undefined, adapterOptions: undefined, headers: undefined, retry: 1, timeout: null, byHand: true };
  if (Object.isExtensible(kinto)) share(kinto, shared);
  return shared;
}
