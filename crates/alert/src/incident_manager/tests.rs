//! Incidents from alerts and verdicts: grouping, identity, budget, nothing lost.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use record::{DetectorScore, Endpoint, FlowKey, MemberScore, Why};

pub(super) fn at(s: i64) -> Timestamp {
    Timestamp::from_parts(1_700_000_000 + s, 0)
}

pub(super) fn ip(n: u8) -> IpAddr16 {
    IpAddr16::v4([10, 0, 0, n])
}

pub(super) fn scan(s: i64, src: u8, dest: u8) -> Alert {
    Alert {
        ts: at(s),
        first_seen: at(0),
        kind: Kind::PortScan,
        detector: "port_scan",
        src: vec![ip(src)],
        dest: vec![ip(dest)],
        dest_port: vec![22, 80],
        score: 0.9,
        severity: Severity::Medium,
        title: format!("10.0.0.{src} probed 12 ports of 10.0.0.{dest}: 12 refused or unanswered"),
        why: vec![Why {
            feature: "distinct_ports_asked".into(),
            value: 12.0,
            expected: [0.0, 8.0],
            unit: "ports".into(),
            share: 0.5,
        }],
        detectors: vec![DetectorScore { name: "port_scan".into(), score: 0.9, p_value: 1e-5 }],
        flows: vec![],
        packets: 12,
        story: ip(src).to_string(),
        attack: Vec::new(),
    }
}

fn judged(s: i64, src: u8, dest: u8, p_value: f64) -> (FlowBrief, Verdict) {
    let (key, originator_low) =
        FlowKey::new(Endpoint { addr: ip(src), port: 40_000 }, Endpoint { addr: ip(dest), port: 443 }, 6);
    let flow_id = (s as u64) * 1000 + u64::from(src) + 1;
    let flow = FlowBrief { flow_id, key, originator_low, start: at(s), end: at(s), packets: 0 };
    let verdict = Verdict {
        flow_id,
        ts: at(s),
        score: (1.0 - p_value) as f32,
        p_value,
        novelty_p_value: p_value,
        known: None,
        anomalous: p_value < 1e-3,
        members: vec![MemberScore { name: "isolation_forest".into(), score: 0.7, p_value, admitted: true }],
        why: vec![Why {
            feature: "upload".into(),
            value: 41e6,
            expected: [0.0, 1.2e6],
            unit: "bytes".into(),
            share: 0.6,
        }],
    };
    (flow, verdict)
}

fn give(manager: &mut IncidentManager, s: i64, src: u8, dest: u8, p_value: f64) {
    let (flow, verdict) = judged(s, src, dest, p_value);
    manager.verdict(&flow, &verdict);
}

fn balanced(manager: &IncidentManager) {
    let c = manager.counters();
    assert_eq!(c.alerts_in, c.alerts_new + c.alerts_merged, "{c:?}");
    let verdicts =
        c.verdicts_quiet + c.verdicts_attached + c.verdicts_in_incidents + c.verdicts_faded + c.verdicts_pending;
    assert_eq!(c.verdicts_in, verdicts, "{c:?}");
}

#[test]
fn alerts_of_one_story_are_one_incident() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    for i in 0..10 {
        manager.alert(scan(i, 7, 9 + i as u8));
    }
    manager.alert(scan(11, 8, 9));
    let incidents = manager.drain();
    assert_eq!(incidents.len(), 2);
    let first = &incidents[0];
    assert_eq!((first.alerts, first.dest.len(), first.attack.as_slice()), (10, 10, &["T1046".to_owned()][..]));
    assert_eq!((first.first_seen, first.raised, first.last_seen), (at(0), at(0), at(9)));
    assert!(!first.advice.is_empty() && !first.over_budget);
    assert!(manager.drain().is_empty());
    manager.alert(scan(12, 7, 9));
    assert_eq!(manager.drain()[0].id, first.id);
    balanced(&manager);
}

#[test]
fn a_quiet_incident_is_over_and_the_next_has_another_identity() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    manager.alert(scan(0, 7, 9));
    let first = manager.drain();
    manager.advance(at(8000));
    manager.alert(scan(8001, 7, 9));
    let second = manager.drain();
    assert_ne!(first[0].id, second[0].id);
    assert_eq!(second[0].alerts, 1);
    assert_eq!(manager.live().count(), 1);
}

#[test]
fn what_a_person_said_survives_merging() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    manager.alert(scan(0, 7, 9));
    let id = manager.drain()[0].id.clone();
    manager.set_status(&id, IncidentStatus::Acknowledged).unwrap();
    manager.add_note(&id, Note { ts: at(1), text: "our inventory scanner?".into() }).unwrap();
    manager.alert(scan(2, 7, 10));
    let incident = &manager.drain()[0];
    assert_eq!(incident.status, IncidentStatus::Acknowledged);
    assert_eq!(incident.notes.len(), 1);
    manager.set_status(&id, IncidentStatus::Closed).unwrap();
    manager.alert(scan(3, 7, 10));
    let incident = &manager.drain()[0];
    assert_ne!(incident.id, id);
    assert_eq!(incident.status, IncidentStatus::Open);
    assert!(manager.set_status("unknown", IncidentStatus::Closed).is_none());
}

