//! Runs every labelled attack capture and prints which detector found it, when, and whom it named, beside the ground truth;
//! `make captures` writes it to docs/reference/attack-captures.md. Owns the protocol and the words; the truth stands in
//! attack_captures.tsv, the windows of long captures in the data itself.
#![allow(clippy::unwrap_used, missing_docs)]

use evaluate::{AnalyzeConfig, JudgeConfig, MeterConfig, Outcome, Training, analyze};
use record::{Incident, IpAddr16, Kind, Prefix, Timestamp, timestamp::NS_PER_S};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const TRUTH: &str = include_str!("attack_captures.tsv");
const HOME: [&str; 6] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];
/// Tools tidy up after the end of a window.
const AFTER_S: f64 = 30.0;

/// One capture whose whole is an attack.
struct Truth {
    capture: String,
    kinds: Vec<Kind>,
    attacker: Option<IpAddr16>,
    victim: Option<IpAddr16>,
    starts_s: f64,
    what: String,
    /// Why it is missed, where that is known.
    why_missed: String,
}

impl Truth {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('\t').collect();
        let address = |text: &str| (text != "-").then(|| text.parse().unwrap());
        Self {
            capture: cells[0].to_owned(),
            kinds: cells[1].split(',').map(|kind| Kind::parse(kind).unwrap()).collect(),
            attacker: address(cells[2]),
            victim: address(cells[3]),
            starts_s: cells[4].parse().unwrap(),
            what: cells[5].to_owned(),
            why_missed: cells[6].to_owned(),
        }
    }

    fn names(&self, incident: &Incident) -> bool {
        let about = |host: Option<IpAddr16>| {
            host.is_none_or(|host| incident.src.contains(&host) || incident.dest.contains(&host))
        };
        about(self.attacker) && about(self.victim)
    }

    /// The incident that counts: of a right kind and about the right hosts, the earliest.
    fn found<'a>(&self, incidents: &'a [Incident]) -> Option<&'a Incident> {
        // A device of the laboratory that changes its address is no sign of malware.
        let luck = |i: &Incident| {
            self.capture.starts_with("malware/") && i.detectors.first().is_some_and(|d| d.name == "address_change")
        };
        let right = incidents.iter().filter(|i| self.kinds.contains(&i.kind) && self.names(i) && !luck(i));
        right.min_by_key(|i| i.raised)
    }
}

/// Attacks of one long capture, by windows.
struct Windows {
    name: &'static str,
    files: &'static [&'static str],
    learn_s: i64,
    labels: &'static str,
    /// Beginning of a window's name, the kinds that are right for it, and attackers and victims: an incident about none of them does
    /// not count.
    right: &'static [Right],
}

type Right = (&'static str, &'static [Kind], &'static [&'static str]);

const CONTROL: &str = "pcap-attack/qut-dnp3/control-24h.pcap.zst";
const QUT_HOSTS: &[&str] = &["192.168.10.66", "192.168.10.221", "192.168.10.222"];
/// Every active attack of this laboratory begins with ARP spoofing; commands, floods of commands and forged stations are misuse.
const QUT: &[Right] = &[
    ("nmap", &[Kind::HostSweep, Kind::PortScan], QUT_HOSTS),
    ("reconnaissance", &[Kind::HostSweep, Kind::PortScan, Kind::ProtocolMisuse, Kind::LateralMovement], QUT_HOSTS),
    ("", &[Kind::ArpSpoof, Kind::ProtocolMisuse, Kind::LateralMovement, Kind::Flood], QUT_HOSTS),
];
const WINDOWS: [Windows; 4] = [
    Windows {
        name: "QUT DNP3, mixed",
        files: &[CONTROL, "pcap-attack/qut-dnp3/attacks-mixed-24h.pcap.zst"],
        learn_s: 86_460,
        labels: "pcap-attack/qut-dnp3/attacks-mixed-24h.windows.csv",
        right: QUT,
    },
    Windows {
        name: "QUT DNP3, man in the middle",
        files: &[CONTROL, "pcap-attack/qut-dnp3/mitm-24h.pcap.zst"],
        learn_s: 86_460,
        labels: "pcap-attack/qut-dnp3/mitm-24h.windows.csv",
        right: QUT,
    },
    Windows {
        name: "QUT DNP3, flooding",
        files: &[CONTROL, "pcap-attack/qut-dnp3/flooding-24h.pcap.zst"],
        learn_s: 86_460,
        labels: "pcap-attack/qut-dnp3/flooding-24h.windows.csv",
        right: QUT,
    },
    Windows {
        name: "Westermo",
        files: &["pcap-attack/westermo-2023/right.pcap.zst"],
        learn_s: 45,
        labels: "labelled-flows/westermo-2023/windows.csv",
        right: &[
            ("BAD-MITM", &[Kind::ArpSpoof], &["198.18.134.14"]),
            ("BAD-SSH", &[Kind::BruteForce], &["198.18.134.99"]),
            ("BAD-PORTSCAN", &[Kind::PortScan, Kind::HostSweep], &["198.18.134.99"]),
            ("BAD-MISCONF", &[Kind::ArpSpoof, Kind::ProtocolMisuse], &[]),
        ],
    },
];

