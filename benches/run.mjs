// essaim beside Kinto.js, in one page and one run: `make bench`, or `node benches/run.mjs [rounds]`
//
// In each round both do everything on new databases, in turns. A part begins with a page just loaded; who goes first
// changes from round to round. The first round only warms up. What is printed are medians.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { launchProfile } from "../tests/demo/demo-page.mjs";
import { serveDemo } from "../tests/demo/serve.mjs";

const HERE = import.meta.dirname;
const ROUNDS = Number(process.argv[2] ?? 7);
const PEERS = ["Kinto.js", "essaim"];
const PARTS = ["importBulk", "reading", "firstList", "openedList", "writing"];
/** How many times faster than Kinto.js it shall be. */
const GOALS = { "importBulk of 10,000 records": 15, "list() after a reload": 2 };

// All that the page is made of, in one folder. Playwright's routes would do without, but turn the browser's cache off.
const SITE = join(HERE, "../target/bench");
cpSync(join(HERE, "page"), SITE, { recursive: true });
await build({ entryPoints: ["kinto"], absWorkingDir: HERE, bundle: true, minify: true, format: "esm", platform: "browser", outfile: join(SITE, "kinto-js.js"), logLevel: "error" });

const folder = mkdtempSync(join(tmpdir(), "essaim-bench-"));
// Kept by the browser, as an app's files are.
const server = await serveDemo({ www: SITE, cacheControl: "max-age=3600" });
const context = await launchProfile(folder);
const samples = {};
try {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const part of PARTS) {
      for (const peer of round % 2 === 0 ? PEERS : PEERS.toReversed()) await measure(page, round, part, peer);
    }
    process.stderr.write(`round ${round} of ${ROUNDS}\r`);
  }
  report(await page.evaluate(() => ({ browser: navigator.userAgent, bytes: bench.bytes() })));
} finally {
  await context.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(page, round, part, peer) {
  await page.goto(`${server.url}bench.html`);
  const measured = await page.evaluate(([part, peer, db]) => bench[part](peer, { db }), [part, peer, `round-${round}`]);
  if (round === 0) return;
  for (const [what, ms] of Object.entries(measured)) ((samples[what] ??= {})[peer] ??= []).push(ms);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function report({ browser, bytes }) {
  const rows = Object.entries(samples).map(([what, times]) => {
    const [theirs, ours] = PEERS.map((peer) => median(times[peer]));
    return { what, theirs, ours, ratio: theirs / ours, goal: GOALS[what] };
  });
  console.log(`${ROUNDS} rounds, medians in ms; records of ${bytes} bytes; ${browser.match(/Chrome\/[\d.]+/)}, ${cpus().length} × ${cpus()[0].model}\n`);
  const line = (cells) => console.log(cells[0].padEnd(40) + cells.slice(1).map((cell) => cell.padStart(11)).join(""));
  line(["", ...PEERS, "faster", "goal", ""]);
  for (const { what, theirs, ours, ratio, goal } of rows) {
    line([what, theirs.toFixed(1), ours.toFixed(1), `${ratio.toFixed(1)} ×`, goal ? `${goal} ×` : "", goal ? (ratio >= goal ? "met" : "MISSED") : ""]);
  }
  writeFileSync(join(HERE, "../target/bench.json"), JSON.stringify({ rounds: ROUNDS, recordBytes: bytes, browser, cpu: `${cpus().length} × ${cpus()[0].model}`, rows, samples }, null, 2));
}
