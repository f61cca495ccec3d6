/** Requests that add principals to permissions and remove them, as JSON Patch. */

import { addHeaders } from "../defaults.js";
import type { KintoRequest, Permissions } from "../types.js";
import { preconditions, type WriteSettings } from "./writes.js";

/** The permissions that every object has. The server has any other only while a principal has it. */
const ALWAYS = ["read", "write"];

/** Whether the server may not have one of these permissions. Adding principals then takes a request for those that it has. */
export const mayBeMissing = (permissions: Permissions) => Object.keys(permissions).some((permission) => !ALWAYS.includes(permission));

/** Adds principals to permissions, or removes them. `missing` are permissions that no principal has yet. */
export function permissionsRequest(
  path: string,
  op: "add" | "remove",
  permissions: Permissions,
  { headers, safe, last_modified }: WriteSettings,
  missing: string[] = [],
): KintoRequest {
  const operations = Object.entries(permissions).flatMap(([permission, principals]) =>
    missing.includes(permission) ? [addition(permission, principals ?? [])] : (principals ?? []).map((principal) => operation(op, permission, principal)),
  );
  const type = { "Content-Type": "application/json-patch+json" };
  return { method: "PATCH", path, headers: addHeaders(headers, preconditions(safe, last_modified), type), body: operations };
}

/** The JSON pointer to a permission, or to a principal of it. Slashes are escaped: the principal of a group is a path. */
const pointer = (...steps: string[]) => ["/permissions", ...steps.map((step) => step.replace(/~/g, "~0").replace(/\//g, "~1"))].join("/");

/** Adds a permission. Kinto represents it as an object that maps each principal to itself. */
const addition = (permission: string, principals: string[]) => ({
  op: "add",
  path: pointer(permission),
  value: Object.fromEntries(principals.map((principal) => [principal, principal])),
});

function operation(op: "add" | "remove", permission: string, principal: string): object {
  const path = pointer(permission, principal);
  return op === "remove" || ALWAYS.includes(permission) ? { op, path } : { op, path, value: principal };
}
