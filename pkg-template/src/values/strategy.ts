/** The names of the sync strategies: what a sync does with a record that was changed both here and on the server. */

import type { Strategy } from "../types/sync.js";

/** See `Kinto.syncStrategy`. */
export const syncStrategy = {
  /** Keep the local version, and upload it. */
  CLIENT_WINS: "client_wins",
  /** Take the version of the server. */
  SERVER_WINS: "server_wins",
  /** Take the version of the server, and upload nothing at all. */
  PULL_ONLY: "pull_only",
  /** Keep both versions, and list the record in `conflicts`. */
  MANUAL: "manual",
} satisfies Record<string, Strategy> as Record<"CLIENT_WINS" | "SERVER_WINS" | "PULL_ONLY" | "MANUAL", Strategy>;
