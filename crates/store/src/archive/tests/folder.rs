//! The archive in a folder: layout, pruning, filters, versions, merging, retention, and what the store may delete.

use super::support::{
    Memory, archiver, config, flows_of_archive, flows_of_store, later, others_of_archive, scan, write,
};
use crate::archive::place::Place;
use crate::archive::read_back::ArchiveReader;
use crate::archive::{ArchiveConfig, ArchiveError, ArchiveKind, Archiver};
use crate::query::{FLOW_FIELDS, INCIDENT_FIELDS};
use crate::sqlite::tests::support::{at, open};
use crate::{IncidentChange, Query, StoreBatch, TimeRange};
use record::{IncidentStatus, IpAddr16};
use std::ops::ControlFlow;
use std::sync::Arc;

fn memory() -> (Arc<Memory>, Arc<dyn Place>) {
    let memory = Arc::new(Memory::default());
    (Arc::clone(&memory), memory)
}

fn names(memory: &Memory) -> Vec<String> {
    memory.0.lock().unwrap().keys().cloned().collect()
}

#[test]
fn a_folder_holds_whole_files_by_kind_and_day() {
    let (_dir, store) = open();
    write(&store, 0..250);
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("archive").display().to_string();
    let config = ArchiveConfig { url, compact_after_h: 100_000, ..config() };
    let mut archiver = Archiver::open(&config, store.reader(), "ab12cd34").unwrap();
    archiver.round(later(), &|| false).unwrap();
    assert_eq!(archiver.progress().rows[&ArchiveKind::Flows], 250);
    assert_eq!(archiver.flows_until(), Some(250));
    let days = ["2025-10-09", "2025-10-10", "2025-10-11", "2025-10-12"];
    let reader = ArchiveReader::open(&config).unwrap();
    assert_eq!(reader.days(ArchiveKind::Flows).unwrap(), days);
    let below = folder.path().join("archive/kind=flows/day=2025-10-10");
    let files: Vec<_> = std::fs::read_dir(&below).unwrap().flatten().map(|entry| entry.path()).collect();
    assert_eq!(files.len(), 3, "three publications of at most 100 rows: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{}", file.display());
    }
    // A file that a crash left half written is nobody's.
    std::fs::write(below.join("part-ab12cd34-1-999999-0000.parquet#1"), b"half").unwrap();
    let mut seen = 0;
    let mut take = |_, _| {
        seen += 1;
        ControlFlow::Continue(())
    };
    reader.flows(TimeRange::default(), &Query::all(FLOW_FIELDS), &mut take).unwrap();
    assert_eq!(seen, 250);
}

#[test]
fn a_span_and_a_filter_find_what_the_store_finds() {
    let (_dir, store) = open();
    write(&store, 0..400);
    let (_, place) = memory();
    archiver(Arc::clone(&place), &config(), &store.reader()).round(later(), &|| false).unwrap();
    let archive = ArchiveReader::at(place);
    for (from, to, filter) in [
        (None, None, "score:>=0.5"),
        (Some(40_000), Some(170_000), ""),
        (Some(86_400), None, "src_ip:10.0.0.0/25 -anomalous:true"),
        (None, Some(100_000), "app_proto:tls host_name:*7.example.org"),
        (Some(50_000), Some(50_000), "port:443"),
        (None, None, "bytes:>2400 dest_port:443"),
    ] {
        let range = TimeRange { from: from.map(at), to: to.map(at) };
        let query = Query::parse(filter, FLOW_FIELDS).unwrap();
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        let mut take = |record, row| {
            wanted.push(format!("{row:?} {record:?}"));
            ControlFlow::Continue(())
        };
        store.reader().visit_flows(&query, range, &mut take).unwrap();
        let mut take = |record, row| {
            found.push(format!("{row:?} {record:?}"));
            ControlFlow::Continue(())
        };
        archive.flows(range, &query, &mut take).unwrap();
        wanted.sort();
        found.sort();
        assert!(wanted == found, "{filter} {range:?}: {} of the store, {} of the archive", wanted.len(), found.len());
    }
    let mut first = 0;
    let mut take = |_, _| {
        first += 1;
        ControlFlow::Break(())
    };
    archive.flows(TimeRange::default(), &Query::all(FLOW_FIELDS), &mut take).unwrap();
    assert_eq!(first, 1, "a reader that has enough gets no more");
}

