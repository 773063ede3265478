//! Writes docs/reference/evaluation-levels.md: the levels of hosts and series on captures with labelled attack windows, learned from a
//! benign day alone, beside the simple baselines. `make evaluation` runs it. Owns the protocol and the words.
#![allow(clippy::unwrap_used, missing_docs)]

use detect::series::SeasonalNaive;
use evaluate::metrics::Ranking;
use evaluate::{HostWatch, Judge, JudgeConfig, LearnConfig, Learner, MeterConfig, SeriesWatch};
use record::{HostWindow, InterfaceSecond, Matrix, Observation, Prefix};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SEED: u64 = 1;
/// Steps of ten seconds.
const STEP_S: i64 = 10;
/// Seconds after a window in which its tools tidy up.
const AFTER_S: f64 = 6.0;

/// A benign day, and another with the windows of its attacks.
struct Case {
    name: &'static str,
    learn: &'static str,
    judge: &'static str,
    windows: &'static str,
}

const CONTROL: &str = "pcap-attack/qut-dnp3/control-24h.pcap.zst";
const CASES: [Case; 3] = [
    Case {
        name: "QUT DNP3, mixed",
        learn: CONTROL,
        judge: "attacks-mixed-24h.pcap.zst",
        windows: "attacks-mixed-24h.windows.csv",
    },
    Case {
        name: "QUT DNP3, flooding",
        learn: CONTROL,
        judge: "flooding-24h.pcap.zst",
        windows: "flooding-24h.windows.csv",
    },
    Case {
        name: "QUT DNP3, man in the middle",
        learn: CONTROL,
        judge: "mitm-24h.pcap.zst",
        windows: "mitm-24h.windows.csv",
    },
];

/// What one capture gives: windows of hosts, and sums of the interface's steps.
#[derive(Default)]
struct Seen {
    windows: Vec<HostWindow>,
    steps: Vec<(i64, InterfaceSecond)>,
}

fn home() -> Vec<Prefix> {
    vec!["192.168.0.0/16".parse().unwrap()]
}

fn read(file: &Path) -> (Judge, Seen) {
    let config = JudgeConfig { home: home(), ..JudgeConfig::default() };
    let mut judge = Judge::new(&config, Learner::new(LearnConfig { reservoir_rows_max: 1, ..LearnConfig::default() }));
    let (mut seen, mut windows) = (Seen::default(), flow::HostWindows::new(flow::WindowConfig::default()));
    let meter = MeterConfig { home: home(), ..MeterConfig::default() };
    evaluate::replay(&[file.to_owned()], &meter, 1, &mut |_| {}, &mut |epoch: &mut Vec<Observation>| {
        for observation in epoch.iter() {
            windows.observe(observation);
            if let Observation::Second(second) = observation {
                seen.add(second);
            }
        }
        judge.warm(epoch);
    })
    .unwrap();
    windows.finish(&mut seen.windows);
    (judge, seen)
}

impl Seen {
    fn add(&mut self, second: &InterfaceSecond) {
        let number = second.ts.seconds().div_euclid(STEP_S);
        if self.steps.last().is_none_or(|(last, _)| *last != number) {
            self.steps.push((number, InterfaceSecond::default()));
        }
        let Some((_, sums)) = self.steps.last_mut() else { return };
        for class in 0..record::TrafficClass::COUNT {
            sums.packets[class] += second.packets[class];
            sums.bytes[class] += second.bytes[class];
        }
        sums.bytes_in += second.bytes_in;
        sums.bytes_out += second.bytes_out;
        sums.tcp_syn += second.tcp_syn;
        sums.flows_new += second.flows_new;
    }
}

/// Start and end of each attack, seconds.
fn attacks(file: &Path) -> Vec<(f64, f64)> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| names.iter().position(|column| *column == name).unwrap();
    let (start, end) = (column("start_epoch"), column("end_epoch"));
    let ends = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[start].parse().unwrap(), cells[end].parse::<f64>().unwrap() + AFTER_S)
    };
    lines.map(ends).collect()
}

/// One member or baseline on one set.
struct Line {
    member: String,
    rows: usize,
    attacks: usize,
    roc: f64,
    pr: f64,
    /// Share of benign rows at p ≤ 1 %; none for baselines, which promise nothing.
    realised: Option<f64>,
    note: String,
}

fn line(member: &str, scores: &[f64], positive: &[bool], p_values: Option<&[f64]>, note: String) -> Line {
    let curve = Ranking::new(scores, positive).curve();
    let flagged = |p: &[f64]| {
        let benign = p.iter().zip(positive).filter(|(_, attack)| !**attack);
        let (all, low) = benign.fold((0, 0), |sum, (p, _)| (sum.0 + 1_u32, sum.1 + u32::from(*p <= 0.01)));
        f64::from(low) / f64::from(all.max(1))
    };
    Line {
        member: member.to_owned(),
        rows: scores.len(),
        attacks: positive.iter().filter(|attack| **attack).count(),
        roc: curve.roc_auc().unwrap_or(f64::NAN),
        pr: curve.pr_auc().unwrap_or(f64::NAN),
        realised: p_values.map(flagged),
        note,
    }
}

