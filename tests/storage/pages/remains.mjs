// Searches for texts (canaries) in all databases of this origin and in localStorage. It reads the rows directly, without the package.

/** Returns a canary in all forms in which a database may hold it: UTF-8, UTF-16, base64. All canaries are ASCII. */
function forms(canary) {
  const shifted = [0, 1, 2].map((shift) => btoa(`${"x".repeat(shift)}${canary}`).replace(/=+$/, "").slice(shift === 0 ? 0 : 4, -4));
  return [canary, [...canary].join("\0"), ...shifted, ...shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** Converts a value of any kind to text. Bytes become one character each. */
function textOf(value) {
  if (value instanceof ArrayBuffer) return textOf(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) return new TextDecoder("latin1").decode(value);
  if (value && typeof value === "object") return Object.entries(value).flat().map(textOf).join("\n");
  return String(value);
}

const answered = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));

/** Resolves to every row of every database and of localStorage, as `[where, text]`. */
async function rows() {
  const found = Object.entries(localStorage).map(([key, value]) => [`localStorage ${key}`, `${key}\n${value}`]);
  for (const { name } of await indexedDB.databases()) {
    const database = await answered(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const objects = database.transaction(store).objectStore(store);
      const [keys, values] = await Promise.all([answered(objects.getAllKeys()), answered(objects.getAll())]);
      values.forEach((value, index) => found.push([`${name} ${store} ${keys[index]}`, `${textOf(keys[index])}\n${textOf(value)}`]));
    }
    database.close();
  }
  return found;
}

/** Searches for canaries, `{name: canary}`. Resolves to the places of those that were found, `{name: [where, …]}`. */
export async function remains(canaries) {
  const all = await rows();
  const places = (canary) => all.filter(([, text]) => forms(canary).some((form) => text.includes(form))).map(([where]) => where);
  return Object.fromEntries(Object.entries(canaries).map(([name, canary]) => [name, places(canary)]).filter(([, where]) => where.length > 0));
}

/** Resolves to {@link remains} as soon as only the names in `expected` are found, or after ten seconds. */
export async function eventually(canaries, expected) {
  for (let tries = 0; ; tries += 1) {
    const found = await remains(canaries);
    if (tries === 200 || Object.keys(found).sort().join() === [...expected].sort().join()) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Resolves to the number of bytes in the databases of this name. */
export async function bytesOf(dbName) {
  return (await rows()).filter(([where]) => where.startsWith(`essaim/${dbName}/`)).reduce((sum, [, text]) => sum + text.length, 0);
}
