// Requests to Kinto with plain HTTP, without essaim: everything here is possible for anybody who has the account's password.

const BATCH = 20;

/** Resolves to all records of a collection and the ETag, `{rows, etag}`. `url` is the URL of its records. */
export async function listRecords(url, headers) {
  const rows = [];
  let etag = null;
  for (let page = url; page; ) {
    const response = await ask(page, { headers, cache: "no-store" });
    rows.push(...(await response.json()).data);
    etag ??= response.headers.get("ETag")?.replaceAll('"', "") ?? null;
    const next = response.headers.get("Next-Page");
    // A next page on another origin is not followed, because that server must not get the account's password.
    page = next && new URL(next).origin === new URL(url).origin ? next : null;
  }
  return { rows, etag };
}

/** Writes records into a collection unchanged, including their `last_modified`. */
export async function putRecords(remote, url, headers, rows) {
  const path = new URL(url).pathname.slice(new URL(remote).pathname.length);
  for (let first = 0; first < rows.length; first += BATCH) {
    const requests = rows.slice(first, first + BATCH).map((row) => ({ method: "PUT", path: `${path}/${row.id}`, body: { data: row } }));
    const response = await ask(`${remote}/batch`, { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify({ requests }) });
    const refused = (await response.json()).responses.find(({ status }) => status >= 300);
    if (refused) throw new Error(`HTTP ${refused.status}`);
  }
}

/** Deletes a collection if it exists. */
export async function deleteCollection(url, headers) {
  const response = await fetch(url.replace(/\/records$/, ""), { method: "DELETE", headers });
  if (!response.ok && response.status !== 404) throw new Error(`HTTP ${response.status}`);
}

async function ask(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`);
  return response;
}
