// Stops a page at an exact moment of its work.

/**
 * Runs in the page before the package is loaded. `stopAt({within, left})` stops the page at the `left`-th moment from then on. A moment is right
 * after a call of IndexedDB or `fetch`, or right before the page gets its result. `within` selects the moments that count: "anything"; those of a
 * "fold" (a compaction of the journal); those of a "commit"; or those of `fetch` ("network").
 *
 * The page stops in a synchronous request that is never answered. No code of the page runs any more, but what it has requested from the browser
 * continues, as when a process is killed. `report(line)` sends a line to the logbook, also synchronously; `reportTo(address)` sets the address of the
 * logbook.
 */
export function installStops() {
  let plan;
  let address;
  const folds = new WeakSet();

  const report = (line) => {
    const request = new XMLHttpRequest();
    request.open("POST", address, false);
    request.send(line);
  };

  const moment = (what, kind) => {
    if (!plan || (plan.within !== "anything" && plan.within !== kind)) return;
    plan.left -= 1;
    if (plan.left === 0) report(`stopped ${kind} ${what}`);
  };
  const kindOf = (transaction) => (folds.has(transaction) ? "fold" : "commit");

  const wrap = (prototype, name, watch) => {
    const original = prototype[name];
    prototype[name] = function (...parameters) {
      const answer = original.apply(this, parameters);
      watch.call(this, answer, parameters);
      return answer;
    };
  };

  const onRequest = (name) => function (request) {
    // Only a compaction reads the keys of the pages.
    if (name === "getAllKeys" && this.name === "pages") folds.add(this.transaction);
    request.addEventListener("success", () => moment(`${name} of ${this.name}: success`, kindOf(this.transaction)));
    moment(`${name} of ${this.name}`, kindOf(this.transaction));
  };

  for (const name of ["add", "put", "get", "getAll", "getAllKeys", "delete", "clear"]) wrap(IDBObjectStore.prototype, name, onRequest(name));
  wrap(IDBDatabase.prototype, "createObjectStore", () => moment("createObjectStore", "commit"));
  wrap(IDBTransaction.prototype, "commit", function () { moment("commit", kindOf(this)); });
  wrap(IDBDatabase.prototype, "transaction", (transaction) => {
    transaction.addEventListener("complete", () => moment("complete", kindOf(transaction)));
    moment("transaction", kindOf(transaction));
  });
  wrap(IDBFactory.prototype, "open", (request) => {
    for (const event of ["upgradeneeded", "success"]) request.addEventListener(event, () => moment(`open: ${event}`, "commit"));
    moment("open", "commit");
  });

  const { fetch } = globalThis;
  globalThis.fetch = (...parameters) => {
    const answer = fetch(...parameters);
    moment("fetch", "network");
    return answer.then((response) => {
      moment("fetch: answer", "network");
      return response;
    });
  };

  Object.assign(globalThis, { report, reportTo: (given) => void (address = given), stopAt: (given) => void (plan = { ...given }) });
}
