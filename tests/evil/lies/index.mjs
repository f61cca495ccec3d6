// The catalogue: every lie by its name.

import * as answers from "./answers.mjs";
import * as bodies from "./bodies.mjs";
import * as listings from "./listings.mjs";
import * as records from "./records.mjs";
import * as waiting from "./waiting.mjs";

const isLie = ([, value]) => typeof value?.what === "string";

/** `{ records: { hide, … }, listings: { … }, … }`: the lies of each file. */
export const LIES = Object.fromEntries(
  Object.entries({ records, listings, answers, bodies, waiting }).map(([file, all]) => [file, Object.fromEntries(Object.entries(all).filter(isLie))]),
);

/** Returns the lie with this name; undefined if there is none. */
export function find(name) {
  return Object.values(LIES).map((lies) => lies[name]).find(Boolean);
}
