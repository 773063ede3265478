//! A fault at every call that publishing and merging make, found by counting them: afterwards every row is there exactly once.

use super::support::{
    Fault, Faulty, Memory, archiver, config, flows_of_archive, flows_of_store, later, others_of_archive, write_days,
};
use crate::archive::config::{ArchiveConfig, ArchiveKind};
use crate::archive::names::Listing;
use crate::sqlite::tests::support::open;
use crate::{Reader, Sqlite};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const FLOWS: u64 = 120;

fn small() -> ArchiveConfig {
    ArchiveConfig { file_max_rows: 50, ..config() }
}

/// Publishes half, then the rest, then merges, with a fault at call `n`; then a new archiver does the same again. True when the fault came.
fn one(store: &Sqlite, reader: &Arc<Reader>, n: u64, fault: Fault, crash: bool) -> bool {
    let memory = Arc::new(Memory::default());
    let faulty = Faulty::new(&memory, n, fault, crash);
    let mut first = archiver(faulty.clone(), &small(), reader);
    for _ in 0..2 {
        drop(first.round(later(), &|| false));
    }
    let came = faulty.calls.load(Ordering::Relaxed) > n;
    // Whatever happened: readable, and no row twice for who knows the names.
    let seen = flows_of_archive(&memory);
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(seen.len(), once.len(), "a row is there twice after call {n} ({fault:?}, crash: {crash})");

    let mut second = archiver(Arc::clone(&memory) as Arc<dyn crate::archive::place::Place>, &small(), reader);
    second.round(later(), &|| false).unwrap();
    check(store, &memory, &format!("call {n} ({fault:?}, crash: {crash})"));
    came
}

/// What a store and an archive hold is the same; no file stands for what another one holds, so that readers of files see each row once too.
fn check(store: &Sqlite, memory: &Arc<Memory>, when: &str) {
    let wanted = flows_of_store(&store.reader());
    let found = flows_of_archive(memory);
    assert_eq!(wanted.len(), found.len(), "{when}");
    assert!(wanted == found, "{when}: the flows differ");
    let (incidents, scans, verdicts) = others_of_archive(memory);
    assert_eq!((incidents.len(), scans.len()), (FLOWS.div_ceil(50) as usize, FLOWS.div_ceil(100) as usize), "{when}");
    assert_eq!(verdicts.len() as u64, FLOWS.div_ceil(3), "{when}");
    for kind in ArchiveKind::ALL {
        let listing = Listing::of(memory.as_ref(), kind, None).unwrap();
        assert!(listing.replaced.is_empty(), "{when}: {:?}", listing.replaced);
    }
}

fn every_call(fault: Fault, crash: bool) {
    let (_dir, store) = open();
    write_days(&store, 0..FLOWS, 1);
    let reader = store.reader();
    let mut n = 0;
    while one(&store, &reader, n, fault, crash) {
        n += 1;
        assert!(n < 10_000, "the calls must end");
    }
    assert!(n > 30, "{n} calls: too few to have published and merged");
}

#[test]
fn a_crash_before_each_call() {
    every_call(Fault::Before, true);
}

#[test]
fn a_crash_after_each_call() {
    every_call(Fault::After, true);
}

#[test]
fn each_call_failing_once() {
    every_call(Fault::Before, false);
}

#[test]
fn each_answer_lost_once() {
    every_call(Fault::After, false);
}

#[test]
fn rows_that_come_between_crashes_are_there_once() {
    let (_dir, store) = open();
    let reader = store.reader();
    let memory = Arc::new(Memory::default());
    for n in 0..24 {
        write_days(&store, n * 5..n * 5 + 5, 1);
        let faulty = Faulty::new(&memory, n % 13, if n % 2 == 0 { Fault::After } else { Fault::Before }, true);
        drop(archiver(faulty, &small(), &reader).round(later(), &|| false));
    }
    let mut last = archiver(Arc::clone(&memory) as Arc<dyn crate::archive::place::Place>, &small(), &reader);
    last.round(later(), &|| false).unwrap();
    check(&store, &memory, "after 24 crashes");
}
