/**
 * Stores the private state of an object: in a property that is not enumerable, as a function that returns the state.
 *
 * `#private` fields do not work, because frameworks wrap an app's objects in proxies, and `#private` fields cannot be read through a proxy.
 * Ordinary properties would appear in logs and copies, together with credentials, and frameworks would wrap their values in proxies too. Frameworks
 * do not wrap the return value of a function.
 */
export function keepInside<I extends object>(owner: { readonly inside: (() => I) | undefined }, inside: I): void {
  Object.defineProperty(owner, "inside", { value: () => inside, configurable: true });
}
