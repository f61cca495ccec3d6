// Says what the package weighs for those who load it, and fails above the limit. `make size`
//
// gzip, as servers send it. The JavaScript is counted as it is published, file by file.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

/**
 * 558,400 with the cases of public bug reports and what an independent check found; link-time optimisation, which Cargo had left out, and
 * `opt-level = "z"` took 43,000 off.
 */
const LIMIT = 517_000;

const pkg = new URL("../pkg/", import.meta.url).pathname;
const sizes = { wasm: [0, 0], js: [0, 0] };
for (const file of readdirSync(pkg, { recursive: true })) {
  const kind = sizes[file.split(".").pop()];
  if (!kind) continue;
  const bytes = readFileSync(join(pkg, file));
  kind[0] += bytes.length;
  kind[1] += gzipSync(bytes, { level: 9 }).length;
}

/** The modules that this one needs, itself among them. */
function modulesOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const imports = readFileSync(join(pkg, file), "utf8").matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)"/gm);
  for (const [, path] of imports) modulesOf(normalize(join(dirname(file), path)), found);
  return found;
}

const gzipped = (file) => gzipSync(readFileSync(join(pkg, file)), { level: 9 }).length;
const http = [...modulesOf("http/index.js")];
const own = http.filter((file) => file.startsWith("http/"));
const sum = (files) => files.reduce((bytes, file) => bytes + gzipped(file), 0);

const total = sizes.wasm[1] + sizes.js[1];
for (const [kind, [plain, gzip]] of Object.entries(sizes)) console.log(`${kind.padEnd(5)} ${plain} bytes, ${gzip} gzip`);
console.log(`http  ${sum(own)} gzip of that js is the HTTP client; alone it is loaded with ${sum(http)} of js and all of the wasm`);
console.log(`total ${total} gzip, limit ${LIMIT}`);
if (total > LIMIT) {
  console.error("The package is over its limit. Find what grew, or raise LIMIT in pkg-template/size.mjs and say why.");
  process.exit(1);
}
