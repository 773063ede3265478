#!/usr/bin/env bash
# bench/run.sh [CAPTURE.pcap]: CPU seconds and memory of `tripline flows` and `analyze` beside the peers that are installed, each
# run in turn on the same capture, as ratios; the exact detectors' part of `analyze`; its memory with a million hosts. Without a capture
# one is made by `tripline simulate`. See bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${TRIPLINE:-${CARGO_TARGET_DIR:-$PWD/target}/dist/tripline}; runs=${RUNS:-3}
[ -x "$bin" ] || { echo "bench: there is no $bin; build it with \`make dist\`, or name another with TRIPLINE=…" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
capture=${1:-}
if [ -z "$capture" ]; then
    capture=$work/simulated.pcap
    "$bin" -q simulate --scenario office --duration 60m --seed 1 -w "$capture"
fi
cat "$capture" >/dev/null                                   # into the page cache: disks are not what is measured
packets=$("$bin" -q analyze "$capture" -o json | awk '/"input"/ {inside = 1} inside && /"packets"/ {gsub(/[^0-9]/, ""); print; inside = 0}')
[ "${packets:-0}" -gt 0 ] || { echo "bench: no packet in $capture" >&2; exit 2; }

command -v /usr/bin/time >/dev/null || { echo "bench: GNU time is missing; install the package \`time\`" >&2; exit 2; }
mkdir -p "$work/nf"
names=(); commands=()
row() { # NAME COMMAND…
    names+=("$1"); shift
    commands+=("$(printf '%q ' "$@")")
}
row 'tripline flows -o none' "$bin" -q flows "$capture" -o none
row 'tripline flows -o csv' "$bin" -q flows "$capture" -o csv -w /dev/null
row 'tripline analyze (all models)' "$bin" -q analyze "$capture" -w /dev/null
# Every section under [behaviour] is a detector's; those of a detector's parts have one more dot.
detectors=$("$bin" config show | sed -n 's/^\[behaviour\.\([a-z0-9_]*\)\]$/"\1"/p' | paste -sd,)
[ -n "$detectors" ] || { echo "bench: $bin names no exact detector" >&2; exit 2; }
row 'tripline analyze (models only)' "$bin" -q --set "behaviour.disabled=[$detectors]" analyze "$capture" -w /dev/null
row 'tcpdump -w /dev/null' tcpdump -n -r "$capture" -w /dev/null
row 'softflowd -r' softflowd -6 -d -m 1000000 -p "$work/pid" -c none -r "$capture"
row 'nfpcapd -r' nfpcapd -r "$capture" -w "$work/nf"
row 'argus -r' argus -X -r "$capture" -w /dev/null

installed() { local first=${commands[$1]%% *}; command -v "$first" >/dev/null; }
# Round after round, each command in turn, so that a busy or a slow moment meets all of them.
for _ in $(seq "$runs"); do
    for i in "${!names[@]}"; do
        installed "$i" || continue
        eval "/usr/bin/time -q -f '%x %U %S %M' -a -o $work/t.$i ${commands[$i]}" >/dev/null 2>&1 || true
    done
done
echo "capture: $packets packets, $(stat -c %s "$capture") bytes; medians of $runs rounds in turn; ratio to tripline flows"
printf '%-34s %8s %8s %8s %10s %9s %8s\n' command cpu_s least most cpu_s/Mpkt peak_MiB ratio
for i in "${!names[@]}"; do
    if ! installed "$i"; then printf '%-34s %s\n' "${names[$i]}" "- (not installed)"; continue; fi
    # A command that failed has no time worth a ratio.
    if awk '$1 != 0 {exit 1}' "$work/t.$i"; then :; else printf '%-34s %s\n' "${names[$i]}" "- (failed)"; continue; fi
    read -r cpu least most kib < <(awk '{print $2 + $3, $4}' "$work/t.$i" | sort -g |
        awk '{c[NR] = $1; m[NR] = $2} END {h = int((NR + 1) / 2); print c[h], c[1], c[NR], m[h]}')
    [ -n "${base:-}" ] || base=$cpu
    awk -v name="${names[$i]}" -v c="$cpu" -v l="$least" -v g="$most" -v k="$kib" -v n="$packets" -v b="$base" \
        'BEGIN {if (c < 0.01) c = 0.01; if (b < 0.01) b = 0.01
                printf "%-34s %8.2f %8.2f %8.2f %10.3f %9.1f %8.2f\n", name, c, l, g, c / n * 1e6, k / 1024, c / b}'
done
# least and median CPU seconds of a row
cpu_of() { awk '$1 == 0 {print $2 + $3}' "$work/t.$1" | sort -g | awk '{c[NR] = $1} END {print c[1], c[int((NR + 1) / 2)]}'; }
place_of() { for i in "${!names[@]}"; do [ "${names[$i]}" != "$1" ] || echo "$i"; done; }
read -r all_least all_median < <(cpu_of "$(place_of 'tripline analyze (all models)')")
read -r none_least none_median < <(cpu_of "$(place_of 'tripline analyze (models only)')")
awk -v al="$all_least" -v am="$all_median" -v nl="$none_least" -v nm="$none_median" 'BEGIN {
    if (al < 0.2) {print "exact detectors: the capture is too short for a share of the CPU time"; exit}
    printf "exact detectors: %.1f %% of the CPU time of analyze by the least of each, %.1f %% by the medians (bound 15 %%)\n",
        100 * (al - nl) / al, 100 * (am - nm) / am}'
echo
python=${PYTHON:-python3}
hosts=${HOSTS:-1000000}
if [ "$hosts" -gt 0 ] && command -v "$python" >/dev/null; then
    "$python" bench/hosts.py "$hosts" > "$work/hosts.pcap"
    if kib=$( { /usr/bin/time -q -f '%M' "$bin" -q analyze "$work/hosts.pcap" -w /dev/null; } 2>&1 | tail -1) && [ "$kib" -gt 0 ]; then
        awk -v k="$kib" -v n="$hosts" 'BEGIN {printf "analyze with %d hosts: peak %.0f MiB (bound for a million 1024)\n", n, k / 1024}'
    fi
    rm -f "$work/hosts.pcap"
else
    echo "analyze with many hosts: left out (HOSTS=0, or no $python)"
fi
echo
bench=("${CARGO:-cargo}" bench --locked -q -p detect --bench models --)
"${bench[@]}"
echo
if "$python" -c 'import sklearn' 2>/dev/null; then
    ROUNDS=$runs "$python" crates/detect/benches/peers.py "${bench[@]}"
else
    echo "scikit-learn: not installed (pip install scikit-learn torch; PYTHON=venv/bin/python), so no ratios for the models"
fi
