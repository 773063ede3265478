//! 802.11 with and without radio headers, and frame relay: good, cut at every byte, encrypted, and without data.
#![allow(clippy::unwrap_used)]

mod common;
use common::{decoded, header, ipv4, ipv6, udp};
use decode::{DecodeConfig, Decoder, dissect, packet_summary};
use record::{DecodeErrorKind as Kind, LinkType, PacketMeta};

const WIRELESS: LinkType = LinkType::IEEE802_11;
const RADIOTAP: LinkType = LinkType::IEEE802_11_RADIOTAP;
const FRAME_RELAY: LinkType = LinkType(107);

/// Frame control, duration, addresses `..:01`, `..:02`, `..:03`, sequence 0.
fn frame(control: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = vec![control, flags, 0, 0];
    for last in 1..=3 {
        out.extend([2, 0, 0, 0, 0, last]);
    }
    out.extend([0, 0]);
    out.extend(rest);
    out
}

/// LLC and SNAP, then a datagram to port 2 with three bytes.
fn body() -> Vec<u8> {
    [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ipv4(17, &udp(1, 2, b"abc"))].concat()
}

/// Radiotap with a time, these flags, and a rate.
fn radiotap(flags: u8, frame: &[u8]) -> Vec<u8> {
    [&[0, 0, 18, 0, 7, 0, 0, 0][..], &[1; 8], &[flags, 12], frame].concat()
}

fn stop(meta: &PacketMeta) -> Option<Kind> {
    meta.stop.map(|(kind, ..)| kind)
}

/// Decodes, checks that every prefix is safe, and gives the addresses' last bytes and the port.
fn read(link: LinkType, frame: &[u8]) -> (u8, u8, u16) {
    let mut decoder = Decoder::new(DecodeConfig::default());
    for cut in 0..=frame.len() {
        let mut meta = PacketMeta::default();
        decoder.decode(&header(link, &frame[..cut]), &frame[..cut], &mut meta);
        assert!((meta.payload_offset + meta.payload_captured) as usize <= cut.max(meta.payload_offset as usize));
        for layer in dissect(&header(link, &frame[..cut]), &frame[..cut]).layers {
            assert!((layer.offset + layer.length) as usize <= cut);
        }
    }
    let meta = decoded(link, frame);
    assert_eq!((meta.stop, meta.payload_len), (None, 3), "{link:?}");
    (meta.src_mac.0[5], meta.dest_mac.0[5], meta.dest_port)
}

#[test]
fn data_frames_of_each_direction() {
    for (flags, src, dest) in [(0, 2, 1), (1, 2, 3), (2, 3, 1)] {
        assert_eq!(read(WIRELESS, &frame(0x08, flags, &body())), (src, dest, 2));
    }
    // Four addresses: between access points.
    let four = [&[2, 0, 0, 0, 0, 4][..], &body()].concat();
    assert_eq!(read(WIRELESS, &frame(0x08, 3, &four)), (4, 3, 2));
    assert_eq!(read(WIRELESS, &frame(0x88, 1, &[&[0, 0][..], &body()].concat())), (2, 3, 2));
    let high_throughput = [&[0; 6][..], &body()].concat();
    assert_eq!(read(WIRELESS, &frame(0x88, 0x81, &high_throughput)), (2, 3, 2));
}

#[test]
fn the_first_subframe_of_an_aggregate() {
    let body = body();
    let subframe = [&[2, 0, 0, 0, 0, 8, 2, 0, 0, 0, 0, 9, 0, body.len() as u8][..], &body, &[0; 30]].concat();
    let frame = frame(0x88, 1, &[&[0x80, 0][..], &subframe].concat());
    assert_eq!(read(WIRELESS, &frame), (9, 8, 2));
    assert!(dissect(&header(WIRELESS, &frame), &frame).layers.iter().any(|l| l.name == "A-MSDU Subframe"));
}

