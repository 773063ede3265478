//! The demo keeps its promises: lively at once, attacks soon and often, bounded, endless.

use super::super::{Simulator, scenarios};
use super::parse::parse;
use super::{config, run};
use record::{Endpoint, FlowKey, Kind};
use std::collections::{BTreeSet, HashSet};

#[test]
fn two_minutes_are_lively_and_attacks_come_in_turn() {
    let c = config(&["demo"], 120.0, 1);
    let (frames, simulator) = run(&c);
    assert!(frames.len() >= 20_000, "{} frames", frames.len());
    let mut flows = HashSet::new();
    let mut first_ten_seconds = 0;
    for f in &frames {
        let p = parse(&f.data).unwrap();
        let end = |addr: std::net::IpAddr, port| Endpoint { addr: addr.into(), port };
        if f.label.is_none() {
            flows.insert(FlowKey::new(end(p.src, p.ports.0), end(p.dst, p.ports.1), p.proto).0);
        }
        first_ten_seconds += usize::from(f.ts.since(c.start) < 10_000_000_000);
    }
    assert!(flows.len() >= 2000, "{} flows beside the attacks", flows.len());
    assert!(first_ten_seconds > 500, "{first_ten_seconds}");
    let starts: Vec<f64> = simulator.labels().iter().map(|l| l.start.since(c.start) as f64 / 1e9).collect();
    assert!((20.0..=30.0).contains(&starts[0]), "{starts:?}");
    assert!(starts.windows(2).all(|w| (30.0..=40.0).contains(&(w[1] - w[0]))), "{starts:?}");
}

#[test]
fn every_attack_has_its_turn_and_rates_stay_bounded() {
    let c = config(&["demo"], 460.0, 2);
    let mut simulator = Simulator::new(&c).unwrap();
    let (mut second, mut count, mut most) = (0, 0u32, 0);
    let mut data = Vec::new();
    while let Some((ts, _)) = simulator.next_into(&mut data) {
        if ts.seconds() != second {
            (second, count) = (ts.seconds(), 0);
        }
        count += 1;
        most = most.max(count);
    }
    assert!(most < 20_000, "{most} frames in one second");
    let kinds: BTreeSet<Kind> = simulator.labels().iter().map(|l| l.kind).collect();
    let known: BTreeSet<Kind> = scenarios().iter().filter_map(|s| s.kind).collect();
    assert_eq!(kinds, known);
    for l in simulator.labels().iter().filter(|l| l.kind == Kind::Flood) {
        assert!(l.end.since(l.start) <= 5_000_000_000);
    }
}

#[test]
fn an_endless_demo_streams() {
    let mut simulator = Simulator::new(&config(&["demo"], f64::INFINITY, 2)).unwrap();
    assert_eq!(simulator.by_ref().take(100_000).count(), 100_000);
}
