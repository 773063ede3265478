#!/usr/bin/env bash
# s3.sh install | run DIR PORT: a server of the S3 protocol (moto, in memory) for the tests of the archive, on loopback only.
# Its buckets end with it; DIR is where it starts. With DIR/server.pem and DIR/server.key it speaks TLS.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/s3
version=5.2.5

case ${1:-} in
install)
    command -v python3 >/dev/null || { echo "s3: python3 is missing; install Python 3.10 or newer"; exit 1; }
    [ "$(cat "$home/version" 2>/dev/null)" = $version ] && exit 0
    rm -rf "$home"
    python3 -m venv "$home/venv" || { echo "s3: python3 cannot make a virtual environment; install python3-venv"; exit 1; }
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$version" || { echo "s3: pip could not install moto[server] $version"; exit 1; }
    echo $version >"$home/version"
    ;;
run)
    [ -e "$home/version" ] || { echo "s3: not installed; run scripts/services/s3.sh install" >&2; exit 1; }
    mkdir -p "$2" && cd "$2"
    tls=()
    [ ! -e server.pem ] || tls=(--ssl --ssl-cert server.pem --ssl-key server.key)
    exec "$home/venv/bin/moto_server" -H 127.0.0.1 -p "$3" "${tls[@]}"
    ;;
*) echo "usage: s3.sh install | run DIR PORT" >&2; exit 2 ;;
esac
