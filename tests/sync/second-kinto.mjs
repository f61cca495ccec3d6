// A second Kinto server, for tests that empty or stop a server, which must not happen to the shared one, and for tests that need two servers.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = process.env.KINTO_PYTHON ?? `${ROOT}target/kinto/bin/python`;

/** Starts a Kinto server. Resolves to its root `url` and a function `stop()`. */
export async function startKinto() {
  const child = spawn(PYTHON, [`${ROOT}tests/kinto/serve.py`], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  const lines = createInterface({ input: child.stdout });
  const started = new Promise((resolve) => lines.once("line", resolve));
  const line = await Promise.race([started, ended.then((code) => { throw new Error(`Kinto ended with ${code} before it was there`); })]);
  return {
    url: line.replace("KINTO_URL=", ""),
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
