#!/usr/bin/env bash
# Starts `tripline demo` on a free port with an empty data directory, drives the page in Chromium, stops it. One test starts
# and ends a second one itself.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null; then echo "SKIP dashboard in Chromium: chromium is missing and could not be installed"; exit 0; fi
bin=$(realpath "${CARGO_TARGET_DIR:-target}/release/tripline"); port=$((20000 + RANDOM % 20000)); data=$(mktemp -d)
printf '203.0.113.77\nbad.example\nbad.example\n0.0.0.0/0\n' > "$data/list.txt"
printf '[[intel.lists]]\nname = "page-test"\nfrom = "%s/list.txt"\n[scan]\nallow = ["127.0.0.0/29"]\n' "$data" > "$data/page.toml"
"$bin" demo -c "$data/page.toml" --listen "127.0.0.1:$port" --data-dir "$data" -q --duration 45m &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 100); do
    curl -fs "http://127.0.0.1:$port/healthz" >/dev/null && break
    kill -0 "$pid" || { echo "tripline demo ended before it answered" >&2; exit 1; }
    sleep 0.2
done
TRIPLINE_URL="http://127.0.0.1:$port" TRIPLINE_BIN="$bin" npm --prefix web run e2e
