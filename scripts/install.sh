#!/usr/bin/env bash
# install.sh PACKAGE…: installs Debian packages where this user may; exit 1 and one line where not.
set -euo pipefail
as_root=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else
        echo "install: no right to install $*; tests that need them are skipped with their reason" >&2; exit 1
    fi
fi
command -v apt-get >/dev/null || { echo "install: no apt-get here; install by hand: $*" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
