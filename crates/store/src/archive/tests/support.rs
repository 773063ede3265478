//! A place in memory, with faults; a store with known rows; what the archive says it holds.

use crate::archive::archiver::Archiver;
use crate::archive::place::{Entry, Place};
use crate::archive::read_back::ArchiveReader;
use crate::archive::{ArchiveConfig, ArchiveError};
use crate::query::{FLOW_FIELDS, INCIDENT_FIELDS, SCAN_FIELDS};
use crate::sqlite::ScanWrite;
use crate::sqlite::tests::support::{at, flow, incident, verdict};
use crate::{Query, Reader, Sqlite, StoreBatch, TimeRange};
use bytes::Bytes;
use record::scan::{Scan, ScannedHost};
use record::{Incident, Kind, ScanRow, ScanState, Timestamp};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Objects in memory.
#[derive(Default)]
pub(super) struct Memory(pub Mutex<BTreeMap<String, Bytes>>);

impl Place for Memory {
    fn put(&self, name: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(())
    }
    fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, ArchiveError> {
        let objects = self.0.lock().unwrap();
        let found =
            objects.get(name).ok_or_else(|| ArchiveError::Gone { address: "memory".into(), name: name.into() })?;
        Ok(found.slice(range.start as usize..range.end as usize))
    }
    fn list(&self, below: &str) -> Result<Vec<Entry>, ArchiveError> {
        let objects = self.0.lock().unwrap();
        let entry = |(name, bytes): (&String, &Bytes)| Entry { name: name.clone(), bytes: bytes.len() as u64 };
        Ok(objects.iter().filter(|(name, _)| name.starts_with(below)).map(entry).collect())
    }
    fn delete(&self, name: &str) -> Result<(), ArchiveError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
    fn address(&self) -> &'static str {
        "memory"
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, and the answer was lost.
    After,
}

/// Counts the calls and fails the one of a number; from there on, where it is a crash, every call.
pub(super) struct Faulty {
    pub inner: Arc<Memory>,
    pub calls: AtomicU64,
    pub fail_at: u64,
    pub fault: Fault,
    pub crash: bool,
    pub down: AtomicBool,
}

impl Faulty {
    pub(super) fn new(inner: &Arc<Memory>, fail_at: u64, fault: Fault, crash: bool) -> Arc<Self> {
        let (calls, down) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { inner: Arc::clone(inner), calls, fail_at, fault, crash, down })
    }

    fn call<T>(&self, work: impl FnOnce() -> Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        let lost = || Err(ArchiveError::Unreachable { address: "memory".into(), detail: "made to fail".into() });
        if self.down.load(Ordering::Relaxed) {
            return lost();
        }
        if self.calls.fetch_add(1, Ordering::Relaxed) != self.fail_at {
            return work();
        }
        self.down.store(self.crash, Ordering::Relaxed);
        if self.fault == Fault::After {
            drop(work()?);
        }
        lost()
    }
}

impl Place for Faulty {
    fn put(&self, name: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        self.call(|| self.inner.put(name, bytes))
    }
    fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, ArchiveError> {
        self.call(|| self.inner.get(name, range))
    }
    fn list(&self, below: &str) -> Result<Vec<Entry>, ArchiveError> {
        self.call(|| self.inner.list(below))
    }
    fn delete(&self, name: &str) -> Result<(), ArchiveError> {
        self.call(|| self.inner.delete(name))
    }
    fn address(&self) -> &'static str {
        "memory"
    }
}

/// Flows over three days, judged in part, with incidents and scans.
pub(super) fn write(store: &Sqlite, flows: Range<u64>) {
    write_days(store, flows, 3);
}