fn home() -> Vec<Prefix> {
    HOME.map(|text| text.parse().unwrap()).to_vec()
}

fn run(files: &[PathBuf], training: Training, short: bool) -> Outcome {
    let mut judge = JudgeConfig { home: home(), ..JudgeConfig::default() };
    if short {
        // Each window must be told anew, or it could be an older story that goes on.
        (judge.alert.idle_s, judge.alert.slow_idle_s, judge.alert.learned_idle_s) = (20, 20, 20);
    }
    let config = AnalyzeConfig {
        meter: MeterConfig { home: home(), ..MeterConfig::default() },
        judge,
        training,
        packet_model: None,
        levels: evaluate::LevelModels::default(),
        workers: 1,
        seed: 1,
    };
    analyze(files, config, &mut |_| {}).unwrap_or_else(|e| panic!("{files:?}: {e}"))
}

fn list(addresses: &[IpAddr16]) -> String {
    let shown: Vec<String> = addresses.iter().take(2).map(ToString::to_string).collect();
    match addresses.len() {
        0 => "–".to_owned(),
        n if n > 2 => format!("{} and {} more", shown.join(", "), n - 2),
        _ => shown.join(", "),
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from) as f64 / NS_PER_S as f64
}

/// One row; true when found as the right kind.
fn capture_row(truth: &Truth, data: &Path, table: &mut String, missed: &mut String) -> bool {
    let outcome = run(&[data.join("pcap-attack").join(&truth.capture)], Training::WholeInput, false);
    let first = outcome.analysis.input.first.unwrap_or_default();
    let found = truth.found(&outcome.analysis.incidents);
    let (mark, text) = if let Some(i) = found {
        let detector = i.detectors.first().map_or("", |d| d.name.as_str());
        let after = seconds(first, i.raised) - truth.starts_s;
        ("yes", format!("{} ({detector}) | {after:.1} | {} | {}", i.kind.name(), list(&i.src), list(&i.dest)))
    } else {
        let others: Vec<&str> = outcome.analysis.incidents.iter().map(|i| i.kind.name()).collect();
        let told = if others.is_empty() { "nothing".to_owned() } else { format!("only {}", others.join(", ")) };
        ("**no**", format!("{told} | – | – | –"))
    };
    let host = |host: Option<IpAddr16>| host.map_or_else(|| "–".to_owned(), |h| h.to_string());
    let name = truth.capture.split('.').next().unwrap();
    let (attacker, victim) = (host(truth.attacker), host(truth.victim));
    if found.is_none() {
        let why = if truth.why_missed == "-" { "not explained yet" } else { &truth.why_missed };
        writeln!(missed, "- **{name}**: {why}.").unwrap();
    }
    writeln!(table, "| {name} | {} | {attacker} | {victim} | {mark} | {text} |", truth.what).unwrap();
    found.is_some()
}

