// Serves the page with the scenarios and both libraries: the built package, and Kinto.js.

import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serveDemo } from "../demo/serve.mjs";
import { kintoJs } from "../sync/kinto-package.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BUILT = `${ROOT}target/findings`;

/** Starts the server. Resolves to `{url, close()}`. With `port` 0 it uses a free port. */
export async function serveFindings({ port = 0 } = {}) {
  await mkdir(BUILT, { recursive: true });
  await writeFile(`${BUILT}/kinto.js`, await kintoJs());
  return serveDemo({ port, www: `${ROOT}tests/findings/page`, beside: { "/kinto-js/": BUILT, "/styles/": `${ROOT}www/styles` } });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8001" } } });
  const { url } = await serveFindings({ port: Number(values.port) });
  console.log(`The comparison is at ${url}?remote=${encodeURIComponent(process.env.KINTO_URL)}`);
}
