// Runs in the page: opens collections for the test, and calls their methods. Results and errors are plain data.

import Kinto, { KintoError, makeKey } from "/essaim/index.js";

const EVENTS = ["sync:success", "sync:error", "create", "update", "delete", "change", "storage:adopted", "storage:leftover"];

const handles = [];

/** Opens a collection and returns its number. `/kinto-js.js` exists only if the test serves it. */
globalThis.openCollection = async (library, options, name, collectionOptions) => {
  const Class = library === "essaim" ? Kinto : (await import("/kinto-js.js")).default;
  const kinto = new Class(options);
  const told = [];
  for (const event of EVENTS) kinto.events?.on(event, (payload) => told.push([event, plain(payload)]));
  return handles.push({ kinto, told, collection: kinto.collection(name, collectionOptions) }) - 1;
};

/** Resolves to the `{value}` of one call, or to its `{error}`. */
globalThis.callCollection = async (number, method, args) => {
  const { collection } = handles[number];
  return outcome(() => collection[method](...args));
};

/** Upserts records with these ids and `fields`, in one transaction. */
globalThis.executeUpserts = (number, ids, fields) => {
  return handles[number].collection.execute((transaction) => ids.forEach((id) => transaction.upsert({ id, ...fields })), { preloadIds: ids });
};

/** Returns the events since the last call of this function. */
globalThis.takeEvents = (number) => handles[number].told.splice(0);

globalThis.outcome = async (work) => {
  try {
    return { value: plain(await work()) };
  } catch (error) {
    return { error: plain(error) };
  }
};

globalThis.Kinto = Kinto;
globalThis.makeKey = makeKey;
globalThis.handles = handles;

function plain(value) {
  if (value instanceof Error) {
    const { name, code, message, data } = value;
    return { name, code, message, data, isKintoError: KintoError.is(value) };
  }
  if (typeof value?.toObject === "function") return value.toObject();
  if (value?.result || value?.error) return { ...value, result: plain(value.result), error: plain(value.error) };
  return value;
}
