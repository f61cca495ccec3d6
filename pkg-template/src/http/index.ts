/**
 * The HTTP client of essaim, without its database.
 *
 * @example
 * ```js
 * import { KintoClient } from "essaim/http";
 *
 * const client = new KintoClient("https://kinto.example.com/v1");
 * const { data } = await client.bucket("blog").collection("posts").listRecords();
 * ```
 *
 * @packageDocumentation
 */

import { Bucket as AnyBucket } from "./bucket.js";
import type { KintoClient } from "./client.js";
import { Collection as AnyCollection } from "./collection.js";
import type { ParentBucket, ParentClient } from "./resource/parents.js";

export { type ErrorResponse, KintoError, NetworkTimeoutError, type ServerErrorData, ServerResponse, UnparseableResponseError } from "../errors.js";
export { type Emitter, Events } from "../events.js";
export { init, type WasmSource } from "../wasm/load.js";
export { SUPPORTED_PROTOCOL_VERSION } from "./address.js";
export { KintoClient, KintoClient as default } from "./client.js";
export type { HTTP, HttpRequest } from "./sending/http.js";
export type * from "./types.js";

/** The earlier name of the client's type. */
export type RemoteServer = KintoClient;

/** The class of buckets. As a type, `Bucket` is a bucket of a {@link KintoClient}. */
export const Bucket = AnyBucket;
export type Bucket<C extends ParentClient = KintoClient> = AnyBucket<C>;

/** The class of collections. As a type, `Collection` is a collection in a {@link Bucket} of a {@link KintoClient}. */
export const Collection = AnyCollection;
export type Collection<B extends ParentBucket = Bucket> = AnyCollection<B>;
