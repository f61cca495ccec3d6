/** Keys of encrypted collections. */

import { invalidOption } from "../errors.js";
import { enter } from "./call.js";
import { load } from "./load.js";

/** As an app gives it: a key that is being read somewhere may be promised. */
export type KeyOption = string | Promise<string>;

/**
 * The `key` of these options. One that was meant and is missing is an error: without it everything would go to the server in clear.
 * What is wrong with a key is said where it is read; nothing of it is in a message.
 */
export function readKey(options: { key?: unknown }): KeyOption | undefined {
  if (!("key" in options)) return undefined;
  const { key } = options;
  if (typeof key === "string" || typeof (key as Promise<string> | null | undefined)?.then === "function") return key as KeyOption;
  throw noKey();
}

/** The key itself, once it is there. */
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
 * Makes a key for encrypted collections: 256 random bits as text, with a checksum. It can encrypt any number of collections of
 * different names. Two of one name are one collection in two places, also in two buckets, accounts or servers, and a server may
 * show one as the other: make a key for each user, and for each bucket in which a name comes twice.
 * essaim keeps it nowhere: store it where only its owner can read it. Without it, what is on the server is lost.
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
