//! The classic capture file (draft-ietf-opsawg-pcap): one header, then records. Owns its magics; knows no file.

use super::bytes::{Big, Little, Order, u16_at, u32_at};
use super::format::{CAPTURED_BYTES_MAX, Format, FormatStats, Progress, Stop};
use record::{FrameHeader, LinkType, Timestamp};
use std::marker::PhantomData;

/// File header, bytes.
pub const HEADER_BYTES: usize = 24;
/// Record header, bytes.
const RECORD_BYTES: usize = 16;
/// Microsecond magic in the writer's order.
pub const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Nanosecond magic in the writer's order.
pub const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;

/// Why a header is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Not this format.
    Other,
    /// A known relative that is not read.
    Unsupported(String),
}

/// True when the four bytes start any classic capture, read or not.
pub fn is_pcap(first: [u8; 4]) -> bool {
    !matches!(open(&[&first[..], &[0; 20]].concat()), Err(HeaderError::Other))
}

/// Reads the file header (24 bytes).
pub fn open(header: &[u8]) -> Result<Box<dyn Format>, HeaderError> {
    let first = [header[0], header[1], header[2], header[3]];
    match name_magic(u32::from_le_bytes(first)) {
        Some(magic) => start::<Little>(magic, header),
        None => start::<Big>(name_magic(u32::from_be_bytes(first)).ok_or(HeaderError::Other)?, header),
    }
}

/// Either the nanoseconds of one time unit, or the name of a format that is not read.
fn name_magic(magic: u32) -> Option<Result<i64, &'static str>> {
    match magic {
        MAGIC_MICROSECONDS => Some(Ok(1000)),
        MAGIC_NANOSECONDS => Some(Ok(1)),
        0xa1b2_cd34 => Some(Err("it has Kuznetzov's modified pcap records")),
        0xa1b2_34cd => Some(Err("it has Mesquita's modified pcap records")),
        0xa12b_3c4d => Some(Err("it has Navtel's modified pcap records")),
        0xa1e2_cb12 => Some(Err("it has IXIA's modified pcap header")),
        0x1c00_01ac | 0x1c00_02ac => Some(Err("it has IXIA's lcap header")),
        _ => None,
    }
}

fn start<O: Order + 'static>(magic: Result<i64, &'static str>, header: &[u8]) -> Result<Box<dyn Format>, HeaderError> {
    let unit_ns = magic.map_err(|name| HeaderError::Unsupported(name.to_owned()))?;
    let (major, minor) = (u16_at::<O>(header, 4), u16_at::<O>(header, 6));
    // 543.0 was written by one vendor's network tap and is otherwise 2.4.
    if major != 2 && (major, minor) != (543, 0) && header[4..].iter().any(|b| *b != 0) {
        return Err(HeaderError::Unsupported(format!("its pcap version is {major}.{minor}, version 2 is read")));
    }
    let network = u32_at::<O>(header, 20);
    let mut stats = FormatStats::default();
    if network & 0x03ff_0000 != 0 {
        stats.notes.push(format!("link type {:#x} has class bits that are not read", network & 0x03ff_ffff));
    }
    Ok(Box::new(Pcap::<O> { unit_ns, link: LinkType((network & 0xffff) as u16), stats, order: PhantomData }))
}

struct Pcap<O> {
    unit_ns: i64,
    link: LinkType,
    stats: FormatStats,
    order: PhantomData<O>,
}

