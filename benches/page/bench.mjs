// Sets `globalThis.bench`: an object with one function for each part that is measured.

import { makeKey } from "/essaim/index.js";
import { local } from "./local.mjs";
import { syncing } from "./syncing.mjs";
import { record } from "./work.mjs";

globalThis.bench = { ...local, ...syncing, makeKey, bytes: () => JSON.stringify(record(0)).length };
