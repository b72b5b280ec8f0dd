#!/usr/bin/env bash
# Runs one fuzz target for ROLLCALL_FUZZ_SECONDS and says how often it ran. New inputs stay in fuzz/corpus; one that
# fails is written to fuzz/failures, and the target runs it again when it is given as its argument.
set -euo pipefail
target=$1 binary=$2
mkdir -p fuzz/failures
seeds=(fuzz/seeds/"$target")
# Bodies of real clients, where they are.
[ "$target" = feeds ] && [ -d ../shared/data/captured ] && seeds+=(../shared/data/captured)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$binary" -max_total_time="${ROLLCALL_FUZZ_SECONDS:-60}" -max_len=4096 -rss_limit_mb=4096 -print_final_stats=1 \
  -artifact_prefix="fuzz/failures/$target-" fuzz/corpus/"$target" "${seeds[@]}" >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  echo "fuzz $target: failed" >&2
  exit 1
fi
echo "fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions," \
  "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1) branches seen"