#[test]
fn radio_headers() {
    let plain = frame(0x08, 1, &body());
    assert_eq!(read(RADIOTAP, &radiotap(0, &plain)), (2, 3, 2));
    assert_eq!(read(RADIOTAP, &radiotap(0x10, &[&plain[..], &[9; 4]].concat())), (2, 3, 2));
    // 26 bytes of QoS header, padded to 28.
    assert_eq!(read(RADIOTAP, &radiotap(0x20, &frame(0x88, 1, &[&[0; 4][..], &body()].concat()))), (2, 3, 2));
    // More presence words, of which only the first counts here.
    let words = [&[0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0][..], &plain].concat();
    assert_eq!(read(RADIOTAP, &words), (2, 3, 2));
    let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136], &plain].concat();
    assert_eq!(read(LinkType(119), &prism), (2, 3, 2));
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56], &plain].concat();
    assert_eq!(read(LinkType(163), &avs), (2, 3, 2));
    let ppi = [&[0, 0, 8, 0, 105, 0, 0, 0][..], &plain].concat();
    assert_eq!(read(LinkType(192), &ppi), (2, 3, 2));
    let mut cooked = vec![0, 0, 3, 0x23, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4];
    cooked.extend(radiotap(0, &plain));
    assert_eq!(read(LinkType::LINUX_SLL, &cooked), (2, 3, 2));
    for bad in [&[1, 0, 8, 0, 0, 0, 0, 0][..], &[0, 0, 7, 0, 0, 0, 0, 0], &[0, 0, 200, 0, 0, 0, 0, 0]] {
        assert_eq!(stop(&decoded(RADIOTAP, bad)), Some(Kind::LinkTruncated));
    }
}

#[test]
fn what_carries_no_readable_traffic_is_counted_and_named() {
    for (control, flags, kind, info) in [
        (0x08, 0x41, Kind::LinkEncrypted, "Data, encrypted"),
        (0x80, 0, Kind::LinkControl, "Beacon frame"),
        (0xc0, 0x40, Kind::LinkControl, "Deauthentication, encrypted"),
        (0xb4, 0, Kind::LinkControl, "Request-to-send"),
        (0x48, 1, Kind::LinkControl, "Null function (No data)"),
    ] {
        let frame = frame(control, flags, &[0; 40]);
        let meta = decoded(WIRELESS, &frame);
        assert_eq!((stop(&meta), meta.ip_version), (Some(kind), 0));
        let row = packet_summary(1, &meta, &frame);
        assert_eq!((row.protocol.as_str(), row.info.as_str()), ("802.11", info));
        let tree = dissect(&header(WIRELESS, &frame), &frame);
        let shown = &tree.layers.iter().find(|l| l.name == "IEEE 802.11").unwrap().fields[0].value;
        assert!(info.starts_with(shown.split(" (0x").next().unwrap()), "{shown}");
    }
    // An acknowledgement has one address; a later fragment no LLC header.
    assert_eq!(stop(&decoded(WIRELESS, &frame(0xd4, 0, &[])[..10])), Some(Kind::LinkControl));
    let mut later = frame(0x08, 1, &body());
    later[22] = 1;
    assert_eq!(stop(&decoded(WIRELESS, &later)), Some(Kind::LinkControl));
}

#[test]
fn frame_relay_and_atm() {
    let (v4, v6) = (ipv4(17, &udp(1, 2, b"abc")), ipv6(17, &udp(1, 2, b"abc")));
    let with = |head: &[u8], rest: &[u8]| [head, rest].concat();
    for (link, frame) in [
        (FRAME_RELAY, with(&[0x18, 0x41, 3, 0xcc], &v4)),
        (FRAME_RELAY, with(&[0x18, 0x41, 3, 0, 0xcc], &v4)),
        (FRAME_RELAY, with(&[0x18, 0x40, 0x01, 3, 0x8e], &v6)),
        (FRAME_RELAY, with(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &v4)),
        (FRAME_RELAY, with(&[0x18, 0x41, 0x86, 0xdd], &v6)),
        (LinkType(100), with(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4)),
    ] {
        assert_eq!(read(link, &frame).2, 2, "{frame:02x?}");
    }
    assert_eq!(stop(&decoded(FRAME_RELAY, &[0x18, 0x41, 3, 8, 1])), Some(Kind::EtherTypeUnknown));
    assert_eq!(stop(&decoded(FRAME_RELAY, &[0x18, 0x40, 2, 4, 6, 8])), Some(Kind::LinkTruncated));
}
