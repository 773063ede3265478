//! Speed of the packet level and of the series' forecaster on one thread: one step of 64 series at once; damped statistics,
//! KitNET, and both together, on 200,000 made packets of 2,000 conversations. Every line is
//! `name <tab> packets <tab> CPU seconds <tab> microseconds a packet`, the median of several runs. No assertion: machines differ.
#![allow(clippy::unwrap_used)]

use detect::packet::{COLUMNS, Damped, KitNet, KitNetSettings, log_columns};
use detect::series::Lstm;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use record::Timestamp;
use std::time::Instant;

const PACKETS: usize = 200_000;

/// Seconds this thread has run: of the processor where Linux tells, else of the clock.
fn cpu_seconds(start: Instant) -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()));
    spent.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn time(name: &str, count: usize, mut work: impl FnMut()) {
    let start = Instant::now();
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            let before = cpu_seconds(start);
            work();
            cpu_seconds(start) - before
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!("{name}\t{count}\t{:.5}\t{:.3} µs each", runs[2], runs[2] / count as f64 * 1e6);
}

struct Made {
    ts: Timestamp,
    bytes: f64,
    streams: [u64; 4],
}

fn packets() -> Vec<Made> {
    let mut random = Pcg64::seed_from_u64(5);
    let mut now = 0_i64;
    let mut made = |_| {
        now += (random.next_u64() % 400_000) as i64;
        let channel = random.next_u64() % 2_000;
        let spread = |salt: u64| (channel + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let bytes = 60.0 + (random.next_u64() % 1_400) as f64;
        let streams = [spread(channel / 40), spread((1 << 20) | (channel / 40)), spread(1 << 21), spread(1 << 22)];
        Made { ts: Timestamp(now), bytes, streams }
    };
    (0..PACKETS).map(&mut made).collect()
}

/// Sixteen channels, 32 hidden units, 64 series at once.
fn series() {
    const BATCH: usize = 64;
    let lstm = Lstm::new(16, 32, 16, 1);
    let (mut memory, mut out) = (lstm.memory(BATCH), Vec::new());
    let input: Vec<f32> = (0..BATCH * 16).map(|at| (at as f32 * 0.37).sin()).collect();
    time("lstm step, 64 series of 16 channels, 32 units", 2_000 * BATCH, || {
        for _ in 0..2_000 {
            lstm.step(&input, &mut memory, &mut out);
            std::hint::black_box(&out);
        }
    });
}

fn main() {
    series();
    let packets = packets();
    let mut columns = [0.0; COLUMNS];
    let mut table = Damped::new(1 << 15);
    let mut rows = Vec::with_capacity(PACKETS);
    time("damped statistics", PACKETS, || {
        for packet in &packets {
            table.update(packet.ts, packet.bytes, 1.0, &packet.streams, &mut columns);
            std::hint::black_box(&columns);
        }
    });
    for packet in &packets {
        table.update(packet.ts, packet.bytes, 1.0, &packet.streams, &mut columns);
        log_columns(&mut columns);
        rows.push(columns);
    }
    let settings = KitNetSettings { map_rows: 5_000, train_rows: 20_000, ..KitNetSettings::default() };
    let mut net = KitNet::new(COLUMNS, 1, settings.clone());
    for row in &rows[..25_000] {
        net.process(row);
    }
    time("kitnet score", PACKETS, || {
        for row in &rows {
            std::hint::black_box(net.score(row));
        }
    });
    time("kitnet map and train, 25000 packets", 25_000, || {
        let mut net = KitNet::new(COLUMNS, 1, settings.clone());
        for row in &rows[..25_000] {
            std::hint::black_box(net.process(row));
        }
    });
    time("damped statistics and kitnet score", PACKETS, || {
        for packet in &packets {
            table.update(packet.ts, packet.bytes, 1.0, &packet.streams, &mut columns);
            log_columns(&mut columns);
            std::hint::black_box(net.score(&columns));
        }
    });
}
