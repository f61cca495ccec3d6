// Texts for errors of essaim: what the error means for the user, and what to do about it.

import { explainAlarm } from "./alarms.js";

const ADVICE = {
  network: "The server does not answer. Your tasks are safe on this device; it tries again when the server is back.",
  timeout: "The server takes too long to answer. Your tasks are safe on this device; try again in a moment.",
  unauthorized: "The server does not accept this account. Check user and password under “Account and key”.",
  forbidden: "This account may not use this list on the server. Choose another one under “Account and key”.",
  gone: "This server is retired. Put another one under “Account and key”; your tasks are safe on this device.",
  remote_not_found: "The server has no such list. Check the address under “Account and key”.",
  bad_response: "What answers at this address is not a Kinto server. Check it under “Account and key”.",
  redirected: "The server has moved. Put its new address under “Account and key”.",
  backoff: "The server is busy and asks to wait. Your tasks are safe on this device.",
  server: "The server had a problem. Your tasks are safe on this device; try again in a moment.",
  invalid_key: "This key is mistyped. Correct it under “Account and key”; nothing was changed.",
  not_encrypted: "These tasks were kept here by an older demo, not encrypted. Make up a new account under “Account and key”.",
  moved: "This list has moved to another server. Put its address under “Account and key”.",
  busy: "Another tab is syncing this device. Try again in a moment.",
  not_found: "This task is gone: it was deleted elsewhere in the meantime.",
  storage_blocked: "Another tab holds this device's tasks open. Close the other tabs of this page.",
  storage_lost: "The browser lost its database for a moment. Nothing was written; do it again.",
  upgrade_required: "A newer version of this demo wrote these tasks. Reload the page to get it.",
  quota: "This browser has no room left for new tasks. Free some space, then try again.",
  wasm_unavailable: "This browser does not run WebAssembly here, which the demo needs. Allow it for this site, or use another browser.",
};

// Errors that are not shown while the device is offline, because they are only about requests to the server.
const PASSING = new Set(["network", "timeout", "backoff", "server", "busy"]);

/**
 * Returns `{advice, cause, passing}` for an error: the text for the user, the error's own message, and whether it matters only while the device is
 * online. For an alarm the object has more members: see `explainAlarm`.
 */
export function explain(error) {
  return explainAlarm(error) ?? {
    advice: ADVICE[error?.code] ?? "Something went wrong. Your tasks are safe on this device.",
    cause: error?.message ?? String(error),
    passing: PASSING.has(error?.code),
  };
}

/** Returns the same for the `errors` of a sync result: the sync succeeded, but some records were not synced. */
export function explainRefusals(errors) {
  const [first] = errors;
  return {
    advice: errors.length === 1 ? "The server refused one task." : `The server refused ${errors.length} tasks.`,
    cause: first.message ?? first.error?.message ?? JSON.stringify(first),
    passing: true,
  };
}

/** Returns the same for a database that the browser deleted, with `unsynced` changes in it that were not synced. */
export function explainEviction(unsynced) {
  const lost = unsynced === 1 ? "One change that was not synced is lost" : `${unsynced} changes that were not synced are lost`;
  return {
    advice: "The browser made room by throwing this device's tasks away. What the server has comes back with the next sync.",
    cause: unsynced ? `${lost}.` : "",
    passing: false,
  };
}
