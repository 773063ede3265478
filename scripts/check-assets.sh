#!/usr/bin/env bash
# Rebuilds the dashboard and fails when the committed build in crates/serve/assets differs.
set -euo pipefail
cd "$(dirname "$0")/.."
npm --prefix web run build
if [ -n "$(git status --porcelain -- crates/serve/assets)" ]; then
    git status --short -- crates/serve/assets
    echo "the committed dashboard is not what web/ builds; run \`make web\` and commit crates/serve/assets" >&2
    exit 1
fi
