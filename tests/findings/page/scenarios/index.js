/**
 * One scenario for each finding: `{ number, title, story, run(world), right, fault }`. `run` runs it with one library and resolves to the observation
 * as plain data: `right` is the expected observation with essaim, `fault` that with Kinto.js.
 */

import { LIBRARIES, World } from "../world.js";
import { answers } from "./answers.js";
import { client } from "./client.js";
import { deciding } from "./deciding.js";
import { extending } from "./extending.js";
import { local } from "./local.js";
import { pulling } from "./pulling.js";
import { pushing } from "./pushing.js";
import { tabs } from "./tabs.js";

export { LIBRARIES };

/** All scenarios, in the order of their numbers. */
export const scenarios = [pushing, deciding, pulling, answers, client, local, extending, tabs].flat().sort((one, other) => one.number - other.number);

/** Runs a scenario with one library and a server (`remote`). Resolves to the observation. */
export async function play({ run }, library, remote) {
  const world = await World.make(library, remote);
  try {
    return await run(world);
  } finally {
    await world.end();
  }
}

/** Returns whether two observations are the same. */
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
