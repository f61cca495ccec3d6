// A page that stops dead at an exact moment of its own work.

/**
 * Runs in the page before the package is loaded: `stopAt({within, left})` lets it stop at the `left`-th moment from
 * then on, `within` "anything", or only what belongs to a "fold" of the journal or to a "commit". A moment is right after a call of
 * IndexedDB or of `fetch`, or right before anybody hears of what came of it; "network" means those of `fetch` alone.
 *
 * The page stops in a synchronous request that is never answered: not a line of it runs any more, while what it has asked
 * of the browser goes on, as when a process is killed. `report(line)` tells the logbook something, just as synchronously;
 * `reportTo(address)` says where that is.
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
    // Only a fold asks for the keys of pages.
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
