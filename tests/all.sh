#!/usr/bin/env bash
# Runs make targets one after the other, a line each, and sums up what they counted: `tests/all.sh lint test-native …`
#
# What a target prints is kept in target/logs/, and shown when it fails. All run, also after one has failed.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/logs

# `5 passed; 0 failed` is cargo's and wasm-bindgen's, `pass 5` and `fail 0` are Node's.
count() { sed -nE "s/\x1b\[[0-9;]*m//g; s/.*[^0-9]([0-9]+) $1[;,.].*/\1/p; s/^[^a-z0-9]*$2 ([0-9]+)\$/\1/p" "$3" | awk '{ sum += $1 } END { print sum + 0 }'; }

passed=0
failed=0
broken=()
for target in "$@"; do
  log=target/logs/$target.log
  printf '%-14s' "$target"
  begun=$SECONDS
  if make --no-print-directory "$target" >"$log" 2>&1; then verdict=ok; else verdict=FAILED; broken+=("$target"); fi
  good=$(count passed pass "$log")
  bad=$(count failed fail "$log")
  passed=$((passed + good))
  failed=$((failed + bad))
  printf '%-7s %5d s' "$verdict" $((SECONDS - begun))
  if [ $((good + bad)) != 0 ]; then printf '  %5d passed, %d failed' "$good" "$bad"; fi
  printf '\n'
  [ "$verdict" = ok ] || sed 's/^/    /' "$log"
done

# A step that broke down before its tests could be counted is a failure as well.
[ "$failed" -ge ${#broken[@]} ] || failed=${#broken[@]}
[ ${#broken[@]} = 0 ] || printf '\nfailed: %s (output above, and in target/logs/)\n' "${broken[*]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ ${#broken[@]} = 0 ]
