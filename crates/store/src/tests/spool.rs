//! Flows that wait on disk: all come into the database, once, in their order; what a crash or damage takes is counted.

use super::support::*;
use crate::queue::Queue;
use crate::spool::{Position, Spool};
use crate::writer::Writer;
use crate::{FlowWrite, Read, Sqlite, StoreBatch, StoreConfig, connection};
use std::path::Path;
use std::sync::Arc;

/// Flow `n`; each tenth is judged, each hundredth anomalous.
fn judged(n: u64) -> FlowWrite {
    let mut flow = flow(n);
    flow.verdict = n.is_multiple_of(10).then(|| verdict(flow.record.flow_id, 0.9, n.is_multiple_of(100)));
    flow
}

fn spool(dir: &Path) -> Spool {
    Spool::open(dir, 1 << 30, Position::default()).unwrap()
}

fn read(spool: &mut Spool) -> (Vec<FlowWrite>, u64) {
    let (mut flows, mut damaged) = (Vec::new(), 0);
    while let Some(mut chunk) = spool.next().unwrap() {
        spool.done(&chunk);
        damaged += chunk.damaged;
        flows.append(&mut chunk.flows);
    }
    (flows, damaged)
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

#[test]
fn flows_come_back_whole_and_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = spool(dir.path());
    for n in 0..5 {
        assert!(first.append(&(n * 300..(n + 1) * 300).map(judged).collect::<Vec<_>>()).unwrap());
    }
    let one = first.next().unwrap().unwrap();
    first.done(&one);
    assert_eq!(first.waiting().0, 1_200);
    // Another process goes on where the database says that this one was.
    let mut second = Spool::open(dir.path(), 1 << 30, one.next).unwrap();
    assert_eq!(second.waiting(), first.waiting());
    assert!(second.append(&[judged(1_500)]).unwrap());
    let (flows, damaged) = read(&mut second);
    assert_eq!(damaged, 0);
    let told = |flows: &[FlowWrite]| flows.iter().map(|flow| format!("{flow:?}")).collect::<Vec<_>>();
    let columns_only = |mut flow: FlowWrite| {
        if let Some(verdict) = &mut flow.verdict {
            (verdict.ts, verdict.novelty_p_value, verdict.known) = (flow.record.end, verdict.p_value, None);
        }
        flow
    };
    let all = (0..1_501).map(|n| columns_only(judged(n))).collect::<Vec<_>>();
    assert_eq!(told(&[one.flows, flows].concat()), told(&all));
    assert_eq!((second.waiting(), files(dir.path())), ((0, 0), 0));
}

#[test]
fn a_full_spool_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 100_000, Position::default()).unwrap();
    let flows: Vec<_> = (0..100).map(judged).collect();
    let taken = (0..10).filter(|_| spool.append(&flows).unwrap()).count();
    assert!((1..10).contains(&taken), "{taken}");
    assert!(spool.waiting().1 <= 100_000);
    assert_eq!(read(&mut spool).0.len(), taken * 100);
    assert!(spool.append(&flows).unwrap(), "there is room again");
    let mut none = Spool::open(&dir.path().join("none"), 0, Position::default()).unwrap();
    assert!(!none.append(&flows).unwrap());
}

/// Cut at each byte: frames that are whole come back, of the last one all flows are counted once its head is there.
#[test]
fn an_end_that_was_not_written_whole_is_cut_off_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = spool(dir.path());
    whole.append(&(0..3).map(judged).collect::<Vec<_>>()).unwrap();
    let (_, first) = whole.waiting();
    whole.append(&(3..7).map(judged).collect::<Vec<_>>()).unwrap();
    let path = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    for end in 0..bytes.len() {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let mut cut = spool(dir.path());
        let (lost, at) = (cut.take_damaged(), end as u64);
        let frames = usize::from(at >= first) * 3;
        let head = if at >= first { at - first } else { at };
        let expected = if head < 12 {
            0
        } else if at < first {
            3
        } else {
            4
        };
        assert_eq!((cut.waiting().0, lost), (frames as u64, expected), "{end}");
        assert!(cut.append(&[judged(9)]).unwrap());
        assert_eq!(read(&mut cut).0.len(), frames + 1, "{end}");
    }
    // A byte that is another: its frame is lost and counted, the next one is not.
    for at in 12..first as usize {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        std::fs::write(&path, &changed).unwrap();
        let (flows, damaged) = read(&mut spool(dir.path()));
        assert_eq!((flows.len(), damaged), (4, 3), "{at}");
    }
}

/// A writer without a thread, to which everything was pushed before it began.
fn write_behind(dir: &Path, config: &StoreConfig, pushes: &[Vec<FlowWrite>]) -> crate::StoreCounters {
    let (database, path) = connection::open_writer(dir, config).unwrap();
    let queue = Arc::new(Queue::new(config));
    let writer = Writer::new(database, path, dir, config.clone(), Arc::clone(&queue)).unwrap();
    for flows in pushes {
        queue.push(StoreBatch { flows: flows.clone(), ..StoreBatch::default() }).unwrap();
    }
    queue.close();
    writer.run();
    queue.counters()
}

#[test]
fn what_the_database_does_not_take_in_waits_on_disk_and_comes_once() {
    let small = StoreConfig { max_bytes: 16 << 20, queue_flows_max: 8_000, ..StoreConfig::default() };
    let pushes: Vec<Vec<_>> = (0..50).map(|n| (n * 100..(n + 1) * 100).map(judged).collect()).collect();
    let mut found = Vec::new();
    for spool_max_bytes in [0, 1 << 30] {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { spool_max_bytes, ..small.clone() };
        let counters = write_behind(dir.path(), &config, &pushes);
        assert_eq!((counters.flows_written, counters.dropped.total()), (5_000, 0), "{:?}", counters.last_error);
        assert_eq!(dir.path().join("spool").exists(), spool_max_bytes > 0, "it was used where it may be");
        assert_eq!(files(&dir.path().join("spool")), 0);
        let store = Sqlite::open(dir.path(), &config).unwrap();
        let page = store.reader().flows(&flows("")).unwrap();
        let busiest = store.reader().top(crate::TopWhat::Hosts, crate::TimeRange::default()).unwrap();
        let rows: Vec<_> = page.items.iter().map(|row| serde_json::to_value(row).unwrap()).collect();
        found.push((
            page.total,
            rows,
            busiest.iter().map(|row| serde_json::to_value(row).unwrap()).collect::<Vec<_>>(),
        ));
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].0, 5_000);
}

#[test]
fn what_a_process_left_on_disk_comes_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    spool(&dir.path().join("spool")).append(&(0..700).map(judged).collect::<Vec<_>>()).unwrap();
    for _ in 0..2 {
        let store = Sqlite::open(dir.path(), &StoreConfig::default()).unwrap();
        // A writer with an empty queue turns to the spool; the end of the store waits for it.
        drop(store);
        let store = Sqlite::open(dir.path(), &StoreConfig::default()).unwrap();
        assert_eq!(store.reader().flows(&flows("")).unwrap().total, 700);
        assert_eq!(store.reader().flows(&flows("anomalous:true")).unwrap().total, 7);
        assert_eq!(store.counters().spooled_flows, 0);
    }
    assert_eq!(files(&dir.path().join("spool")), 0);
}
