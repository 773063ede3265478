#!/usr/bin/env bash
# azure.sh install | run DIR PORT: a server of the Azure Blob protocol (Azurite) for the tests of the archive, on loopback only, its blobs in DIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/azure
version=3.37.0

case ${1:-} in
install)
    command -v npm >/dev/null || { echo "azure: npm is missing; install Node 20 or newer"; exit 1; }
    [ "$(cat "$home/version" 2>/dev/null)" = $version ] && exit 0
    rm -rf "$home" && mkdir -p "$home"
    npm --prefix "$home" install --no-audit --no-fund --ignore-scripts "azurite@$version" || { echo "azure: npm could not install azurite $version"; exit 1; }
    echo $version >"$home/version"
    ;;
run)
    [ -e "$home/version" ] || { echo "azure: not installed; run scripts/services/azure.sh install" >&2; exit 1; }
    mkdir -p "$2"
    # Without the last two flags it calls its makers and refuses clients that are newer than it.
    exec "$home/node_modules/.bin/azurite-blob" --blobHost 127.0.0.1 --blobPort "$3" --location "$2" --disableTelemetry --skipApiVersionCheck
    ;;
*) echo "usage: azure.sh install | run DIR PORT" >&2; exit 2 ;;
esac
