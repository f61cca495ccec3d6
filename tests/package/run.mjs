// Runs every test of the package: `make package && node tests/package/run.mjs [test files]`
//
// Without KINTO_URL, a Kinto server is started for the duration of the run.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "../..");
const PYTHON = process.env.KINTO_PYTHON ?? join(ROOT, "target/kinto/bin/python");

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function installTools() {
  const hash = createHash("sha256").update(readFileSync(join(HERE, "package-lock.json"))).digest("hex");
  const stamp = join(HERE, "node_modules/.essaim");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: HERE });
  writeFileSync(stamp, hash);
}

if (!process.env.KINTO_URL) {
  if (!existsSync(PYTHON)) throw new Error(`There is no Kinto at ${PYTHON}: run \`make kinto\`, or set KINTO_URL to the root of a running one.`);
  run(PYTHON, [join(ROOT, "tests/kinto/serve.py"), "--", process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
} else {
  installTools();
  const files = process.argv.slice(2);
  const all = readdirSync(HERE).filter((file) => file.endsWith(".test.mjs")).map((file) => join(HERE, file));
  // The files run one after the other, because two browsers at the same time on two cores cause timeouts.
  run(process.execPath, ["--test", "--test-concurrency=1", "--test-timeout=600000", "--test-reporter=spec", ...(files.length > 0 ? files : all)]);
}
