// An error of essaim, said to a person: what it means, and what to do about it.

const ADVICE = {
  network: "The server does not answer. Your tasks are safe on this device; it tries again when the server is back.",
  timeout: "The server takes too long to answer. Your tasks are safe on this device; try again in a moment.",
  unauthorized: "The server does not accept this account. Check user and password under “Server and account”.",
  forbidden: "This account may not use this list on the server. Choose another one under “Server and account”.",
  remote_not_found: "The server has no such list. Check the address under “Server and account”.",
  bad_response: "What answers at this address is not a Kinto server. Check it under “Server and account”.",
  redirected: "The server has moved. Put its new address under “Server and account”.",
  backoff: "The server is busy and asks to wait. Your tasks are safe on this device.",
  server: "The server had a problem. Your tasks are safe on this device; try again in a moment.",
  server_flushed: "The server has lost its tasks. This device still has them.",
  busy: "Another tab is syncing this device. Try again in a moment.",
  quota: "This browser has no room left for new tasks. Free some space, then try again.",
  wasm_unavailable: "This browser does not run WebAssembly here, which the demo needs. Allow it for this site, or use another browser.",
};

/** `{advice, cause, remedy}` for an error: what to tell, the error's own words, and `"upload"` if sending all again helps. */
export function explain(error) {
  const code = codeOf(error);
  return {
    advice: ADVICE[code] ?? "Something went wrong. Your tasks are safe on this device.",
    cause: error?.message ?? String(error),
    remedy: code === "server_flushed" ? "upload" : null,
  };
}

/** The same for the `errors` of a `SyncResult`: the sync went through, some records did not. */
export function explainRefusals(errors) {
  const cause = errors[0].message ?? errors[0].error?.message ?? JSON.stringify(errors[0].error ?? errors[0]);
  const advice = errors.length === 1 ? "The server refused one task." : `The server refused ${errors.length} tasks.`;
  return { advice, cause, remedy: null };
}

function codeOf(error) {
  if (error?.code in ADVICE) return error.code;
  return error instanceof TypeError ? "network" : undefined;
}
