// Access to the real Kinto server of these tests, without essaim.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

/** The root URL of the server that `run.mjs` started or was given. */
export const KINTO_URL = process.env.KINTO_URL;
assert.ok(KINTO_URL, "KINTO_URL is not set: start these tests by run.mjs");

/** Returns the name of a new account, so that tests do not share data. */
export const newUser = () => `user-${randomUUID()}`;

export const authorization = (user) => `Basic ${btoa(`${user}:secret`)}`;

/** Returns the address of an app, with the server and the account as query parameters. */
export function appAddress(page, user) {
  return `${page}?${new URLSearchParams({ remote: KINTO_URL, user })}`;
}

/** Resolves to the records that the server has in a collection of this account. */
export async function recordsOnServer(user, collection = "tasks") {
  const address = `${KINTO_URL}/buckets/default/collections/${collection}/records`;
  const response = await fetch(address, { headers: { Authorization: authorization(user) } });
  assert.equal(response.status, 200, `GET ${address}`);
  return (await response.json()).data;
}
