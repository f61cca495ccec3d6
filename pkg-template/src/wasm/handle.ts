/** The access to one collection in WASM. The first call opens the collection. */

import { enter } from "./call.js";
import type { OpenCollection } from "./connection.js";
import type { RawCollection } from "./essaim_wasm.js";

export class Handle {
  private readonly open: () => Promise<OpenCollection>;
  private opening: Promise<OpenCollection> | undefined;
  /** The timestamp of the last sync in milliseconds since 1970, as of the last call that completed. */
  lastModified: number | null = null;
  persistent: boolean | undefined;

  constructor(open: () => Promise<OpenCollection>) {
    this.open = open;
  }

  /** Calls a method of the collection in WASM, and parses the JSON text that it returns. */
  async call<R>(work: (raw: RawCollection) => Promise<string>): Promise<R> {
    // All calls of one turn of the event loop wait for the same promise. So they reach WASM in the same turn, and share one commit there.
    this.opening ??= this.openOnce();
    const { raw, persistent, tellEvicted } = await this.opening;
    this.persistent = persistent;
    const text = await enter(async () => {
      try {
        return await work(raw);
      } finally {
        this.lastModified = raw.last_modified() ?? null;
        const unsynced = raw.take_evicted();
        if (unsynced !== undefined) tellEvicted(unsynced);
      }
    });
    return JSON.parse(text) as R;
  }

  /** Opens the collection. If that fails, the next call tries again. */
  private async openOnce(): Promise<OpenCollection> {
    try {
      return await this.open();
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
  }
}
