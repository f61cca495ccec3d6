/** The requests that write: methods, conditions, bodies. */

import { invalidOption } from "../errors.js";
import type { Defaults } from "./defaults.js";
import { addHeaders } from "./defaults.js";
import type { KintoRequest, Permissions } from "./types.js";

/** What a request says of the object it writes. */
export interface Content {
  data?: Record<string, any> | undefined;
  permissions?: Permissions | undefined;
}

/** How it is written. */
export interface Manner extends Pick<Defaults, "headers" | "safe"> {
  last_modified?: number | undefined;
  patch?: boolean | undefined;
}

function condition(safe: boolean, version: number | undefined): Record<string, string> {
  if (!safe) return {};
  return version ? { "If-Match": `"${version}"` } : { "If-None-Match": "*" };
}

/** Makes something: under the id that it has, or under one that the server chooses. */
export function createRequest(path: string, content: Content, { headers, safe }: Manner): KintoRequest {
  return { method: content.data?.id ? "PUT" : "POST", path, headers: addHeaders(headers, condition(safe, undefined)), body: content };
}

/** Replaces something, or merges into it. Data that is nothing but an id leaves the server's as it is. */
export function updateRequest(path: string, { data, permissions }: Content, { headers, safe, patch, last_modified }: Manner): KintoRequest {
  const says = Object.keys(data ?? {}).some((field) => field !== "id" && field !== "last_modified");
  const version = last_modified ?? (data?.last_modified as number | undefined);
  return {
    method: patch ? "PATCH" : "PUT",
    path,
    headers: addHeaders(headers, condition(safe, version)),
    body: { data: says ? data : undefined, permissions },
  };
}

/** The permissions that every object has. Of the others the server knows nothing until somebody has them. */
const ALWAYS = ["read", "write"];

/** Whether the server has to be asked which of these permissions somebody has, before principals can be added. */
export const mayBeMissing = (permissions: Permissions) => Object.keys(permissions).some((permission) => !ALWAYS.includes(permission));

/** Adds principals to permissions, or takes them away, and touches nothing else. `missing` are those that nobody has yet. */
export function permissionsRequest(path: string, op: "add" | "remove", permissions: Permissions, { headers, safe, last_modified }: Manner, missing: string[] = []): KintoRequest {
  const operations = Object.entries(permissions).flatMap(([permission, principals]) =>
    missing.includes(permission) ? [addition(permission, principals ?? [])] : (principals ?? []).map((principal) => operation(op, permission, principal)),
  );
  const type = { "Content-Type": "application/json-patch+json" };
  return { method: "PATCH", path, headers: addHeaders(headers, condition(safe, last_modified), type), body: operations };
}

// The principal of a group is a path: unescaped, its slashes would be steps of the JSON pointer.
const pointer = (...steps: string[]) => ["/permissions", ...steps.map((step) => step.replace(/~/g, "~0").replace(/\//g, "~1"))].join("/");

// Kinto wants to see each permission as an object of principals, each of which is its own value.
const addition = (permission: string, principals: string[]) => ({
  op: "add",
  path: pointer(permission),
  value: Object.fromEntries(principals.map((principal) => [principal, principal])),
});

function operation(op: "add" | "remove", permission: string, principal: string): object {
  const path = pointer(permission, principal);
  return op === "remove" || ALWAYS.includes(permission) ? { op, path } : { op, path, value: principal };
}

/** Deletes something, or everything in a list. */
export function deleteRequest(path: string, { headers, safe, last_modified }: Manner): KintoRequest {
  if (safe && !last_modified) throw invalidOption("Safe concurrency check requires a last_modified value.");
  return { method: "DELETE", path, headers: addHeaders(headers, condition(safe, last_modified)) };
}

/** Uploads a file for a record. */
export function attachmentRequest(path: string, form: FormData, { headers, safe, last_modified }: Manner): KintoRequest {
  return { method: "POST", path, headers: addHeaders(headers, condition(safe, last_modified)), body: form };
}

export const isObject = (thing: unknown): thing is Record<string, any> => typeof thing === "object" && thing !== null && !Array.isArray(thing);

/** What is named by its id, or by an object that has it. */
export function readReference(given: unknown, what: string): { id: string; last_modified?: number } {
  const reference = typeof given === "string" ? { id: given } : given;
  if (!isObject(reference)) throw invalidOption("Invalid argument.");
  if (!reference.id) throw invalidOption(`A ${what} id is required.`);
  return reference as { id: string };
}

/** Checks what is to be sent as an object. */
export function assertObject(thing: unknown, what: string): asserts thing is Record<string, any> {
  if (!isObject(thing)) throw invalidOption(`A ${what} object is required.`);
}
