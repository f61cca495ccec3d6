/** Generates and validates ids. */

import { invalidId, invalidOption } from "../errors.js";
import type { IdSchema } from "../types/records.js";
import { kindOf } from "./json.js";

const RECORD_ID = /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/;

/** Returns a random UUID (version 4). `crypto.randomUUID` exists only in secure contexts; `getRandomValues` exists everywhere. */
function makeUuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The default `idSchema`: generates random UUIDs, and accepts the ids that a Kinto server accepts. */
export const uuidSchema: IdSchema = {
  generate: () => makeUuid(),
  validate: (id) => typeof id === "string" && RECORD_ID.test(id),
};

/**
 * Returns an id schema for a collection that is used like a `Map`: the app chooses every id, every id is valid, and none is generated.
 *
 * @example
 * ```js
 * const settings = kinto.collection("settings", { idSchema: createKeyValueStoreIdSchema() });
 * await settings.upsert({ id: "theme", value: "dark" });
 * ```
 */
export function createKeyValueStoreIdSchema(): IdSchema {
  return {
    generate() {
      throw new Error("createKeyValueStoreIdSchema() does not generate an id");
    },
    validate: () => true,
  };
}

/** Checks the option `idSchema`. */
export function readIdSchema(given: IdSchema | undefined): IdSchema {
  if (given === undefined) return uuidSchema;
  if (typeof given !== "object" || given === null) throw invalidOption("idSchema must be an object.");
  if (typeof given.generate !== "function") throw invalidOption("idSchema must provide a generate function.");
  if (typeof given.validate !== "function") throw invalidOption("idSchema must provide a validate function.");
  return given;
}

/** Returns whether an id is a string, a boolean or a finite number, and valid by this schema. */
export function isValidId(schema: IdSchema, id: unknown): boolean {
  const scalar = typeof id === "string" || typeof id === "boolean" || (typeof id === "number" && Number.isFinite(id));
  return scalar && Boolean(schema.validate(id));
}

export function assertId(schema: IdSchema, id: unknown): void {
  if (!isValidId(schema, id)) throw invalidId(`Invalid Id: ${typeof id === "object" ? kindOf(id) : String(id)}`);
}
