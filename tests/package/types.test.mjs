// The package's types, as an app's compiler sees them: apps/types/ says what must compile and what must not.

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join, dirname } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { project } from "./projects.mjs";

const TSC = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

for (const resolution of ["nodenext", "bundler"]) {
  test(`an app that resolves modules as ${resolution} compiles, and its mistakes do not`, async () => {
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    const args = [TSC, "-p", ".", "--module", module, "--moduleResolution", resolution];
    await promisify(execFile)(process.execPath, args, { cwd: project("types") }).catch((error) => {
      throw new Error(error.stdout);
    });
  });
}
