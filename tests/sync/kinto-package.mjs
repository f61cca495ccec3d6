// Bundles the npm package `kinto` for pages.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Resolves to the source text of one ES module. */
export async function kintoJs() {
  const absWorkingDir = fileURLToPath(new URL(".", import.meta.url));
  const { outputFiles } = await build({ entryPoints: ["kinto"], absWorkingDir, bundle: true, format: "esm", platform: "browser", write: false, logLevel: "error" });
  return outputFiles[0].text;
}
