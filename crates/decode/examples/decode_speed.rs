//! Nanoseconds a packet of `Decoder::decode` (and of `application` on every TCP and UDP payload) on a classic pcap file.
//! Usage: `cargo run --release -p decode --example decode_speed -- FILE.pcap [ROUNDS]`. Reads at most 256 MiB of it.
#![allow(clippy::unwrap_used)]

use decode::{DecodeConfig, Decoder};
use record::{FrameHeader, LinkType, PacketMeta, Timestamp};
use std::io::Read;
use std::time::Instant;

const BYTES_MAX: u64 = 256 << 20;

fn frames(bytes: &[u8]) -> Vec<FrameHeader> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let link = LinkType(word(20) as u16);
    let mut out = Vec::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let captured_len = word(at + 8);
        let offset = at + 16;
        if offset + captured_len as usize > bytes.len() {
            break;
        }
        let ts = Timestamp::from_parts(i64::from(word(at)), i64::from(word(at + 4)) * 1000);
        out.push(FrameHeader { ts, offset, captured_len, wire_len: word(at + 12), link, interface: 0 });
        at = offset + captured_len as usize;
    }
    out
}

/// The same few packets again and again, so that only computing is measured: the least of many short runs, because other
/// programs share the machine.
fn cached(decoder: &mut Decoder, bytes: &[u8], headers: &[FrameHeader]) {
    let few = &headers[headers.len() / 2..][..512.min(headers.len() / 2)];
    let mut meta = PacketMeta::default();
    let (mut decode_ns, mut application_ns) = (f64::MAX, f64::MAX);
    for _ in 0..2000 {
        let start = Instant::now();
        for header in few {
            decoder.decode(header, &bytes[header.offset..header.offset + header.captured_len as usize], &mut meta);
            std::hint::black_box(&meta);
        }
        decode_ns = decode_ns.min(start.elapsed().as_nanos() as f64 / few.len() as f64);
    }
    let mut silent: Vec<(&[u8], PacketMeta)> = Vec::new();
    for header in few {
        let frame = &bytes[header.offset..header.offset + header.captured_len as usize];
        decoder.decode(header, frame, &mut meta);
        if meta.payload_captured != 0 && decoder.application(&meta, frame).is_none() {
            silent.push((frame, meta));
        }
    }
    for _ in 0..2000 {
        let start = Instant::now();
        for (frame, meta) in &silent {
            std::hint::black_box(decoder.application(meta, frame));
        }
        application_ns = application_ns.min(start.elapsed().as_nanos() as f64 / silent.len().max(1) as f64);
    }
    println!(
        "cached: decode {decode_ns:.1} ns/packet ({} packets), application without a match {application_ns:.1} ns/payload ({})",
        few.len(),
        silent.len()
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| panic!("usage: decode_speed FILE.pcap [ROUNDS]"));
    let rounds: u32 = arguments.next().map_or(5, |n| n.parse().unwrap());
    let mut bytes = Vec::new();
    std::fs::File::open(&path).unwrap().take(BYTES_MAX).read_to_end(&mut bytes).unwrap();
    let headers = frames(&bytes);
    let mut decoder = Decoder::new(DecodeConfig::default());
    cached(&mut decoder, &bytes, &headers);
    let mut metas: Vec<PacketMeta> = Vec::new();
    for round in 0..rounds {
        let start = cpu_ns();
        for batch in headers.chunks(256) {
            decoder.decode_batch(batch, &bytes, &mut metas);
        }
        let batched = cpu_ns() - start;
        let start = cpu_ns();
        let mut meta = PacketMeta::default();
        for header in &headers {
            decoder.decode(header, &bytes[header.offset..header.offset + header.captured_len as usize], &mut meta);
            std::hint::black_box(&meta);
        }
        let single = cpu_ns() - start;
        let (mut payloads, mut messages) = (0u64, 0u64);
        let start = cpu_ns();
        for batch in headers.chunks(256) {
            decoder.decode_batch(batch, &bytes, &mut metas);
            for (header, meta) in batch.iter().zip(&metas) {
                if meta.payload_captured != 0 {
                    payloads += 1;
                    let frame = &bytes[header.offset..header.offset + header.captured_len as usize];
                    messages += u64::from(decoder.application(meta, frame).is_some());
                }
            }
        }
        let application = (cpu_ns() - start).saturating_sub(batched);
        let packets = headers.len() as u64;
        println!(
            "round {round}: {packets} packets, decode_batch {} ns/packet, decode {} ns/packet, application of every payload \
             {} ns/payload ({payloads} payloads, {messages} messages)",
            batched / packets,
            single / packets,
            application / payloads.max(1),
        );
    }
}

/// Nanoseconds this thread has run: other programs on the machine do not count.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
