//! Real captures through source, decoder and table: every packet is found again in a record, and the number of workers
//! changes nothing. The captures are beside the project; without them the tests are skipped, saying so.
#![allow(clippy::unwrap_used)]

use decode::{DecodeConfig, Decoder};
use flow::{FlowConfig, FlowTable, NoAppParser};
use record::{FlowRecord, Observation, PacketMeta};
use std::path::{Path, PathBuf};

/// Packets read from one capture at most, so that the test stays quick.
const PACKETS_MAX: usize = 10_000;

/// Every capture under a folder, in order of names.
fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            captures(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn decoded(path: &Path) -> Option<Vec<PacketMeta>> {
    let mut source = source::open_capture(path).ok()?;
    let mut decoder = Decoder::new(DecodeConfig::default());
    let (mut headers, mut metas) = (Vec::new(), Vec::new());
    while metas.len() < PACKETS_MAX {
        let Ok(Some(bytes)) = source.next_batch(&mut headers) else { break };
        for header in &headers {
            let mut meta = PacketMeta::default();
            decoder.decode(header, &bytes[header.offset..header.offset + header.captured_len as usize], &mut meta);
            metas.push(meta);
        }
    }
    Some(metas)
}

/// What `shards` tables say together, sorted by flow; contacts are counted.
fn told(metas: &[PacketMeta], shards: u32) -> (Vec<FlowRecord>, usize) {
    let (mut flows, mut contacts) = (Vec::new(), 0);
    for shard in 0..shards {
        let (mut table, mut out) = (FlowTable::new(FlowConfig::default()), Vec::new());
        for batch in metas.chunks(256) {
            table.ingest(batch, shard, shards, &mut NoAppParser, &mut out);
        }
        table.finish(&mut out);
        let counters = table.counters();
        assert_eq!((counters.flows_live, counters.packets_live), (0, 0));
        assert_eq!(counters.flows_created, counters.flows_ended());
        for observation in out {
            match observation {
                Observation::Flow(flow) => flows.push(*flow),
                Observation::Contact(_) => contacts += 1,
                _ => {}
            }
        }
    }
    flows.sort_by_key(|f| (f.flow_id, f.start));
    (flows, contacts)
}

#[test]
fn every_packet_of_every_capture_is_in_a_record_on_any_number_of_workers() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut paths = Vec::new();
    for folder in ["pcap-benign/ics", "pcap-attack/scans", "pcap-protocols", "pcap-malformed"] {
        captures(&data.join(folder), &mut paths);
    }
    if paths.is_empty() {
        eprintln!("SKIP every_packet_of_every_capture: no captures in {}", data.display());
        return;
    }
    let mut read = 0;
    for metas in paths.iter().filter_map(|path| decoded(path)) {
        let ip = || metas.iter().filter(|m| m.ip_version != 0);
        let (flows, contacts) = told(&metas, 1);
        assert_eq!(flows.iter().map(FlowRecord::packets).sum::<u64>(), ip().count() as u64);
        assert_eq!(flows.iter().map(FlowRecord::bytes).sum::<u64>(), ip().map(|m| u64::from(m.wire_len)).sum::<u64>());
        let (sharded, sharded_contacts) = told(&metas, 2);
        assert_eq!(contacts, sharded_contacts);
        assert_eq!(format!("{flows:?}"), format!("{sharded:?}"));
        read += 1;
    }
    assert!(read > 0);
}
