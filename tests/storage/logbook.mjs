// A log of what pages do. It is kept in the test's process, so that it survives when a page is killed.

import { createServer } from "node:http";

/** The entries of one page. */
class Entries {
  #waiting = [];
  lines = [];

  write(line) {
    this.lines.push(line);
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => {
      const found = wanted(line);
      if (found) resolve(line);
      return !found;
    });
  }

  /** Resolves to the next line for which `wanted` returns true. */
  next(wanted) {
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }
}

/** An HTTP server to which pages send their lines. A request with a line that begins with "stopped" is never answered, which stops the page. */
export class Logbook {
  #pages = new Map();

  static async start() {
    const logbook = new Logbook();
    logbook.server = createServer((request, response) => logbook.#take(request, response));
    await new Promise((resolve) => logbook.server.listen(0, "localhost", resolve));
    return logbook;
  }

  /** Begins the entries of a page. The page sends its lines to `address`. */
  open(name) {
    const entries = new Entries();
    this.#pages.set(`/${name}`, entries);
    return Object.assign(entries, { address: `http://localhost:${this.server.address().port}/${name}` });
  }

  async #take(request, response) {
    request.setEncoding("utf8");
    let line = "";
    for await (const part of request) line += part;
    if (!line.startsWith("stopped")) response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end();
    this.#pages.get(request.url)?.write(line);
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
