// Which server, and who. The account is made up at random the first time and kept in this browser only:
// nothing secret ever stands in the page's address.

const KEY = "essaim-demo/account";
const DEFAULT_REMOTE = "http://localhost:8888/v1";

/** The account of this browser: `{remote, user, password}`. `?remote=` overrides the server for this page. */
export function loadAccount() {
  const saved = read() ?? save({ remote: DEFAULT_REMOTE, ...makeCredentials() });
  const override = new URLSearchParams(location.search).get("remote");
  return { ...saved, remote: (override ?? saved.remote).replace(/\/+$/, "") };
}

/** The headers with which this account shows itself to the server (HTTP Basic). */
export function authorization({ user, password }) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Wires the dialog in which server and account can be looked at and changed. */
export function wireAccountDialog(dialog, opener, account) {
  const form = dialog.querySelector("form");
  const fill = (values) => {
    for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  };
  opener.addEventListener("click", () => {
    fill(account);
    dialog.showModal();
  });
  form.querySelector("[data-action=new-account]").addEventListener("click", () => fill(makeCredentials()));
  form.querySelector("[data-action=cancel]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", () => {
    save(Object.fromEntries(new FormData(form)));
    // Another account has other databases: start over, without an override left in the address.
    location.assign(location.pathname);
  });
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
