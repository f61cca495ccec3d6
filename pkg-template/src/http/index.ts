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

export { KintoClient, KintoClient as default } from "./client.js";
export { SUPPORTED_PROTOCOL_VERSION, type ExecuteOptions, type RemoteServer } from "./remote-server.js";
export { Bucket } from "./bucket.js";
export { Collection } from "./collection.js";
export type { HTTP, HttpRequest } from "./http.js";
export { init, type WasmSource } from "../wasm/load.js";
export { KintoError, NetworkTimeoutError, ServerResponse, UnparseableResponseError, type ErrorResponse, type ServerErrorData } from "../errors.js";
export { Events, type Emitter } from "../events.js";
export type * from "./types.js";
