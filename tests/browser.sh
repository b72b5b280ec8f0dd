#!/usr/bin/env bash
# Serves the sample organization and lets a real browser use the dashboard: to test it, to time it ("speed"), or to ask
# Lighthouse about it ("lighthouse"). ROLLCALL is the binary, when it is another than the released one.
set -euo pipefail
cd "$(dirname "$0")/.."

browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$browser" ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
  browser=$(command -v chromium)
fi
if [ -z "$browser" ]; then
  echo "The browser tests need Chromium: install it (Debian: apt-get install chromium;" >&2
  echo "macOS: brew install --cask chromium) or set CHROMIUM to its path, then run 'make test' again." >&2
  exit 1
fi

out=$(mktemp)
"${ROLLCALL:-./target/release/rollcall}" demo --listen 127.0.0.1:0 >"$out" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$out"' EXIT
for _ in $(seq 1 600); do
  grep -q '#token=' "$out" && break
  kill -0 "$server" 2>/dev/null || { echo "the demo did not start" >&2; exit 1; }
  sleep 0.1
done
links=$(grep -o 'http://[^ ]*#token=[^ ]*' "$out")
cd web
CHROMIUM=$browser \
ROLLCALL_SIGN_IN_URL=$(sed -n 1p <<<"$links") \
ROLLCALL_DEVELOPER_SIGN_IN_URL=$(sed -n 2p <<<"$links") \
  npm run --silent "${1:-test:browser}"
