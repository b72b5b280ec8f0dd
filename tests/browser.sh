#!/usr/bin/env bash
# Lets a real browser use the dashboard: to test it, to time it ("speed"), or to ask Lighthouse about it ("lighthouse").
set -euo pipefail
cd "$(dirname "$0")/../web"
script=${1:-test:browser}

# The headless shell is Chromium without windows: a third less work for the same pages. Lighthouse needs all of it.
names=(chromium chromium-browser google-chrome)
[ "$script" = lighthouse ] || names=(chromium-headless-shell "${names[@]}")
find_browser() {
  for name in "${names[@]}"; do command -v "$name" && return; done
  return 1
}
install_browser() {
  command -v apt-get && [ "$(id -u)" = 0 ] && apt-get update -qq &&
    apt-get install -y -qq --no-install-recommends "${names[0]}" fonts-liberation
}
if [ -z "${CHROMIUM:-}" ] && ! command -v "${names[0]}" >/dev/null; then
  # Where this one cannot be had, another may be there.
  install_browser >/dev/null || true
fi
if ! CHROMIUM=${CHROMIUM:-$(find_browser)}; then
  echo "The browser tests need Chromium: install it (Debian: apt-get install chromium;" >&2
  echo "macOS: brew install --cask chromium) or set CHROMIUM to its path, then run 'make test' again." >&2
  exit 1
fi
export CHROMIUM
if [ "$script" = test:browser ]; then
  sample=$(mktemp -d)
  trap 'rm -rf "$sample"' EXIT
  node tests/sample.mjs "$sample"
  export ROLLCALL_SAMPLE=$sample
fi
npm run --silent "$script"
