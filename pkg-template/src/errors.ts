/**
 * The errors of essaim: the class `KintoError` with a stable `code` and typed `data`.
 *
 * The codes and the members of the data are those of `src/error.rs` (in camelCase here); a test checks that both lists are equal. The code
 * `wasm_unavailable` is not in that list, because it can occur only here.
 */

/**
 * The alarms: errors of encrypted collections that no honest and undamaged server causes. An alarm changes no local data. Its `data.evidence`
 * says what was expected and what was found; see {@link Evidence}.
 *
 * - `omission`: the server hides a page that it must have.
 * - `rollback`: the server shows an older state than before.
 * - `fork`: the server shows a different history than before.
 * - `tampered`: a page is not what a device with the key wrote there; it was damaged or changed.
 * - `bad_snapshot`: a snapshot does not hold what the pages before it do.
 */
export type AlarmCode = "omission" | "rollback" | "fork" | "tampered" | "bad_snapshot";

/**
 * The evidence of an alarm, to be saved and shown to the administrator of the server. It holds nothing secret.
 *
 * @example
 * ```js
 * if (KintoError.is(error, "rollback")) saveAs("evidence.json", JSON.stringify(error.data.evidence));
 * ```
 */
export interface Evidence {
  /** The URL of the collection on the server. */
  url: string;
  /** The time of the alarm by this device's clock, in milliseconds since 1970. */
  atMs: number;
  /** The position (number) of the page that the alarm is about. */
  position: number;
  /** The random name of the device that claims to have written the page; null if unknown. */
  device: string | null;
  /** `expected` and `found` are hashes (base64url of SHA-256 over the encrypted bytes); null if the alarm is not about a hash. */
  expected: string | null;
  found: string | null;
  /** The record as the server sent it: the first 8 KiB of its JSON, followed by `…` if there is more. Null if there is none. */
  record: string | null;
}

/** The stable names of the errors. The message of an error says what to do about it; {@link ErrorData} says what each code means. */
export type ErrorCode =
  | "invalid_record"
  | "invalid_id"
  | "invalid_option"
  | "invalid_key"
  | "not_found"
  | "already_exists"
  | "network"
  | "timeout"
  | "unauthorized"
  | "forbidden"
  | "gone"
  | "remote_not_found"
  | "server"
  | "backoff"
  | "bad_response"
  | "redirected"
  | "other_origin"
  | "server_flushed"
  | "key_required"
  | "not_encrypted"
  | "limit"
  | "no_key"
  | "server_lost"
  | "moved"
  | AlarmCode
  | "busy"
  | "interrupted"
  | "quota"
  | "storage_lost"
  | "storage_blocked"
  | "upgrade_required"
  | "storage"
  | "callback"
  | "closed"
  | "bug"
  | "wasm_unavailable";

/** The data of an error that the server answered with. */
export interface ServerErrorData {
  /** The URL of the request. */
  url: string;
  /** Kinto's own error number, if the answer has one. */
  errno: number | null;
  /**
   * `code` and the following members are from the server's answer, if it has them: the members of Kinto's error format, and no others. Texts
   * are cut off after 2 KiB. `details` of more than 16 KiB are left out (of more than 1 MiB for status 412, where they hold the object).
   */
  code?: number;
  error?: string;
  message?: string;
  info?: string;
  /** For status 412, `details.existing` is the object as the server has it. */
  details?: any;
}

/** An HTTP answer of the server, without its body. */
export interface ErrorResponse {
  readonly status: number;
  /** The status text of HTTP/1.1; empty over HTTP/2. */
  readonly statusText: string;
  readonly url: string;
  /** The response headers. From a server on another origin, only those that it exposes (CORS). */
  readonly headers: Headers;
}

