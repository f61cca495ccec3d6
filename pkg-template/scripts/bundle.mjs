// Bundles the compiled modules into what is published: `node pkg-template/scripts/bundle.mjs <folder of modules> <folder of the package>`
//
// One file per entry, and one for what entries share: a page that loads 48 modules waits for each level of their imports. Nothing is
// renamed, so that errors and names of classes stay readable; an app's own bundler does that.

import { join } from "node:path";
import { build } from "esbuild";

const [modules, folder] = process.argv.slice(2);
await build({
  entryPoints: {
    index: join(modules, "index.js"),
    "lib-collection": join(modules, "lib-collection.js"),
    http: join(modules, "http/index.js"),
    words: join(modules, "values/words.js"),
  },
  outdir: folder,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  chunkNames: "essaim-[hash]",
  sourcemap: true,
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
});
