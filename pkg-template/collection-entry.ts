/**
 * `essaim/lib/collection`: what Kinto.js has in `kinto/lib/collection`.
 *
 * @example
 * ```js
 * import Collection, { SyncResultObject } from "essaim/lib/collection";
 * ```
 *
 * @packageDocumentation
 */

export { Collection, Collection as default } from "./collection.js";
export { recordsEqual } from "./equality.js";
export { ServerWasFlushedError } from "./errors.js";
export { SyncResultObject } from "./result.js";
export { createKeyValueStoreIdSchema } from "./schema.js";
export { CollectionTransaction } from "./transaction.js";
