//! Run over the whole registry.

use super::super::{SimulateConfig, SimulateError, Simulator, scenarios};
use super::parse::{Follower, parse};
use super::{config, run};
use record::{IpAddr16, Timestamp};
use std::collections::HashSet;

/// Long enough for an episode to begin, short enough for a debug build.
const DURATION_S: f64 = 90.0;

#[test]
fn every_scenario_makes_sound_frames_in_time_order() {
    for info in scenarios() {
        let c = config(&[info.name], DURATION_S, 3);
        let (frames, _) = run(&c);
        assert!(frames.len() > 5, "{}: {} frames", info.name, frames.len());
        let (mut follower, mut last) = (Follower::default(), c.start);
        for f in &frames {
            assert!(f.ts >= last, "{}: {} after {last}", info.name, f.ts);
            last = f.ts;
            let packet = parse(&f.data).unwrap_or_else(|e| panic!("{}: {e} at {}", info.name, f.ts));
            follower.take(&packet).unwrap_or_else(|e| panic!("{}: {e} at {}", info.name, f.ts));
        }
        assert!(last.seconds_f64() <= c.start.seconds_f64() + DURATION_S, "{}", info.name);
        if info.name == "office" {
            assert!(follower.closed > 200 && follower.reset > 5 && follower.repeated > 0);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for info in scenarios() {
        let (a, sim_a) = run(&config(&[info.name], 40.0, 11));
        let (b, sim_b) = run(&config(&[info.name], 40.0, 11));
        assert!(a == b, "{}", info.name);
        assert_eq!(sim_a.labels(), sim_b.labels());
        assert!(a != run(&config(&[info.name], 40.0, 12)).0, "{}", info.name);
    }
}

#[test]
fn both_ways_of_asking_give_the_same_frames() {
    let c = config(&["demo"], 30.0, 5);
    let mut by_buffer = Simulator::new(&c).unwrap();
    let mut data = Vec::new();
    for f in run(&c).0 {
        assert_eq!(by_buffer.next_into(&mut data), Some((f.ts, f.label)));
        assert_eq!(data, f.data);
    }
    assert_eq!(by_buffer.next_into(&mut data), None);
    assert_eq!(by_buffer.next_into(&mut data), None);
}

#[test]
fn labels_match_the_frames_of_their_attack() {
    for info in scenarios().iter().filter(|s| s.attack) {
        let (frames, simulator) = run(&config(&[info.name, "office"], DURATION_S, 8));
        let labels = simulator.labels();
        assert!(!labels.is_empty(), "{}", info.name);
        assert!(labels.iter().all(|l| Some(l.kind) == info.kind && l.start <= l.end), "{}", info.name);
        let mut seen = vec![0usize; labels.len()];
        let mut bounds = vec![(Timestamp(i64::MAX), Timestamp(0)); labels.len()];
        for f in &frames {
            let Some(i) = f.label else { continue };
            seen[i] += 1;
            bounds[i] = (bounds[i].0.min(f.ts), bounds[i].1.max(f.ts));
            let p = parse(&f.data).unwrap();
            let ends: [IpAddr16; 2] = [p.src.into(), p.dst.into()];
            let l = &labels[i];
            let named = ends.contains(&l.src) || l.dest.is_some_and(|d| ends.contains(&d)) || p.proto == 17;
            assert!(named, "{}: {p:?} under {l:?}", info.name);
            if let (Some(port), 6 | 17) = (l.dest_port, p.proto) {
                assert!(p.ports.0 == port || p.ports.1 == port, "{}: {p:?} under {l:?}", info.name);
            }
        }
        assert!(seen.iter().all(|n| *n > 3), "{}: {seen:?}", info.name);
        for (l, (first, last)) in labels.iter().zip(bounds) {
            assert_eq!((l.start, l.end), (first, last), "{}", info.name);
        }
    }
}

#[test]
fn background_and_collections_label_attacks_only() {
    let (frames, simulator) = run(&config(&["office"], 30.0, 1));
    assert!(simulator.labels().is_empty() && frames.iter().all(|f| f.label.is_none()));
}

#[test]
fn names_are_unique_and_described() {
    let names: HashSet<_> = scenarios().iter().map(|s| s.name).collect();
    assert_eq!(names.len(), scenarios().len());
    assert!(scenarios().iter().all(|s| !s.description.is_empty() && s.attack == s.kind.is_some()));
}

#[test]
fn wrong_use_is_refused_by_name() {
    let text = |c: &SimulateConfig| Simulator::new(c).err().unwrap().to_string();
    let unknown = text(&config(&["office", "quake"], 1.0, 1));
    assert!(unknown.contains("`quake`") && unknown.contains("port_scan_fast") && unknown.contains("office"));
    assert!(text(&config(&[], 1.0, 1)).contains("demo"));
    assert_eq!(Simulator::new(&config(&["office"], 0.0, 1)).err(), Some(SimulateError::Duration(0.0)));
    let c = SimulateConfig { hosts: 3, ..config(&["office"], 1.0, 1) };
    assert!(text(&c).contains("8 to 900"));
    let c = SimulateConfig { packets_per_second_max: Some(0.2), ..config(&["office"], 1.0, 1) };
    assert!(text(&c).contains("0.2"));
}

#[test]
fn a_budget_thins_the_background_without_breaking_flows() {
    let full = run(&config(&["office"], 120.0, 4)).0.len();
    let c = SimulateConfig { packets_per_second_max: Some(60.0), ..config(&["office"], 120.0, 4) };
    let (frames, _) = run(&c);
    assert!(full > 120 * 120, "{full}");
    assert!((2000..=120 * 66).contains(&frames.len()), "{}", frames.len());
    let mut follower = Follower::default();
    for f in &frames {
        follower.take(&parse(&f.data).unwrap()).unwrap();
    }
    assert!(follower.closed > 20, "{}", follower.closed);
}

#[test]
fn a_long_run_follows_the_day() {
    let start = Timestamp::parse_rfc3339("2024-03-06T03:00:00Z").unwrap();
    let c = SimulateConfig { start, packets_per_second_max: None, ..config(&["office"], 3.0 * 86_400.0, 4) };
    let count = |from_s: i64, c: &SimulateConfig| {
        let shifted = SimulateConfig { start: c.start.plus_ns(from_s * 1_000_000_000), ..c.clone() };
        Simulator::new(&shifted).unwrap().take_while(|f| f.ts.0 < shifted.start.0 + 300_000_000_000).count()
    };
    let (night, morning) = (count(0, &c), count(7 * 3600, &c));
    assert!(morning > 4 * night, "{night} at night, {morning} in the morning");
}

#[test]
fn offices_of_all_sizes_work() {
    for hosts in [8, 300, 900] {
        let c = SimulateConfig { hosts, ..config(&["demo"], 8.0, 4) };
        let (frames, _) = run(&c);
        let macs: HashSet<_> = frames.iter().map(|f| f.data[6..12].to_vec()).collect();
        assert!(macs.len() >= hosts / 2, "{} of {hosts}", macs.len());
    }
}
