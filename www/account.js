// The account of this browser: server, user, password and key. User, password and key are generated at random at the first visit and stored
// only in this browser, never in the page's address. A real app does not store the key beside the data: it shows the key to its user, or stores
// it in the system's key chain.

import { makeKey } from "/essaim/index.js";

const KEY = "essaim-demo/account";
const DEFAULT_REMOTE = "http://localhost:8888/v1";

/**
 * Returns the account of this browser: `{remote, user, password, key}`. `?remote=` in the page's address overrides the server. `key` is a promise,
 * which essaim accepts. It rejects if the browser has no WebAssembly, because then no key can be made; the devices show that error.
 */
export function loadAccount() {
  const saved = read() ?? save({ remote: DEFAULT_REMOTE, ...makeCredentials() });
  const override = new URLSearchParams(location.search).get("remote");
  const key = saved.key ? Promise.resolve(saved.key) : makeFirstKey(saved);
  key.catch(() => {}); // not handled here: each collection that gets this promise reports the error
  return { ...saved, remote: (override ?? saved.remote).replace(/\/+$/, ""), key };
}

/** Returns the headers that authenticate this account at the server (HTTP Basic). */
export function authorization({ user, password }) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Returns the URL at which the account's journal was last seen on the server, or `null`. With it, the journal can be shown before the first sync. */
export function knownPlace({ remote }) {
  const place = read()?.place;
  return place?.startsWith(`${remote}/`) ? place : null;
}

export function rememberPlace(place) {
  save({ ...read(), place });
}

/** Adds the event handlers of the dialog that shows and changes server, account and key. */
export function wireAccountDialog(dialog, openers, account) {
  const form = dialog.querySelector("form");
  const fill = (values) => {
    for (const [name, value] of Object.entries(values)) if (form.elements[name]) form.elements[name].value = value;
  };
  const open = async () => {
    fill({ ...account, key: await account.key.catch(() => "") });
    dialog.showModal();
  };
  for (const opener of openers) opener.addEventListener("click", open);
  form.querySelector("[data-action=new-account]").addEventListener("click", async () => fill({ ...makeCredentials(), key: await makeKey() }));
  form.querySelector("[data-action=cancel]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", () => {
    save(Object.fromEntries(new FormData(form)));
    // A different account uses different databases, so the page is loaded again, without `?remote=` in its address.
    location.assign(location.pathname);
  });
}

async function makeFirstKey(account) {
  const key = await makeKey();
  save({ ...account, key });
  return key;
}

function makeCredentials() {
  return { user: `bee-${randomHex(4)}`, password: randomHex(16) };
}

function randomHex(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function save(account) {
  localStorage.setItem(KEY, JSON.stringify(account));
  return account;
}
