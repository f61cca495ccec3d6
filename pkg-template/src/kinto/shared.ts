/** What the collections of one `Kinto` share. */

import { type Emitter, Events } from "../events.js";
import { Servers } from "../http/servers.js";
import type { AdapterOption } from "../storage/adapter-option.js";
import type { AdapterOptions } from "../storage/adapters.js";
import type { HeadersOption } from "../types/sync.js";
import { Connection } from "../wasm/connection.js";

/** The options of a `Kinto` that hold for its collections, and its connection to their databases. */
export interface Shared {
  connection: Connection;
  adapter: AdapterOption | undefined;
  adapterOptions: AdapterOptions | undefined;
  headers: HeadersOption | undefined;
  retry: number;
  timeout: number | null;
  /** The collections were made by hand, for an `api` of the app. */
  byHand?: true;
}

/** A property of the object that collections were made for. A map with that object as the key would not find it behind a proxy. */
const SHARED = Symbol("essaim.shared");

interface Sharing {
  [SHARED]?: () => Shared;
}

export function share(kinto: object, shared: Shared): void {
  Object.defineProperty(kinto, SHARED, { value: () => shared });
}

/**
 * What the collections of this object share. An app can make collections by hand for any object with an `api`: then they share one
 * connection per object, or have one each where the object is frozen.
 */
export function sharedBy(kinto: { events?: Emitter | undefined }): Shared {
  const known = (kinto as Sharing)[SHARED]?.();
  if (known) return known;
  const connection = new Connection({ durability: "relaxed", requestMode: "cors" }, new Servers(kinto.events ?? new Events()));
  const shared: Shared = { connection, adapter: undefined, adapterOptions: undefined, headers: undefined, retry: 1, timeout: null, byHand: true };
  if (Object.isExtensible(kinto)) share(kinto, shared);
  return shared;
}
