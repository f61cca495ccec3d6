// The apps of these tests. Each is copied to a project of its own under target/, in which the packed tarball is installed.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "../..");
const PROJECTS = join(ROOT, "target/package-tests");

function tarball() {
  const found = readdirSync(ROOT).filter((file) => /^essaim-.*\.tgz$/.test(file));
  if (found.length !== 1) throw new Error(`There is not one essaim-<version>.tgz at ${ROOT}, but ${found.length}: run \`make package\`.`);
  return join(ROOT, found[0]);
}

/** Returns the folder of a project, with the app's current files and the package. The tarball is installed only if it has changed. */
export function project(app) {
  const folder = join(PROJECTS, app);
  mkdirSync(folder, { recursive: true });
  cpSync(join(HERE, "apps", app), folder, { recursive: true });
  cpSync(join(HERE, "apps/tasks.js"), join(folder, "tasks.js"));
  const tgz = tarball();
  const hash = createHash("sha256").update(readFileSync(tgz)).digest("hex");
  const stamp = join(folder, "node_modules/.essaim");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) install(folder, tgz, stamp, hash);
  return folder;
}

function install(folder, tgz, stamp, hash) {
  rmSync(join(folder, "node_modules"), { recursive: true, force: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  execFileSync("npm", ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error", "--offline", tgz], { cwd: folder, stdio: "inherit" });
  writeFileSync(stamp, hash);
}
