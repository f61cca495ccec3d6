// Prints what the package weighs for those who load it, and fails above the limit. `make size`
//
// An app loads `index.js` with the files that it imports, and the module. `words.js` is loaded by `head()` alone; source maps by
// developer tools.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** Of all JavaScript and WASM, in bytes after gzip -9. It only goes down. */
const LIMIT = 496_000;

const pkg = new URL("../../pkg/", import.meta.url).pathname;

function weigh(file) {
  const bytes = readFileSync(join(pkg, file));
  return { file, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
}

/** The files that this one imports at once, and itself. */
function loadedWith(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, imported] of readFileSync(join(pkg, file), "utf8").matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g)) loadedWith(imported, found);
  return found;
}

const sum = (weights) =>
  weights.reduce((total, { raw, gzip, brotli }) => ({ raw: total.raw + raw, gzip: total.gzip + gzip, brotli: total.brotli + brotli }), {
    raw: 0,
    gzip: 0,
    brotli: 0,
  });

function print(name, { raw, gzip, brotli }) {
  console.log([name.padEnd(36), ...[raw, gzip, brotli].map((bytes) => String(bytes).padStart(10))].join(""));
}

const files = readdirSync(pkg).filter((file) => /\.(js|wasm)$/.test(file));
const weights = files.map(weigh);
console.log(["bytes".padEnd(36), ...["raw", "gzip", "brotli"].map((kind) => kind.padStart(10))].join(""));
for (const weight of weights) print(weight.file, weight);
const wasm = weights.filter(({ file }) => file.endsWith(".wasm"));
for (const [app, entry] of Object.entries({ "an app loads": "index.js", "the HTTP client alone": "http.js" })) {
  print(app, sum([...wasm, ...[...loadedWith(entry)].map(weigh)]));
}
const total = sum(weights);
print("all", total);
if (total.gzip > LIMIT) {
  console.error(`The package is over its limit of ${LIMIT} bytes gzip. Find what grew.`);
  process.exit(1);
}
