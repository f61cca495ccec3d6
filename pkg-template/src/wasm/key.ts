/** Keys of encrypted collections. */

import { invalidOption } from "../errors.js";
import { enter } from "./call.js";
import { load } from "./load.js";

/** The option `key`: a key, or a promise of one, because an app may have to read it from somewhere. */
export type KeyOption = string | Promise<string>;

/**
 * Returns the option `key`. Throws `invalid_option` if the options have a member `key` that is undefined or null: the app meant to encrypt the
 * collection, and without a key everything would be uploaded in plain text. A mistyped key is detected later, in WASM. Messages never contain a
 * part of the key.
 */
export function readKey(options: { key?: unknown }): KeyOption | undefined {
  if (!("key" in options)) return undefined;
  const { key } = options;
  if (typeof key === "string" || typeof (key as Promise<string> | null | undefined)?.then === "function") return key as KeyOption;
  throw noKey();
}

/** Resolves to the key, when the promise of the app has resolved. */
export async function awaitKey(option: KeyOption | undefined): Promise<string | undefined> {
  if (option === undefined) return undefined;
  const key: unknown = await option;
  if (typeof key !== "string") throw noKey();
  return key;
}

function noKey(): Error {
  return invalidOption("key must be a string, as makeKey() makes it, or a promise of one. Leave it out for a collection that is not encrypted.");
}

/**
 * Makes a key for encrypted collections: 256 random bits as text, with a checksum. One key can encrypt any number of collections that have
 * different names. Two collections with the same key and the same name count as one collection, even in different buckets, accounts or servers,
 * and a server can show one in the place of the other. So make a key for each user, and for each bucket if collections in two buckets
 * have the same name.
 *
 * essaim does not store the key. Store it where only its owner can read it: without the key, the data on the server is lost.
 *
 * @example
 * ```js
 * import Kinto, { makeKey } from "essaim";
 *
 * const key = await makeKey(); // "essaim1-…", to be kept
 * const notes = new Kinto({ remote }).collection("notes", { key });
 * ```
 */
export async function makeKey(): Promise<string> {
  const wasm = await load();
  return enter(async () => wasm.make_key());
}
