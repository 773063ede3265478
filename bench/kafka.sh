#!/usr/bin/env bash
# bench/kafka.sh [MEGABYTES]: flows a second through a real broker of Apache Kafka on loopback and back, by each compression. The broker, the
# writer and the reader share this machine. Needs `scripts/services/kafka.sh install`. See bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
megabytes=${1:-1000}
target=${CARGO_TARGET_DIR:-$PWD/target}
work=$(mktemp -d); broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; rm -rf "$work"' EXIT
cargo build --release --locked -q -p tripline --example kafka_rate
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
scripts/services/kafka.sh run "$work/broker" "$port" & broker=$!
for _ in $(seq 120); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$broker" 2>/dev/null || { echo "bench: the broker ended: $(tail -n 1 "$work/broker/broker.log")" >&2; exit 2; }
    sleep 0.5
done
for compression in none lz4 zstd gzip; do
    "$target/release/examples/kafka_rate" "127.0.0.1:$port" "$megabytes" "$compression"
done
