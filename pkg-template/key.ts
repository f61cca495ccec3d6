/** Keys of encrypted collections. */

import { enter } from "./door.js";
import { load } from "./load.js";

/**
 * Makes a key for encrypted collections: 256 random bits as text, with a checksum. It can encrypt any number of collections.
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
