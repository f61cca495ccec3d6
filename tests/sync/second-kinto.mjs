// Another Kinto, for what must not happen to the one that all tests share: to be emptied, to be stopped; and to be another.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = process.env.KINTO_PYTHON ?? `${ROOT}target/kinto/bin/python`;

/** Starts one, and gives its root `url` and `stop()`. */
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
