#!/usr/bin/env bash
# gcs.sh install | run DIR PORT: a server of the Google Cloud Storage protocol (fake-gcs-server) for the tests of the archive, on loopback
# only, its objects in DIR: a folder there is a bucket.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/gcs
version=v1.56.1

case ${1:-} in
install)
    command -v go >/dev/null || { echo "gcs: go is missing; install Go 1.26 or newer"; exit 1; }
    [ "$(cat "$home/version" 2>/dev/null)" = $version ] && exit 0
    rm -rf "$home" && mkdir -p "$home"
    GOBIN="$home" CGO_ENABLED=0 go install "github.com/fsouza/fake-gcs-server@$version" || { echo "gcs: go could not install fake-gcs-server $version"; exit 1; }
    echo $version >"$home/version"
    ;;
run)
    [ -e "$home/version" ] || { echo "gcs: not installed; run scripts/services/gcs.sh install" >&2; exit 1; }
    mkdir -p "$2"
    exec "$home/fake-gcs-server" -scheme http -host 127.0.0.1 -port "$3" -public-host "127.0.0.1:$3" -external-url "http://127.0.0.1:$3" \
        -backend filesystem -filesystem-root "$2" -log-level error
    ;;
*) echo "usage: gcs.sh install | run DIR PORT" >&2; exit 2 ;;
esac
