/** What a sync does when a record was changed both here and on the server: the names of the choices. */

import type { Strategy } from "../types/sync.js";

/** See `Kinto.syncStrategy`. */
export const syncStrategy = {
  /** Keep what is here, and upload it. */
  CLIENT_WINS: "client_wins",
  /** Take what is on the server. */
  SERVER_WINS: "server_wins",
  /** Take what is on the server, and upload nothing. */
  PULL_ONLY: "pull_only",
  /** Leave both, and list the conflict. */
  MANUAL: "manual",
} satisfies Record<string, Strategy> as Record<"CLIENT_WINS" | "SERVER_WINS" | "PULL_ONLY" | "MANUAL", Strategy>;
