// Prints tables of medians, and whether the goals were met.

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** The goals. `faster`: how many times faster `peer` should be than the first peer of its group. `most`: how many requests `peer` may make. */
const GOALS = {
  "importBulk of 10,000 records": { peer: "essaim", faster: 15 },
  "list() after a reload": { peer: "essaim", faster: 2 },
  "first sync up": { peer: "essaim, sealed", faster: 30 },
  "write requests": { peer: "essaim, sealed", most: 12 },
  "first sync down": { peer: "essaim, sealed", faster: 5 },
  "requests of an idle sync": { peer: "essaim, sealed", most: 1 },
};

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const isCount = (what) => what.includes("requests");
const print = (what, value) => value.toFixed(isCount(what) ? 0 : 1);

/** Returns the text of the last column: whether the goal was met. */
function verdict(what, medians, first) {
  const { peer, faster, most } = GOALS[what] ?? {};
  if (!peer) return "";
  if (most) return `${most} at most: ${medians[peer] <= most ? "met" : "MISSED"}`;
  const ratio = medians[first] / medians[peer];
  return `${ratio.toFixed(1)} × faster, ${faster} × wanted: ${ratio >= faster ? "met" : "MISSED"}`;
}

function printGroup({ peers, samples, rounds }) {
  const line = (cells, last = "") => console.log(cells[0].padEnd(40) + cells.slice(1).map((cell) => cell.padStart(18)).join("") + (last && `   ${last}`));
  line([`${rounds} rounds, medians in ms`, ...peers]);
  for (const [what, times] of Object.entries(samples)) {
    const medians = Object.fromEntries(peers.map((peer) => [peer, median(times[peer])]));
    line([what, ...peers.map((peer) => print(what, medians[peer]))], verdict(what, medians, peers[0]));
  }
  console.log();
}

/** Prints every group, and writes all samples to `file`. */
export function report(groups, { browser, bytes, load }, file) {
  const machine = `${cpus().length} × ${cpus()[0].model}, load ${load.toFixed(1)}`;
  console.log(`Records of ${bytes} bytes (syncs: 5,000 of them); ${browser.match(/Chrome\/[\d.]+/)}, ${machine}\n`);
  groups.forEach(printGroup);
  writeFileSync(file, JSON.stringify({ recordBytes: bytes, browser, machine, groups }, null, 2));
}
