//! pcapng blocks built by hand, in both byte orders.
#![allow(clippy::unwrap_used)]
use super::*;

fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let w = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let total = 12 + body.len().next_multiple_of(4) as u32;
    let mut out = [w(kind), w(total)].concat();
    out.extend(body);
    out.resize(total as usize - 4, 0);
    out.extend(w(total));
    out
}

fn words(big: bool, values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() }).collect()
}

fn halves(big: bool, values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() }).collect()
}

fn section(big: bool) -> Vec<u8> {
    let mut body = words(big, &[ORDER_MARK]);
    body.extend(halves(big, &[1, 0]));
    body.extend([0xff; 8]);
    block(big, SECTION_HEADER, &body)
}

fn interface(big: bool, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = halves(big, &[link, 0]);
    body.extend(words(big, &[snap_len]));
    for (code, value) in options {
        body.extend(halves(big, &[*code, value.len() as u16]));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(big, INTERFACE_DESCRIPTION, &body)
}

fn enhanced(big: bool, interface: u32, units: u64, wire: u32, data: &[u8]) -> Vec<u8> {
    let mut body = words(big, &[interface, (units >> 32) as u32, units as u32, data.len() as u32, wire]);
    body.extend(data);
    block(big, ENHANCED_PACKET, &body)
}

fn read(bytes: &[u8]) -> (Vec<FrameHeader>, Progress, Pcapng) {
    let mut headers = Vec::new();
    let mut format = Pcapng::new();
    let progress = format.parse(bytes, &mut headers, 1000);
    (headers, progress, format)
}

#[test]
fn sections_of_both_orders_with_units_offsets_and_obsolete_blocks() {
    let mut bytes = Vec::new();
    for big in [false, true] {
        bytes.extend(section(big));
        bytes.extend(interface(big, 1, 0, &[(2, b"eth0"), (9, &[9])]));
        let offset = if big { 10i64.to_be_bytes() } else { 10i64.to_le_bytes() };
        bytes.extend(interface(big, 101, 2, &[(2, b"tun0"), (9, &[0x80 | 1]), (14, &offset)]));
        bytes.extend(block(big, 0x0bad, b"not ours"));
        bytes.extend(enhanced(big, 0, 1 << 33, 99, b"abcde"));
        bytes.extend(enhanced(big, 1, 3, 4, b"xy"));
        let mut old = halves(big, &[1, 0]);
        old.extend(words(big, &[0, 4, 1, 1]));
        old.push(b'z');
        bytes.extend(block(big, PACKET, &old));
        let mut simple = words(big, &[3]);
        simple.extend(b"klm");
        bytes.extend(block(big, SIMPLE_PACKET, &simple));
    }
    let (headers, progress, format) = read(&bytes);
    assert_eq!(progress.used, bytes.len());
    assert_eq!(headers.len(), 8);
    for part in [&headers[..4], &headers[4..]] {
        assert_eq!((part[0].ts, part[0].wire_len, part[0].captured_len), (Timestamp(1 << 33), 99, 5));
        assert_eq!((part[1].ts, part[1].link, part[1].interface), (Timestamp(11_500_000_000), LinkType::RAW, 1));
        assert_eq!(part[2].ts, Timestamp(12_000_000_000));
        assert_eq!((part[3].ts, part[3].captured_len), (part[2].ts, 3));
        assert_eq!(&bytes[part[0].offset..part[0].offset + 5], b"abcde");
        assert_eq!(bytes[part[2].offset], b'z');
    }
    assert_eq!(format.stats().interfaces, ["eth0", "tun0"]);
    assert_eq!(format.stats().time_unknown, 2);
    assert_eq!(format.stats().wire_bytes, 2 * (99 + 4 + 1 + 3));
}

#[test]
fn unknown_interface_is_counted_and_reading_goes_on() {
    let bytes =
        [section(true), interface(true, 1, 0, &[]), enhanced(true, 5, 0, 1, b"q"), enhanced(true, 0, 0, 1, b"q")]
            .concat();
    let (headers, progress, format) = read(&bytes);
    assert_eq!((headers.len(), progress.used), (1, bytes.len()));
    assert_eq!(format.stats().interface_unknown, 1);
}

#[test]
fn simple_packets_are_cut_at_the_interface_snap_length() {
    let bytes =
        [section(false), interface(false, 1, 4, &[]), block(false, SIMPLE_PACKET, &[9, 0, 0, 0, 1, 2, 3, 4])].concat();
    let (headers, ..) = read(&bytes);
    assert_eq!((headers[0].captured_len, headers[0].wire_len), (4, 9));
}

#[test]
fn damage_stops_with_the_reason() {
    let good = [section(false), interface(false, 1, 0, &[]), enhanced(false, 0, 1, 1, b"q")].concat();
    let mut behind = good.clone();
    *behind.last_mut().unwrap() = 1;
    assert!(matches!(read(&behind).1.stop, Stop::Corrupt(t) if t.contains("behind")));
    let mut long = good.clone();
    let at = good.len() - 16;
    long[at..at + 4].copy_from_slice(&50u32.to_le_bytes());
    assert!(matches!(read(&long).1.stop, Stop::Corrupt(t) if t.contains("captured length")));
    assert!(matches!(read(&good[..good.len() - 1]).1.stop, Stop::Need(36)));
    assert!(matches!(read(&[&good[..], &[9, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]].concat()).1.stop, Stop::Corrupt(_)));
    assert!(matches!(
        read(&[&good[..], &[9, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0]].concat()).1.stop,
        Stop::Skip(0x1000_0000)
    ));
}
