// Which server, who, and with which key. Account and key are made up at random the first time and kept in this browser
// only: nothing secret ever stands in the page's address. A real app does not keep the key beside the data; it shows it
// to its user, or asks the system's key chain to keep it.

import { makeKey } from "/essaim/index.js";

const KEY = "essaim-demo/account";
const DEFAULT_REMOTE = "http://localhost:8888/v1";

/**
 * The account of this browser: `{remote, user, password, key}`. `?remote=` overrides the server for this page. `key` is a
 * promise, as essaim takes it: where WebAssembly is missing, no key can be made, and the devices say so.
 */
export function loadAccount() {
  const saved = read() ?? save({ remote: DEFAULT_REMOTE, ...makeCredentials() });
  const override = new URLSearchParams(location.search).get("remote");
  const key = saved.key ? Promise.resolve(saved.key) : makeFirstKey(saved);
  key.catch(() => {}); // each collection meets it again
  return { ...saved, remote: (override ?? saved.remote).replace(/\/+$/, ""), key };
}

/** The headers with which this account shows itself to the server (HTTP Basic). */
export function authorization({ user, password }) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Where the account's journal was last seen on the server, so that it can be shown before anybody syncs; or `null`. */
export function knownPlace({ remote }) {
  const place = read()?.place;
  return place?.startsWith(`${remote}/`) ? place : null;
}

export function rememberPlace(place) {
  save({ ...read(), place });
}

/** Wires the dialog in which server, account and key can be looked at and changed. */
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
    // Another account has other databases: start over, without an override left in the address.
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
