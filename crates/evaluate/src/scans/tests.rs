//! Judging simulated histories: what must be told, what must not, and how often. Figures are in docs/explanation/detection.md.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::simulate::scans::{Churn, ScanEvent, ScanOffice, scan_history};
use record::scan::{AddressKind, HostAddress};

fn run(hosts: usize, scans: usize, churn: Churn, event: ScanEvent, seed: u64) -> (ScanJudgement, String) {
    let (mut scans, victim) = scan_history(&ScanOffice { hosts, scans, churn, event, seed });
    let current = scans.pop().unwrap();
    (judge(&scans, &current, 1), victim)
}

fn told(judged: &ScanJudgement) -> Vec<&str> {
    judged.findings.iter().filter(|finding| finding.anomalous).map(|finding| finding.key.as_str()).collect()
}

const CHANGES: [ScanEvent; 4] =
    [ScanEvent::OnePort, ScanEvent::ThreePorts, ScanEvent::ServiceMoved, ScanEvent::AnotherRole];

#[test]
fn of_twenty_scans_the_one_changed_host_is_told_and_no_other() {
    for event in CHANGES {
        let offices = (0..50).map(|seed| (5, seed)).chain((0..20).map(|seed| (20, seed))).chain([(250, 1)]);
        for (hosts, seed) in offices {
            let (judged, victim) = run(hosts, 20, Churn::None, event, seed);
            assert_eq!(told(&judged), [victim.as_str()], "{hosts} hosts, {event:?}, seed {seed}");
            assert_eq!(judged.findings[0].key, victim);
            assert!(judged.enough && judged.findings.len() == hosts);
            assert!(judged.findings[1..].iter().all(|other| other.score == 0.0 && other.p_value == 1.0));
        }
    }
}

#[test]
fn where_things_change_anyway_it_is_the_strangest_and_few_others_are_told() {
    let seeds = 200;
    let (mut first, mut found, mut scans_with_others) = (0, 0, 0);
    for seed in 0..seeds {
        let (judged, victim) = run(20, 20, Churn::Usual, ScanEvent::OnePort, seed);
        first += usize::from(judged.findings[0].key == victim);
        found += usize::from(told(&judged).contains(&victim.as_str()));
        scans_with_others += usize::from(told(&judged).iter().any(|key| *key != victim));
    }
    assert!(first * 100 >= 97 * seeds as usize, "strangest in {first} of {seeds}");
    assert!(found * 100 >= 90 * seeds as usize, "told in {found} of {seeds}");
    assert!(scans_with_others * 100 <= 10 * seeds as usize, "others in {scans_with_others} of {seeds}");
}

#[test]
fn where_nothing_of_note_changes_the_promised_share_is_kept() {
    for (churn, event) in [(Churn::Usual, ScanEvent::Nothing), (Churn::Lively, ScanEvent::UpgradeOfAll)] {
        let loud = (0..200).filter(|seed| !told(&run(20, 20, churn, event, *seed).0).is_empty()).count();
        assert!(loud as f64 <= 200.0 * calibrated::FALSE_SHARE, "{churn:?} {event:?}: {loud} of 200 scans");
    }
}

#[test]
fn what_all_do_in_one_night_is_nobodys_own() {
    let (mut scans, _) =
        scan_history(&ScanOffice { hosts: 20, scans: 20, churn: Churn::None, event: ScanEvent::UpgradeOfAll, seed: 1 });
    let mut current = scans.pop().unwrap();
    for host in &mut current.hosts {
        let mut port = host.ports[0].clone();
        port.port = 4118;
        host.ports.push(port);
        host.ports.sort_by_key(|port| port.port);
        host.not_shown[0].count -= 1;
    }
    let judged = judge(&scans, &current, 1);
    let loud: Vec<_> = judged.findings.iter().filter(|finding| finding.score > 0.0).collect();
    assert!(loud.is_empty(), "{loud:?}");
    let opened = judged.shared.iter().find(|shared| shared.change.key.port() == 4118).unwrap();
    assert_eq!(opened.hosts.len(), 20);
    // One that does something else besides is told for that alone.
    let port = record::scan::ScannedPort { port: 31_337, ..current.hosts[7].ports[0].clone() };
    current.hosts[7].ports.push(port);
    let judged = judge(&scans, &current, 1);
    assert_eq!(told(&judged), [judged.findings[0].key.as_str()]);
    assert_eq!(judged.findings[0].ports_first.iter().map(ToString::to_string).collect::<Vec<_>>(), ["31337/tcp"]);
}

