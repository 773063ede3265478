//! How fast flows are written and read; run by hand:
//! `cargo test -p store --release -- --ignored --nocapture speed`.

use super::support::*;
use crate::{Read, StoreBatch, StoreConfig, TimeRange, TopWhat};
use std::time::Instant;

const FLOWS: u64 = 1_000_000;
const PER_BATCH: u64 = 5_000;

/// CPU time of the whole process, or of the calling thread (which reads), seconds: other programs do not move it.
fn cpu_s(whose: &str) -> f64 {
    if whose == "thread-self" {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        return text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9;
    }
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[test]
#[ignore = "measures; run by hand in release"]
fn speed_of_writing_and_reading() {
    let (dir, store) = open_with(&StoreConfig::default());
    let (begin, cpu) = (Instant::now(), cpu_s("self"));
    for start in (0..FLOWS).step_by(PER_BATCH as usize) {
        let flows = (start..start + PER_BATCH)
            .map(|n| {
                let mut f = flow(n);
                // Sources and ids all over, as hashes and a busy network have them.
                let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                f.record.flow_id = mixed >> 11;
                f.record.key.low.addr.0[13..].copy_from_slice(&mixed.to_be_bytes()[..3]);
                f.verdict = Some(verdict(f.record.flow_id, 0.1, n % 1_000 == 0));
                f
            })
            .collect();
        store.write(StoreBatch { flows, ..StoreBatch::default() }).unwrap();
        while store.counters().waiting_flows > 50_000 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    store.flush().unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    let counters = store.counters();
    assert_eq!(counters.flows_written, FLOWS);
    let bytes = std::fs::metadata(dir.path().join("tripline.db")).unwrap().len();
    let (rate, per_cpu_s) = (FLOWS as f64 / seconds, FLOWS as f64 / (cpu_s("self") - cpu));
    eprintln!(
        "write: {rate:.0} flows/s, {per_cpu_s:.0} flows a CPU second, {:.0} bytes a flow",
        bytes as f64 / FLOWS as f64
    );
    let reader = store.reader();
    let timed = |what: &str, work: &dyn Fn() -> u64| {
        // Once to have the pages in memory, as on a dashboard that asks again.
        work();
        let (begin, cpu) = (Instant::now(), cpu_s("thread-self"));
        let rows = work();
        let (wall, cpu) = (begin.elapsed().as_secs_f64() * 1e3, (cpu_s("thread-self") - cpu) * 1e3);
        eprintln!("{what}: {wall:.1} ms, {cpu:.1} CPU ms ({rows})");
    };
    for filter in [
        "",
        "src_ip:10.0.0.0/16",
        "src_ip:10.7.7.7",
        "dest_ip:192.0.2.1",
        "ip:192.0.2.1",
        "anomalous:true",
        "host_name:*99999*",
        "-host_name:*9*",
        "bytes:>1000",
    ] {
        timed(&format!("page `{filter}`"), &|| {
            reader.flows(&crate::ListQuery { limit: 100, ..flows(filter) }).unwrap().total
        });
    }
    timed("scatter 50,000", &|| {
        reader.scatter(&flows("").filter, TimeRange::default(), 50_000).unwrap().points.len() as u64
    });
    timed("top hosts", &|| reader.top(TopWhat::Hosts, TimeRange::default()).unwrap().len() as u64);
}
