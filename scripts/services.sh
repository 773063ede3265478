#!/usr/bin/env bash
# services.sh: installs each server that tests start on loopback, from the package registries, under ${TRIPLINE_SERVICES:-target/services}.
# One file in scripts/services a server, with the verbs `install` and `run`. What cannot be installed here is said; its tests are skipped
# with their reason. Exit 1 where one is missing.
set -uo pipefail
cd "$(dirname "$0")/.."
export TRIPLINE_SERVICES=${TRIPLINE_SERVICES:-$PWD/target/services}
mkdir -p "$TRIPLINE_SERVICES"
missing=()
for script in scripts/services/*.sh; do
    [ -e "$script" ] || continue
    name=$(basename "$script" .sh)
    begun=$SECONDS
    if "$script" install >"$TRIPLINE_SERVICES/$name.log" 2>&1; then
        echo "services: $name is there ($((SECONDS - begun)) s)"
    else
        missing+=("$name"); echo "services: $name is not: $(tail -n 1 "$TRIPLINE_SERVICES/$name.log")" >&2
    fi
done
[ ${#missing[@]} = 0 ]
