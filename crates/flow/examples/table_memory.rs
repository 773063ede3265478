//! Fills the flow table with a million live flows and prints the peak of resident memory, then ends them in parts.
//!
//! usage: `table_memory [FLOWS]` (build with `--release`). Prints to standard output; Linux only.
#![allow(clippy::print_stdout)]

use flow::{FlowConfig, FlowTable, NoAppParser};
use record::{Endpoint, FlowKey, IpAddr16, PacketMeta, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flows: u32 = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let (mut table, mut out, mut told) = (FlowTable::new(FlowConfig::default()), Vec::new(), 0);
    println!("empty: {} MiB", peak_mib());
    // Twice round, half a second apart, so that every flow is live and answered.
    for round in 0..2_u32 {
        for n in 0..flows {
            let at = Timestamp(1_700_000_000_000_000_000 + i64::from(round) * 500_000_000 + i64::from(n) * 100);
            table.ingest(&[packet(n, round == 0, at)], 0, 1, &mut NoAppParser, &mut out);
            told += out.len();
            out.clear();
        }
    }
    println!("{} live flows, {told} observations: {} MiB", table.live(), peak_mib());
    while !table.finish_some(4_096, &mut out) {
        out.clear();
    }
    println!("after the end: {} MiB", peak_mib());
    Ok(())
}

/// A packet of flow `n`, of its client or its server.
fn packet(n: u32, client: bool, ts: Timestamp) -> PacketMeta {
    let [a, b, c, d] = n.to_be_bytes();
    let (from, to) = (
        Endpoint { addr: IpAddr16::v4([10, b, c, d]), port: 40_000 + u16::from(a) },
        Endpoint { addr: IpAddr16::v4([192, 0, 2, 1]), port: 443 },
    );
    let (key, from_low) = if client { FlowKey::new(from, to, 17) } else { FlowKey::new(to, from, 17) };
    let hash = (u64::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    PacketMeta {
        ts,
        key,
        hash,
        from_low,
        ip_version: 4,
        proto: 17,
        payload_len: 10,
        wire_len: 84,
        ..PacketMeta::default()
    }
}

/// Peak resident memory, MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
