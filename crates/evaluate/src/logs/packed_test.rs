//! Packed logs that end anywhere, and small files that unpack to far more than memory should hold.
#![allow(clippy::unwrap_used)]

use super::merge::Merge;
use super::*;
use decode::log::LINE_BYTES_MAX;
use flate2::{Compression, write::GzEncoder};
use record::LogEntry;
use std::fmt::Write as _;
use std::io::Write as _;

/// What lines of a cutter may hold between chunks.
const PENDING_MAX: usize = LINE_BYTES_MAX;
/// What a bomb unpacks to.
const BOMB_BYTES: usize = 128 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Two logs of Zeek with heads of their own, as two gzip members lie in one file; then lines of firewalls and EVE; all in order
/// of time, so that they are told as they stand.
fn logs() -> (String, String) {
    let mut zeek = String::new();
    for (path, first) in [("conn", 0), ("conn", 20)] {
        let _ = write!(
            zeek,
            "#separator \\x09\n#path\t{path}\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\torig_pkts\n"
        );
        for n in first..first + 20 {
            let _ = writeln!(
                zeek,
                "{}.5\t192.0.2.{n}\t{}\t203.0.113.9\t443\ttcp\tS0\t1",
                1_772_612_130 + n,
                50_000 + n * 7
            );
        }
        zeek.push_str("#close\t2026-03-04\n");
    }
    let mut others = String::new();
    for n in 0..20 {
        let _ = writeln!(
            others,
            "Mar  4 08:{:02}:00 edge1 kernel: [BLOCK] IN=wan0 OUT= SRC=203.0.113.{n} DST=192.0.2.1 LEN=60 PROTO=TCP SPT={} DPT=23 SYN",
            20 + n,
            51_000 + n * 3
        );
        let _ = writeln!(
            others,
            "{{\"timestamp\":\"2026-03-04T08:{:02}:30.0+0000\",\"event_type\":\"flow\",\"src_ip\":\"192.0.2.{n}\",\"src_port\":{},\"dest_ip\":\"203.0.113.9\",\"dest_port\":53,\"proto\":\"UDP\",\"flow\":{{\"pkts_toserver\":1,\"bytes_toserver\":60}}}}",
            20 + n,
            52_000 + n
        );
    }
    (zeek, others)
}

/// Source ports in the order told, and what was counted; never more held than the bounds.
fn read(path: &Path) -> (Vec<u16>, LogFile) {
    let mut merge = Merge::open(&[path.to_path_buf()], |_| Timestamp(1_772_700_000_000_000_000)).unwrap();
    let mut ports = Vec::new();
    while let Some(entry) = merge.next() {
        assert!(merge.held_bytes() <= PENDING_MAX, "{} bytes of a line are held", merge.held_bytes());
        if let LogEntry::Flow(logged) = entry {
            ports.push(logged.flow.src.port);
        }
    }
    (ports, merge.into_files().remove(0))
}

fn accounted(file: &LogFile) -> u64 {
    let counters = &file.counters;
    counters.used + counters.heads + counters.not_used.total() + counters.unreadable.total()
}

#[test]
fn a_packed_log_that_ends_at_any_byte_tells_what_came_before_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (zeek, others) = logs();
    let members = [gzip(zeek.as_bytes()), gzip(others.as_bytes())].concat();
    let frames = [zstd::encode_all(zeek.as_bytes(), 1).unwrap(), zstd::encode_all(others.as_bytes(), 1).unwrap()];
    for packed in [members, frames.concat(), format!("{zeek}{others}").into_bytes()] {
        std::fs::write(&path, &packed).unwrap();
        let (whole, file) = read(&path);
        assert_eq!((whole.len(), file.note.as_str(), file.counters.unreadable.total()), (80, "", 0));
        let plain = packed.starts_with(b"#");
        let (mut notes, mut told) = (0, 0);
        for len in (0..packed.len() as u64).rev() {
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len).unwrap();
            let (ports, file) = read(&path);
            assert_eq!(accounted(&file), file.counters.lines, "{len}: {:?}", file.counters);
            // All but the line that the end goes through is as it was.
            let same = ports.len().saturating_sub(1);
            assert_eq!(ports[..same], whole[..same], "{len}");
            assert!(ports.len() <= whole.len());
            notes += u64::from(!file.note.is_empty());
            told += u64::from(!ports.is_empty());
            if !plain && len > 4 && file.note.is_empty() {
                // Between two members a file is whole.
                assert!(file.counters.unreadable.total() == 0 && ports.len() == 40, "{len}");
            }
        }
        assert!(plain || notes > packed.len() as u64 - 8, "{notes} of {}", packed.len());
        assert!(told > 0, "nothing was told of any beginning");
    }
}

#[test]
fn a_file_that_unpacks_to_far_more_than_it_is_holds_no_more_than_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb");
    let last = b"\nkernel: IN=e OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=UDP SPT=7 DPT=9\n";
    for filler in [0_u8, b'x', 0xff] {
        let mut bytes = vec![filler; BOMB_BYTES];
        bytes.extend_from_slice(last);
        for packed in [gzip(&bytes), zstd::encode_all(bytes.as_slice(), 1).unwrap()] {
            assert!(packed.len() * 100 < bytes.len());
            std::fs::write(&path, &packed).unwrap();
            let (ports, file) = read(&path);
            assert_eq!((ports, file.counters.lines, file.counters.too_long), (vec![7], 2, 1));
            assert_eq!(file.counters.unreadable.total(), 1);
            assert_eq!(file.counters.not_utf8, u64::from(filler == 0xff));
            assert!(file.counters.sample.iter().all(|line| line.text.len() <= 200));
        }
    }
}

#[test]
fn a_file_of_more_damage_than_lines_keeps_a_sample() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("noise");
    std::fs::write(&path, gzip(&b"\0\xff{\n".repeat(1 << 20))).unwrap();
    let (ports, file) = read(&path);
    assert!(ports.is_empty());
    assert_eq!((file.counters.lines, file.counters.unreadable.total()), (1 << 20, 1 << 20));
    assert_eq!((file.counters.not_utf8, file.counters.sample.len()), (1 << 20, 8));
}