#[test]
fn little_data_is_said_and_nothing_is_told_on_it() {
    let (judged, victim) = run(10, 3, Churn::None, ScanEvent::OnePort, 1);
    assert!(!judged.enough && told(&judged).is_empty(), "two scans before");
    assert_eq!((&judged.findings[0].key, judged.rows), (&victim, 10), "it is the strangest all the same");
    assert!(judged.findings[0].text.contains("no more than what happens here by chance"));
    let (judged, _) = run(10, 1, Churn::None, ScanEvent::OnePort, 1);
    assert!(judged.findings.is_empty() && judged.scans == 0 && !judged.enough, "a first scan");
    let (judged, victim) = run(1, 20, Churn::None, ScanEvent::OnePort, 1);
    assert_eq!(told(&judged), [victim.as_str()], "a host alone has its own past");
    assert!(told(&run(1, 20, Churn::None, ScanEvent::Nothing, 1).0).is_empty());
    let empty = judge(&[Scan::default(), Scan::default()], &Scan::default(), 1);
    assert!(empty.findings.is_empty() && empty.scans == 2);
}

#[test]
fn a_host_that_flaps_is_itself() {
    let (mut scans, _) =
        scan_history(&ScanOffice { hosts: 5, scans: 20, churn: Churn::None, event: ScanEvent::Nothing, seed: 3 });
    for (number, scan) in scans.iter_mut().enumerate() {
        let port = record::scan::ScannedPort { port: 3000, ..scan.hosts[2].ports[0].clone() };
        if number % 2 == 1 {
            scan.hosts[2].ports.push(port);
        }
        if number % 3 == 1 {
            scan.hosts.remove(4);
        }
    }
    let current = scans.pop().unwrap();
    assert!(told(&judge(&scans, &current, 1)).is_empty());
}

#[test]
fn scans_that_asked_otherwise_or_are_not_whole_are_left_out() {
    let office = ScanOffice { hosts: 5, scans: 20, churn: Churn::None, event: ScanEvent::Nothing, seed: 1 };
    let (mut scans, _) = scan_history(&office);
    let current = scans.pop().unwrap();
    scans[3].incomplete = Some("cancelled".to_owned());
    scans[4].scanner = "tripline".to_owned();
    scans[5].hosts.iter_mut().for_each(|host| host.not_shown[0].count = 100);
    assert_eq!(judge(&scans, &current, 1).scans, 16);
    assert!(!comparable(&scans[5], &current) && comparable(&scans[6], &current));
}

#[test]
fn hosts_keep_their_name_when_the_address_changes_and_a_shared_card_is_no_name() {
    let host = |ip: &str, mac: Option<&str>| {
        let address = |kind, addr: &str| HostAddress { kind, addr: addr.to_owned(), vendor: None };
        let mut addresses = vec![address(AddressKind::Ipv4, ip)];
        addresses.extend(mac.map(|mac| address(AddressKind::Mac, mac)));
        record::scan::ScannedHost { state: Some("up".to_owned()), addresses, ..Default::default() }
    };
    let mut identities = identity::Identities::default();
    let mut keys = |hosts: Vec<record::scan::ScannedHost>| -> Vec<String> {
        identities.up(&Scan { hosts, ..Scan::default() }).into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(vec![host("10.0.0.1", Some("02:AA:00:00:00:01"))]), ["02:aa:00:00:00:01"]);
    assert_eq!(keys(vec![host("10.0.0.9", Some("02:aa:00:00:00:01"))]), ["02:aa:00:00:00:01"]);
    assert_eq!(keys(vec![host("10.0.0.9", None), host("10.0.0.7", None)]), ["02:aa:00:00:00:01", "10.0.0.7"]);
    let card = Some("02:bb:00:00:00:01");
    assert_eq!(keys(vec![host("10.0.1.1", card), host("10.0.1.2", card)]), ["10.0.1.1", "10.0.1.2"]);
}

#[test]
fn reasons_say_the_value_beside_what_was_expected() {
    let (judged, _) = run(20, 20, Churn::None, ScanEvent::OnePort, 5);
    let top = &judged.findings[0];
    let rare = top.reasons.iter().find(|reason| reason.feature == "ports_first").unwrap();
    assert_eq!((rare.value, rare.expected_low, rare.expected_high, rare.of), (1.0, 0.0, 0.0, "history"));
    assert!((top.reasons.iter().map(|reason| reason.share).sum::<f64>() - 1.0).abs() < 1e-5);
    assert!(
        top.text.starts_with(&format!(
            "{} is unlike itself in 19 scans before, and no host like it did the same: 4444/tcp opened for the first time",
            top.address
        )),
        "{}",
        top.text
    );
    assert!(judged.findings[1].text.ends_with("is as it was in 19 scans before, or changed as others did"));
}

#[test]
fn equal_scans_and_seeds_give_equal_answers() {
    let lines = || -> Vec<String> {
        let judged = run(60, 20, Churn::Lively, ScanEvent::ServiceMoved, 9).0;
        judged.findings.iter().map(|f| format!("{} {} {} {}", f.key, f.score, f.p_value, f.text)).collect()
    };
    assert_eq!(lines(), lines());
}
