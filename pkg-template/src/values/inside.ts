/**
 * What an object keeps for itself.
 *
 * Not in `#private` fields: frameworks wrap an app's objects in proxies, and such fields cannot be read through a proxy. Not in ordinary
 * ones: those would be in logs and copies, credentials with them, and frameworks would wrap what they hold as well. So it is
 * returned by a function, which nobody wraps, in a property that is not enumerable.
 */
export function keepInside<I extends object>(owner: { readonly inside: (() => I) | undefined }, inside: I): void {
  Object.defineProperty(owner, "inside", { value: () => inside, configurable: true });
}
