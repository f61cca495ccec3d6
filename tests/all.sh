#!/usr/bin/env bash
# Runs make targets, a line each, and sums up what they counted: `tests/all.sh lint package -- test-native test-kinto …`
#
# Those before `--` run one after the other. The others run two at a time, in the order given: most of a suite's time is spent
# waiting for a browser or a server. LANES=1 runs them one after the other as well, for times that can be compared.
# What a target prints is kept in target/logs/, and shown when it fails. All run, also after one has failed.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/logs

# `5 passed; 0 failed` is cargo's and wasm-bindgen's, `pass 5` and `fail 0` are Node's.
count() { sed -nE "s/\x1b\[[0-9;]*m//g; s/.*[^0-9]([0-9]+) $1[;,.].*/\1/p; s/^[^a-z0-9]*$2 ([0-9]+)\$/\1/p" "$3" | awk '{ sum += $1 } END { print sum + 0 }'; }

# Leaves what came of a target in its .result file.
run() {
  local target=$1 log=target/logs/$1.log begun=$SECONDS verdict=ok good bad counted=
  make --no-print-directory "$target" >"$log" 2>&1 || verdict=FAILED
  good=$(count passed pass "$log")
  bad=$(count failed fail "$log")
  [ $((good + bad)) = 0 ] || counted=$(printf '  %5d passed, %d failed' "$good" "$bad")
  printf '%-14s%-7s %5d s%s\n' "$target" "$verdict" $((SECONDS - begun)) "$counted"
  echo "$verdict $good $bad" >"${log%.log}.result"
}

if [ "${1:-}" = --only ]; then
  run "$2"
  exit
fi

alone=() together=() is_alone=yes
for target in "$@"; do
  if [ "$target" = -- ]; then is_alone=; elif [ -n "$is_alone" ]; then alone+=("$target"); else together+=("$target"); fi
done
targets=("${alone[@]}" "${together[@]}")
for target in "${targets[@]}"; do rm -f "target/logs/$target.result"; done
for target in "${alone[@]}"; do run "$target"; done
[ ${#together[@]} = 0 ] || printf '%s\n' "${together[@]}" | xargs -n 1 -P "${LANES:-2}" tests/all.sh --only

passed=0
failed=0
broken=()
for target in "${targets[@]}"; do
  read -r verdict good bad <"target/logs/$target.result" || verdict=FAILED
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0}))
  [ "$verdict" = ok ] && continue
  broken+=("$target")
  printf '\n%s:\n' "$target"
  sed 's/^/    /' "target/logs/$target.log"
done

# A step that broke down before its tests could be counted is a failure as well.
[ "$failed" -ge ${#broken[@]} ] || failed=${#broken[@]}
[ ${#broken[@]} = 0 ] || printf '\nfailed: %s (output above, and in target/logs/)\n' "${broken[*]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ ${#broken[@]} = 0 ]
