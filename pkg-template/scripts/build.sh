#!/usr/bin/env bash
# Builds the npm package: Rust → WASM → bindings → smaller WASM → TypeScript → pkg/ and essaim-<version>.tgz.
#
# Each step is skipped if what it reads is what it read last time, by content: a checkout changes every date.
# `QUICK=1` is for working on it: built in a fraction of the time, far larger, and never published.
# pkg/ is replaced at the end, in one go: a build that fails leaves the last good package.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH="${ESSAIM_TOOLS:-$HOME/.cache/essaim/tools}/bin:$PATH"
work=target/package
mkdir -p "$work/wasm"
# Suites that run at once each ask for the package.
exec 9>"$work/lock"
flock 9

# Whether the content of the files given is not that of the last time `remember` was called for this step.
changed() { step=$1; shift; cat "$@" | sha256sum >"$work/$step.now"; ! cmp -s "$work/$step.now" "$work/$step.done"; }
remember() { mv "$work/$1.now" "$work/$1.done"; }

pkg-template/scripts/install.sh

profile=npm
[ -z "${QUICK:-}" ] || profile=quick
# Panics name source files. Without their folders, the module does not depend on who builds it.
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src="$'\x1f'"--remap-path-prefix=$PWD="
# With the rlib beside it, Cargo silently leaves link-time optimisation out.
cargo rustc --quiet --profile "$profile" --lib --crate-type cdylib --target wasm32-unknown-unknown
built=${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/$profile/essaim.wasm

if changed wasm "$built" pkg-template/scripts/build.sh pkg-template/scripts/short-names.mjs pkg-template/package-lock.json; then
  echo "package: generating bindings"
  # The facade names the .wasm's address itself, where bundlers and readers see it.
  wasm-bindgen "$built" --target web --out-name essaim_wasm --out-dir "$work/bindgen" --omit-default-module-path
  echo "package: optimising WASM"
  # npm's binaryen: Debian's is too old, and breaks the module. Features one by one: --all-features makes imports that Chromium refuses.
  features=(--enable-bulk-memory --enable-bulk-memory-opt --enable-reference-types --enable-sign-ext
    --enable-nontrapping-float-to-int --enable-mutable-globals --enable-multivalue)
  wasm_opt() { pkg-template/node_modules/.bin/wasm-opt "${features[@]}" "$@"; }
  if [ -n "${QUICK:-}" ]; then
    cp "$work/bindgen/essaim_wasm_bg.wasm" "$work/wasm/"
  else
    wasm_opt -g -Oz --one-caller-inline-max-function-size=20 "$work/bindgen/essaim_wasm_bg.wasm" -o "$work/bindgen/small.wasm"
    # Sorted by name, functions that are alike stand together: 11 KB gzip less. So the names go last.
    wasm_opt --reorder-functions-by-name --strip-debug --strip-producers --strip-target-features "$work/bindgen/small.wasm" -o "$work/wasm/essaim_wasm_bg.wasm"
  fi
  pkg-template/node_modules/.bin/tsc --ignoreConfig --allowJs --removeComments --target es2022 --module esnext --moduleResolution bundler \
    --outDir "$work/wasm" "$work/bindgen/essaim_wasm.js"
  cp "$work/bindgen/essaim_wasm.d.ts" "$work/wasm/"
  node pkg-template/scripts/short-names.mjs "$work/wasm/essaim_wasm_bg.wasm" "$work/wasm/essaim_wasm.js"
  remember wasm
fi

shopt -s nullglob
documents=(README*.md CHANGELOG*.md LICENSE-*)
tarballs=(essaim-*.tgz)
sources=$(find pkg-template/src pkg-template/scripts -type f | sort)
if changed pack "$work"/wasm/* $sources pkg-template/*.json Cargo.toml "${documents[@]}" || [ ! -d pkg ] || [ ${#tarballs[@]} != 1 ]; then
  echo "package: compiling TypeScript"
  rm -rf "$work/js" "$work/pkg"
  tsc=pkg-template/node_modules/.bin/tsc
  # Comments are for who writes an app, so they go into the types.
  "$tsc" -p pkg-template --emitDeclarationOnly --outDir "$work/pkg/types"
  "$tsc" -p pkg-template --declaration false --removeComments --sourceMap --inlineSources
  cp "$work/wasm/essaim_wasm.js" "$work/js/wasm/"
  node pkg-template/scripts/bundle.mjs "$work/js" "$work/pkg"
  cp "$work/wasm/essaim_wasm_bg.wasm" "${documents[@]}" "$work/pkg/"
  node pkg-template/scripts/publish.mjs "$work/pkg"
  rm -rf pkg "${tarballs[@]}"
  mv "$work/pkg" pkg
  npm pack ./pkg --silent
  remember pack
fi
