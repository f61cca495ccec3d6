// Measures essaim and Kinto.js in one page and one run: `make bench`, or
// `tests/kinto/serve.py -- node benches/run.mjs [rounds] [rounds of syncs]`
//
// In each round, all peers do each part in turn, with new databases and new accounts. Each part begins with a newly loaded page; the order of the
// peers is reversed from round to round. The medians are printed. A first round for warming up is not counted. Syncs have no such round, because
// pushing 5,000 records takes Kinto.js between half a minute and two minutes. The records that one device pushed are pulled by several new devices.

import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { launchProfile } from "../tests/demo/demo-page.mjs";
import { serveDemo } from "../tests/demo/serve.mjs";
import { report } from "./report.mjs";

const HERE = import.meta.dirname;
const [ROUNDS, SYNC_ROUNDS] = [Number(process.argv[2] ?? 7), Number(process.argv[3] ?? 3)];
const REMOTE = process.env.KINTO_URL;
if (!REMOTE) throw new Error("KINTO_URL is not set: start this with `make bench`, or below tests/kinto/serve.py.");

/** The groups of measurements. Each group is measured and reported together. */
const GROUPS = [
  { rounds: ROUNDS, warmUp: true, peers: ["Kinto.js", "essaim"], parts: ["importBulk", "reading", "firstList", "openedList", "writing"] },
  { rounds: SYNC_ROUNDS, peers: ["Kinto.js, sealed", "Kinto.js", "essaim, sealed", "essaim"], parts: ["push", "pull", "pull", "pull", "pull"] },
];

// All files of the page are copied to one folder. Playwright's routes would avoid that, but they turn off the browser's cache.
const SITE = join(HERE, "../target/bench");
rmSync(SITE, { recursive: true, force: true });
cpSync(join(HERE, "page"), SITE, { recursive: true });
await build({ entryPoints: ["kinto"], absWorkingDir: HERE, bundle: true, minify: true, format: "esm", platform: "browser", outfile: join(SITE, "kinto-js.js"), logLevel: "error" });

const folder = mkdtempSync(join(tmpdir(), "essaim-bench-"));
// The browser caches the files, as it does for a real app.
const server = await serveDemo({ www: SITE, cacheControl: "max-age=3600" });
const context = await launchProfile(folder);
try {
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  await page.goto(`${server.url}bench.html`);
  const facts = await page.evaluate(async () => ({ browser: navigator.userAgent, bytes: bench.bytes(), key: await bench.makeKey() }));
  for (const group of GROUPS) await measureGroup(page, group, facts.key);
  report(GROUPS, { ...facts, load: loadavg()[0] }, join(HERE, "../target/bench.json"));
} finally {
  await context.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}

async function measureGroup(page, group, key) {
  const { rounds, warmUp = false, peers, parts } = group;
  group.samples = {};
  for (let round = warmUp ? 0 : 1; round <= rounds; round += 1) {
    const inTurn = round % 2 === 0 ? peers : peers.toReversed();
    const account = () => ({ Authorization: `Basic ${btoa(`${randomUUID()}:secret`)}` });
    const place = { db: `${parts[0]}-${round}`, remote: REMOTE, key, headers: Object.fromEntries(peers.map((peer) => [peer, account()])) };
    for (const part of parts) {
      for (const peer of inTurn) await measure(page, round === 0 ? {} : group.samples, part, peer, place);
    }
    process.stderr.write(`round ${round} of ${rounds} (${[...new Set(parts)].join(", ")})\r`);
  }
}

async function measure(page, samples, part, peer, place) {
  await page.goto(`${server.url}bench.html`);
  const measured = await page.evaluate(([part, peer, place]) => bench[part](peer, place), [part, peer, place]);
  for (const [what, value] of Object.entries(measured)) ((samples[what] ??= {})[peer] ??= []).push(value);
}
