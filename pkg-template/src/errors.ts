/**
 * The errors of essaim: one class, a stable `code`, typed `data`.
 *
 * The codes and the names of the data are those of `src/error.rs` (in camelCase here); a test keeps both lists
 * equal. `wasm_unavailable` is the only one that cannot come from there.
 */

/** What no honest server does to an encrypted collection. Nothing local is changed by it; see {@link Evidence}. */
export type AlarmCode = "omission" | "rollback" | "fork" | "tampered" | "bad_snapshot";

/**
 * What an alarm is about: to be kept, and shown to whoever runs the server. It holds nothing secret.
 *
 * @example
 * ```js
 * if (KintoError.is(error, "rollback")) saveAs("evidence.json", JSON.stringify(error.data.evidence));
 * ```
 */
export interface Evidence {
  /** The collection on the server. */
  url: string;
  /** The time here, in milliseconds since 1970. */
  atMs: number;
  /** The page of the journal. */
  position: number;
  /** The device that says it wrote the page, where that is known. */
  device: string | null;
  /** Hashes (base64url of SHA-256 over sealed bytes), where there are some. */
  expected: string | null;
  found: string | null;
  /** The record as the server gave it: the first 8 KiB of its JSON, and `…` if there is more. */
  record: string | null;
}

/** What went wrong, by a name that does not change. The message says what to do about it. */
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

/** An answer of the server that is an error. `errno` is Kinto's own error number, if it gave one. */
export interface ServerErrorData {
  url: string;
  errno: number | null;
  /**
   * The rest is what the server said: the members of Kinto's error format, and no others of its answer. Texts are cut off after 2 KiB,
   * and `details` of more than 16 KiB are left out (1 MiB where they hold the object, of a 412).
   */
  code?: number;
  error?: string;
  message?: string;
  info?: string;
  /** `existing` is the object as the server has it (412). */
  details?: any;
}

/** An answer of the server, without its body. */
export interface ErrorResponse {
  readonly status: number;
  /** Empty over HTTP/2. */
  readonly statusText: string;
  readonly url: string;
  /** Those that the server shows to pages of another origin. */
  readonly headers: Headers;
}

/** What comes with each code. */
export interface ErrorData {
  /** `path` is where in the record, like `a.b[2]`; empty for the record itself. */
  invalid_record: { path: string };
  invalid_id: object;
  invalid_option: object;
  invalid_key: object;
  not_found: { id: string };
  already_exists: { id: string };
  network: { url: string };
  timeout: { url: string; timeoutMs: number };
  unauthorized: ServerErrorData;
  forbidden: ServerErrorData;
  gone: ServerErrorData;
  remote_not_found: ServerErrorData;
  /** `retryAfterMs`: how long the server asks to wait, if it does; a day at most. */
  server: ServerErrorData & { status: number; retryAfterMs?: number };
  backoff: { retryAfterMs: number };
  bad_response: { url: string; status: number };
  redirected: { url: string };
  /** `next` is the address that was not requested. */
  other_origin: { url: string; next: string };
  /**
   * Milliseconds since 1970, by the server's clock; and what was found: a server (or a collection) that was emptied, one that
   * was restored from a backup, or another server or account than the one that the records were synced with.
   */
  server_flushed: { clientTimestamp: number; serverTimestamp: number; found: "flushed" | "restored" | "another" };
  key_required: { name: string };
  not_encrypted: { name: string };
  /** Of the record, or of what one `execute()` wrote. */
  limit: { id: string; bytes: number; limitBytes: number };
  no_key: { epoch: number };
  server_lost: { url: string };
  /** `{"remote", "bucket", "collection"}` as JSON text. */
  moved: { destination: string };
  omission: { evidence: Evidence };
  rollback: { evidence: Evidence };
  fork: { evidence: Evidence };
  tampered: { evidence: Evidence };
  bad_snapshot: { evidence: Evidence };
  busy: { name: string };
  /** The collection was cleared during a sync, or somebody else wrote during a `repair()`: do it again. */
  interrupted: object;
  quota: object;
  storage_lost: object;
  storage_blocked: { name: string };
  /** Versions of the format on disk: the one found, and the newest this package reads. */
  upgrade_required: { found: number; known: number };
  storage: object;
  /** The function's own error is the `cause`. */
  callback: object;
  closed: object;
  bug: object;
  /**
   * `unsupported`: no WebAssembly here; `blocked`: the page's Content-Security-Policy forbids it;
   * `download`: the file could not be fetched; `invalid`: the file is not essaim's.
   */
  wasm_unavailable: { reason: "unsupported" | "blocked" | "download" | "invalid" };
}

// A symbol of the global registry is the same in every copy of the package, where `instanceof` is not.
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
   * Tells whether this is an error of essaim, and of this code if one is given. Unlike `instanceof`, it also knows
   * the errors of another copy of the package in the same page.
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

/** The server does not have what it had, and `data.found` says why: see `Collection.repair()`. */
export class ServerWasFlushedError extends KintoError<"server_flushed"> {
  readonly clientTimestamp: number;
  readonly serverTimestamp: number;

  /** Arguments as in Kinto.js: apps make one in their tests. */
  constructor(clientTimestamp: number, serverTimestamp: number, message: string, found: ErrorData["server_flushed"]["found"] = "flushed") {
    super("server_flushed", message, { clientTimestamp, serverTimestamp, found });
    this.name = "ServerWasFlushedError";
    this.clientTimestamp = clientTimestamp;
    this.serverTimestamp = serverTimestamp;
  }
}

/** The server did not answer within `timeout`; the request was aborted. */
export class NetworkTimeoutError extends KintoError<"timeout"> {
  readonly url: string;
  /** The request, without its secrets, where the HTTP client asked. */
  options?: { method: string; headers: Record<string, string> };

  constructor(message: string, data: ErrorData["timeout"]) {
    super("timeout", message, data);
    this.name = "NetworkTimeoutError";
    this.url = data.url;
  }
}

/** The codes of a {@link ServerResponse}, with their HTTP status (`server` carries its own). */
const STATUS = { unauthorized: 401, forbidden: 403, remote_not_found: 404, gone: 410, server: 0 } as const;

/** With the answer as WASM passes it on: headers as lines, the body as text. */
type Refusal = ErrorData[keyof typeof STATUS] & { answer?: Answer };
type Answer = { reason: string; headers: string; body: string };

const NO_ANSWER: Answer = { reason: "", headers: "", body: "" };

function headersOf({ headers }: Answer): Headers {
  const lines = headers.split("\n").filter(Boolean);
  return new Headers(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** WASM passes on an object with the members of Kinto's error format. */
const said = ({ body }: Answer): object => JSON.parse(body || "{}") as object;

/** The server answered with an error. `response.status` is its HTTP status. */
export class ServerResponse extends KintoError<keyof typeof STATUS> {
  readonly response: ErrorResponse;

  constructor(code: keyof typeof STATUS, message: string, { answer = NO_ANSWER, ...data }: Refusal) {
    super(code, message, { ...said(answer), ...data });
    this.name = "ServerResponse";
    const status = "status" in data ? data.status : STATUS[code];
    this.response = { ...unseen(status, data.url), statusText: answer.reason, headers: headersOf(answer) };
  }
}

/** What answered is not JSON: not a Kinto server, or cut short. */
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

/** What is known of an answer without its headers. */
const unseen = (status: number, url: string): ErrorResponse => ({ status, statusText: "", url, headers: new Headers() });

/** Makes the error of the right class. */
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
