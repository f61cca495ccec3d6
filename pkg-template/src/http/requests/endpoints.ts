/** Paths of the server's resources below its root, and query strings. */

import { invalidOption } from "../../errors.js";
import type { QueryValue } from "../types.js";

/** Appends a name as one segment, whatever characters it has. */
function below(parent: string, name: string | null | undefined): string {
  // URL parsers resolve these two even when they are escaped (`%2e`).
  if (name === "." || name === "..") throw invalidOption(`No id can be "${name}": in an address it leads elsewhere.`);
  return name ? `${parent}/${encodeURIComponent(name)}` : parent;
}

/** The value of `client.endpoints`. */
export const endpoints = {
  root: () => "/",
  batch: () => "/batch",
  permissions: () => "/permissions",
  account: (user: string) => below("/accounts", user),
  bucket: (bucket?: string) => below("/buckets", bucket),
  history: (bucket: string) => `${endpoints.bucket(bucket)}/history`,
  snapshot: (bucket: string, collection: string, at: number) => `${endpoints.bucket(bucket)}/snapshot/collections/${encodeURIComponent(collection)}@${at}`,
  collection: (bucket: string, collection?: string) => below(`${endpoints.bucket(bucket)}/collections`, collection),
  group: (bucket: string, group?: string) => below(`${endpoints.bucket(bucket)}/groups`, group),
  record: (bucket: string, collection: string, id?: string) => below(`${endpoints.collection(bucket, collection)}/records`, id),
  attachment: (bucket: string, collection: string, id: string) => `${endpoints.record(bucket, collection, id)}/attachment`,
};

/** Appends a query like `a=1&b=2,3` to a path. An undefined value is left out; `null` is a value that Kinto can filter by. */
export function withQuery(path: string, query: Record<string, QueryValue>): string {
  const text = (value: unknown) => encodeURIComponent(String(value));
  const values = (value: QueryValue) => (Array.isArray(value) ? value.map(text).join(",") : text(value));
  const parts = Object.entries(query).filter(([, value]) => value !== undefined);
  return parts.length === 0 ? path : `${path}?${parts.map(([name, value]) => `${text(name)}=${values(value)}`).join("&")}`;
}
