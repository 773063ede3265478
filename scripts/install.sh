#!/usr/bin/env bash
# install.sh [--not-started] PACKAGE…: installs Debian packages where this user may, and removes none for them; exit 1 and one line where
# not. --not-started: what they bring is not started (it is at the next boot, where there is one).
set -euo pipefail
started=yes
if [ "${1:-}" = --not-started ]; then started=no; shift; fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else
        echo "install: no right to install $*; tests that need them are skipped with their reason" >&2; exit 1
    fi
fi
command -v apt-get >/dev/null || { echo "install: no apt-get here; install by hand: $*" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
policy=/usr/sbin/policy-rc.d
if [ $started = no ] && [ ! -e $policy ]; then
    trap '"${as_root[@]}" rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
fi
"${as_root[@]}" apt-get install -y -qq --no-install-recommends --no-remove "$@" >/dev/null
