#!/usr/bin/env bash
# deploy/deb/build.sh BINARY FOLDER: a Debian package of a built program, by dpkg-deb alone. DEB_VERSION sets another version than the program's.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# = 2 ] || { echo "usage: $0 BINARY FOLDER" >&2; exit 2; }
binary=$(realpath "$1"); out=$2
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is missing; it is in the package dpkg" >&2; exit 2; }
architecture=$(dpkg --print-architecture)
version=${DEB_VERSION:-$("$binary" --version | awk '{print $2}')-1}
root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D -m 755 "$binary" "$root/usr/bin/tripline"
strip --strip-unneeded "$root/usr/bin/tripline" 2>/dev/null || true
# The unit of a package has a user that stays, so that the dashboard can write the configuration file.
install -d "$root/usr/lib/systemd/system"
sed -e '/^# Tripline as a service/,/^# A role of many/d' -e 's|/usr/local/bin/tripline|/usr/bin/tripline|' \
    -e 's|^# A user of its own, .*|# A user of its own, made by the package; what it keeps lies in /var/lib/tripline.|' \
    -e 's|^DynamicUser=yes|User=tripline\nGroup=tripline|' -e 's|^ProtectSystem=strict|ProtectSystem=strict\n# The dashboard writes the settings here.\nReadWritePaths=/etc/tripline|' \
    "$here/systemd/tripline.service" > "$root/usr/lib/systemd/system/tripline.service"
chmod 644 "$root/usr/lib/systemd/system/tripline.service"
install -D -m 644 /dev/stdin "$root/usr/lib/sysusers.d/tripline.conf" <<< 'u tripline - "Tripline" /var/lib/tripline /usr/sbin/nologin'
install -d "$root/etc/tripline"
"$binary" config init --role all > "$root/etc/tripline/tripline.toml"
chmod 644 "$root/etc/tripline/tripline.toml"

"$binary" man "$root/usr/share/man/man1"
gzip -9n "$root"/usr/share/man/man1/*.1
for pair in bash:bash-completion/completions/tripline zsh:zsh/vendor-completions/_tripline fish:fish/vendor_completions.d/tripline.fish; do
    install -D -m 644 <("$binary" completions "${pair%%:*}") "$root/usr/share/${pair#*:}"
done
install -D -m 644 "$here/deb/copyright" "$root/usr/share/doc/tripline/copyright"
install -d "$root/usr/share/doc/tripline"
date=$(LC_ALL=C date -u -R -d "@${SOURCE_DATE_EPOCH:-$(stat -c %Y "$here/../CHANGELOG.md")}")
printf 'tripline (%s) unstable; urgency=medium\n\n  * What changed: https://github.com/tripline/tripline/blob/main/CHANGELOG.md\n\n -- Tripline <tripline@users.noreply.github.com>  %s\n' "$version" "$date" \
    | gzip -9n > "$root/usr/share/doc/tripline/changelog.Debian.gz"
gzip -9nc "$here/../CHANGELOG.md" > "$root/usr/share/doc/tripline/changelog.gz"

# What it is linked against: the C library as new as its newest symbol; a static program needs nothing.
glibc=$(grep -aoE 'GLIBC_2\.[0-9]+' "$binary" | sort -V | tail -n 1 || true)
depends=adduser
[ -z "$glibc" ] || depends="adduser, libc6 (>= ${glibc#GLIBC_}), libgcc-s1"
install -d "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<CONTROL
Package: tripline
Version: $version
Architecture: $architecture
Maintainer: Tripline <tripline@users.noreply.github.com>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Depends: $depends
Recommends: nmap
Section: net
Priority: optional
Homepage: https://github.com/tripline/tripline
Description: watches a network and shows what is not normal there, and why
 Tripline reads packets, flow exports and logs, learns without labels what is
 normal on a network, and shows on a dashboard what is not: each incident with
 its reason, its flows and its packets.
CONTROL
echo /etc/tripline/tripline.toml > "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "$here/deb/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr -type f -printf '%P\n' | sort | sed 's|^|usr/|' | xargs md5sum > DEBIAN/md5sums)
mkdir -p "$out"
package="$out/tripline_${version}_${architecture}.deb"
dpkg-deb --root-owner-group -Zxz -z"${DEB_XZ_LEVEL:-6}" --build "$root" "$package" >/dev/null
echo "$package"
