//! What every exact detector must keep, iterated over the registry: silent on nothing, bounded, deterministic, and alerts
//! that a person can read.

#![allow(clippy::unwrap_used)]

use super::contacts::{Senders, evidence_of};
use super::contract_stream::{Stream, lists, stream};
use super::synthetic::run_on;
use super::wants::{SORTS, Wants};
use super::{Behaviour, BehaviourConfig, BehaviourSet, Context, HomeNetworks, REGISTRY};
use record::{Observation, Timestamp};

#[test]
fn names_match_the_registry_and_are_distinct() {
    let config = BehaviourConfig::default();
    let names: Vec<&str> = REGISTRY.iter().map(|(_, make)| make(&config).name()).collect();
    let listed: Vec<&str> = REGISTRY.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed);
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
}

#[test]
fn nothing_in_gives_nothing_out() {
    let mut set = BehaviourSet::new(&BehaviourConfig::default());
    let mut out = Vec::new();
    set.advance(Timestamp::from_parts(1_700_000_000, 0), &mut out);
    set.advance(Timestamp::from_parts(1_700_100_000, 0), &mut out);
    set.finish(&mut out);
    assert!(out.is_empty());
    assert!(set.counters().0.is_empty());
}

#[test]
fn every_alert_can_be_read_and_grouped() {
    let input = stream(11, 60_000);
    for (name, make) in REGISTRY {
        for alert in run_on(make(&BehaviourConfig::default()).as_mut(), &input) {
            assert_eq!(alert.detector, *name);
            assert!(!alert.title.is_empty() && !alert.title.ends_with('.'), "{name}: `{}`", alert.title);
            assert!(!alert.why.is_empty(), "{name}: no reason");
            assert!(
                !alert.src.is_empty() || !alert.dest.is_empty() || ["volume", "burst"].contains(name),
                "{name}: nobody named"
            );
            assert!(!alert.story.is_empty(), "{name}: no story");
            assert!(alert.src.len() <= 64 && alert.dest.len() <= 64 && alert.dest_port.len() <= 64, "{name}: too long");
            assert!((0.0..=1.0).contains(&alert.score), "{name}: score {}", alert.score);
            assert!(alert.first_seen <= alert.ts, "{name}: ends before it begins");
            let share: f64 = alert.why.iter().map(|w| w.share).sum();
            assert!(share <= 1.0 + 1e-9, "{name}: shares {share}");
            assert!(
                alert.why.iter().all(|w| w.value.is_finite() && w.expected.iter().all(|e| e.is_finite())),
                "{name}: {:?}",
                alert.why
            );
        }
    }
}

#[test]
fn the_same_input_gives_the_same_alerts() {
    let input = stream(5, 60_000);
    let told = || {
        let mut set = BehaviourSet::new(&BehaviourConfig::default());
        let mut out = Vec::new();
        for observation in &input {
            set.observe(observation, &mut out);
        }
        set.finish(&mut out);
        format!("{out:?}")
    };
    assert_eq!(told(), told());
}

/// All that can be known of a detector from outside after a stream of which it is shown some sorts: what it told, what it counted, what
/// it held on the way, what it would remember over a restart.
fn traces(detector: &mut dyn Behaviour, input: &[Observation], shown: impl Fn(usize) -> bool) -> String {
    let (mut told, mut held) = (Vec::new(), Vec::new());
    let start = input[0].ts();
    let (home, indicators) = (HomeNetworks::default(), lists());
    let mut context = Context { home, indicators, started: start, now: start, evidence: None };
    let mut senders = Senders::new(16_384);
    for (at, observation) in input.iter().enumerate() {
        if observation.ts() > context.now {
            let entered = observation.ts().seconds() > context.now.seconds();
            context.now = observation.ts();
            if entered {
                detector.advance(context.now, &context, &mut told);
            }
        }
        if shown(Wants::sort(observation)) {
            context.evidence = evidence_of(observation, &mut senders);
            detector.observe(observation, &context, &mut told);
        }
        if at % 100 == 0 {
            held.push(detector.entries());
        }
    }
    detector.finish(&context, &mut told);
    format!("{told:?} {:?} {held:?} {:?}", detector.counters(), detector.snapshot())
}

#[test]
fn a_detector_misses_nothing_by_not_being_called_for_what_it_does_not_want() {
    let input = stream(7, 60_000);
    for (name, make) in REGISTRY {
        let config = BehaviourConfig::default();
        let everything = traces(make(&config).as_mut(), &input, |_| true);
        let wants = make(&config).wants();
        assert_eq!(everything, traces(make(&config).as_mut(), &input, |sort| wants.has(sort)), "{name}");
    }
}

#[test]
fn the_stream_would_show_any_sort_that_a_detector_forgot_to_want() {
    let input = stream(7, 60_000);
    let seen: std::collections::BTreeSet<usize> = input.iter().map(Wants::sort).collect();
    assert_eq!(seen.len(), SORTS, "the stream has every sort: {seen:?}");
    let config = BehaviourConfig::default();
    for (name, make) in REGISTRY {
        let wants = make(&config).wants();
        let all = traces(make(&config).as_mut(), &input, |sort| wants.has(sort));
        for forgotten in (0..SORTS).filter(|sort| wants.has(*sort)) {
            let without = traces(make(&config).as_mut(), &input, |sort| wants.has(sort) && sort != forgotten);
            assert!(all != without, "{name} does the same without sort {forgotten}: the stream shows it too little");
        }
    }
}

#[test]
fn tables_stay_inside_their_bounds_over_a_million_random_observations() {
    let config = BehaviourConfig::default();
    let mut detectors: Vec<_> = REGISTRY.iter().map(|(_, make)| make(&config)).collect();
    let mut senders = Senders::new(config.port_scan.senders_max);
    let mut context_of = |observation: &Observation| Context {
        home: HomeNetworks::default(),
        indicators: std::sync::Arc::default(),
        started: Timestamp(0),
        now: observation.ts(),
        evidence: evidence_of(observation, &mut senders),
    };
    let mut stream = Stream::new(3, 0);
    let mut out = Vec::new();
    let mut most = vec![0usize; detectors.len()];
    for i in 0..1_000_000 {
        let observation = stream.next();
        let context = context_of(&observation);
        for (detector, most) in detectors.iter_mut().zip(&mut most) {
            detector.observe(&observation, &context, &mut out);
            if i % 1000 == 0 {
                detector.advance(context.now, &context, &mut out);
                *most = (*most).max(detector.entries());
            }
        }
        out.clear();
    }
    for (detector, most) in detectors.iter().zip(most) {
        assert!(most <= 120_000, "{}: {most} entries", detector.name());
    }
}

#[test]
fn settings_round_trip_and_refuse_unknown_keys() {
    let text = serde_json::to_string(&BehaviourConfig::default()).unwrap();
    let back: BehaviourConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert!(serde_json::from_str::<BehaviourConfig>(r#"{"port_scan": {"pairs": 3}}"#).is_err());
    let off: BehaviourConfig = serde_json::from_str(r#"{"disabled": ["beacon"]}"#).unwrap();
    assert!(!BehaviourSet::new(&off).names().contains(&"beacon"));
}