#[test]
fn the_newest_state_of_incidents_and_scans_is_read_and_the_older_ones_stay() {
    let (_dir, store) = open();
    write(&store, 0..101);
    let (memory, place) = memory();
    let mut archiver = archiver(Arc::clone(&place), &config(), &store.reader());
    archiver.round(later(), &|| false).unwrap();
    let closed = IncidentChange { status: Some(IncidentStatus::Closed), ..IncidentChange::default() };
    let mut again = scan(100);
    again.row.anomalies = 4;
    let changes = vec![(format!("{:016x}", 50), closed)];
    store.write(StoreBatch { changes, scans: vec![again], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    archiver.round(later(), &|| false).unwrap();
    assert_eq!(archiver.progress().rows[&ArchiveKind::Incidents], 4, "three, and one again");
    let (incidents, scans, _) = others_of_archive(&memory);
    let wanted = [format!("{:016x} open", 0), format!("{:016x} closed", 50), format!("{:016x} open", 100)];
    assert_eq!(incidents, wanted);
    assert_eq!(scans.len(), 2);
    let query = Query::parse("status:closed src_ip:10.0.0.7 severity:>=high", INCIDENT_FIELDS).unwrap();
    let mut found = Vec::new();
    let reader = ArchiveReader::at(place);
    let mut take = |incident: record::Incident| {
        found.push(incident);
        ControlFlow::Continue(())
    };
    reader.incidents(TimeRange::default(), &query, &mut take).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].src, ["10.0.0.7".parse::<IpAddr16>().unwrap()]);
}

#[test]
fn a_days_files_become_one_and_old_days_go() {
    let (_dir, store) = open();
    write(&store, 0..230);
    let (memory, place) = memory();
    let mut first = archiver(Arc::clone(&place), &config(), &store.reader());
    // The last of the four days is not over for an hour yet.
    first.round(at(3 * 86_400), &|| false).unwrap();
    let of =
        |day: &str| names(&memory).iter().filter(|name| name.starts_with(&format!("kind=flows/day={day}"))).count();
    assert_eq!([of("2025-10-09"), of("2025-10-10"), of("2025-10-11"), of("2025-10-12")], [1, 1, 1, 3]);
    assert_eq!(flows_of_archive(&memory), flows_of_store(&store.reader()));
    // Late rows of a day that was merged make a file of their own and are merged too.
    write(&store, 230..260);
    let mut second = archiver(Arc::clone(&place), &config(), &store.reader());
    second.round(later(), &|| false).unwrap();
    assert_eq!(of("2025-10-10"), 1);
    assert_eq!(flows_of_archive(&memory), flows_of_store(&store.reader()));
    let keep = ArchiveConfig { retention_days: 28, ..config() };
    let mut third = archiver(place, &keep, &store.reader());
    third.round(later(), &|| false).unwrap();
    assert_eq!([of("2025-10-09"), of("2025-10-10"), of("2025-10-11"), of("2025-10-12")], [0, 0, 1, 1]);
    third.round(later(), &|| false).unwrap();
    assert_eq!(of("2025-10-09"), 0, "what is over its age is not published again");
}

#[test]
fn rows_that_the_store_deleted_too_early_are_counted() {
    let (dir, store) = open();
    write(&store, 0..100);
    let (_, place) = memory();
    let mut archiver = archiver(place, &config(), &store.reader());
    archiver.round(later(), &|| false).unwrap();
    write(&store, 100..250);
    let database = rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap();
    database.execute("DELETE FROM flows WHERE row <= 140", []).unwrap();
    archiver.round(later(), &|| false).unwrap();
    assert_eq!(archiver.progress().missed, 40);
    assert_eq!(archiver.progress().rows[&ArchiveKind::Flows], 210);
}

#[test]
fn a_folder_that_cannot_be_is_told_in_words() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let url = file.path().join("below").display().to_string();
    let error = ArchiveReader::open(&ArchiveConfig { url: url.clone(), ..config() }).err().unwrap();
    assert!(matches!(error, ArchiveError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains(&url), "{error}");
}