/** The type of `data` for each code. */
export interface ErrorData {
  /** The record is not an object, or has something in it that JSON cannot hold. `path` says where, like `a.b[2]`; empty for the record itself. */
  invalid_record: { path: string };
  /** The id is not valid by the `idSchema`. */
  invalid_id: object;
  /** An option, an argument or a URL is invalid; the message names it. */
  invalid_option: object;
  /** The key is mistyped or cut off. The error holds nothing of the key. */
  invalid_key: object;
  /** There is no record with this id here. */
  not_found: { id: string };
  /** There is already a record with this id. */
  already_exists: { id: string };
  /** The server could not be reached. */
  network: { url: string };
  /** The server did not answer within `timeoutMs` milliseconds, and the request was aborted. */
  timeout: { url: string; timeoutMs: number };
  /** The server does not accept the credentials (401). */
  unauthorized: ServerErrorData;
  /** The account may not do this (403). */
  forbidden: ServerErrorData;
  /** The server has retired this version of its API (410). */
  gone: ServerErrorData;
  /** The bucket or the collection does not exist on the server (404). */
  remote_not_found: ServerErrorData;
  /** Any other error answer of the server. `retryAfterMs`: how many milliseconds the server asks to wait, if it does; a day at most. */
  server: ServerErrorData & { status: number; retryAfterMs?: number };
  /** The server asked clients to wait. `retryAfterMs`: for how many milliseconds from now. */
  backoff: { retryAfterMs: number };
  /** The answer is not that of a Kinto server, or it was cut off. */
  bad_response: { url: string; status: number };
  /** The server redirects. Redirects are not followed, because they could send credentials to another server. */
  redirected: { url: string };
  /** The server's next page is on another origin. `next` is its address, which was not requested. */
  other_origin: { url: string; next: string };
  /**
   * The server no longer has what it had. The timestamps are in milliseconds since 1970, by the server's clock. `found`: `flushed` if the server
   * or the collection was emptied, `restored` if it was restored from a backup, `another` if it is not the server or the account that the
   * records were synced with.
   */
  server_flushed: { clientTimestamp: number; serverTimestamp: number; found: "flushed" | "restored" | "another" };
  /** The collection is encrypted here, and was opened without its key. */
  key_required: { name: string };
  /** The collection is not encrypted here, and was opened with a key. */
  not_encrypted: { name: string };
  /**
   * The record, or everything that one `execute()` wrote, is too large for an encrypted collection: it would have `bytes` bytes, and `limitBytes`
   * are possible. Nothing was written.
   */
  limit: { id: string; bytes: number; limitBytes: number };
  /** A page is encrypted with a key that this device does not have. */
  no_key: { epoch: number };
  /** The encrypted collection is gone from its server; see `Collection.repair()`. */
  server_lost: { url: string };
  /** The encrypted collection was closed with `closeJournal()`. `destination` is `{"remote", "bucket", "collection"}` as JSON text. */
  moved: { destination: string };
  omission: { evidence: Evidence };
  rollback: { evidence: Evidence };
  fork: { evidence: Evidence };
  tampered: { evidence: Evidence };
  bad_snapshot: { evidence: Evidence };
  /** Another tab is syncing this collection. */
  busy: { name: string };
  /** The collection was cleared, reset or deleted during a sync, or another device wrote during `repair()` or `closeJournal()`. Try again. */
  interrupted: object;
  /** The browser gives the site no more storage space. Nothing was written. */
  quota: object;
  /** The browser lost the database while a function of the app ran. Nothing was written. */
  storage_lost: object;
  /** Another tab holds an old version of the database open, or holds it open while it should be deleted. `name` is the database. */
  storage_blocked: { name: string };
  /** A newer version of the app wrote the data. `found` is the format version on disk, `known` the newest that this package reads. */
  upgrade_required: { found: number; known: number };
  /** The database cannot be read or written. */
  storage: object;
  /** A function of the app (transformer, hook, callback) failed. The `cause` is the error that it threw. */
  callback: object;
  /** The `Kinto` or the transaction was closed, or essaim was closed by a bug. */
  closed: object;
  /** A bug of essaim; please report it. */
  bug: object;
  /**
   * The WASM could not be started. `unsupported`: the browser has no WebAssembly; `blocked`: the page's Content-Security-Policy forbids it;
   * `download`: the file could not be fetched; `invalid`: the file is not essaim's WASM.
   */
  wasm_unavailable: { reason: "unsupported" | "blocked" | "download" | "invalid" };
}

// If a page loads two copies of the package, `instanceof` does not recognize the errors of the other copy. A symbol of the global registry is
// the same in both copies.
const BRAND = Symbol.for("essaim.KintoError");

/**
 * Every error that essaim throws or rejects with.
 *
 * @example
 * ```js
 * try {
 *   await tasks.sync();
 * } catch (error) {
 *   if (KintoError.is(error, "network")) showOffline();
 *   else if (KintoError.is(error, "backoff")) setTimeout(syncAgain, error.data.retryAfterMs);
 *   else throw error;
 * }
 * ```
 */
export class KintoError<C extends ErrorCode = ErrorCode> extends Error {
  /** See {@link ErrorCode}. */
  readonly code: C;
  /** See {@link ErrorData}. */
  readonly data: ErrorData[C];

