/**
 * One scenario per finding: `{ number, title, story, run(world), right, fault }`. `run` plays it with one library and gives what was
 * observed, as plain data: `right` with essaim, `fault` with Kinto.js.
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

/** By their numbers. */
export const scenarios = [pushing, deciding, pulling, answers, client, local, extending, tabs].flat().sort((one, other) => one.number - other.number);

/** Plays one with one library, on a server, and gives what was observed. */
export async function play({ run }, library, remote) {
  const world = await World.make(library, remote);
  try {
    return await run(world);
  } finally {
    await world.end();
  }
}

/** Whether two observations say the same. */
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