impl<O: Order> Format for Pcap<O> {
    fn parse(&mut self, data: &[u8], headers: &mut Vec<FrameHeader>, max: usize) -> Progress {
        let mut used = 0;
        let mut wire_bytes = 0;
        let stop = loop {
            if headers.len() >= max {
                break Stop::Full;
            }
            let Some(record) = data.get(used..used + RECORD_BYTES) else { break Stop::Need(RECORD_BYTES) };
            let captured = u32_at::<O>(record, 8);
            if captured > CAPTURED_BYTES_MAX {
                break Stop::Corrupt(format!("captured length {captured} is over {CAPTURED_BYTES_MAX}"));
            }
            let length = RECORD_BYTES + captured as usize;
            if data.len() - used < length {
                break Stop::Need(length);
            }
            let wire_len = u32_at::<O>(record, 12);
            let fraction_ns = i64::from(u32_at::<O>(record, 4)) * self.unit_ns;
            wire_bytes += u64::from(wire_len);
            headers.push(FrameHeader {
                ts: Timestamp::from_parts(i64::from(u32_at::<O>(record, 0)), fraction_ns),
                offset: used + RECORD_BYTES,
                captured_len: captured,
                wire_len,
                link: self.link,
                interface: 0,
            });
            used += length;
        };
        self.stats.wire_bytes += wire_bytes;
        Progress { used, stop }
    }

    fn stats(&self) -> &FormatStats {
        &self.stats
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(big: bool, magic: u32, network: u32, records: &[(u32, u32, u32, u32)]) -> Vec<u8> {
        let w = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let h = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut out = Vec::new();
        out.extend(w(magic));
        out.extend(h(2));
        out.extend(h(4));
        for v in [0, 0, 65535, network] {
            out.extend(w(v));
        }
        for (s, f, captured, wire) in records {
            for v in [*s, *f, *captured, *wire] {
                out.extend(w(v));
            }
            out.extend(vec![0xab; *captured as usize]);
        }
        out
    }

    #[test]
    fn both_orders_and_resolutions_agree() {
        for (magic, fraction) in [(MAGIC_MICROSECONDS, 5), (MAGIC_NANOSECONDS, 5000)] {
            for big in [false, true] {
                // The upper bits say "4 bytes of frame check sequence": masked.
                let bytes = file(big, magic, 0x4400_0001, &[(7, fraction, 3, 60), (8, 0, 0, 0)]);
                let mut format = open(&bytes[..HEADER_BYTES]).unwrap();
                let mut headers = Vec::new();
                let progress = format.parse(&bytes[HEADER_BYTES..], &mut headers, 10);
                assert!(matches!(progress.stop, Stop::Need(16)));
                assert_eq!(progress.used, bytes.len() - HEADER_BYTES);
                assert_eq!(headers.len(), 2);
                assert_eq!(headers[0].ts, Timestamp(7_000_005_000));
                assert_eq!((headers[0].offset, headers[0].captured_len, headers[0].wire_len), (16, 3, 60));
                assert_eq!(headers[0].link, LinkType::ETHERNET);
                assert_eq!(format.stats().wire_bytes, 60);
            }
        }
    }

    #[test]
    fn damaged_records_stop_with_a_reason() {
        let mut bytes = file(false, MAGIC_MICROSECONDS, 1, &[(1, 1, 4, 4), (2, 2, 10, 10)]);
        bytes.truncate(bytes.len() - 1);
        let mut format = open(&bytes).unwrap();
        let mut headers = Vec::new();
        let progress = format.parse(&bytes[HEADER_BYTES..], &mut headers, 10);
        assert_eq!((headers.len(), progress.used), (1, 20));
        assert!(matches!(progress.stop, Stop::Need(26)));
        let huge = file(false, MAGIC_MICROSECONDS, 1, &[]);
        let mut format = open(&huge).unwrap();
        let progress = format.parse(&[0xff; 40], &mut headers, 10);
        assert!(matches!(progress.stop, Stop::Corrupt(_)));
    }

    #[test]
    fn relatives_are_named_and_others_refused() {
        assert!(
            matches!(open(&file(true, 0xa1b2_cd34, 1, &[])), Err(HeaderError::Unsupported(t)) if t.contains("Kuznetzov"))
        );
        assert!(matches!(open(&file(false, 0x1234_5678, 1, &[])), Err(HeaderError::Other)));
        assert!(is_pcap(MAGIC_MICROSECONDS.to_be_bytes()));
        assert!(!is_pcap(*b"PK\x03\x04"));
    }
}
