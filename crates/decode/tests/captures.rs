//! Every development capture goes through decoding, the application registry and the decode tree: no panic, no claim of
//! bytes that are not there, and the same answer twice.
#![allow(clippy::unwrap_used)]

mod common;
use common::{captures, data, for_each_frame};
use decode::{DecodeConfig, Decoder, dissect};
use record::PacketMeta;

/// Packets of one capture that are dissected too: the tree is slow, and long captures repeat themselves.
const DISSECTED_MAX: u64 = 500;
/// Packets of one capture that are decoded; the longest captures have hundreds of thousands.
const DECODED_MAX: u64 = 60_000;

fn check(meta: &PacketMeta, frame: &[u8]) {
    if meta.payload_captured != 0 {
        assert!((meta.payload_offset + meta.payload_captured) as usize <= frame.len());
    }
    assert!(meta.payload_captured <= meta.payload_len);
    assert!(meta.ip_len <= meta.wire_len.max(frame.len() as u32));
    assert_eq!(meta.hash == 0, meta.ip_version == 0);
    assert!(meta.key.low <= meta.key.high);
}

fn run(folder: &str) {
    let Some(root) = data(folder) else { return };
    let (mut files, mut packets, mut messages) = (0u64, 0u64, 0u64);
    for path in captures(&root.join(folder)) {
        let (mut once, mut again) = (Decoder::new(DecodeConfig::default()), Decoder::new(DecodeConfig::default()));
        let (mut first, mut second) = (PacketMeta::default(), PacketMeta::default());
        let mut seen = 0;
        for_each_frame(&path, |header, frame| {
            seen += 1;
            if seen > DECODED_MAX {
                return;
            }
            once.decode(header, frame, &mut first);
            again.decode(header, frame, &mut second);
            check(&first, frame);
            assert_eq!(format!("{first:?}"), format!("{second:?}"));
            messages += u64::from(once.application(&first, frame).is_some());
            if seen <= DISSECTED_MAX {
                let tree = dissect(header, frame);
                assert!(tree.layers.iter().all(|layer| (layer.offset + layer.length) as usize <= frame.len()));
            }
        });
        files += 1;
        packets += seen;
    }
    eprintln!("{folder}: {files} files, {packets} packets, {messages} messages");
    assert!(files > 20, "{files} files only");
    assert!(packets > 1000, "{packets} packets only");
}

#[test]
fn protocols() {
    run("pcap-protocols");
}

#[test]
fn benign() {
    run("pcap-benign");
}

#[test]
fn attack() {
    run("pcap-attack");
}

#[test]
fn malformed() {
    run("pcap-malformed");
}
