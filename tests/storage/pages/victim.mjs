// The work of a tab until it is killed. It reports what it does to the logbook, line by line.

import { Kinto } from "/essaim/index.js";
import { perform, Workload } from "./workload.mjs";

/** Fills the database with `filling`, then does `steps` steps of the seed's work. `stop` is passed to `stopAt`. */
export async function work({ seed, db, filling, stop, steps }) {
  const tasks = new Kinto({ adapterOptions: { dbName: db } }).collection("tasks");
  const workload = new Workload(seed);
  for (const operations of workload.fill(filling)) await perform(tasks, operations);
  report("filled");
  if (stop) stopAt(stop);
  let step = 0;
  for (const operations of workload.work()) {
    if (step === steps) break;
    await perform(tasks, operations, (index) => report(`done ${step} ${index}`));
    step += 1;
  }
  report("finished");
}
