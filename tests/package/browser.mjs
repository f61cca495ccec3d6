// Starts Chromium, and a server of static files.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { chromium } from "playwright-core";

/** The path of the system's browser. No browser is downloaded. */
const EXECUTABLE = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

// The sandbox does not work for root. The other flags keep the browser from making requests of its own.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

function settings() {
  if (!EXECUTABLE) throw new Error("No Chromium was found. Install it (Debian: apt install chromium), or set CHROMIUM to its path.");
  return { executablePath: EXECUTABLE, args: FLAGS };
}

export const launch = () => chromium.launch(settings());

/** Launches a browser with a profile on disk, which still exists when it is launched again. */
export const launchProfile = (folder) => chromium.launchPersistentContext(folder, settings());

/** Opens a page in a new profile. Console output and uncaught errors are collected in `said`, for the message of a failure. */
export async function openPage(browser, address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`uncaught: ${error.stack ?? error}`));
  await page.goto(address);
  return { page, said, close: () => context.close() };
}

/** Resolves to the value of the app's promise `globalThis.outcome`. */
export async function outcome(browser, address) {
  const { page, said, close } = await openPage(browser, address);
  try {
    await page.waitForFunction(() => "outcome" in globalThis);
    return await page.evaluate(() => globalThis.outcome);
  } catch (error) {
    throw new Error(`${error.message}\n${said.join("\n")}`, { cause: error });
  } finally {
    await close();
  }
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };

/** Serves a folder, or several folders by the first part of the path, with these headers on every answer. */
export async function serve(folders, headers = {}) {
  const mounts = Object.entries(typeof folders === "string" ? { "/": folders } : folders).sort(([a], [b]) => b.length - a.length);
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const [prefix, folder] = mounts.find(([begin]) => path.startsWith(begin));
    try {
      if (path.includes(`..${sep}`)) throw new Error("outside of the folder");
      const file = path.slice(prefix.length);
      const body = await readFile(join(folder, file === "" || file.endsWith("/") ? `${file}index.html` : file));
      response.writeHead(200, { "Content-Type": TYPES[extname(file) || ".html"] ?? "application/octet-stream", ...headers }).end(body);
    } catch {
      response.writeHead(404, headers).end("not found");
    }
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
