#!/usr/bin/env bash
# mongodb.sh install | run DIR PORT [USER PASSWORD]: a server that speaks MongoDB's protocol, for the tests of the MongoDB sink: FerretDB 1 (Apache-2.0),
# built from its module of the Go proxy with SQLite inside. It has neither TTL indexes nor collMod nor rights of users; it refuses a wrong login, and
# ends a right one in a way that only some drivers understand.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/mongodb
version=v1.24.2
program=$home/ferretdb-$version

install() {
    if [ -x "$program" ]; then return; fi
    command -v go >/dev/null || { echo "mongodb: Go is not installed; install Go 1.24 or newer" >&2; exit 1; }
    mkdir -p "$home"
    source=$(mktemp -d "$home/source.XXXXXX"); trap 'chmod -R u+w "$source"; rm -rf "$source"' EXIT
    module=$(cd "$source" && go mod download -json "github.com/FerretDB/FerretDB@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -n "$module" ] || { echo "mongodb: the Go proxy does not give FerretDB $version" >&2; exit 1; }
    cp -R "$module/." "$source"; chmod -R u+w "$source"
    # The one generated file that its build needs.
    printf '%s' "$version" >"$source/build/version/version.txt"
    (cd "$source" && go build -trimpath -tags ferretdb_no_postgresql -o "$program.part" ./cmd/ferretdb) \
        || { echo "mongodb: FerretDB $version does not build with $(go version)" >&2; exit 1; }
    mv "$program.part" "$program"
}

run() {
    [ -x "$program" ] || { echo "mongodb: not installed; run scripts/services/mongodb.sh install" >&2; exit 1; }
    mkdir -p "$1/data"
    login=()
    if [ $# -ge 4 ]; then
        login=(--test-enable-new-auth --setup-database=admin "--setup-username=$3" "--setup-password=$4")
    fi
    exec "$program" --handler=sqlite --sqlite-url="file:$1/data/" --state-dir="$1" --listen-addr="127.0.0.1:$2" --debug-addr=- \
        --telemetry=disable --log-level=warn "${login[@]}"
}

case ${1:-} in
    install) install ;;
    run) shift; [ $# -ge 2 ] || { echo "usage: mongodb.sh run DIR PORT [USER PASSWORD]" >&2; exit 1; }; run "$@" ;;
    *) echo "usage: mongodb.sh install | run DIR PORT [USER PASSWORD]" >&2; exit 1 ;;
esac
