// A server that tells clients to wait.

import { lie, rewrite, withHeaders } from "../lie.mjs";
import { kintoError } from "../proxy.mjs";

export const backoff = lie("Answers have a Backoff header.", { at: "GET /records", seconds: 60, limits: undefined }, (proxy, { at, seconds, limits }) =>
  rewrite(proxy, at, (given) => withHeaders(given, { backoff: String(seconds) }), limits));

export const retryAfter = lie(
  "Answers have a Retry-After header: `1e30`, `Infinity`, on success too.",
  { at: "PUT ", seconds: "1e30", limits: undefined },
  (proxy, { at, seconds, limits }) => rewrite(proxy, at, (given) => withHeaders(given, { "retry-after": String(seconds) }), limits),
);

export const busy = lie("503, with a Retry-After header.", { at: "GET /records", seconds: 1, limits: undefined }, (proxy, { at, seconds, limits }) =>
  proxy.rule(at, () => kintoError(503, 201, "busy", { "Retry-After": String(seconds) }), limits));