#[test]
fn two_hundred_weak_signs_are_one_incident_and_one_mild_outlier_is_none() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    give(&mut manager, 0, 5, 9, 1e-3);
    assert!(manager.drain().is_empty());
    for i in 0..200 {
        give(&mut manager, i, 7, 9, 0.008);
    }
    let incidents = manager.drain();
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert_eq!(incident.kind, Kind::AnomalousHost);
    assert_eq!(incident.src, [ip(7)]);
    assert!(incident.alerts >= 190, "{}", incident.alerts);
    assert!(
        incident.title.contains("unusual flows to 10.0.0.9: upload 41 MB where at most 1.2 MB is usual"),
        "{}",
        incident.title
    );
    assert_eq!(incident.detectors.len(), 2);
    assert!(!incident.over_budget);
    balanced(&manager);
}

#[test]
fn benign_verdicts_stay_silent() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    let mut x = 9u64;
    for i in 0..200_000 {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let p = ((x >> 11) as f64 / (1u64 << 53) as f64).max(1e-12);
        give(&mut manager, i / 10, (x % 20) as u8, 99, p);
    }
    assert!(manager.drain().len() <= 1);
    balanced(&manager);
}

#[test]
fn one_extreme_flow_is_an_incident() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    give(&mut manager, 0, 7, 9, 1e-9);
    let incidents = manager.drain();
    assert_eq!(incidents[0].kind, Kind::AnomalousFlow);
    assert_eq!(
        incidents[0].title,
        "10.0.0.7 sent unusual traffic to 10.0.0.9: upload 41 MB where at most 1.2 MB is usual"
    );
}

#[test]
fn strange_flows_of_a_known_scanner_support_its_incident() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    manager.alert(scan(0, 7, 9));
    for i in 0..50 {
        give(&mut manager, i, 7, 9, 1e-6);
    }
    let incidents = manager.drain();
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].detectors.iter().any(|d| d.name == "ensemble"));
    assert_eq!(incidents[0].flows.len(), 50);
    assert_eq!(manager.counters().verdicts_attached, 50);
    balanced(&manager);
}

#[test]
fn the_budget_holds_and_nothing_is_lost() {
    let mut manager = IncidentManager::new(&AlertConfig::default());
    for host in 0..100 {
        give(&mut manager, i64::from(host) * 10, host, 200, 1e-9);
    }
    manager.alert(scan(1000, 7, 9));
    let incidents = manager.drain();
    assert_eq!(incidents.len(), 101);
    let announced = incidents.iter().filter(|i| !i.over_budget).count();
    assert!((1..=6).contains(&announced), "{announced}");
    let budget = manager.budget();
    assert_eq!(budget.held_back_today + budget.alerts_today, 101);
    assert_eq!(budget.per_hour, 4.0);
    balanced(&manager);
}

#[test]
fn live_incidents_are_bounded_and_the_quietest_goes() {
    let config = AlertConfig { live_max: 3, ..AlertConfig::default() };
    let mut manager = IncidentManager::new(&config);
    for i in 0..10 {
        manager.alert(scan(i64::from(i), i, 200));
    }
    assert_eq!(manager.live().count(), 3);
    assert_eq!(manager.counters().incidents_let_go, 7);
    assert_eq!(manager.drain().len(), 10);
}

#[test]
fn suppressed_incidents_are_kept_quiet_cost_no_budget_and_come_back() {
    let mut manager = IncidentManager::new(&AlertConfig { per_hour: 1.0, ..AlertConfig::default() });
    give(&mut manager, 0, 7, 200, 1e-9);
    let first = manager.drain().remove(0);
    let rule = crate::suppression(&first, 3, record::FeedbackScope::Pair, at(0), None);
    manager.set_suppressions(vec![rule]);
    let changed = manager.drain().remove(0);
    assert_eq!((changed.id.as_str(), changed.suppressed_by), (first.id.as_str(), Some(3)));
    assert_eq!(changed.status, IncidentStatus::FalsePositive);
    // Long after the first is over: the same again, and then another host.
    give(&mut manager, 9_000, 7, 200, 1e-9);
    assert_eq!(manager.drain()[0].suppressed_by, Some(3));
    assert_eq!((manager.budget().held_back_today, manager.budget().used_last_hour), (0, 0));
    give(&mut manager, 9_100, 8, 200, 1e-9);
    assert_eq!(manager.drain()[0].status, IncidentStatus::Open);
    manager.set_suppressions(Vec::new());
    let back = manager.drain().remove(0);
    assert_eq!((back.status, back.suppressed_by), (IncidentStatus::Open, None));
    balanced(&manager);
}

proptest! {
    #[test]
    fn any_order_of_events_balances_and_repeats(
        events in proptest::collection::vec((0u8..4, 0u8..6, 0u8..6, 0i64..40, 0.0f64..1.0), 0..300)
    ) {
        let run = || {
            let config = AlertConfig { live_max: 4, list_max: 5, ..AlertConfig::default() };
            let mut manager = IncidentManager::new(&config);
            let mut out = Vec::new();
            let mut s = 0;
            for (what, src, dest, wait, p) in &events {
                s += wait * wait;
                match what {
                    0 => manager.alert(scan(s, *src, *dest)),
                    1 => manager.advance(at(s)),
                    _ => give(&mut manager, s, *src, *dest, p.powi(20)),
                }
                balanced(&manager);
                if wait % 7 == 0 {
                    out.extend(manager.drain());
                }
            }
            out.extend(manager.drain());
            prop_assert!(manager.entries() <= 4 + 6 + out.len() + 1);
            prop_assert!(out.iter().all(|i| i.dest.len() <= 5 && i.src.len() <= 5 && i.flows.len() <= 5));
            prop_assert!(out.iter().all(|i| i.why.iter().map(|w| w.share).sum::<f64>() <= 1.0 + 1e-6));
            Ok(format!("{out:?}"))
        };
        prop_assert_eq!(run()?, run()?);
    }
}
