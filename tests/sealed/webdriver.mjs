// Firefox, driven by the WebDriver protocol: https://www.w3.org/TR/webdriver2/

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";

const CAPABILITIES = JSON.parse(await readFile(new URL("../../webdriver.json", import.meta.url)));
const DRIVER = process.env.GECKODRIVER ?? "geckodriver";

/** Starts Firefox. Returns an object with `open(url)`, which opens its only page, and `close()`. */
export async function launchFirefox() {
  const { driver, root } = await startDriver();
  const capabilities = { browserName: "firefox", "moz:firefoxOptions": CAPABILITIES["moz:firefoxOptions"], timeouts: { script: 300_000 } };
  const { sessionId } = await ask(root, "POST", "/session", { capabilities: { alwaysMatch: capabilities } });
  const session = `${root}/session/${sessionId}`;
  return {
    open: (url) => FirefoxPage.open(session, url),
    close: async () => {
      await ask(session, "DELETE", "");
      driver.kill();
      await once(driver, "exit");
    },
  };
}

/** The methods of Playwright's `Page` that these tests need. */
class FirefoxPage {
  static async open(session, url) {
    const page = new FirefoxPage();
    page.session = session;
    await page.goto(url);
    return page;
  }

  goto(url) {
    return ask(this.session, "POST", "/url", { url });
  }

  reload() {
    return ask(this.session, "POST", "/refresh", {});
  }

  /** Calls a function in the page. Its argument and its result are passed as JSON. */
  async evaluate(work, argument) {
    const script = `
      const done = arguments[arguments.length - 1];
      const run = async () => (${work})(JSON.parse(arguments[0]));
      run().then((value) => done({ value: JSON.stringify(value) }), (error) => done({ error: String(error?.stack ?? error) }));`;
    const { value, error } = await ask(this.session, "POST", "/execute/async", { script, args: [JSON.stringify(argument ?? null)] });
    if (error) throw new Error(error);
    return value === undefined || value === null ? undefined : JSON.parse(value);
  }

  async waitForFunction(condition) {
    while (!(await this.evaluate(condition))) await new Promise(setImmediate);
  }
}

async function ask(root, method, path, body) {
  const response = await fetch(root + path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`WebDriver: ${method} ${path}: ${value.error}: ${value.message}`);
  return value;
}

/** Starts the driver. If another program takes the port first, the driver ends, and this function tries again with another port. */
async function startDriver() {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const driver = spawn(DRIVER, ["--port", port, "--log", "fatal"], { stdio: "ignore" });
    const failed = once(driver, "error").then(([error]) => {
      throw new Error(`${DRIVER} cannot be started (${error.message}): tests/setup.sh tools installs it.`);
    });
    let ended = false;
    const exited = new Promise((resolve) => driver.once("exit", () => resolve((ended = true))));
    const root = `http://127.0.0.1:${port}`;
    await Promise.race([failed, exited, ready(root, () => ended)]);
    if (!ended) return { driver, root };
    if (tries === 5) throw new Error(`${DRIVER} ended at once, ${tries} times.`);
  }
}

/** Returns a free port. The driver could choose one itself, but it does not report which. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return String(port);
}

async function ready(root, isGivenUp) {
  while (!isGivenUp()) {
    const status = await ask(root, "GET", "/status").catch(() => undefined);
    if (status?.ready) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
