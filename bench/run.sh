#!/usr/bin/env bash
# bench/run.sh [CAPTURE.pcap]: CPU seconds and memory of `tripline flows` and `analyze` beside the peers that are installed, each
# run in turn on the same capture, as ratios. Without a capture one is made by `tripline simulate`. See bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/target/release/tripline; runs=${RUNS:-3}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
capture=${1:-}
if [ -z "$capture" ]; then
    capture=$work/simulated.pcap
    "$bin" -q simulate --scenario office --duration 60m --seed 1 -w "$capture"
fi
cat "$capture" >/dev/null                                   # into the page cache: disks are not what is measured
packets=$("$bin" analyze "$capture" -o json -q | grep -m1 '"packets"' | tr -dc 0-9)
[ "${packets:-0}" -gt 0 ] || { echo "bench: no packet in $capture" >&2; exit 2; }

measure() { # COMMAND…: median of user+system seconds and peak KiB over the runs
    local i
    for i in $(seq "$runs"); do /usr/bin/time -q -f '%U %S %M' -a -o "$work/t" "$@" >/dev/null 2>&1 || true; done
    awk '{print $1 + $2, $3}' "$work/t" | sort -g | awk '{c[NR] = $1; m[NR] = $2} END {h = int((NR + 1) / 2); print c[h], m[h]}'
    rm -f "$work/t"
}
row() { # NAME COMMAND…
    local name=$1; shift
    if ! command -v "$1" >/dev/null; then printf '%-36s %s\n' "$name" "- (not installed)"; return; fi
    read -r cpu kib < <(measure "$@")
    [ -n "${base:-}" ] || base=$cpu
    awk -v name="$name" -v c="$cpu" -v k="$kib" -v n="$packets" -v b="$base" \
        'BEGIN {if (c < 0.01) c = 0.01; printf "%-36s %8.2f %12.3f %10.1f %8.2f\n", name, c, c / n * 1e6, k / 1024, c / b}'
}

command -v /usr/bin/time >/dev/null || { echo "bench: GNU time is missing; install the package \`time\`" >&2; exit 2; }
echo "capture: $packets packets, $(stat -c %s "$capture") bytes; medians of $runs runs; ratio to tripline flows"
printf '%-36s %8s %12s %10s %8s\n' command cpu_s cpu_s/Mpkt peak_MiB ratio
row 'tripline flows -o none' "$bin" -q flows "$capture" -o none
row 'tripline flows -o csv' "$bin" -q flows "$capture" -o csv -w /dev/null
row 'tripline analyze (all models)' "$bin" -q analyze "$capture" -w /dev/null
row 'tcpdump -w /dev/null' tcpdump -n -r "$capture" -w /dev/null
row 'softflowd -r' softflowd -6 -d -m 1000000 -p "$work/pid" -c none -r "$capture"
mkdir -p "$work/nf"
row 'nfpcapd -r' nfpcapd -r "$capture" -w "$work/nf"
row 'argus -r' argus -X -r "$capture" -w /dev/null
echo
${CARGO:-cargo} bench --locked -q -p detect --bench models
if python3 -c 'import sklearn' 2>/dev/null; then
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python3 crates/detect/benches/peers.py
else
    echo "scikit-learn: not installed (pip install scikit-learn torch), so no ratios for the models"
fi
