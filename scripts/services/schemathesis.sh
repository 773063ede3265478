#!/usr/bin/env bash
# schemathesis.sh install | run DIR PORT TOKEN: asks every operation of a running dashboard's OpenAPI document with made-up and damaged values, as
# somebody with this API token, and ends with 1 when any answer is a server error. No server itself: it ends when it is done. Left out are the live
# stream, which has no end, and the operation that would revoke the token.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/schemathesis
version=4.32.5
examples=${SCHEMATHESIS_EXAMPLES:-6}

install() {
    if [ "$(cat "$home/version" 2>/dev/null)" = "$version" ]; then return; fi
    command -v python3 >/dev/null || { echo "schemathesis: Python is not installed; install Python 3.10 or newer" >&2; exit 1; }
    mkdir -p "$home"
    python3 -m venv "$home/python" || { echo "schemathesis: no virtual environment can be made; install python3-venv" >&2; exit 1; }
    "$home/python/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" \
        || { echo "schemathesis: PyPI does not give schemathesis $version" >&2; exit 1; }
    echo "$version" >"$home/version"
}

run() {
    program=$home/python/bin/schemathesis
    [ -x "$program" ] || { echo "schemathesis: not installed; run scripts/services/schemathesis.sh install" >&2; exit 1; }
    mkdir -p "$1"; cd "$1"
    exec "$program" run "http://127.0.0.1:$2/openapi.json" --header "Authorization: Bearer $3" --checks not_a_server_error \
        --phases examples,coverage,fuzzing --max-examples "$examples" --seed 7 --workers 2 --request-timeout 10 --no-color \
        --exclude-path /api/v1/live --exclude-operation-id revoke_token
}

case ${1:-} in
    install) install ;;
    run) shift; [ $# -eq 3 ] || { echo "usage: schemathesis.sh run DIR PORT TOKEN" >&2; exit 1; }; run "$@" ;;
    *) echo "usage: schemathesis.sh install | run DIR PORT TOKEN" >&2; exit 1 ;;
esac
