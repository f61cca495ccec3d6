#!/usr/bin/env bash
# Runs make targets, a line each, and sums up what they counted: `tests/all.sh lint test-native test-sync+test-demo`
# One after the other, but for those joined by a plus.
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

# Runs one target in the background of its group; what came of it is in its log and its .verdict.
run() {
  local log=target/logs/$1 begun=$SECONDS verdict=ok
  make --no-print-directory "$1" >"$log.log" 2>&1 || verdict=FAILED
  echo "$verdict $((SECONDS - begun))" >"$log.verdict"
}

report() {
  local log=target/logs/$1.log verdict seconds good bad
  read -r verdict seconds <"target/logs/$1.verdict"
  good=$(count passed pass "$log")
  bad=$(count failed fail "$log")
  passed=$((passed + good))
  failed=$((failed + bad))
  printf '%-14s%-7s %5d s' "$1" "$verdict" "$seconds"
  if [ $((good + bad)) != 0 ]; then printf '  %5d passed, %d failed' "$good" "$bad"; fi
  printf '\n'
  [ "$verdict" = ok ] && return
  broken+=("$1")
  sed 's/^/    /' "$log"
}

# Suites that wait for browsers and servers more than they compute share the two cores of a small machine.
for group in "$@"; do
  printf 'running %s …\r' "${group//+/ and }"
  for target in ${group//+/ }; do run "$target" & done
  wait
  for target in ${group//+/ }; do report "$target"; done
done

# A step that broke down before its tests could be counted is a failure as well.
[ "$failed" -ge ${#broken[@]} ] || failed=${#broken[@]}
[ ${#broken[@]} = 0 ] || printf '\nfailed: %s (output above, and in target/logs/)\n' "${broken[*]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ ${#broken[@]} = 0 ]
