#!/usr/bin/env bash
# spark.sh install | run DIR SCRIPT ARGUMENT…: a Python with Spark, DuckDB and pyarrow, which judge what the archive wrote; SCRIPT runs in DIR,
# Spark in one process on loopback.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/spark
version="pyspark==4.3.0 duckdb==2.0.0 pyarrow==26.0.1"

case ${1:-} in
install)
    command -v python3 >/dev/null || { echo "spark: python3 is missing; install Python 3.10 or newer"; exit 1; }
    command -v java >/dev/null || { echo "spark: java is missing; install Java 17 or newer"; exit 1; }
    [ "$(cat "$home/version" 2>/dev/null)" = "$version" ] && exit 0
    rm -rf "$home"
    python3 -m venv "$home/venv" || { echo "spark: python3 cannot make a virtual environment; install python3-venv"; exit 1; }
    # shellcheck disable=SC2086 # one argument a package
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check $version || { echo "spark: pip could not install $version"; exit 1; }
    echo "$version" >"$home/version"
    ;;
run)
    [ -e "$home/version" ] || { echo "spark: not installed; run scripts/services/spark.sh install" >&2; exit 1; }
    dir=$2 script=$(realpath "$3"); shift 3
    mkdir -p "$dir" && cd "$dir"
    export SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_HOSTNAME=localhost PYSPARK_PYTHON="$home/venv/bin/python"
    exec "$home/venv/bin/python" "$script" "$@"
    ;;
*) echo "usage: spark.sh install | run DIR SCRIPT ARGUMENT…" >&2; exit 2 ;;
esac
