//! Exports of strangers: damaged anywhere, absurd on purpose, and the totals of real ones against an independent reader.
#![allow(clippy::unwrap_used)]

mod common;

use common::{data, export_datagrams as datagrams};
use decode::{Datagram, DecodeConfig, ExportConfig, ExportReader};
use record::{ExportedFlow, IpAddr16, Timestamp};
use std::path::PathBuf;

fn reader() -> ExportReader {
    ExportReader::new(ExportConfig::default(), DecodeConfig::default())
}

fn read(reader: &mut ExportReader, exporter: IpAddr16, payload: &[u8]) -> Vec<ExportedFlow> {
    let mut out = Vec::new();
    reader.read(&Datagram { exporter, received: Timestamp::from_parts(1_700_000_000, 0), payload }, &mut out);
    out
}

fn fixtures(test: &str) -> Option<Vec<PathBuf>> {
    let folder = data(test)?.join("netflow");
    let mut files = Vec::new();
    for maker in std::fs::read_dir(folder).unwrap() {
        files.extend(std::fs::read_dir(maker.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    let exports = |path: &PathBuf| path.extension().is_some_and(|end| end == "pcap" || end == "dat" || end == "bin");
    files.retain(exports);
    files.sort();
    Some(files)
}

#[test]
fn every_prefix_of_every_export_is_read_without_a_panic() {
    let Some(files) = fixtures("every_prefix_of_every_export_is_read_without_a_panic") else { return };
    let (mut datagrams_read, mut prefixes) = (0, 0_u64);
    for file in &files {
        // Templates are known from the whole file, so that cut data is read as data.
        let mut knowing = reader();
        let all = datagrams(file);
        for (exporter, payload) in &all {
            read(&mut knowing, *exporter, payload);
        }
        for (exporter, payload) in &all {
            datagrams_read += 1;
            let mut fresh = reader();
            for length in 0..payload.len() {
                let whole = read(&mut knowing, *exporter, &payload[..length]);
                assert!(whole.len() <= length, "{}: more flows than bytes", file.display());
                read(&mut fresh, *exporter, &payload[..length]);
                prefixes += 1;
            }
        }
        for state in knowing.exporters() {
            assert!(state.templates <= 1_024, "{}", file.display());
        }
    }
    assert!(
        files.len() > 150 && datagrams_read > 300 && prefixes > 100_000,
        "{} {datagrams_read} {prefixes}",
        files.len()
    );
}

#[test]
fn flipped_bits_never_panic() {
    let Some(files) = fixtures("flipped_bits_never_panic") else { return };
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit.max(1)
    };
    let mut rounds = 0;
    for file in &files {
        let mut reader = reader();
        for (exporter, payload) in datagrams(file) {
            read(&mut reader, exporter, &payload);
            for _ in 0..200 {
                let mut damaged = payload.clone();
                for _ in 0..=below(4) {
                    let at = below(damaged.len());
                    if let Some(byte) = damaged.get_mut(at) {
                        *byte = [0, 1, 0xff, 0x80, *byte ^ 1 << below(8)][below(5)];
                    }
                }
                read(&mut reader, exporter, &damaged);
                rounds += 1;
            }
        }
    }
    assert!(rounds > 50_000, "{rounds}");
}

/// A NetFlow v9 datagram of one set.
fn v9(source: u32, set: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    out.extend(source.to_be_bytes());
    out.extend(set.to_be_bytes());
    out.extend((4 + body.len() as u16).to_be_bytes());
    out.extend(body);
    out
}

#[test]
fn a_million_templates_stay_within_the_bounds() {
    let exporter = IpAddr16::v4([192, 0, 2, 1]);
    let mut reader = reader();
    let mut told = 0_u32;
    for source in 0..16 {
        for ids in (256..=65_535_u32).collect::<Vec<_>>().chunks(100) {
            let mut body = Vec::new();
            for id in ids {
                body.extend((*id as u16).to_be_bytes());
                body.extend([0, 2, 0, 8, 0, 4, 0, 12, 0, 4]);
                told += 1;
            }
            read(&mut reader, exporter, &v9(source, 0, &body));
        }
    }
    assert!(told > 1_000_000);
    let states = reader.exporters();
    assert_eq!(states.len(), 16);
    for state in &states {
        assert_eq!((state.templates, state.unreadable.0["templates_evicted"]), (1_024, 65_280 - 1_024));
    }
    assert!(reader.snapshot().len() < 16 * 1_024 * 32);
}

#[test]
fn a_million_sources_stay_within_the_bounds() {
    let mut reader = reader();
    for source in 0..20_000_u32 {
        read(&mut reader, IpAddr16::v4(source.to_be_bytes()), &v9(source, 300, &[1; 1_400]));
    }
    assert_eq!(reader.exporters().len(), 256);
    let drops = reader.drops().0;
    assert_eq!(drops["exporters_evicted"], 20_000 - 256);
    assert_eq!(drops["export_sets_given_up"], 20_000 - 512, "sets that wait are bounded");
}

#[test]
fn absurd_lengths_are_counted_and_read_nothing() {
    let exporter = IpAddr16::v4([192, 0, 2, 1]);
    let mut reader = reader();
    let field = |element: u16, length: u16| [element.to_be_bytes(), length.to_be_bytes()].concat();
    let template = |id: u16, fields: &[Vec<u8>]| {
        let mut body = id.to_be_bytes().to_vec();
        body.extend((fields.len() as u16).to_be_bytes());
        body.extend(fields.concat());
        body
    };
    // Records longer than any datagram, records of no length, more fields than are there.
    read(&mut reader, exporter, &v9(1, 0, &template(256, &[field(8, 0xfffe), field(12, 0xfffe)])));
    read(&mut reader, exporter, &v9(1, 0, &template(257, &[field(8, 0), field(12, 0)])));
    read(&mut reader, exporter, &v9(1, 0, &[1, 2, 0xff, 0xff, 0, 8, 0, 4]));
    read(&mut reader, exporter, &v9(1, 0, &template(12, &[field(8, 4)])));
    let flows = read(&mut reader, exporter, &v9(1, 257, &[0; 1_000]));
    let state = &reader.exporters()[0];
    assert_eq!((flows.len(), state.templates, state.sets_without_template), (0, 0, 1));
    let reasons: Vec<&str> = state.unreadable.0.keys().map(String::as_str).collect();
    assert_eq!(reasons, ["template_empty", "template_id_reserved", "template_too_long", "template_truncated"]);
    // A set that says it is longer than the datagram, and one shorter than its own header.
    let mut long = v9(1, 256, &[0; 8]);
    long[22..24].copy_from_slice(&[0xff, 0xff]);
    read(&mut reader, exporter, &long);
    long[22..24].copy_from_slice(&[0, 1]);
    read(&mut reader, exporter, &long);
    let counted = &reader.exporters()[0].unreadable.0;
    assert_eq!((counted["set_truncated"], counted["set_length_impossible"]), (1, 1));
}

#[test]
fn data_before_its_template_is_read_when_it_comes_and_after_a_restart_at_once() {
    let exporter = IpAddr16::v4([192, 0, 2, 1]);
    let template = v9(1, 0, &[1, 0, 0, 2, 0, 8, 0, 4, 0, 12, 0, 4]);
    let record = v9(1, 256, &[10, 0, 0, 1, 10, 0, 0, 2]);
    let mut first = reader();
    assert!(read(&mut first, exporter, &record).is_empty());
    let flows = read(&mut first, exporter, &template);
    assert_eq!((flows.len(), flows[0].src.addr), (1, IpAddr16::v4([10, 0, 0, 1])));
    let state = &first.exporters()[0];
    assert_eq!((state.sets_without_template, state.sets_read_late), (1, 1));
    let kept = first.snapshot();
    let mut second = reader();
    assert!(second.restore(&kept));
    assert_eq!(read(&mut second, exporter, &record).len(), 1);
    assert_eq!(second.snapshot(), kept);
    for length in 1..kept.len() {
        let mut third = reader();
        third.restore(&kept[..length]);
        read(&mut third, exporter, &record);
    }
    assert!(!reader().restore(b"something else"));
}