  constructor(code: C, message: string, data: ErrorData[C], options?: ErrorOptions) {
    super(message, options);
    this.name = "KintoError";
    this.code = code;
    this.data = data;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * Returns whether `error` is an error of essaim and, if `code` is given, has this code. Unlike `instanceof`, it also recognizes the errors of
   * another copy of the package in the same page.
   *
   * @example
   * ```js
   * if (KintoError.is(error, "not_found")) console.log(`no record ${error.data.id}`);
   * ```
   */
  static is<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is KintoError<C> {
    if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
    return code === undefined || (error as unknown as KintoError).code === code;
  }
}

/** The server no longer has what it had. `data.found` says what happened; see `Collection.repair()`. */
export class ServerWasFlushedError extends KintoError<"server_flushed"> {
  readonly clientTimestamp: number;
  readonly serverTimestamp: number;

  /** The arguments are those of Kinto.js, because apps construct this error in their tests. */
  constructor(clientTimestamp: number, serverTimestamp: number, message: string, found: ErrorData["server_flushed"]["found"] = "flushed") {
    super("server_flushed", message, { clientTimestamp, serverTimestamp, found });
    this.name = "ServerWasFlushedError";
    this.clientTimestamp = clientTimestamp;
    this.serverTimestamp = serverTimestamp;
  }
}

/** The server did not answer within the time of the option `timeout`; the request was aborted. */
export class NetworkTimeoutError extends KintoError<"timeout"> {
  readonly url: string;
  /** The request, with its secrets masked. Set only for requests of the HTTP client (`kinto.api`). */
  options?: { method: string; headers: Record<string, string> };

  constructor(message: string, data: ErrorData["timeout"]) {
    super("timeout", message, data);
    this.name = "NetworkTimeoutError";
    this.url = data.url;
  }
}

/** The codes of a {@link ServerResponse} and their HTTP status. The data of `server` holds the status. */
const STATUS = { unauthorized: 401, forbidden: 403, remote_not_found: 404, gone: 410, server: 0 } as const;

/** The error data, and the server's answer as WASM passes it on: one line for each header, the body as text. */
type Refusal = ErrorData[keyof typeof STATUS] & { answer?: Answer };
type Answer = { reason: string; headers: string; body: string };

const NO_ANSWER: Answer = { reason: "", headers: "", body: "" };

function headersOf({ headers }: Answer): Headers {
  const lines = headers.split("\n").filter(Boolean);
  return new Headers(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** Returns the members of Kinto's error format. WASM passes them on as a JSON object, without other members of the answer. */
const said = ({ body }: Answer): object => JSON.parse(body || "{}") as object;

/** The server answered with an error. `response.status` is the HTTP status. */
export class ServerResponse extends KintoError<keyof typeof STATUS> {
  readonly response: ErrorResponse;

  constructor(code: keyof typeof STATUS, message: string, { answer = NO_ANSWER, ...data }: Refusal) {
    super(code, message, { ...said(answer), ...data });
    this.name = "ServerResponse";
    const status = "status" in data ? data.status : STATUS[code];
    this.response = { ...unseen(status, data.url), statusText: answer.reason, headers: headersOf(answer) };
  }
}

/** The answer is not JSON: it is not that of a Kinto server, or it was cut off. */
export class UnparseableResponseError extends KintoError<"bad_response"> {
  readonly status: number;
  readonly response: ErrorResponse;
  readonly error: SyntaxError;

  constructor(message: string, data: ErrorData["bad_response"]) {
    super("bad_response", message, data);
    this.name = "UnparseableResponseError";
    this.status = data.status;
    this.response = unseen(data.status, data.url);
    this.error = new SyntaxError(message);
  }
}

/** Returns a description of an answer whose status text and headers are not known. */
const unseen = (status: number, url: string): ErrorResponse => ({ status, statusText: "", url, headers: new Headers() });

/** Makes an error of the class that belongs to the code. */
export function makeError<C extends ErrorCode>(code: C, message: string, data: ErrorData[C]): KintoError {
  const of = <K extends ErrorCode>() => data as unknown as ErrorData[K];
  if (code === "server_flushed") {
    const { clientTimestamp, serverTimestamp, found } = of<"server_flushed">();
    return new ServerWasFlushedError(clientTimestamp, serverTimestamp, message, found);
  }
  if (code === "timeout") return new NetworkTimeoutError(message, of<"timeout">());
  if (code === "bad_response") return new UnparseableResponseError(message, of<"bad_response">());
  if (code in STATUS) return new ServerResponse(code as keyof typeof STATUS, message, data as unknown as Refusal);
  return new KintoError(code, message, data);
}

export const invalidOption = (message: string) => new KintoError("invalid_option", message, {});
export const invalidId = (message: string) => new KintoError("invalid_id", message, {});
export const invalidRecord = (message: string, path = "") => new KintoError("invalid_record", message, { path });
