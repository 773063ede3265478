//! Twice at most, newest state, nothing gone before it was accepted, bounds counted; all of it over a restart.
#![allow(clippy::unwrap_used)]

use super::*;
use record::{Incident, Kind};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn notice(id: u32, severity: Severity, title: &str) -> Notice {
    let incident: Incident = serde_json::from_value(serde_json::json!({
        "id": format!("{id:016x}"), "kind": Kind::PortScan, "title": title, "severity": severity, "score": 0.9,
        "first_seen": NOW, "last_seen": NOW, "raised": NOW, "src": ["10.0.0.1"], "dest": ["10.0.0.2"], "dest_port": [22],
        "alerts": 1, "attack": [], "status": "open", "why": [], "detectors": [], "flows": [],
        "evidence": {"pcap": false, "packets": 0}, "advice": "", "over_budget": false,
    }))
    .unwrap();
    Notice { incident, cause: Cause::Raised, queued: NOW }
}

fn offer(queue: &mut Queue, id: u32, severity: Severity, title: &str) {
    queue.offer(&[("mail".to_owned(), notice(id, severity, title))], 100).unwrap();
}

fn send(queue: &mut Queue, key: &str) -> Vec<Notice> {
    let ids: Vec<i64> = queue.waiting("mail", 100).unwrap().iter().map(|e| e.id).collect();
    let batch = queue.put_together("mail", &ids, key).unwrap();
    queue.accepted("mail", key, NOW, "250 OK").unwrap();
    batch.notices
}

fn open() -> (TempDir, Queue) {
    let dir = tempfile::tempdir().unwrap();
    let queue = Queue::open(dir.path()).unwrap();
    (dir, queue)
}

#[test]
fn an_incident_is_told_when_it_is_raised_and_once_when_it_is_worse() {
    let (_dir, mut queue) = open();
    let mut told = Vec::new();
    for (round, severity) in
        [Severity::Low, Severity::Low, Severity::Medium, Severity::High, Severity::Critical].into_iter().enumerate()
    {
        offer(&mut queue, 1, severity, "a");
        told.extend(send(&mut queue, &format!("k{round}")).into_iter().map(|n| (n.incident.severity, n.cause)));
    }
    assert_eq!(told, [(Severity::Low, Cause::Raised), (Severity::Medium, Cause::Rose(Severity::Low))]);
    assert_eq!(queue.tally("mail").unwrap().waiting, 0);
}

#[test]
fn while_it_waits_it_is_told_as_it_is_newest() {
    let (_dir, mut queue) = open();
    offer(&mut queue, 1, Severity::Low, "20 ports");
    offer(&mut queue, 1, Severity::High, "900 ports");
    let told = send(&mut queue, "k");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].incident.title.as_str(), told[0].cause), ("900 ports", Cause::Raised));
    offer(&mut queue, 1, Severity::High, "901 ports");
    assert!(queue.waiting("mail", 9).unwrap().is_empty(), "the rise was told in the first message");
    offer(&mut queue, 1, Severity::Critical, "5000 ports");
    assert_eq!(send(&mut queue, "k2")[0].cause, Cause::Rose(Severity::High), "a rise after it is the second message");
}

#[test]
fn a_message_under_way_stays_the_same_until_it_is_accepted_also_over_a_restart() {
    let (dir, mut queue) = open();
    offer(&mut queue, 1, Severity::Medium, "first");
    let ids = [queue.waiting("mail", 9).unwrap()[0].id];
    let batch = queue.put_together("mail", &ids, "key").unwrap();
    queue.failed_once("mail", "key").unwrap();
    offer(&mut queue, 1, Severity::High, "worse");
    drop(queue);
    let mut queue = Queue::open(dir.path()).unwrap();
    let again = queue.under_way("mail").unwrap().unwrap();
    assert_eq!((&again.key, &again.notices, again.attempts), (&batch.key, &batch.notices, 1));
    queue.accepted("mail", "key", NOW, "250 OK").unwrap();
    assert_eq!(queue.under_way("mail").unwrap(), None);
    assert_eq!(send(&mut queue, "k2")[0].cause, Cause::Rose(Severity::Medium));
    let tally = queue.tally("mail").unwrap();
    assert_eq!((tally.accepted, tally.waiting, tally.said.as_str()), (2, 0, "250 OK"));
    assert_eq!(queue.sent_last_hour("mail", NOW).unwrap(), (2, Some(NOW)));
    assert_eq!(queue.sent_last_hour("mail", NOW.plus_ns(HOUR_NS)).unwrap(), (0, None));
}

#[test]
fn at_the_bound_the_oldest_of_the_least_severe_falls_out_and_is_counted() {
    let (_dir, mut queue) = open();
    for id in 0..12 {
        let severity = if id % 2 == 0 { Severity::Low } else { Severity::High };
        queue.offer(&[("mail".to_owned(), notice(id, severity, "x"))], 8).unwrap();
    }
    let left: Vec<(i64, Severity)> = queue.waiting("mail", 99).unwrap().iter().map(|e| (e.id, e.severity)).collect();
    assert_eq!(left.len(), 8);
    assert_eq!(left.iter().filter(|(_, s)| *s == Severity::High).count(), 6, "{left:?}");
    assert_eq!(queue.tally("mail").unwrap().dropped, 4);
}

#[test]
fn what_is_given_up_is_listed_with_its_reason_and_can_be_sent_again() {
    let (_dir, mut queue) = open();
    for id in 0..4 {
        offer(&mut queue, id, Severity::High, &format!("incident {id}"));
        let ids = [queue.waiting("mail", 9).unwrap()[0].id];
        let key = format!("k{id}");
        queue.put_together("mail", &ids, &key).unwrap();
        queue.give_up("mail", &key, NOW, "550 no such user", 3).unwrap();
    }
    let failed = queue.failures(9).unwrap();
    assert_eq!(failed.iter().map(|f| f.title.as_str()).collect::<Vec<_>>(), ["incident 3", "incident 2", "incident 1"]);
    assert!(failed.iter().all(|f| f.why == "550 no such user" && f.channel == "mail"));
    assert_eq!(queue.try_again(Some("chat"), NOW).unwrap(), 0);
    assert_eq!(queue.try_again(Some("mail"), NOW).unwrap(), 3);
    assert!(queue.failures(9).unwrap().is_empty());
    assert_eq!(send(&mut queue, "again").len(), 3);
}

#[test]
fn channels_that_are_gone_keep_nothing_waiting() {
    let (_dir, mut queue) = open();
    offer(&mut queue, 1, Severity::High, "x");
    queue.keep_only(&["mail"], NOW, 10).unwrap();
    assert_eq!(queue.tally("mail").unwrap().waiting, 1);
    queue.keep_only(&["chat"], NOW, 10).unwrap();
    assert_eq!(queue.tally("mail").unwrap().waiting, 0);
    assert!(queue.failures(9).unwrap()[0].why.contains("no channel"));
}

#[test]
fn a_damaged_queue_is_an_error_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(QUEUE_NAME), [7_u8; 8192]).unwrap();
    let error = Queue::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains(QUEUE_NAME), "{error}");
}
