//! Two bytes of link type, then any frame: decoded, its application read, taken apart, summed up.
#![no_main]

use decode::{DecodeConfig, Decoder, dissect, packet_summary};
use libfuzzer_sys::fuzz_target;
use record::{FrameHeader, LinkType, PacketMeta, Timestamp};

fuzz_target!(|data: &[u8]| {
    let [l0, l1, frame @ ..] = data else { return };
    let link = LinkType(u16::from_le_bytes([*l0, *l1]) % 300);
    let len = frame.len() as u32;
    let header = FrameHeader { ts: Timestamp(1), offset: 0, captured_len: len, wire_len: len, link, interface: 0 };
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut meta = PacketMeta::default();
    decoder.decode(&header, frame, &mut meta);
    assert!(meta.payload_captured <= meta.payload_len && meta.ip_len <= len);
    if meta.payload_captured != 0 {
        assert!((meta.payload_offset + meta.payload_captured) as usize <= frame.len());
    }
    decoder.application(&meta, frame);
    let _ = decoder.arp(&meta, frame);
    let _ = packet_summary(1, &meta, frame);
    for layer in dissect(&header, frame).layers {
        assert!((layer.offset + layer.length) as usize <= frame.len());
    }
});