/// The same over so many days.
pub(super) fn write_days(store: &Sqlite, flows: Range<u64>, days: i64) {
    let mut batch = StoreBatch::default();
    for n in flows {
        let mut flow = flow(n);
        // Ends come in no order, over three days and to the nanosecond.
        let end = at((n as i64 * 7_919) % (days * 86_400)).plus_ns(n as i64 % 1_000);
        flow.record.end = end;
        flow.record.start = end.plus_ns(-1_500_000_123);
        flow.record.first_seen = flow.record.start;
        if n % 3 == 0 {
            flow.verdict = Some(verdict(flow.record.flow_id, (n % 10) as f32 / 10.0, n % 30 == 0));
        }
        if n % 50 == 0 {
            batch.incidents.push(Incident {
                raised: at(n as i64 * 997 % (days * 86_400)),
                ..incident(n, Kind::PortScan, "10.0.0.7")
            });
        }
        if n % 100 == 0 {
            batch.scans.push(scan(n));
        }
        batch.flows.push(flow);
    }
    store.write(batch).unwrap();
    store.flush().unwrap();
}

pub(super) fn scan(n: u64) -> ScanWrite {
    let (started, ended) = (at(n as i64 * 400), at(n as i64 * 400 + 60));
    let row = ScanRow {
        id: format!("scan{n}"),
        started,
        ended: Some(ended),
        targets: vec!["192.0.2.0/24".into()],
        state: ScanState::Done,
        hosts_up: n,
        ..ScanRow::default()
    };
    let host = ScannedHost { names: vec![format!("host{n}")], ..ScannedHost::default() };
    let found = Scan { hosts: vec![host], ..Scan::default() };
    ScanWrite { row, scan: Some(Box::new(found)), ..ScanWrite::default() }
}

/// Small files, so that little data makes many.
pub(super) fn config() -> ArchiveConfig {
    ArchiveConfig { url: "/nowhere".into(), file_max_rows: 100, compact_after_h: 1, ..ArchiveConfig::default() }
}

/// A time after all that `write` makes.
pub(super) fn later() -> Timestamp {
    at(30 * 86_400)
}

pub(super) fn archiver(place: Arc<dyn Place>, config: &ArchiveConfig, store: &Arc<Reader>) -> Archiver {
    Archiver::at(place, config, Arc::clone(store), "ab12cd34")
}

/// Every flow of the store as text, sorted; whole records, so that nothing of a flow can differ unnoticed.
pub(super) fn flows_of_store(store: &Reader) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |record, row| {
        found.push(format!("{row:?} {record:?}"));
        ControlFlow::Continue(())
    };
    store.visit_flows(&Query::all(FLOW_FIELDS), TimeRange::default(), &mut take).unwrap();
    found.sort();
    found
}

/// The same of the archive.
pub(super) fn flows_of_archive(place: &Arc<Memory>) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |record, row| {
        found.push(format!("{row:?} {record:?}"));
        ControlFlow::Continue(())
    };
    let reader = ArchiveReader::at(Arc::clone(place) as Arc<dyn Place>);
    reader.flows(TimeRange::default(), &Query::all(FLOW_FIELDS), &mut take).unwrap();
    found.sort();
    found
}

/// Names of incidents, scans and judged flows in the archive, sorted.
pub(super) fn others_of_archive(place: &Arc<Memory>) -> (Vec<String>, Vec<String>, Vec<u64>) {
    let reader = ArchiveReader::at(Arc::clone(place) as Arc<dyn Place>);
    let (mut incidents, mut scans, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
    let all = TimeRange::default();
    reader
        .incidents(all, &Query::all(INCIDENT_FIELDS), &mut |incident| {
            incidents.push(format!("{} {}", incident.id, incident.status.name()));
            ControlFlow::Continue(())
        })
        .unwrap();
    reader
        .scans(all, &Query::all(SCAN_FIELDS), &mut |scan| {
            scans.push(format!("{} {:?}", scan.row.id, scan.scan.unwrap().hosts[0].names));
            ControlFlow::Continue(())
        })
        .unwrap();
    reader
        .verdicts(all, &Query::all(FLOW_FIELDS), &mut |verdict| {
            assert_eq!(verdict.members.len(), 2);
            verdicts.push(verdict.flow_id);
            ControlFlow::Continue(())
        })
        .unwrap();
    incidents.sort();
    scans.sort();
    verdicts.sort_unstable();
    (incidents, scans, verdicts)
}
