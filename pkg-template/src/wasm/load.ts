/**
 * Loads the WASM when it is first needed.
 *
 * It is not loaded at import, because a server that renders the page also imports this module and does not need the WASM. Top-level await is
 * not used, because it would delay every module that imports this one. After a failed load the next call tries again, because the browser may
 * be online again.
 */

import { type ErrorData, KintoError } from "../errors.js";
import { breakDown } from "./call.js";
import * as glue from "./essaim_wasm.js";

/** The source of the WASM: its URL, its bytes, a compiled module, or a response that contains it. */
export type WasmSource = string | URL | BufferSource | WebAssembly.Module | Response;

/** @internal */
export type Wasm = typeof glue;

let loading: Promise<Wasm> | undefined;

/**
 * Loads the WASM immediately, from `source` or from the default URL: the file next to this module. Calling `init()` is optional if that file can
 * be fetched, because the first call that needs the WASM loads it. If the WASM is already loaded or loading, `source` is ignored. Rejects with
 * `wasm_unavailable`.
 *
 * @example In Node
 * ```js
 * import { readFile } from "node:fs/promises";
 * await init(await readFile(new URL(import.meta.resolve("essaim/wasm"))));
 * ```
 * @example In Vite, without `optimizeDeps.exclude`
 * ```js
 * import url from "essaim/wasm?url";
 * await init(url);
 * ```
 */
export async function init(source?: WasmSource | Promise<WasmSource>): Promise<void> {
  await load(source);
}

/** @internal Resolves to the loaded WASM. Calls during the loading get the same promise. */
export function load(source?: WasmSource | Promise<WasmSource>): Promise<Wasm> {
  loading ??= start(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function start(source: WasmSource | Promise<WasmSource> | undefined): Promise<Wasm> {
  if (typeof WebAssembly === "undefined") {
    throw unavailable("unsupported", "This browser cannot run WebAssembly");
  }
  // The URL is written here, although the generated code could do it, because bundlers then recognize it and copy the file.
  const given = (await source) ?? new URL("./essaim_wasm_bg.wasm", import.meta.url);
  const wasm = isAddress(given) ? await download(given) : given;
  try {
    await glue.default({ module_or_path: wasm });
  } catch (error) {
    throw explain(error);
  }
  glue.on_panic(breakDown);
  return glue;
}

function isAddress(source: WasmSource): source is string | URL {
  return typeof source === "string" || source instanceof URL;
}

async function download(address: string | URL): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    const hint = String(address).startsWith("file:") ? " Outside a browser, give its bytes to init()." : "";
    throw unavailable("download", `essaim's WASM could not be fetched from ${address}.${hint}`, cause);
  }
  if (!response.ok) throw unavailable("download", `${address} answers HTTP ${response.status} instead of essaim's WASM`);
  if (response.headers.get("Content-Type")?.startsWith("text/html")) {
    // Development servers answer with a web page if they do not find a file.
    const advice = 'In Vite, set optimizeDeps.exclude to ["essaim"], or give init() the URL of "essaim/wasm?url"';
    throw unavailable("download", `${address} is a web page, not essaim's WASM. ${advice}`);
  }
  return response;
}

function explain(cause: unknown): KintoError {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/\bCSP\b|Content.Security.Policy|unsafe-eval/i.test(text)) {
    return unavailable("blocked", "The page's Content-Security-Policy forbids WebAssembly", cause);
  }
  return unavailable("invalid", `essaim's WASM could not be started (${text})`, cause);
}

/** The advice in the message, for each reason. */
const ADVICE = {
  unsupported: "Tell the user to update the browser; on Apple devices, to turn Lockdown Mode off for this site.",
  blocked: "Add 'wasm-unsafe-eval' to its script-src.",
  download: "Tell the user to try again when online.",
  invalid: "Check that the .wasm file is the one of this version of the package; if it is, tell the user to update the browser.",
} as const satisfies Record<ErrorData["wasm_unavailable"]["reason"], string>;

function unavailable(reason: keyof typeof ADVICE, what: string, cause?: unknown): KintoError<"wasm_unavailable"> {
  const message = `${what.replace(/\.$/, "")}. ${ADVICE[reason]}`;
  return new KintoError("wasm_unavailable", message, { reason }, { cause });
}
