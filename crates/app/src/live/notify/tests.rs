//! A scanner's flood of alerts makes one incident and at most two messages; what must not be told is not; new settings are taken over.
#![allow(clippy::unwrap_used)]

use super::*;
use alert::{AlertConfig, IncidentManager};
use record::{Alert, IncidentStatus, Kind, Severity, Timestamp};
use std::time::Instant;
use store::notify::config::FileConfig;

fn file_channel(path: &Path) -> Channel {
    let file = FileConfig { path: path.to_owned() };
    Channel { name: "log".into(), kind: "file".into(), file: Some(file), ..Channel::default() }
}

fn config(path: &Path) -> NotifyConfig {
    NotifyConfig { settle_s: 0.05, channels: vec![file_channel(path)], ..NotifyConfig::default() }
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until a condition holds; a minute is the end of patience, not a promise of speed.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ten seconds of a scanner: 10,000 alerts in each, severity rising on the way, drained ten times a second as the judge does.
#[test]
fn ten_thousand_alerts_a_second_are_one_incident_and_at_most_two_messages() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.json");
    let (mut notifier, outbox, thread) = start(&config(&out), dir.path(), false).unwrap();
    let mut manager = IncidentManager::new(&AlertConfig::default());
    let mut incidents = std::collections::BTreeSet::new();
    for tenth in 0..100_u64 {
        for n in 0..1_000 {
            manager.alert(alert(tenth * 1_000 + n));
        }
        for incident in manager.drain() {
            incidents.insert(incident.id.clone());
            notifier.offer(&incident);
        }
        if tenth % 25 == 0 {
            // The first message is out before the story goes on: the worst case for the number of messages.
            until("a message", || !lines(&out).is_empty());
        }
    }
    drop(notifier);
    thread.join().unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!(manager.live().next().unwrap().alerts, 100_000, "none is uncounted");
    let told = lines(&out);
    assert!((1..=2).contains(&told.len()), "{} messages", told.len());
    assert_eq!(outbox.view().unwrap().channels[0].accepted, told.len() as u64);
}

fn alert(n: u64) -> Alert {
    let ts = Timestamp::from_parts(1_700_000_000, n as i64 * 100_000);
    Alert {
        ts,
        first_seen: Timestamp::from_parts(1_700_000_000, 0),
        kind: Kind::PortScan,
        severity: if n < 40_000 { Severity::Medium } else { Severity::High },
        score: 0.99,
        title: format!("10.0.0.5 probed {n} ports of 10.0.0.1"),
        src: vec![record::IpAddr16::v4([10, 0, 0, 5])],
        dest: vec![record::IpAddr16::v4([10, 0, 0, 1])],
        dest_port: vec![(n % 60_000) as u16],
        detector: "port_scan",
        why: Vec::new(),
        detectors: Vec::new(),
        flows: Vec::new(),
        packets: n,
        story: String::new(),
        attack: Vec::new(),
    }
}

#[test]
fn held_back_suppressed_and_made_up_incidents_are_told_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.json");
    let good = alert::notification::sample(Timestamp(1)).incident;
    let variants = [
        record::Incident { over_budget: true, id: "a".into(), ..good.clone() },
        record::Incident { suppressed_by: Some(7), id: "b".into(), ..good.clone() },
        record::Incident { status: IncidentStatus::FalsePositive, id: "c".into(), ..good.clone() },
        record::Incident { severity: Severity::Low, id: "d".into(), ..good.clone() },
        record::Incident { part_of: Some("a".into()), id: "f".into(), ..good.clone() },
    ];
    let (mut notifier, _, thread) = start(&config(&out), dir.path(), false).unwrap();
    for incident in &variants {
        notifier.offer(incident);
    }
    notifier.offer(&good);
    drop(notifier);
    thread.join().unwrap();
    assert_eq!(lines(&out).len(), 1, "only the one that is none of these");
    let (mut demo, _, thread) = start(&config(&out), dir.path(), true).unwrap();
    demo.offer(&record::Incident { id: "e".into(), ..good });
    drop(demo);
    thread.join().unwrap();
    assert_eq!(lines(&out).len(), 1, "made-up traffic is not told");
}

#[test]
fn new_settings_are_taken_over_and_nothing_that_waits_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (nowhere, out) = (dir.path().join("missing/out.json"), dir.path().join("out.json"));
    let bad = NotifyConfig { retry_first_s: 0.05, retry_max_s: 0.1, ..config(&nowhere) };
    let (mut notifier, outbox, thread) = start(&bad, dir.path(), false).unwrap();
    notifier.offer(&alert::notification::sample(Timestamp(1)).incident);
    until("the failure is shown", || outbox.health().iter().any(|line| line.text.contains("does not accept")));
    let view = outbox.view().unwrap();
    assert_eq!((view.channels[0].waiting, view.channels[0].accepted), (1, 0));
    assert!(view.channels[0].last_error.contains("missing") && view.channels[0].next_try.is_some());
    assert!(outbox.test("log").is_err() && outbox.test("nobody").is_err());
    outbox.reconfigure(config(&out));
    until("the message", || lines(&out).len() == 1);
    until("no complaint", || outbox.health().is_empty());
    drop(notifier);
    thread.join().unwrap();
    assert_eq!(lines(&out).len(), 1);
}

#[test]
fn without_channels_nothing_is_made_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (mut notifier, outbox, thread) = start(&NotifyConfig::default(), dir.path(), false).unwrap();
    notifier.offer(&alert::notification::sample(Timestamp(1)).incident);
    assert!(outbox.view().unwrap().channels.is_empty());
    drop(notifier);
    thread.join().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
