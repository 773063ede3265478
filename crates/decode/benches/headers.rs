//! Nanoseconds a packet of `Decoder::decode` and of etherparse's `SlicedPacket`, on the same Ethernet frames in the same run,
//! interleaved. Usage: `tripline simulate -w office.pcap && cargo bench -p decode --bench headers -- "$PWD/office.pcap"`. Both
//! get the frames in cache (512 at a time, again and again), and etherparse's slices are read as far as a flow key needs:
//! addresses, ports, flags, payload. The least of many rounds is printed, because other programs share the machine.
#![allow(clippy::unwrap_used)]

use decode::{DecodeConfig, Decoder};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use record::{FrameHeader, LinkType, PacketMeta, Timestamp};
use std::hint::black_box;
use std::time::Instant;

const FRAMES: usize = 512;
const ROUNDS: usize = 3_000;

/// What of etherparse's slices a flow table needs; the sum keeps the compiler from leaving it out.
fn slices(frame: &[u8]) -> u64 {
    let Ok(packet) = SlicedPacket::from_ethernet(frame) else { return 0 };
    let addresses = match &packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            u64::from(u32::from_be_bytes(source)) ^ u64::from(u32::from_be_bytes(destination))
        }
        Some(NetSlice::Ipv6(ip)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            (u128::from_be_bytes(source) ^ u128::from_be_bytes(destination)) as u64
        }
        _ => 0,
    };
    let transport = match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let flags = u64::from(tcp.syn()) | u64::from(tcp.fin()) << 1 | u64::from(tcp.rst()) << 2;
            let ports = u64::from(tcp.source_port()) << 16 | u64::from(tcp.destination_port());
            ports ^ flags << 40 ^ u64::from(tcp.sequence_number()) ^ tcp.payload().len() as u64
        }
        Some(TransportSlice::Udp(udp)) => {
            u64::from(udp.source_port()) << 16 | u64::from(udp.destination_port()) ^ udp.payload().len() as u64
        }
        _ => 0,
    };
    addresses ^ transport
}

fn frames(path: &str) -> Vec<Vec<u8>> {
    let mut source = source::open_capture(path.as_ref()).unwrap();
    let (mut headers, mut all) = (Vec::new(), Vec::new());
    while let Some(bytes) = source.next_batch(&mut headers).unwrap() {
        all.extend(headers.iter().map(|h| bytes[h.offset..h.offset + h.captured_len as usize].to_vec()));
    }
    let step = (all.len() / FRAMES).max(1);
    all.into_iter().step_by(step).take(FRAMES).collect()
}

fn main() {
    // cargo bench adds an option of its own.
    let Some(path) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) else {
        println!("usage: cargo bench -p decode --bench headers -- /path/to/FILE.pcap");
        return;
    };
    let frames = frames(&path);
    let header = |frame: &[u8]| {
        let len = frame.len() as u32;
        FrameHeader {
            ts: Timestamp(1),
            offset: 0,
            captured_len: len,
            wire_len: len,
            link: LinkType::ETHERNET,
            interface: 0,
        }
    };
    let headers: Vec<FrameHeader> = frames.iter().map(|frame| header(frame)).collect();
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut meta = PacketMeta::default();
    let (mut own, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for (header, frame) in headers.iter().zip(&frames) {
            decoder.decode(header, black_box(frame), &mut meta);
            black_box(&meta);
        }
        own = own.min(start.elapsed().as_nanos() as f64 / frames.len() as f64);
        let start = Instant::now();
        for frame in &frames {
            black_box(slices(black_box(frame)));
        }
        theirs = theirs.min(start.elapsed().as_nanos() as f64 / frames.len() as f64);
    }
    println!("{} frames: decode {own:.1} ns/packet, etherparse {theirs:.1} ns/packet", frames.len());
}
