#!/usr/bin/env bash
# Says what is missing for a build, and installs a C compiler where that is possible.
set -euo pipefail
command -v cargo >/dev/null || { echo "make: cargo is missing; install Rust 1.95 or newer, see https://www.rust-lang.org/tools/install" >&2; exit 2; }
command -v cc >/dev/null || exec "$(dirname "$0")/install.sh" gcc libc6-dev
