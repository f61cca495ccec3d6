/** Requests that create, update and delete objects. */

import { invalidOption } from "../../errors.js";
import { addHeaders, type Defaults } from "../defaults.js";
import type { KintoRequest, Permissions } from "../types.js";

/** The body of a write. */
export interface Content {
  data?: Record<string, any> | undefined;
  permissions?: Permissions | undefined;
}

/** Options of a write. */
export interface WriteSettings extends Pick<Defaults, "headers" | "safe"> {
  last_modified?: number | undefined;
  patch?: boolean | undefined;
}

/** The headers by which the server refuses (412) a safe write to an object that has another version. */
export function preconditions(safe: boolean, version: number | undefined): Record<string, string> {
  if (!safe) return {};
  return version ? { "If-Match": `"${version}"` } : { "If-None-Match": "*" };
}

/** Creates an object with the id in `content.data`, or with an id that the server chooses. */
export function createRequest(path: string, content: Content, { headers, safe }: WriteSettings): KintoRequest {
  return { method: content.data?.id ? "PUT" : "POST", path, headers: addHeaders(headers, preconditions(safe, undefined)), body: content };
}

/** Replaces an object, or merges into it with `patch`. Data without fields besides the id is not sent: the server keeps its own. */
export function updateRequest(path: string, { data, permissions }: Content, { headers, safe, patch, last_modified }: WriteSettings): KintoRequest {
  const hasFields = Object.keys(data ?? {}).some((field) => field !== "id" && field !== "last_modified");
  const version = last_modified ?? (data?.last_modified as number | undefined);
  return {
    method: patch ? "PATCH" : "PUT",
    path,
    headers: addHeaders(headers, preconditions(safe, version)),
    body: { data: hasFields ? data : undefined, permissions },
  };
}

/** Deletes one object, or every object of a list. */
export function deleteRequest(path: string, { headers, safe, last_modified }: WriteSettings): KintoRequest {
  if (safe && !last_modified) throw invalidOption("Safe concurrency check requires a last_modified value.");
  return { method: "DELETE", path, headers: addHeaders(headers, preconditions(safe, last_modified)) };
}
