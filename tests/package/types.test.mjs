// The types of the package, as the compiler of an app sees them. apps/types/ has code that must compile, and code that must not.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { project } from "./projects.mjs";

const TSC = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

async function compile(cwd, args) {
  await promisify(execFile)(process.execPath, [TSC, ...args], { cwd }).catch((error) => {
    throw new Error(error.stdout);
  });
}

for (const resolution of ["nodenext", "bundler"]) {
  test(`an app that resolves modules as ${resolution} compiles, and its mistakes do not`, async () => {
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    await compile(project("types"), ["-p", ".", "--module", module, "--moduleResolution", resolution]);
  });
}

for (const name of ["for-kinto-js.ts", "tasks-for-kinto-js.ts"]) {
  test(`an app written for Kinto.js compiles, and still does with its import lines changed: ${name}`, async () => {
    const args = [name, "--ignoreConfig", "--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck"];
    const apps = fileURLToPath(new URL("apps/types", import.meta.url));
    await compile(apps, args); // Kinto.js is installed for this folder
    const changed = (await readFile(join(apps, name), "utf8")).replaceAll(' from "kinto', ' from "essaim');
    const folder = project("types");
    await writeFile(join(folder, name), changed);
    await compile(folder, args);
  });
}