/// Windows found as the right kind and all windows, by the beginning of their names.
fn windows(case: &Windows, data: &Path) -> Vec<(String, usize, usize)> {
    let files: Vec<PathBuf> = case.files.iter().map(|file| data.join(file)).collect();
    let outcome = run(&files, Training::First(case.learn_s * NS_PER_S), true);
    let text = std::fs::read_to_string(data.join(case.labels)).unwrap();
    let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let column = |name: &str| head.iter().position(|h| *h == name).unwrap();
    let name_at = head.iter().position(|h| *h == "attack" || *h == "event").unwrap();
    let mut counts: Vec<(String, usize, usize)> = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let (start, end): (f64, f64) =
            (cells[column("start_epoch")].parse().unwrap(), cells[column("end_epoch")].parse().unwrap());
        let name = cells[name_at];
        let Some((_, kinds, hosts)) = case.right.iter().find(|(prefix, ..)| name.starts_with(prefix)) else { continue };
        let hosts: Vec<IpAddr16> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let about = |i: &Incident| hosts.is_empty() || hosts.iter().any(|h| i.src.contains(h) || i.dest.contains(h));
        let raised = |i: &Incident| i.raised.0 as f64 / 1e9;
        let found = outcome
            .analysis
            .incidents
            .iter()
            .any(|i| kinds.contains(&i.kind) && about(i) && (start - 1.0..=end + AFTER_S).contains(&raised(i)));
        let group = name.split('_').next().unwrap_or(name).to_owned();
        match counts.iter_mut().find(|(known, ..)| *known == group) {
            Some((_, hit, all)) => (*hit, *all) = (*hit + usize::from(found), *all + 1),
            None => counts.push((group, usize::from(found), 1)),
        }
    }
    counts
}

fn main() {
    let data = PathBuf::from(std::env::args().nth(1).expect("the folder of the data"));
    let only = std::env::args().nth(2);
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let (mut table, mut missed) = (String::new(), String::new());
    let truths: Vec<Truth> = TRUTH.lines().filter(|l| !l.starts_with('#')).map(Truth::parse).collect();
    let chosen: Vec<&Truth> = truths.iter().filter(|truth| wanted(&truth.capture)).collect();
    let found = chosen.iter().filter(|truth| capture_row(truth, &data, &mut table, &mut missed)).count();
    println!("# Attack captures, one by one\n");
    println!(
        "Written by `make captures`: each capture analysed as `tripline analyze FILE` does, and the first incident of a"
    );
    println!(
        "right kind about the right hosts. Seconds count from the attack's beginning. The kinds that are right for each"
    );
    println!("stand in `crates/evaluate/examples/attack_captures.tsv`.\n");
    println!(
        "**{found} of {} captures found as the right kind ({:.0} %).**\n",
        chosen.len(),
        100.0 * found as f64 / chosen.len().max(1) as f64
    );
    println!("| capture | attack | attacker | victim | found | as (detector) | after s | source | target |");
    println!("|---|---|---|---|---|---|--:|---|---|");
    print!("{table}");
    println!("\n## Missed, one by one\n\n{missed}");
    if only.is_none() {
        println!(
            "\n## Long captures with many attacks\n\nEach window counts for itself: an incident of a right kind must be raised in it. Incidents end after 20 s"
        );
        println!(
            "of quiet here, so that each window is told anew. Westermo was recorded at one port of a switch: of its 16 guesses at"
        );
        println!(
            "passwords 2 are visible there, of its 16 port scans 4, and of a machine in the middle only broadcast questions for two"
        );
        println!(
            "addresses every 3.5 s, which honest ARP monitors of redundant pairs ask in the same way.\n\n| capture | attack | found | of |\n|---|---|--:|--:|"
        );
        for case in &WINDOWS {
            for (name, hit, all) in windows(case, &data) {
                println!("| {} | {name} | {hit} | {all} |", case.name);
            }
        }
    }
}
