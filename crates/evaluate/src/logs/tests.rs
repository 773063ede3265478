//! Files in any order are one stream in order of time; nothing of a log is lost on the way.
#![allow(clippy::unwrap_used)]

use super::*;
use record::ContactOutcome;
use std::path::PathBuf;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tripline-logs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(files: &[PathBuf]) -> (Vec<Observation>, LogTotals) {
    let mut all = Vec::new();
    let config = MeterConfig::default();
    let result = replay(files, &config, &mut |_| {}, &mut |epoch| all.append(epoch)).unwrap();
    (all, result.logs.unwrap())
}

fn zeek(ts: f64, port: u16, state: &str) -> String {
    format!(
        "{{\"ts\":{ts},\"id.orig_h\":\"10.0.0.7\",\"id.orig_p\":{},\"id.resp_h\":\"10.0.0.9\",\"id.resp_p\":{port},\"proto\":\"tcp\",\"conn_state\":\"{state}\",\"history\":\"S\",\"orig_pkts\":1,\"orig_ip_bytes\":60,\"resp_pkts\":0,\"resp_ip_bytes\":0}}\n",
        40_000 + u32::from(port)
    )
}

#[test]
fn files_are_merged_by_time_whatever_their_order() {
    let dir = Dir::new("merge");
    let first: String = (0..50).map(|n| zeek(1000.0 + f64::from(n) * 2.0, n as u16 + 1, "S0")).collect();
    let second: String = (0..50).map(|n| zeek(1001.0 + f64::from(n) * 2.0, n as u16 + 101, "REJ")).collect();
    let (a, b) = (dir.file("a.log", &first), dir.file("b.log", &second));
    assert!(are_logs(&[a.clone(), b.clone()]).unwrap());
    let ports = |observations: &[Observation]| {
        let contacts = observations.iter().filter_map(|o| if let Observation::Contact(c) = o { Some(c) } else { None });
        contacts.map(|c| (c.opened, c.dest_port, c.outcome)).collect::<Vec<_>>()
    };
    let (forth, totals) = read(&[a.clone(), b.clone()]);
    let (back, _) = read(&[b, a]);
    assert_eq!(ports(&forth), ports(&back));
    assert_eq!((totals.exported.records, totals.packets, totals.bytes, totals.late), (100, 100, 6_000, 0));
    let outcomes = ports(&forth);
    assert_eq!(outcomes.len(), 100);
    assert!(outcomes.iter().all(|(_, port, outcome)| {
        *outcome == if *port > 100 { ContactOutcome::Refused } else { ContactOutcome::Unanswered }
    }));
}

#[test]
fn logs_and_captures_are_not_mixed() {
    let dir = Dir::new("mixed");
    let log = dir.file("conn.log", &zeek(1.0, 1, "S0"));
    let capture = dir.0.join("x.pcap");
    std::fs::write(&capture, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]).unwrap();
    let error = are_logs(&[log.clone(), capture]).unwrap_err().to_string();
    assert!(error.contains("conn.log") && error.contains("x.pcap"), "{error}");
    assert!(!are_logs(&[dir.file("notes.txt", "hello world\n")]).unwrap());
    assert!(!are_logs(&[dir.0.join("missing")]).unwrap());
}

#[test]
fn what_cannot_be_read_is_counted_and_shown() {
    let dir = Dir::new("unreadable");
    let text = format!("{}{{\"ts\":1.0,\"conn_state\":\"S0\"}}\nnonsense\n", zeek(1.0, 1, "S0"));
    let (_, totals) = read(&[dir.file("conn.log", &text)]);
    let counters = &totals.files[0].counters;
    assert_eq!((counters.lines, counters.used, counters.unreadable.total()), (3, 1, 2));
    let reasons: Vec<&str> = counters.sample.iter().map(|line| line.reason).collect();
    assert_eq!(reasons, ["address_missing", "format_unknown"]);
}
