// Serves the demo: `/` is www/, `/essaim/` is the built package. `node tests/demo/serve.mjs --port 8000`
//
// The server has no dependencies, disables caching, and sends the headers with which the demo must work, especially the Content-Security-Policy.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** The policy that the README recommends, but with `connect-src *`, because the user of the demo can choose any server. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src *",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Starts the server. Resolves to `{url, close()}` when it listens. With `port` 0 it uses a free port. `www` and `pkg` are the two folders; `beside`
 * has more folders, by the first part of their path (`{"/styles/": folder}`). With the default `no-store`, browsers do not keep pages in their
 * back/forward cache.
 */
export async function serveDemo({ port = 0, host = "localhost", www = join(ROOT, "www"), pkg = join(ROOT, "pkg"), beside = {}, cacheControl = "no-store" } = {}) {
  const folders = Object.entries({ ...beside, "/essaim/": pkg, "/": www });
  const server = createServer(async (request, response) => {
    const { status, headers, body } = await answer(request, folders, cacheControl);
    response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return {
    url: `http://${host}:${server.address().port}/`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

async function answer({ method, url }, folders, cacheControl) {
  if (method !== "GET" && method !== "HEAD") return { status: 405, headers: { Allow: "GET, HEAD" }, body: "Method not allowed" };
  try {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    const [beginning, folder] = folders.find(([beginning]) => path.startsWith(beginning));
    const file = within(folder, path.slice(beginning.length - 1) + (path.endsWith("/") ? "index.html" : ""));
    const body = await readFile(file);
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    return {
      status: 200,
      headers: {
        "Content-Type": type,
        "Content-Length": body.length,
        "Cache-Control": cacheControl,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
      },
      body,
    };
  } catch {
    return { status: 404, headers: { "Content-Type": "text/plain" }, body: "Not found" };
  }
}

function within(folder, path) {
  const file = normalize(join(folder, path));
  if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw new Error("outside");
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8000" }, host: { type: "string", default: "localhost" } } });
  const { url } = await serveDemo({ port: Number(values.port), host: values.host });
  console.log(`The demo is at ${url}`);
}
