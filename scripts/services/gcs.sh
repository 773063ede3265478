#!/usr/bin/env bash
# gcs.sh install | run DIR PORT: a server of the Google Cloud Storage protocol (fake-gcs-server, a Go module, with gcs/main.go before it) for
# the tests of the archive, on loopback only, its objects in DIR: a folder there is a bucket.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/gcs
version="v1.56.1 $(cksum <scripts/services/gcs/main.go)"

case ${1:-} in
install)
    command -v go >/dev/null || { echo "gcs: go is missing; install Go 1.26 or newer"; exit 1; }
    [ "$(cat "$home/version" 2>/dev/null)" = "$version" ] && exit 0
    rm -rf "$home" && mkdir -p "$home"
    cp scripts/services/gcs/main.go scripts/services/gcs/go.mod "$home"
    (cd "$home" && CGO_ENABLED=0 go build -mod=mod -o gcs .) || { echo "gcs: go could not build fake-gcs-server v1.56.1"; exit 1; }
    echo "$version" >"$home/version"
    ;;
run)
    [ -e "$home/version" ] || { echo "gcs: not installed; run scripts/services/gcs.sh install" >&2; exit 1; }
    mkdir -p "$2"
    exec "$home/gcs" "$2" "$3"
    ;;
*) echo "usage: gcs.sh install | run DIR PORT" >&2; exit 2 ;;
esac
