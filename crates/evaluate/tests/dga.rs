//! The model of names on families kept out of its training: the figures of `docs/explanation/detection.md`, asserted. Ordinary names are the
//! fifth of those looked up in benign captures that no model learns.
#![allow(clippy::unwrap_used)]

use detect::behaviour::{BehaviourConfig, BehaviourSet};
use detect::names::{Evidence, NameModel, train};
use evaluate::dga::{FAMILIES, Family, Shape, is_kept_out, ordinary_labels};
use record::{AppData, AppEvent, DnsData, Endpoint, FlowKey, Kind, MacAddr, Observation, Timestamp};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Names of a family to learn from and to be judged by.
const NAMES: usize = 500;
/// Every so manieth ordinary name is learned from: enough for the figures, and quick.
const EVERY: usize = 3;

fn labels(test: &str) -> Option<&'static [String]> {
    static LABELS: OnceLock<Option<Vec<String>>> = OnceLock::new();
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = LABELS.get_or_init(|| data.is_dir().then(|| ordinary_labels(&data).unwrap()));
    if found.is_none() {
        eprintln!("SKIP {test}: no ../shared/data");
    }
    found.as_deref()
}

fn scores<'a>(model: &NameModel, labels: impl Iterator<Item = &'a str>) -> Vec<f32> {
    labels.map(|label| model.score(label)).collect()
}

/// Area under the ROC curve by ranks, ties halved.
fn auc(ordinary: &[f32], made_up: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> =
        ordinary.iter().map(|s| (*s, false)).chain(made_up.iter().map(|s| (*s, true))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum) = (0.0, 0.0);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let positive = tied.iter().filter(|t| t.1).count() as f64;
        let negative = tied.len() as f64 - positive;
        sum += positive * (below + negative / 2.0);
        below += negative;
    }
    sum / (ordinary.len() as f64 * made_up.len() as f64)
}

/// Trains without `left_out` and ranks its names against the ordinary ones kept out.
fn without(left_out: &dyn Fn(&Family) -> bool, labels: &[String]) -> (NameModel, Vec<f32>) {
    let learned = labels.iter().filter(|l| !is_kept_out(l)).step_by(EVERY).map(String::as_str).collect::<Vec<_>>();
    let made_up: Vec<String> = FAMILIES.iter().filter(|f| !left_out(f)).flat_map(|f| f.names(1, NAMES)).collect();
    let model = train(&learned, &made_up.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    let ordinary = scores(&model, labels.iter().filter(|l| is_kept_out(l)).map(String::as_str));
    (model, ordinary)
}

#[test]
fn families_kept_out_of_training_are_told_from_ordinary_names() {
    let Some(labels) = labels("families_kept_out") else { return };
    let mut total = 0.0;
    for family in FAMILIES {
        let (model, ordinary) = without(&|f| f.name == family.name, labels);
        // Names of another seed than any that was learned from.
        let made_up = family.names(2, NAMES);
        let area = auc(&ordinary, &scores(&model, made_up.iter().map(String::as_str)));
        println!("| {} | {area:.3} |", family.name);
        let least = if family.shape == Shape::Words { 0.92 } else { 0.95 };
        assert!(area >= least, "{}: {area:.4}", family.name);
        total += area;
    }
    let mean = total / FAMILIES.len() as f64;
    println!("| mean of {} families | {mean:.3} |", FAMILIES.len());
    assert!(mean >= 0.98, "{mean:.4}");
}

/// Failed look-ups of one host in the experiment below.
const LOOK_UPS: usize = 30;
/// Of an infected host's, one in so many is for an ordinary name.
const ORDINARY_EVERY: usize = 5;

/// What the failed look-ups of one host say together.
fn together<'a>(model: &NameModel, labels: impl Iterator<Item = &'a String>) -> f32 {
    let mut evidence = Evidence::default();
    labels.take(LOOK_UPS).for_each(|label| {
        evidence.add(model.score(label), model);
    });
    evidence.sum() as f32
}

/// The detector judges hosts, not names: one that asks for dead names of a family that no model learned, and for a few ordinary ones,
/// against one that asks for dead ordinary names only.
#[test]
fn hosts_that_ask_for_families_kept_out_are_told_from_others() {
    let Some(labels) = labels("hosts_kept_out") else { return };
    let ordinary: Vec<String> = labels.iter().filter(|l| is_kept_out(l)).cloned().collect();
    let hosts = ordinary.len() / LOOK_UPS;
    let mut pooled = (Vec::new(), Vec::new());
    for family in FAMILIES {
        let (model, _) = without(&|f| f.name == family.name, labels);
        // Ordinary names are sorted: neighbours go to different hosts, as nobody asks for all names of one first word.
        let healthy: Vec<f32> =
            (0..hosts).map(|host| together(&model, ordinary.iter().skip(host).step_by(hosts))).collect();
        let infected: Vec<f32> = family
            .names(2, 200 * LOOK_UPS)
            .chunks_exact(LOOK_UPS)
            .zip(0..)
            .map(|(names, host)| {
                let others = ordinary.iter().skip(host).step_by(hosts);
                let one_of = |(place, (name, other))| if place % ORDINARY_EVERY == 0 { other } else { name };
                together(&model, names.iter().zip(others).enumerate().map(one_of))
            })
            .collect();
        let area = auc(&healthy, &infected);
        println!("| {} | {} infected hosts, {} healthy | {area:.4} |", family.name, infected.len(), healthy.len());
        assert!(infected.len() >= 50 && healthy.len() >= 100);
        let least = if family.shape == Shape::Words { 0.85 } else { 0.99 };
        assert!(area >= least, "{}: {area:.4}", family.name);
        pooled.0.extend(healthy);
        pooled.1.extend(infected);
    }
    let area = auc(&pooled.0, &pooled.1);
    println!("| all families, one curve | {area:.4} |");
    assert!(area >= 0.98, "{area:.4}");
}

