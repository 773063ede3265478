#!/usr/bin/env bash
# image.sh [BINARY [NAME]]: both images of a program that is built, by docker or, where there is none, by buildah: NAME:latest and NAME:latest-sensor.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-target/release/tripline} name=${2:-tripline}
builder=()
if command -v docker >/dev/null && docker info >/dev/null 2>&1; then builder=(docker build)
elif command -v buildah >/dev/null; then builder=(buildah bud --isolation chroot --format docker)
else echo "image: neither docker nor buildah is here; install one of them" >&2; exit 2; fi
rm -rf target/rootfs target/rootfs-sensor
deploy/rootfs.sh "$binary" target/rootfs
deploy/rootfs.sh --capture "$binary" target/rootfs-sensor
"${builder[@]}" -f deploy/Dockerfile -t "$name:latest" .
"${builder[@]}" -f deploy/Dockerfile --build-arg ROOT=target/rootfs-sensor -t "$name:latest-sensor" .
