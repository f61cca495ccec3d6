/**
 * `essaim/lib/collection`: the exports that Kinto.js has in `kinto/lib/collection`.
 *
 * @example
 * ```js
 * import Collection, { SyncResultObject } from "essaim/lib/collection";
 * ```
 *
 * @packageDocumentation
 */

export { Collection, Collection as default } from "./collection/collection.js";
export { SyncResultObject } from "./collection/result.js";
export { CollectionTransaction } from "./collection/transaction.js";
export { ServerWasFlushedError } from "./errors.js";
export { recordsEqual } from "./values/equality.js";
export { createKeyValueStoreIdSchema } from "./values/ids.js";
