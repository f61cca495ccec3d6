/** One collection in WASM: opened by the first call, and asked by every other. */

import { enter } from "./call.js";
import type { OpenCollection } from "./connection.js";
import type { RawCollection } from "./essaim_wasm.js";

export class Handle {
  private readonly open: () => Promise<OpenCollection>;
  private opening: Promise<OpenCollection> | undefined;
  /** As of the last call that was answered. */
  lastModified: number | null = null;
  persistent: boolean | undefined;

  constructor(open: () => Promise<OpenCollection>) {
    this.open = open;
  }

  /** Does one thing with the collection. WASM answers in JSON text. */
  async call<R>(work: (raw: RawCollection) => Promise<string>): Promise<R> {
    // Calls of one turn all wait for the same promise, so they reach WASM in the same turn, and share one commit there.
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

  /** A failure is forgotten: the next call tries again. */
  private async openOnce(): Promise<OpenCollection> {
    try {
      return await this.open();
    } catch (error) {
      this.opening = undefined;
      throw error;
    }
  }
}
