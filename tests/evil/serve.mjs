// Runs a Kinto server that lies, to test an app with it: `node tests/evil/serve.mjs --lie hide --ids '["p000000000002"]'`.
//
// Without --lie it lists the lies. `KINTO_URL` is the URL of the real Kinto server behind it; `tests/kinto/serve.py -- …` starts one. Press Enter to
// switch between lying and telling the truth.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { find, LIES } from "./lies/index.mjs";
import { Proxy } from "./proxy.mjs";

/** Reads the options of a lie: `--ids '["a"]'` becomes `{ids: ["a"]}`. A value that is not JSON is a text. */
function read(options) {
  const parse = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  };
  return Object.fromEntries(Object.entries(options).map(([name, text]) => [name, parse(text)]));
}

function list() {
  for (const [file, lies] of Object.entries(LIES)) {
    console.log(`\n${file}`);
    for (const [name, { what, options }] of Object.entries(lies)) console.log(`  ${name} ${JSON.stringify(options)}\n      ${what}`);
  }
}

const { values } = parseArgs({ strict: false, options: { lie: { type: "string" }, port: { type: "string" } } });
const { lie: name, port, ...given } = values;
const lie = find(name);
if (!lie) {
  list();
  if (name) console.error(`\nThere is no lie "${name}".`);
  process.exit(name ? 1 : 0);
}
const unknown = Object.keys(given).filter((option) => !(option in lie.options));
if (unknown.length > 0) {
  console.error(`${name} has the options ${Object.keys(lie.options).join(", ") || "none"}, not ${unknown.join(", ")}.`);
  process.exit(1);
}

const proxy = await Proxy.start({ port: Number(port ?? 0) }, process.env.KINTO_URL ?? "http://localhost:8888/v1");
let lying = false;
const turn = () => {
  lying = !lying;
  if (lying) lie(proxy, read(given));
  else proxy.behave();
  console.log(lying ? `${proxy.url} lies: ${lie.what}` : `${proxy.url} tells the truth.`);
};
turn();
const lines = createInterface({ input: process.stdin });
lines.on("line", turn);
lines.on("close", () => proxy.close());
