// Breaks IndexedDB in this page as the page's address says: `?fault=…&hide=lists,marks`. Runs before the package is loaded.

{
  const { open, databases } = IDBFactory.prototype;
  const parameters = new URL(location.href).searchParams;
  const FACTORY = Object.getOwnPropertyDescriptor(globalThis, "indexedDB") ?? Object.getOwnPropertyDescriptor(Window.prototype, "indexedDB");
  const exception = (name) => new DOMException(`${name} of the test.`, name);

  const throwing = (name) => () => {
    throw exception(name);
  };
  /** Returns an `open` whose request fails with this error and creates no database. */
  const failing = (name) => function () {
    const request = open.call(this, `refused ${Math.random()}`, 1);
    Object.defineProperty(request, "error", { get: () => exception(name) });
    // This listener is added later, so that it runs after the listeners that the caller adds.
    queueMicrotask(() => request.addEventListener("upgradeneeded", () => request.transaction.abort()));
    return request;
  };
  /** Returns an `open` whose request is never answered, except by the event `told` if one is given. */
  const silent = (told) => function () {
    const request = new EventTarget();
    if (told) setTimeout(() => request.dispatchEvent(new Event(told)));
    return request;
  };

  const FAULTS = {
    "fails with an UnknownError": failing("UnknownError"),
    "fails with an InvalidStateError": failing("InvalidStateError"),
    "fails with a NotReadableError": failing("NotReadableError"),
    "fails with a QuotaExceededError": failing("QuotaExceededError"),
    "fails with a VersionError": failing("VersionError"),
    "throws a TypeError": () => {
      throw new TypeError("of the test");
    },
    "throws an InvalidStateError": throwing("InvalidStateError"),
    "throws a SecurityError": throwing("SecurityError"),
    "is never answered": silent(),
    "is blocked": silent("blocked"),
  };

  const heal = () => Object.assign(IDBFactory.prototype, { open, databases });
  let isSilent = false;
  const breakDown = (fault, isBroken = () => true) => {
    isSilent = ["is never answered", "is blocked"].includes(fault);
    IDBFactory.prototype.open = function (name, version) {
      return isBroken(name) ? FAULTS[fault].call(this, name, version) : open.call(this, name, version);
    };
  };
  Object.assign(globalThis, { heal, breakDown, databases: () => databases.call(FACTORY.get?.call(globalThis) ?? FACTORY.value) });

  const fault = parameters.get("fault");
  if (fault === "is missing") Object.defineProperty(globalThis, "indexedDB", { value: undefined });
  else if (fault) breakDown(fault);
  const hidden = parameters.get("hide")?.split(",") ?? [];
  if (hidden.includes("lists")) IDBFactory.prototype.databases = () => Promise.reject(exception("UnknownError"));
  if (hidden.includes("marks")) Object.defineProperty(globalThis, "localStorage", { get: throwing("SecurityError") });
  // If the browser never answers, the package waits for less than a second here. The timeouts are not shortened for the other faults, because then
  // the browser answers, and on a busy machine that can take longer than a second.
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (work, ms = 0, ...rest) => setTimeout(work, isSilent && ms >= 10_000 ? ms / 20 : ms, ...rest);
}
