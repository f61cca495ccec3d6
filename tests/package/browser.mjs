// A Chromium, and a server of plain files.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { chromium } from "playwright-core";

/** The system's own browser: nothing is downloaded. */
const EXECUTABLE = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

// As root there is no sandbox; the rest keeps it from talking to anybody.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

function settings() {
  if (!EXECUTABLE) throw new Error("No Chromium was found. Install it (Debian: apt install chromium), or set CHROMIUM to its path.");
  return { executablePath: EXECUTABLE, args: FLAGS };
}

export const launch = () => chromium.launch(settings());

/** A browser with a profile on disk, which it finds again when it is started again. */
export const launchProfile = (folder) => chromium.launchPersistentContext(folder, settings());

/** A page of a fresh profile. What the console and uncaught errors say goes to `said`, for the message of a failure. */
export async function openPage(browser, address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`uncaught: ${error.stack ?? error}`));
  await page.goto(address);
  return { page, said, close: () => context.close() };
}

/** What the app's promise `globalThis.outcome` resolves to. */
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

/** Serves a folder, or several by the beginning of their address, with these headers on every answer. */
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
