//! Reads a capture as fast as it can and prints packets, bytes and CPU nanoseconds per packet.
//! Usage: cargo run --release -p source --example read_speed -- FILE [ROUNDS [FILTER]]
#![allow(clippy::print_stdout)]

use source::{Filter, SourceError, open_capture};
use std::path::PathBuf;

fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), SourceError> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().unwrap_or_else(|| "-".to_owned()));
    let rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(3);
    let filter = arguments.next().map(|text| Filter::parse(&text)).transpose()?;
    for _ in 0..rounds {
        let start = cpu_ns();
        let mut source = open_capture(&path)?;
        let (mut headers, mut first_bytes, mut passed) = (Vec::new(), 0u64, 0u64);
        while let Some(bytes) = source.next_batch(&mut headers)? {
            for header in &headers {
                first_bytes += u64::from(bytes.get(header.offset).copied().unwrap_or(0));
                if let Some(filter) = &filter {
                    let frame = &bytes[header.offset..header.offset + header.captured_len as usize];
                    passed += u64::from(filter.matches(header.link, frame, header.wire_len));
                }
            }
        }
        let stats = source.stats();
        let each = (cpu_ns() - start) as f64 / stats.packets.max(1) as f64;
        println!(
            "{} packets, {} bytes, {each:.1} CPU ns a packet ({first_bytes}, {passed} passed) {:?}",
            stats.packets, stats.bytes, stats.notes
        );
    }
    Ok(())
}
