#!/usr/bin/env bash
# Every test, in the order in which a failure is cheapest. Ends with one line of counts. With CI=true a skipped test is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp); trap 'rm -f "$log"' EXIT
passed=0; failed=0
step() { # NAME COMMAND…
    local name=$1; shift
    printf '\n== %s\n' "$name"
    if "$@" 2>&1 | tee -a "$log"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name" | tee -a "$log"; fi
}

scripts/need-rust.sh || exit 2
# A machine that builds this once for its tests reads no line numbers of crates: a tenth less to build.
if [ "${CI:-}" = true ]; then export CARGO_PROFILE_RELEASE_DEBUG=0; fi
missing=()
for pair in chromium:chromium tcpdump:tcpdump tshark:tshark capinfos:wireshark-common ip:iproute2 nmap:nmap ndiff:ndiff zstd:zstd ping:iputils-ping curl:curl python3:python3 openssl:openssl socat:socat softflowd:softflowd pmacctd:pmacct tcpreplay:tcpreplay buildah:buildah docker-compose:docker-compose yamllint:yamllint getcap:libcap2-bin systemd-analyze:systemd mandoc:mandoc zsh:zsh fish:fish; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
# Names of protocols, which tcpdump needs to understand the filters that ours are compared with.
[ -e /etc/protocols ] || missing+=(netbase)
# Servers that notifications are sent to; on loopback, started by the tests.
[ -e /usr/sbin/rsyslogd ] || missing+=(rsyslog)
compgen -G '/usr/lib/*/rsyslog/lmnsd_gtls.so' >/dev/null || missing+=(rsyslog-gnutls)
python3 -c 'import aiosmtpd' 2>/dev/null || /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || missing+=(python3-aiosmtpd)
if [ ${#missing[@]} -gt 0 ]; then scripts/install.sh "${missing[@]}" || true; fi
# Servers of the scan laboratory: the tests start them themselves, in namespaces. A machine that boots would start them too, so there they
# are installed by whoever wants that.
lab=()
for pair in nginx:nginx sshd:openssh-server redis-server:redis-server smtpd:opensmtpd dnsmasq:dnsmasq-base; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || lab+=("${pair##*:}")
done
if [ ${#lab[@]} -gt 0 ]; then
    if [ "${CI:-}" = true ] || [ ! -d /run/systemd/system ]; then scripts/install.sh --not-started "${lab[@]}" || true; else
        echo "test: for the scan laboratory, if this machine may have them: scripts/install.sh --not-started ${lab[*]}"
    fi
fi

# Fetched while the program is built; what is missing afterwards is skipped by its tests, with the reason.
scripts/services.sh >"$log.services" 2>&1 & services=$!

step "format" cargo fmt --all --check
step "lints" cargo clippy --release --locked --workspace --all-targets -- -D warnings
wait $services || true
cat "$log.services"; rm -f "$log.services"
# Builds the program too: a build of its own would build much of it twice, with other features.
step "build; unit, contract and end-to-end tests" cargo test --release --locked --workspace --no-fail-fast -- --nocapture
if command -v npm >/dev/null; then
    step "dashboard: install" npm --prefix web ci --no-audit --no-fund
    step "dashboard: types" npm --prefix web run check
    step "dashboard: unit tests" npm --prefix web test
    step "dashboard: the committed build is the source's" scripts/check-assets.sh
    step "dashboard: Chromium on a running demo" scripts/test-page.sh
else
    echo "SKIP dashboard: npm is missing; install Node 20 or newer" | tee -a "$log"
fi

tests=$(grep -aoE '^test result: .* [0-9]+ passed' "$log" | grep -oE '[0-9]+ passed' | awk '{n += $1} END {print n + 0}')
lost=$(grep -aoE '^test result: .* [0-9]+ failed' "$log" | grep -oE '[0-9]+ failed' | awk '{n += $1} END {print n + 0}')
skips=$(grep -aoE 'SKIP [^:]+: .*' "$log" | sort -u)
skipped=$(printf '%s' "$skips" | grep -c . || true)
[ "$skipped" = 0 ] || printf '\nSkipped:\n%s\n' "$skips"
if [ "${CI:-}" = true ] && [ "$skipped" != 0 ]; then echo "CI skips none: $skipped skipped"; failed=$((failed + 1)); fi
printf '\n%d steps good, %d steps bad\n' "$passed" "$failed"
echo "$((tests + passed)) passed, $((lost + failed)) failed, $skipped skipped"
[ "$failed" = 0 ]
