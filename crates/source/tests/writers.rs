//! What we write, we and tshark read back alike.
#![allow(clippy::unwrap_used)]

mod common;

use record::{LinkType, Timestamp};
use source::{PcapWriter, PcapngWriter, open_capture};
use std::path::Path;

const FRAMES: [(u16, i64, u32, usize); 4] = [
    (0, 1_700_000_000_123_456_789, 60, 60),
    (1, 1_700_000_001_000_000_001, 1500, 41),
    (0, 1_700_000_002_000_000_000, 61, 61),
    (1, 5, 20, 0),
];

fn frame(length: usize) -> Vec<u8> {
    // The first bytes are no IP and no Ethernet type that a dissector could complain about.
    (0..length).map(|i| (i * 7) as u8).collect()
}

fn check(path: &Path, interfaces: &[&str]) {
    let mut source = open_capture(path).unwrap();
    let mut headers = Vec::new();
    let bytes = source.next_batch(&mut headers).unwrap().unwrap();
    assert_eq!(headers.len(), FRAMES.len());
    for (header, (interface, ns, wire, length)) in headers.iter().zip(FRAMES) {
        assert_eq!((header.ts, header.wire_len), (Timestamp(ns), wire));
        assert_eq!(&bytes[header.offset..header.offset + header.captured_len as usize], frame(length));
        if interfaces.len() > 1 {
            assert_eq!(header.interface, interface);
            assert_eq!(header.link, if interface == 0 { LinkType::ETHERNET } else { LinkType::RAW });
        }
    }
    let stats = source.stats();
    assert_eq!(stats.interfaces, interfaces);
    assert!(stats.notes.is_empty());
}

fn check_with_tshark(test: &str, path: &Path) {
    if !common::has_tool(test, "tshark") {
        return;
    }
    let fields =
        ["-T", "fields", "-E", "separator=;", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len"];
    let name = path.display().to_string();
    let text = common::must("tshark", &[&["-n", "-r", &name][..], &fields[..]].concat());
    let expected: Vec<String> = FRAMES
        .iter()
        .map(|(_, ns, wire, length)| format!("{}.{:09};{wire};{length}", ns / 1_000_000_000, ns % 1_000_000_000))
        .collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn pcapng_round_trip() {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let mut writer =
        PcapngWriter::new(out, &[("eth0", LinkType::ETHERNET, 0), ("tun0", LinkType::RAW, 262_144)]).unwrap();
    for (interface, ns, wire, length) in FRAMES {
        writer.write(interface, Timestamp(ns), wire, &frame(length)).unwrap();
    }
    assert!(writer.write(2, Timestamp(0), 1, &[1]).is_err());
    writer.finish().unwrap();
    check(&path, &["eth0", "tun0"]);
    check_with_tshark("pcapng_round_trip", &path);
}

#[test]
fn pcap_round_trip() {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let mut writer = PcapWriter::new(out, LinkType::ETHERNET, 262_144).unwrap();
    for (_, ns, wire, length) in FRAMES {
        writer.write(Timestamp(ns), wire, &frame(length)).unwrap();
    }
    writer.finish().unwrap();
    check(&path, &[]);
    check_with_tshark("pcap_round_trip", &path);
}
