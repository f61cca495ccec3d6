// In the page: collections that the test asks for, and calls that give plain data, errors included.

import Kinto, { KintoError, makeKey } from "/essaim/index.js";

const EVENTS = ["sync:success", "sync:error", "create", "update", "delete", "change", "storage:adopted", "storage:leftover"];

const handles = [];

/** Opens a collection and gives its number. `/kinto-js.js` is only there where a test serves it. */
globalThis.openCollection = async (library, options, name, collectionOptions) => {
  const Class = library === "essaim" ? Kinto : (await import("/kinto-js.js")).default;
  const kinto = new Class(options);
  const told = [];
  for (const event of EVENTS) kinto.events?.on(event, (payload) => told.push([event, plain(payload)]));
  return handles.push({ kinto, told, collection: kinto.collection(name, collectionOptions) }) - 1;
};

/** `{value}` of one call, or `{error}`. */
globalThis.callCollection = async (number, method, args) => {
  const { collection } = handles[number];
  return outcome(() => collection[method](...args));
};

/** `fields` for all these records, in one transaction. */
globalThis.executeUpserts = (number, ids, fields) => {
  return handles[number].collection.execute((transaction) => ids.forEach((id) => transaction.upsert({ id, ...fields })), { preloadIds: ids });
};

/** The events since this was last asked. */
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
