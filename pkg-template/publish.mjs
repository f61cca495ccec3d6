// Makes a folder of built files what is published:
//
//     node pkg-template/publish.mjs <folder>
//
// * package.json is the one here, without what only the build needs, with the version of the crate;
// * declarations that no entry point leads to are taken away: they describe the inside, and those generated for the
//   WASM need a newer TypeScript library than apps may have.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const text = (...path) => readFileSync(join(...path), "utf8");

function writeManifest() {
  const { name, private: _, devDependencies: __, ...rest } = JSON.parse(text(import.meta.dirname, "package.json"));
  const version = /^version = "(.+)"$/m.exec(text(import.meta.dirname, "../Cargo.toml"))[1];
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name, version, ...rest }, null, 2)}\n`);
}

/** The declarations that the manifest names. */
function entries() {
  const { exports } = JSON.parse(text(import.meta.dirname, "package.json"));
  return Object.values(exports).flatMap(({ types }) => types ?? []).map((types) => types.replace("./", ""));
}

function reachable(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, module] of text(folder, file).matchAll(/from "\.\/([^"]+)\.js"/g)) {
    if (!existsSync(join(folder, `${module}.d.ts`))) throw new Error(`${file} imports ./${module}.js, which has no declarations`);
    reachable(`${module}.d.ts`, found);
  }
  return found;
}

function dropInnerDeclarations() {
  const kept = entries().reduce((found, entry) => reachable(entry, found), new Set());
  for (const file of readdirSync(folder)) {
    if (file.endsWith(".d.ts") && !kept.has(file)) rmSync(join(folder, file));
  }
}

writeManifest();
dropInnerDeclarations();
