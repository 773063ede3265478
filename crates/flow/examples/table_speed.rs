//! Measures the flow table on a capture file: nanoseconds of processor time a packet for reading and decoding, the table
//! without application parsing, and the per-second counters. Packets are decoded some thousands at a time, so that the
//! clock is read seldom.
//!
//! usage: `table_speed FILE [ROUNDS]` (build with `--release`). Prints to standard output; Linux only.
#![allow(clippy::print_stdout)]

use decode::{DecodeConfig, Decoder};
use flow::{FlowConfig, FlowTable, NoAppParser, SecondCounter};
use record::{Observation, PacketMeta};
use std::path::Path;

/// Packets between two looks at the clock.
const GROUP: usize = 8_192;
/// Packets handed to the table at once, as a source would.
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: table_speed FILE [ROUNDS]")?;
    let rounds: u32 = arguments.next().map_or(Ok(1), |r| r.parse())?;
    for _ in 0..rounds {
        round(&file)?;
    }
    Ok(())
}

/// Nanoseconds that this thread has been running, without those in which others had the processor.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn round(file: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut source = source::open_capture(Path::new(file))?;
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut table = FlowTable::new(FlowConfig::default());
    let mut seconds = SecondCounter::new(Vec::new());
    let (mut headers, mut metas, mut out) = (Vec::new(), Vec::<PacketMeta>::new(), Vec::new());
    let (mut in_decode, mut in_table, mut in_seconds) = (0, 0, 0);
    let (mut packets, mut records) = (0_u64, 0_u64);
    loop {
        let begin = cpu_ns();
        metas.clear();
        while metas.len() < GROUP {
            let Some(bytes) = source.next_batch(&mut headers)? else { break };
            for header in &headers {
                let mut meta = PacketMeta::default();
                let frame = &bytes[header.offset..header.offset + header.captured_len as usize];
                decoder.decode(header, frame, &mut meta);
                metas.push(meta);
            }
        }
        if metas.is_empty() {
            break;
        }
        let decoded = cpu_ns();
        for batch in metas.chunks(BATCH) {
            table.ingest(batch, 0, 1, &mut NoAppParser, &mut out);
            records += drain(&mut out);
        }
        let ingested = cpu_ns();
        for batch in metas.chunks(BATCH) {
            seconds.ingest(batch, 0, 1, &mut out);
            out.clear();
        }
        in_seconds += cpu_ns() - ingested;
        in_decode += decoded - begin;
        in_table += ingested - decoded;
        packets += metas.len() as u64;
    }
    let begin = cpu_ns();
    while !table.finish_some(4_096, &mut out) {
        records += drain(&mut out);
    }
    records += drain(&mut out);
    in_table += cpu_ns() - begin;
    let each = |ns: u64| ns as f64 / packets as f64;
    println!(
        "{file}: {packets} packets, {records} records; ns/packet: read and decode {:.1}, table {:.1}, seconds {:.1}",
        each(in_decode),
        each(in_table),
        each(in_seconds)
    );
    Ok(())
}

/// Forgets the observations; returns how many were flow records.
fn drain(out: &mut Vec<Observation>) -> u64 {
    out.drain(..).filter(|o| matches!(o, Observation::Flow(_))).count() as u64
}
