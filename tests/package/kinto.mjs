// The real Kinto of these tests, from outside.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

/** The root of the server that `run.mjs` started, or was given. */
export const KINTO_URL = process.env.KINTO_URL;
assert.ok(KINTO_URL, "KINTO_URL is not set: start these tests by run.mjs");

/** An account that nobody else uses, so that tests do not meet. */
export const newUser = () => `user-${randomUUID()}`;

export const authorization = (user) => `Basic ${btoa(`${user}:secret`)}`;

/** The address of an app, told which server and account to use. */
export function appAddress(page, user) {
  return `${page}?${new URLSearchParams({ remote: KINTO_URL, user })}`;
}

/** What the server holds in a collection of this account. */
export async function recordsOnServer(user, collection = "tasks") {
  const address = `${KINTO_URL}/buckets/default/collections/${collection}/records`;
  const response = await fetch(address, { headers: { Authorization: authorization(user) } });
  assert.equal(response.status, 200, `GET ${address}`);
  return (await response.json()).data;
}
