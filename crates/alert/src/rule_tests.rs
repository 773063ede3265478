//! A rule silences what it names and nothing else.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{AlertConfig, IncidentManager, covers};
use proptest::prelude::*;
use record::{Alert, IncidentStatus, IpAddr16, Kind, Severity};

const KINDS: [Kind; 4] = [Kind::Beacon, Kind::DnsTunnel, Kind::PortScan, Kind::AnomalousFlow];
const DOMAINS: [&str; 4] = ["example.org", "a.example.org", "notexample.org", "example.com"];

fn ip(n: u8) -> IpAddr16 {
    IpAddr16::v4([10, 0, n / 16, n % 16])
}

fn alert(kind: usize, src: &[u8], dest: &[u8], ports: &[u16], domain: Option<usize>) -> Alert {
    let name = domain.map_or(String::new(), |d| format!(" under {}", DOMAINS[d]));
    Alert {
        ts: Timestamp::from_parts(1_700_000_000, 0),
        first_seen: Timestamp::from_parts(1_700_000_000, 0),
        kind: KINDS[kind],
        detector: "test",
        src: src.iter().map(|n| ip(*n)).collect(),
        dest: dest.iter().map(|n| ip(*n)).collect(),
        dest_port: ports.to_vec(),
        score: 0.9,
        severity: Severity::Medium,
        title: format!("A thing happened{name}"),
        why: Vec::new(),
        detectors: Vec::new(),
        flows: Vec::new(),
        packets: 1,
        story: format!("{src:?} {dest:?}"),
        attack: Vec::new(),
    }
}

fn made(alert: Alert) -> Incident {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    manager.alert(alert);
    manager.drain().remove(0)
}

/// The test in other words: every part that is given must hold for every entry, and there must be an entry.
fn fits_by_hand(rule: &SuppressionRule, i: &Incident) -> bool {
    let mut wanted = true;
    if !rule.src.is_empty() {
        wanted &= !i.src.is_empty() && !i.src.iter().any(|a| rule.src.iter().all(|n| !n.contains(*a)));
    }
    if !rule.dest.is_empty() {
        wanted &= !i.dest.is_empty() && !i.dest.iter().any(|a| rule.dest.iter().all(|n| !n.contains(*a)));
    }
    if !rule.dest_port.is_empty() {
        wanted &= !i.dest_port.is_empty() && !i.dest_port.iter().any(|p| !rule.dest_port.contains(p));
    }
    if !rule.domain.is_empty() {
        let below = |name: &String| rule.domain.iter().any(|d| name == d || name.ends_with(&format!(".{d}")));
        wanted &= !i.domains.is_empty() && i.domains.iter().all(below);
    }
    if !rule.kind.is_empty() {
        wanted &= rule.kind.contains(&i.kind);
    }
    wanted
}

fn rules() -> impl Strategy<Value = SuppressionRule> {
    let networks = || proptest::collection::vec((0_u8..64, prop_oneof![Just(32_u8), Just(28), Just(24)]), 0..3);
    let list = |max: usize| proptest::collection::vec(0..max, 0..3);
    (networks(), networks(), proptest::collection::vec(1_u16..5, 0..3), list(4), list(4)).prop_filter_map(
        "empty rules are refused",
        |(src, dest, dest_port, kinds, domains)| {
            let prefixes = |list: Vec<(u8, u8)>| list.into_iter().filter_map(|(n, l)| Prefix::new(ip(n), l)).collect();
            checked(SuppressionRule {
                src: prefixes(src),
                dest: prefixes(dest),
                dest_port,
                kind: kinds.into_iter().map(|k| KINDS[k]).collect(),
                domain: domains.into_iter().map(|d| DOMAINS[d].to_owned()).collect(),
            })
            .ok()
        },
    )
}

fn alerts() -> impl Strategy<Value = Alert> {
    let hosts = |least: usize| proptest::collection::vec(0_u8..64, least..3);
    (0..4_usize, hosts(1), hosts(0), proptest::collection::vec(1_u16..5, 0..3), proptest::option::of(0..4_usize))
        .prop_map(|(kind, src, dest, ports, domain)| alert(kind, &src, &dest, &ports, domain))
}

proptest! {
    #[test]
    fn a_rule_silences_what_it_names_and_only_that(rule in rules(), alerts in proptest::collection::vec(alerts(), 1..12)) {
        let rule = rule_suppression(rule, "because".to_owned(), 7, Timestamp(0), None);
        let mut manager = IncidentManager::new(&AlertConfig::default());
        for alert in alerts {
            manager.alert(alert);
        }
        let before = manager.drain();
        let told = before.iter().filter(|i| covers(&rule, i)).count();
        manager.set_suppressions(vec![rule.clone()]);
        let after: Vec<Incident> = manager.live().cloned().collect();
        let mut hidden = 0;
        for now in &after {
            let was = before.iter().find(|i| i.id == now.id).unwrap();
            prop_assert_eq!(was.suppressed_by, None);
            let wanted = fits_by_hand(rule.rule.as_ref().unwrap(), was);
            prop_assert_eq!(now.suppressed_by, wanted.then_some(7), "{:?} {:?}", rule.rule, was);
            prop_assert_eq!(now.status == IncidentStatus::FalsePositive, wanted);
            hidden += usize::from(wanted);
        }
        prop_assert_eq!(hidden, told, "as many as were told before");
        manager.set_suppressions(Vec::new());
        let back: Vec<Incident> = manager.live().cloned().collect();
        prop_assert_eq!(back.len(), before.len());
        for now in &back {
            let was = before.iter().find(|i| i.id == now.id).unwrap();
            prop_assert_eq!(now, was, "taken back, everything is as it was");
        }
    }
}

#[test]
fn a_rule_is_checked_before_it_is_kept() {
    assert!(checked(SuppressionRule::default()).unwrap_err().contains("at least one"));
    let domain = |name: &str| checked(SuppressionRule { domain: vec![name.to_owned()], ..SuppressionRule::default() });
    assert_eq!(domain("*.Example.ORG.").unwrap().domain, ["example.org"]);
    assert!(domain("exa mple").is_err() && domain("").is_err() && domain("a..b").is_err());
    let many = SuppressionRule { dest_port: (0..100).collect(), ..SuppressionRule::default() };
    assert!(checked(many).unwrap_err().contains("64"));
    let twice = SuppressionRule { dest_port: vec![9, 1, 9], ..SuppressionRule::default() };
    assert_eq!(checked(twice).unwrap().dest_port, [1, 9]);
}

#[test]
fn a_rule_ends_when_it_was_told_to_and_speaks_plainly() {
    let incident = made(alert(1, &[1], &[33], &[53], Some(1)));
    assert_eq!(incident.domains, ["a.example.org"]);
    let rule = checked(SuppressionRule {
        src: vec!["10.0.0.0/28".parse().unwrap()],
        dest_port: vec![53],
        kind: vec![Kind::DnsTunnel],
        domain: vec!["example.org".to_owned()],
        ..SuppressionRule::default()
    })
    .unwrap();
    assert_eq!(rule_words(&rule), "dns tunnel from 10.0.0.0/28 at port 53 under example.org");
    let until = |end| rule_suppression(rule.clone(), String::new(), 1, Timestamp(0), Some(end));
    assert!(covers(&until(incident.last_seen), &incident));
    assert!(!covers(&until(incident.last_seen.plus_ns(-1)), &incident));
    let other = made(alert(1, &[1], &[33], &[53], Some(2)));
    assert!(!covers(&until(other.last_seen), &other), "notexample.org is not below example.org");
}