/// Minutes of home hosts: those of the attacker and its two victims within an attack are positive.
fn hosts(watch: &HostWatch, later: &Seen, attacks: &[(f64, f64)]) -> Vec<Line> {
    let Some(model) = watch.material().and_then(|material| material.train(SEED).ok()) else { return Vec::new() };
    let involved = ["192.168.10.66", "192.168.10.221", "192.168.10.222"].map(|host| host.parse().unwrap());
    let (mut scores, mut packets, mut positive, mut p_values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let judged = |window: &&HostWindow| {
        window.length_s == 60 && window.packets_out > 0 && home().iter().any(|home| home.contains(window.host))
    };
    for window in later.windows.iter().filter(judged) {
        let (from, until) = (window.start.seconds() as f64, (window.start.seconds() + 60) as f64);
        let mut row = Vec::new();
        features::host_vector(window, &mut row);
        let score = model.score(&row);
        scores.push(f64::from(score));
        p_values.push(model.p_value(score));
        packets.push((window.packets_out + window.packets_in) as f64);
        let in_attack = attacks.iter().any(|(start, end)| *start < until && *end > from);
        positive.push(in_attack && involved.contains(&window.host));
    }
    let note = if model.member().admitted { "heard" } else { "not heard" }.to_owned();
    vec![
        line("half-space trees", &scores, &positive, Some(&p_values), note),
        line("packets in the minute", &packets, &positive, None, "baseline".to_owned()),
    ]
}

/// Steps of the interface: those that overlap an attack are positive.
fn series(watch: &SeriesWatch, later: &Seen, attacks: &[(f64, f64)]) -> Vec<Line> {
    let Some(model) = watch.material().and_then(|material| material.train(SEED).ok()) else { return Vec::new() };
    let Some(group) = model.group(features::interface_series_schema()) else { return Vec::new() };
    let mut rows = Matrix::with_capacity(later.steps.len(), features::interface_series_schema().features.len());
    let mut positive = Vec::new();
    for (number, sums) in &later.steps {
        features::interface_step_vector(sums, &mut rows.values);
        let (from, until) = ((number * STEP_S) as f64, ((number + 1) * STEP_S) as f64);
        positive.push(attacks.iter().any(|(start, end)| *start < until && *end > from));
    }
    let scores: Vec<f32> = group.forecaster().follow(&rows).iter().map(|surprise| surprise.score).collect();
    let p_values: Vec<f64> = scores.iter().map(|score| group.p_value(*score)).collect();
    let scores: Vec<f64> = scores.iter().map(|score| f64::from(*score)).collect();
    let report = group.report();
    let heard = if group.member().admitted { "heard" } else { "not heard" };
    let note = format!(
        "{heard}; {:.2} nats, last value {:.2}, season {:.2}",
        report.loss, report.loss_last, report.loss_season
    );
    let packets: Vec<f64> = later.steps.iter().map(|(_, sums)| sums.packets.iter().sum::<u64>() as f64).collect();
    vec![
        line("LSTM, interface", &scores, &positive, Some(&p_values), note),
        line("last value, same likelihood", &naive(&rows), &positive, None, "baseline".to_owned()),
        line("packets in the step", &packets, &positive, None, "baseline".to_owned()),
    ]
}

/// Squared distance from the last value in its own deviations, mean of the channels.
fn naive(rows: &Matrix) -> Vec<f64> {
    let mut scores = vec![0.0; rows.rows()];
    for channel in 0..rows.columns {
        let mut naive = SeasonalNaive::new(1, 1e-3);
        for (row, score) in scores.iter_mut().enumerate() {
            let (value, (mean, variance)) = (f64::from(rows.row(row)[channel]), naive.forecast());
            *score += (value - mean) * (value - mean) / variance;
            naive.observe(value);
        }
    }
    scores
}

fn table(cases: &[(String, Vec<Line>)]) -> String {
    let mut out = String::from(
        "| set | member | rows | in attacks | ROC-AUC | PR-AUC | benign rows at p ≤ 1 % | |\n|---|---|--:|--:|--:|--:|--:|---|\n",
    );
    for (name, lines) in cases {
        for line in lines {
            let realised = line.realised.map_or("–".to_owned(), |rate| format!("{:.2} %", rate * 100.0));
            let Line { member, rows, attacks, roc, pr, note, .. } = line;
            let _ =
                writeln!(out, "| {name} | {member} | {rows} | {attacks} | {roc:.3} | {pr:.3} | {realised} | {note} |");
        }
    }
    out
}

fn main() {
    let data = PathBuf::from(std::env::args().nth(1).expect("the data folder"));
    let mut cases = Vec::new();
    for case in &CASES {
        let (mut judge, _) = read(&data.join(case.learn));
        let folder = data.join("pcap-attack/qut-dnp3");
        let (_, later) = read(&folder.join(case.judge));
        let attacks = attacks(&folder.join(case.windows));
        let mut lines = hosts(judge.host_level(), &later, &attacks);
        lines.extend(series(judge.series_level(), &later, &attacks));
        cases.push((case.name.to_owned(), lines));
    }
    print!(
        "# Figures of the levels of hosts and series\n\n\
         Made by `make evaluation`; do not edit. Learned from a benign day (`control-24h`), judged on another day with labelled windows of attacks, \
         each until {AFTER_S:.0} s after its end, seed {SEED}, no threshold from labels. A minute of a host is in an attack when it is the attacker's or a \
         victim's and overlaps a window; a step of the interface when it overlaps one. The captures hold mostly traffic that is not IP: few hosts, few minutes.\n\n{}",
        table(&cases)
    );
}
