#!/usr/bin/env bash
# rootfs.sh [--capture] BINARY DIR: the root of an image with nothing in it but the program: its libraries where it has some, the certificates that
# this machine trusts, time zones, a user without rights (65532), /data for what it keeps. --capture: the program may read packets without
# being root (file capability cap_net_raw). Only a container that has NET_RAW can start such a program: sensors have it, others
# do not want it, so there are two images.
set -euo pipefail
capture=no
if [ "${1:-}" = --capture ]; then capture=yes; shift; fi
[ $# = 2 ] || { echo "usage: rootfs.sh [--capture] BINARY DIR" >&2; exit 2; }
binary=$1 root=$2 user=65532
[ -x "$binary" ] || { echo "rootfs: $binary is no program; build it first (make release, make static)" >&2; exit 2; }
if [ -e "$root" ] && [ -n "$(ls -A "$root")" ]; then echo "rootfs: $root is not empty; name another folder" >&2; exit 2; fi

install -d "$root"/usr/bin "$root"/etc/ssl/certs "$root"/usr/share/zoneinfo "$root"/data "$root"/tmp
install -m 755 "$binary" "$root/usr/bin/tripline"
if command -v strip >/dev/null; then strip --strip-debug "$root/usr/bin/tripline"; fi
# Libraries and the loader, at the paths where the loader looks for them. A static program has none.
if libraries=$(ldd "$binary" 2>/dev/null); then
    grep -oE '/[^ ]+' <<<"$libraries" | while read -r library; do
        install -D -m 755 "$(readlink -f "$library")" "$root$library"
    done
fi
certificates=/etc/ssl/certs/ca-certificates.crt
[ -e $certificates ] || { echo "rootfs: $certificates is missing; install ca-certificates" >&2; exit 2; }
install -m 644 $certificates "$root$certificates"
if [ -d /usr/share/zoneinfo ]; then
    (cd /usr/share/zoneinfo && tar --exclude=./posix --exclude=./right -cf - .) | tar -C "$root/usr/share/zoneinfo" -xf -
fi
printf 'root:x:0:0::/:/none\ntripline:x:%s:%s::/data:/none\n' $user $user >"$root/etc/passwd"
printf 'root:x:0:\ntripline:x:%s:\n' $user >"$root/etc/group"
# Names come from /etc/hosts first; containers mount theirs over it.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
if [ "$(id -u)" = 0 ]; then chown $user:$user "$root/data"; else echo "rootfs: not root: /data belongs to $(id -un)" >&2; fi
if [ $capture = yes ]; then
    PATH=$PATH:/usr/sbin:/sbin setcap cap_net_raw=ep "$root/usr/bin/tripline" \
        || { echo "rootfs: no right to give cap_net_raw; run it as root, with setcap (package libcap2-bin)" >&2; exit 2; }
fi
