//! Totals of the flows that exports tell, file by file or of several together, and how fast they are read:
//! `cargo run --release --example export_totals -p decode -- [--repeat N] FILE…`. Templates may be in an earlier file.

use decode::{Datagram, DecodeConfig, Decoder, ExportConfig, ExportReader, is_export};
use record::{ExportedFlow, IpAddr16, PacketMeta, Timestamp};
use std::path::Path;
use std::time::Instant;

type Datagrams = Vec<(IpAddr16, Timestamp, Vec<u8>)>;

fn datagrams(path: &Path, all: &mut Datagrams) -> Result<(), source::SourceError> {
    let mut decoder = Decoder::new(DecodeConfig::default());
    let (mut headers, mut meta) = (Vec::new(), PacketMeta::default());
    let mut capture = source::open_capture(path)?;
    while let Some(bytes) = capture.next_batch(&mut headers)? {
        for header in &headers {
            let frame = &bytes[header.offset..header.offset + header.captured_len as usize];
            decoder.decode(header, frame, &mut meta);
            let start = meta.payload_offset as usize;
            let payload = frame.get(start..start + meta.payload_captured as usize).unwrap_or_default();
            if meta.proto == 17 && is_export(meta.dest_port, payload) {
                all.push((meta.src().addr, meta.ts, payload.to_vec()));
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut repeat = 1;
    if args.first().is_some_and(|arg| arg == "--repeat") {
        repeat = args.get(1).ok_or("--repeat N")?.parse()?;
        args.drain(..2);
    }
    let mut all = Datagrams::new();
    for file in &args {
        datagrams(Path::new(file), &mut all)?;
    }
    let mut reader = ExportReader::new(ExportConfig::default(), DecodeConfig::default());
    let mut flows: Vec<ExportedFlow> = Vec::new();
    let (mut count, mut packets, mut bytes) = (0_u64, 0, 0);
    let begun = Instant::now();
    for _ in 0..repeat {
        for (exporter, received, payload) in &all {
            reader.read(&Datagram { exporter: *exporter, received: *received, payload }, &mut flows);
            for flow in flows.drain(..) {
                let back = flow.backward.unwrap_or_default();
                count += 1;
                packets += flow.forward.packets + back.packets;
                bytes += flow.forward.bytes + back.bytes;
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{count}\t{packets}\t{bytes}");
    for state in reader.exporters() {
        eprintln!("{state:?}");
    }
    eprintln!("{:.0} flows a second", count as f64 / seconds);
    Ok(())
}
