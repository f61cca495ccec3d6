/** Where things are on a server, below its root. */

import { invalidOption } from "../errors.js";
import type { QueryValue } from "./types.js";

/** A name cannot leave its place in the path, whatever is in it. */
function below(parent: string, name: string | null | undefined): string {
  // Escaped (`%2e`), these mean the same.
  if (name === "." || name === "..") throw invalidOption(`No id can be "${name}": in an address it leads elsewhere.`);
  return name ? `${parent}/${encodeURIComponent(name)}` : parent;
}

/** `client.endpoints`. */
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

/** `a=1&b=2,3`: what is undefined is left out; `null` is one of the values that Kinto filters by. */
export function queryText(query: Record<string, QueryValue>): string {
  const text = (value: unknown) => encodeURIComponent(String(value));
  const values = (value: QueryValue) => (Array.isArray(value) ? value.map(text).join(",") : text(value));
  return Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${text(name)}=${values(value)}`)
    .join("&");
}

/** The path with this query. */
export function withQuery(path: string, query: Record<string, QueryValue>): string {
  const text = queryText(query);
  return text === "" ? path : `${path}?${text}`;
}
