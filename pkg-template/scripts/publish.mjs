// Makes a folder of built files what is published:
//
//     node pkg-template/scripts/publish.mjs <folder>
//
// * package.json is the one here, without what only the build needs, with the version of the crate;
// * declarations that no entry leads to are taken away: they describe the inside, and those generated for the
//   WASM need a newer TypeScript library than apps may have.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const folder = process.argv[2];
const text = (...path) => readFileSync(join(...path), "utf8");

function writeManifest() {
  const { name, private: _, devDependencies: __, ...rest } = JSON.parse(text(import.meta.dirname, "../package.json"));
  const version = /^version = "(.+)"$/m.exec(text(import.meta.dirname, "../../Cargo.toml"))[1];
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name, version, ...rest }, null, 2)}\n`);
}

function reachable(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, module] of text(folder, file).matchAll(/from "(\.\.?\/[^"]+)\.js"/g)) {
    const declarations = `${join(dirname(file), module)}.d.ts`;
    if (!existsSync(join(folder, declarations))) throw new Error(`${file} imports ${module}.js, which has no declarations`);
    reachable(declarations, found);
  }
  return found;
}

/** What the manifest exports to TypeScript. */
function entries() {
  return Object.values(JSON.parse(text(folder, "package.json")).exports).flatMap(({ types }) => types ?? []);
}

function dropInnerDeclarations() {
  const kept = new Set(entries().flatMap((entry) => [...reachable(normalize(entry))]));
  for (const file of readdirSync(folder, { recursive: true })) {
    if (file.endsWith(".d.ts") && !kept.has(file)) rmSync(join(folder, file));
  }
}

writeManifest();
dropInnerDeclarations();
