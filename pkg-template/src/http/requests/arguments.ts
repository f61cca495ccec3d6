/** Checks of the arguments that methods get from the app. */

import { invalidOption } from "../../errors.js";

export const isObject = (value: unknown): value is Record<string, any> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws `invalid_option` unless the value is an object. `what` names it in the message. */
export function assertObject(value: unknown, what: string): asserts value is Record<string, any> {
  if (!isObject(value)) throw invalidOption(`A ${what} object is required.`);
}

/** Names an object of the server: its id, or an object that has the id. */
export type Reference = string | { id: string; last_modified?: number };

/** Reads a {@link Reference}. Throws `invalid_option` if there is no id. */
export function readReference(given: unknown, what: string): { id: string; last_modified?: number } {
  const reference = typeof given === "string" ? { id: given } : given;
  if (!isObject(reference)) throw invalidOption("Invalid argument.");
  if (!reference.id) throw invalidOption(`A ${what} id is required.`);
  return reference as { id: string };
}
