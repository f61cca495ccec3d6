// The files of the package.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { project } from "./projects.mjs";

const ESSAIM = join(project("plain"), "node_modules/essaim");
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const files = readdirSync(ESSAIM, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));

test("no file names a folder of the machine that built it", () => {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const folders = [`${cargo}/registry`, `${homedir()}/.`, `${ROOT}src/`, `${ROOT}pkg-template`, `${ROOT}target`];
  assert.ok(files.some((file) => file.endsWith(".wasm")));
  for (const file of files) {
    const content = readFileSync(file, "latin1");
    for (const folder of folders) assert.ok(!content.includes(folder), `${file} has ${folder}`);
  }
});

test("every entry of package.json is there, and its types", () => {
  const { exports } = JSON.parse(readFileSync(join(ESSAIM, "package.json"), "utf8"));
  const entries = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry)));
  assert.ok(entries.length > 8);
  for (const entry of entries) assert.ok(existsSync(join(ESSAIM, entry)), entry);
});

test("source maps hold the TypeScript, so that an app's developer tools show it", () => {
  const maps = files.filter((file) => file.endsWith(".js.map")).map((file) => JSON.parse(readFileSync(file, "utf8")));
  const sources = maps.flatMap(({ sources, sourcesContent }) => sources.map((source, at) => [source, sourcesContent[at]]));
  const collection = sources.find(([source]) => source.endsWith("collection/collection.ts"));
  assert.match(collection[1], /export class Collection</);
});
