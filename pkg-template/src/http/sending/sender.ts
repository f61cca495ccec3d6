/** The function that WASM calls to send a request, and the response that it received. */

import { KintoError, NetworkTimeoutError, ServerResponse, UnparseableResponseError } from "../../errors.js";
import type { RawSender } from "../../wasm/essaim_wasm.js";
import { maskHeaders } from "../address.js";
import { signalOf } from "../defaults.js";
import type { FetchResponse } from "../types.js";
import { answerText, readText } from "./answer.js";

/** A request, ready to be sent. */
interface Outgoing {
  method?: string | undefined;
  headers: Record<string, string>;
  body?: BodyInit | null | undefined;
}

/** The part of `HTTP` that sends. */
interface Fetching {
  readonly requestMode: RequestMode;
  timedFetch(url: string, options?: RequestInit): Promise<FetchResponse>;
}

/** Sends one request, and the same request again at each retry. */
export class Sender implements RawSender {
  /** The last response. WASM gets only its status, its text and the headers that the retry rules read. */
  response: FetchResponse | undefined;
  body = "";
  /** The last error that `fetch` threw. */
  private thrown: unknown;
  private readonly http: Fetching;
  private readonly url: string;
  private readonly request: Outgoing;
  private aborts = new AbortController();
  private readonly abortNow = () => this.abort();
  private readonly signal: AbortSignal | undefined;

  constructor(http: Fetching, url: string, request: Outgoing) {
    this.http = http;
    this.url = url;
    const headers = { ...request.headers };
    this.request = { ...request, headers };
    this.signal = signalOf(request.headers);
    this.signal?.addEventListener("abort", this.abortNow);
    // `fetch` sets the content type of a form itself, with the boundary.
    if (request.body instanceof FormData) {
      for (const name of Object.keys(headers)) if (/^content-type$/i.test(name)) delete headers[name];
    }
  }

  async send(limit: number, errorLimit: number): Promise<string> {
    this.aborts = new AbortController();
    const { method = "GET", headers, body } = this.request;
    try {
      // The signal may have been aborted during the wait for a retry.
      if (this.signal?.aborted) throw new Error("aborted");
      const response = await this.http.timedFetch(this.url, {
        method,
        headers,
        mode: this.http.requestMode,
        // Browsers cache a 410, and would show it after the server is back.
        cache: "no-store",
        // Credentials must not reach another server.
        redirect: "manual",
        signal: this.aborts.signal,
        ...(body === undefined ? {} : { body }),
      });
      // The body of a 412 contains the object as the server has it.
      const most = response.status < 400 || response.status === 412 ? limit : errorLimit;
      const text = await readText(response, most);
      if (text === undefined) this.abort();
      this.body = text ?? "";
      this.response = response;
      return answerText(response, this.body, text === undefined ? most : undefined);
    } catch (thrown) {
      this.thrown = thrown;
      throw thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }

  abort(): void {
    this.aborts.abort();
  }

  /** The request is over. The signal of a sync lives longer, and would keep this object. */
  end(): void {
    this.signal?.removeEventListener("abort", this.abortNow);
  }

  /** Adds to an error of WASM the details that WASM does not have, without secrets. */
  explain(error: unknown): unknown {
    const { method = "GET", headers } = this.request;
    if (error instanceof NetworkTimeoutError) error.options = { method, headers: maskHeaders(headers) };
    if (KintoError.is(error, "network")) error.cause = this.thrown;
    if (error instanceof ServerResponse || error instanceof UnparseableResponseError) {
      const { statusText, headers } = this.response!;
      // Node shows cookies among the headers.
      const shown = headers instanceof Headers ? new Headers([...headers].filter(([name]) => name !== "set-cookie")) : headers;
      Object.assign(error.response, { statusText, headers: shown });
    }
    return error;
  }
}