#[test]
fn shapes_kept_out_of_training_are_harder_and_not_lost() {
    let Some(labels) = labels("shapes_kept_out") else { return };
    for (shape, least) in
        [(Shape::Letters, 0.95), (Shape::Hash, 0.95), (Shape::Pronounceable, 0.9), (Shape::Words, 0.7)]
    {
        let (model, ordinary) = without(&|f| f.shape == shape, labels);
        let made_up: Vec<String> =
            FAMILIES.iter().filter(|f| f.shape == shape).flat_map(|f| f.names(2, NAMES)).collect();
        let area = auc(&ordinary, &scores(&model, made_up.iter().map(String::as_str)));
        println!("| all of {shape:?} | {area:.3} |");
        assert!(area >= least, "{shape:?}: {area:.4}");
    }
}

#[test]
fn the_shipped_model_keeps_its_promise_on_names_it_never_saw() {
    let Some(labels) = labels("shipped_model") else { return };
    let model = NameModel::shipped().unwrap();
    let ordinary = scores(model, labels.iter().filter(|l| is_kept_out(l)).map(String::as_str));
    let above = |bound: f32| ordinary.iter().filter(|s| **s > bound).count() as f64 / ordinary.len() as f64;
    assert!((0.01..0.03).contains(&above(model.generated_from())), "{}", above(model.generated_from()));
    assert!(FAMILIES.len() >= 12);
    for family in FAMILIES {
        let names = family.names(3, 300);
        assert!(auc(&ordinary, &scores(model, names.iter().map(String::as_str))) >= 0.95, "{}", family.name);
    }
}

/// What the detector would tell after look-ups of one host for a family's names, none of which exists.
fn told_after(family: &Family) -> Option<usize> {
    let mut set = BehaviourSet::new(&BehaviourConfig::default());
    let mut alerts = Vec::new();
    for (n, name) in family.names(4, 400).iter().enumerate() {
        set.observe(&answer(n as i64 * 3, &format!("{name}.net"), "NXDOMAIN"), &mut alerts);
        if alerts.iter().any(|a| a.kind == Kind::Dga) {
            return Some(n + 1);
        }
    }
    None
}

fn answer(second: i64, name: &str, rcode: &str) -> Observation {
    let client = Endpoint { addr: "10.0.0.7".parse().unwrap(), port: 40_000 };
    let (key, client_low) = FlowKey::new(client, Endpoint { addr: "10.0.0.1".parse().unwrap(), port: 53 }, 17);
    let data = DnsData { response: true, rrname: name.into(), rcode: rcode.into(), ..DnsData::default() };
    let ts = Timestamp::from_parts(second, 0);
    Observation::App(Box::new(AppEvent {
        ts,
        key,
        from_low: !client_low,
        src_mac: MacAddr([2; 6]),
        data: AppData::Dns(data),
    }))
}

#[test]
fn a_host_that_asks_for_any_family_is_told() {
    for family in FAMILIES {
        let after = told_after(family);
        println!("| {} | told after {after:?} names |", family.name);
        let most = if family.shape == Shape::Words { 120 } else { 25 };
        assert!(after.is_some_and(|n| n <= most), "{}: {after:?}", family.name);
    }
}

#[test]
fn a_host_that_asks_for_dead_ordinary_names_is_not_told() {
    let Some(labels) = labels("dead_ordinary_names") else { return };
    let mut set = BehaviourSet::new(&BehaviourConfig::default());
    let mut alerts = Vec::new();
    let mut names: Vec<&String> = labels.iter().filter(|l| is_kept_out(l)).collect();
    // Sorted, names of one first word come together, as nobody asks for them.
    names.sort_by_key(|label| label.bytes().rev().fold(1u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)));
    for (n, label) in names.iter().enumerate() {
        // None of them exists: worse than any honest host's day.
        set.observe(&answer(n as i64, &format!("{label}.com"), "NXDOMAIN"), &mut alerts);
    }
    assert!(alerts.iter().all(|a| a.kind != Kind::Dga), "{:?}", alerts.first().map(|a| &a.title));
}
