//! Writes docs/reference/evaluation.md: every labelled set of the development data through `train` and `evaluate`'s own code, one
//! protocol each, with seed and hashes. `make evaluation` runs it. Owns the protocols and the words; every figure is `assess`'s.
#![allow(clippy::unwrap_used, missing_docs)]

use evaluate::tables::ReadOptions;
use evaluate::truth::{ColumnLabels, TruthOptions};
use evaluate::{AssessOptions, Evaluation, Input, InputOptions, MeterConfig, Metrics, assess, recall, teach};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Who is an attack.
enum Truth {
    /// Column, its benign values, column of kinds.
    Column(&'static str, &'static [&'static str], Option<&'static str>),
    /// One file a capture.
    Packets(&'static [&'static str]),
    /// Makes an events file in the folder.
    Events(fn(&Path, &Path) -> PathBuf),
    /// Nobody: all is benign.
    None,
}

/// Files below the data, their truth, the part of the rows, the part of the benign rows.
struct Part {
    files: &'static [&'static str],
    truth: &'static Truth,
    benign: (f64, f64),
}

struct Case {
    name: &'static str,
    train: Part,
    test: Part,
    /// Learn the attacks of the training rows too.
    labelled: bool,
    /// Share of attacks that stay in training unlabelled.
    left: f64,
    /// Models of another network: what they promise there they need not keep here.
    transfer: bool,
    protocol: &'static str,
}

const ALL: (f64, f64) = (0.0, 1.0);
const FIRST: (f64, f64) = (0.0, 0.5);
const SECOND: (f64, f64) = (0.5, 1.0);
const MEMBERS: [&str; 4] = ["isolation_forest", "nearest_neighbours", "autoencoder", "loda"];

const KDD: Truth = Truth::Column("42", &["normal"], None);
const CIC: Truth = Truth::Column("Label", &["BENIGN"], None);
const ZEEK: Truth = Truth::Column("label", &["benign"], None);
const WESTERMO: Truth = Truth::Column("NST_M_Label", &["Normal", "GOOD-SSH"], None);
const NOBODY: Truth = Truth::None;
const MODBUS: Truth = Truth::Packets(&[
    "pcap-attack/modbus-cset16/moving_two_files_modbus_6RTU_labeled.csv",
    "pcap-attack/modbus-cset16/CnC_uploading_exe_modbus_6RTU_with_operate_labeled.csv",
    "pcap-attack/modbus-cset16/send_a_fake_command_modbus_6RTU_with_operate_labeled.csv",
]);
const CALM: Truth = Truth::Events(|_, to| written(to, "start,end,src,dest,dest_port,kind\n"));
const WESTERMO_EVENTS: Truth = Truth::Events(westermo_events);
const TUNNEL_EVENTS: Truth = Truth::Events(tunnel_events);
const MIXED_EVENTS: Truth = Truth::Events(|data, to| qut_events(data, to, "attacks-mixed"));
const FLOODING_EVENTS: Truth = Truth::Events(|data, to| qut_events(data, to, "flooding"));
const MITM_EVENTS: Truth = Truth::Events(|data, to| qut_events(data, to, "mitm"));

const KDD_TRAIN: &[&str] = &["labelled-flows/nsl-kdd/KDDTrain+_20Percent.txt.zst"];
const KDD_TEST: &[&str] = &["labelled-flows/nsl-kdd/KDDTest+.txt.zst"];
const MODBUS_FILES: &[&str] = &[
    "pcap-attack/modbus-cset16/moving_two_files_modbus_6RTU.pcap.zst",
    "pcap-attack/modbus-cset16/CnC_uploading_exe_modbus_6RTU_with_operate.pcap",
    "pcap-attack/modbus-cset16/send_a_fake_command_modbus_6RTU_with_operate.pcap.zst",
];
const TUNNEL_FILES: &[&str] = &[
    "pcap-attack/dns-tunnel/benign/normal_00000-00007.sorted.pcap.zst",
    "pcap-attack/dns-tunnel/tunnel/dnscat2-txt_00001_20230903183304.pcap.zst",
    "pcap-attack/dns-tunnel/tunnel/iodine-cname.pcap.zst",
    "pcap-attack/dns-tunnel/tunnel/dns2tcp-key_00002_20230905100101.pcap.zst",
];
#[rustfmt::skip]
const CIC_FILES: &[&str] = &[
    "labelled-flows/cicids2017-improved/BENIGN_5000.csv.zst", "labelled-flows/cicids2017-improved/Botnet_736.csv.zst",
    "labelled-flows/cicids2017-improved/DDoS_5000.csv.zst", "labelled-flows/cicids2017-improved/DoS_GoldenEye_5000.csv.zst",
    "labelled-flows/cicids2017-improved/DoS_Hulk_5000.csv.zst", "labelled-flows/cicids2017-improved/DoS_Slowhttptest_1740.csv.zst",
    "labelled-flows/cicids2017-improved/DoS_Slowloris_3859.csv.zst", "labelled-flows/cicids2017-improved/FTP-Patator_3972.csv.zst",
    "labelled-flows/cicids2017-improved/Heartbleed_11.csv", "labelled-flows/cicids2017-improved/Infiltration_-_Portscan_5000.csv.zst",
    "labelled-flows/cicids2017-improved/Infiltration_36.csv", "labelled-flows/cicids2017-improved/Portscan_5000.csv.zst",
    "labelled-flows/cicids2017-improved/SSH-Patator_2961.csv.zst", "labelled-flows/cicids2017-improved/Web_Attack_-_Brute_Force_73.csv",
    "labelled-flows/cicids2017-improved/Web_Attack_-_SQL_Injection_13.csv", "labelled-flows/cicids2017-improved/Web_Attack_-_XSS_18.csv",
];
const HONEYPOTS: &[&str] = &[
    "labelled-flows/iot-23/CTU-Honeypot-Capture-4-1-labeled.csv",
    "labelled-flows/iot-23/CTU-Honeypot-Capture-5-1-labeled.csv",
];
const OWN: &str =
    "learned from the first half of its benign rows in time; judged: the later benign rows and all attacks";

const fn same(
    name: &'static str,
    files: &'static [&'static str],
    truth: &'static Truth,
    protocol: &'static str,
) -> Case {
    let (train, test) = (Part { files, truth, benign: FIRST }, Part { files, truth, benign: SECOND });
    Case { name, train, test, labelled: false, left: 0.0, transfer: false, protocol }
}

const fn other(name: &'static str, train: Part, test: Part, protocol: &'static str) -> Case {
    Case { name, train, test, labelled: false, left: 0.0, transfer: false, protocol }
}

const fn whole(files: &'static [&'static str], truth: &'static Truth) -> Part {
    Part { files, truth, benign: ALL }
}

#[rustfmt::skip]
static CASES: &[Case] = &[
    other("NSL-KDD, one class", whole(KDD_TRAIN, &KDD), whole(KDD_TEST, &KDD), "learned from the normal rows of KDDTrain+_20Percent; judged: KDDTest+"),
    Case { labelled: true, ..other("NSL-KDD, with labels", whole(KDD_TRAIN, &KDD), whole(KDD_TEST, &KDD), "learned from KDDTrain+_20Percent with its labels; judged: KDDTest+") },
    Case { left: 0.004, ..other("NSL-KDD, 0.4 % attacks left", whole(KDD_TRAIN, &KDD), whole(KDD_TEST, &KDD), "as one class, with 0.4 % of the training rows attacks that nobody labelled") },
    same("CICIDS2017 (corrected)", CIC_FILES, &CIC, OWN),
    Case { left: 0.004, ..same("CICIDS2017, 0.4 % attacks left", CIC_FILES, &CIC, "as before, with 0.4 % attacks in training") },
    same("IoT-23, Mirai (34-1)", &["labelled-flows/iot-23/CTU-Malware-Capture-34-1-labeled.csv.zst"], &ZEEK, OWN),
    Case { left: 0.004, ..same("IoT-23, Mirai, 0.4 % attacks left", &["labelled-flows/iot-23/CTU-Malware-Capture-34-1-labeled.csv.zst"], &ZEEK, "as before, with 0.4 % attacks in training") },
    same("IoT-23, Torii (20-1)", &["labelled-flows/iot-23/CTU-Malware-Capture-20-1-labeled.csv.zst"], &ZEEK, OWN),
    same("IoT-23, Trojan (42-1)", &["labelled-flows/iot-23/CTU-Malware-Capture-42-1-labeled.csv.zst"], &ZEEK, OWN),
    same("IoT-23, Echo (5-1), benign only", &["labelled-flows/iot-23/CTU-Honeypot-Capture-5-1-labeled.csv"], &ZEEK, "learned from the first half, judged: the second; false alarms only"),
    Case { transfer: true, ..other("CTU-SME-11, another network's models", whole(HONEYPOTS, &ZEEK), whole(&["labelled-flows/ctu-sme-11/conn.log.labeled"], &ZEEK), "its 44 benign rows are too few to learn from: learned from IoT-23's two honeypots, so its false positives are not those of the same source") },
    same("Westermo, bottom", &["labelled-flows/westermo-2023/flows_bottom.csv.zst"], &WESTERMO, OWN),
    same("Westermo, left", &["labelled-flows/westermo-2023/flows_left.csv.zst"], &WESTERMO, OWN),
    same("Westermo, right", &["labelled-flows/westermo-2023/flows_right.csv.zst"], &WESTERMO, OWN),
    same("Westermo, right, capture", &["pcap-attack/westermo-2023/right.pcap.zst"], &WESTERMO_EVENTS, "as the table; rows of the attackers' link addresses within their events are attacks, other rows in events of misconfiguration are left out"),
    other("QUT DNP3, mixed", whole(&["pcap-attack/qut-dnp3/control-24h.pcap.zst"], &NOBODY), whole(&["pcap-attack/qut-dnp3/attacks-mixed-24h.pcap.zst"], &MIXED_EVENTS), "learned from the control day; judged: another day, events 1 s before to 6 s after each window"),
    other("QUT DNP3, flooding", whole(&["pcap-attack/qut-dnp3/control-24h.pcap.zst"], &NOBODY), whole(&["pcap-attack/qut-dnp3/flooding-24h.pcap.zst"], &FLOODING_EVENTS), "as before"),
    other("QUT DNP3, man in the middle", whole(&["pcap-attack/qut-dnp3/control-24h.pcap.zst"], &NOBODY), whole(&["pcap-attack/qut-dnp3/mitm-24h.pcap.zst"], &MITM_EVENTS), "as before"),
    same("Modbus CSET 2016, three captures", MODBUS_FILES, &MODBUS, "packet labels; learned from the first half of the benign flows, judged: the others and all attacks"),
    same("DNS tunnels", TUNNEL_FILES, &TUNNEL_EVENTS, "learned from the first half of the benign capture; judged: its second half and three tunnels"),
    same("Smart lock's hub, a week, benign only", &["pcap-benign/iot-week/lockly-hub-01.pcap.zst"], &CALM, "learned from the first half, judged: the second; false alarms only"),
    same("Time servers, 15 h, benign only", &["pcap-benign/infra/ntp-chatty-15h.pcap.zst"], &CALM, "learned from the first half, judged: the second; false alarms only"),
];

/// The attacker's link address, and every TCP conversation of the stations (a quiet network has none).
fn qut_events(data: &Path, to: &Path, name: &str) -> PathBuf {
    let text = std::fs::read_to_string(data.join(format!("pcap-attack/qut-dnp3/{name}-24h.windows.csv"))).unwrap();
    let mut out = String::from("start,end,src,dest,dest_port,kind\n");
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let (start, end): (f64, f64) = (cells[2].parse().unwrap(), cells[3].parse().unwrap());
        let kind = cells[4];
        let _ = writeln!(out, "{0},{1},00:10:18:cb:8c:13,,,{kind}\n{0},{1},,,20000,{kind}", start - 1.0, end + 6.0);
    }
    written(to, &out)
}

fn westermo_events(data: &Path, to: &Path) -> PathBuf {
    let text = std::fs::read_to_string(data.join("labelled-flows/westermo-2023/windows.csv")).unwrap();
    let mut out = String::from("start,end,src,dest,dest_port,kind\n");
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let attacker = match cells[2] {
            "BAD-SSH" | "BAD-PORTSCAN1" | "BAD-PORTSCAN2" => "00:24:9b:6d:b8:89",
            "BAD-MITM" => "b8:27:eb:d1:b7:ef",
            "GOOD-SSH" => continue,
            // A misconfigured device has no attacker: nobody can say which of the rows are its doing.
            _ => {
                let _ = writeln!(out, "{},{},,,,unknown", cells[0], cells[1]);
                continue;
            }
        };
        let _ = writeln!(out, "{},{},{attacker},,,{}", cells[0], cells[1], cells[2]);
    }
    written(to, &out)
}

/// The tunnels were recorded on other days.
fn tunnel_events(_: &Path, to: &Path) -> PathBuf {
    written(
        to,
        "start,end,src,dest,dest_port,kind\n2023-09-03T00:00:00Z,2023-09-03T23:59:59Z,,,,dnscat2\n2023-09-04T00:00:00Z,2023-09-04T23:59:59Z,,,,iodine\n2023-09-05T00:00:00Z,2023-09-05T23:59:59Z,,,,dns2tcp\n",
    )
}

fn written(to: &Path, text: &str) -> PathBuf {
    let path = to.join("events.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn open(data: &Path, part: &Part) -> Result<Input, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut truth = TruthOptions::default();
    match part.truth {
        Truth::Column(column, benign, kind) => {
            let benign = benign.iter().map(|value| (*value).to_owned()).collect();
            truth.column = Some(ColumnLabels { column: (*column).to_owned(), benign, kind: kind.map(str::to_owned) });
        }
        Truth::Packets(files) => truth.packets = files.iter().map(|file| data.join(file)).collect(),
        Truth::Events(make) => truth.events = Some(make(data, dir.path())),
        Truth::None => {}
    }
    let files: Vec<PathBuf> = part.files.iter().map(|file| data.join(file)).collect();
    let options = InputOptions { read: ReadOptions::default(), truth, part: ALL, benign_part: part.benign };
    Input::open(&files, &MeterConfig::default(), &options, &mut |_| {}).map_err(|error| error.to_string())
}

fn measure(data: &Path, case: &Case, seed: u64) -> Result<Evaluation, String> {
    let mut lesson = open(data, &case.train)?;
    if case.left > 0.0 {
        lesson.leave_attacks(case.left, seed);
    }
    let members: Vec<String> = MEMBERS.iter().map(|name| (*name).to_owned()).collect();
    let models = if case.labelled { Vec::new() } else { members };
    let config = detect::EnsembleConfig::default();
    let taught = teach(&mut lesson, &models, seed, &config, &mut |_| {}).map_err(|error| error.to_string())?;
    drop(lesson);
    let models = recall(&taught.ensemble.to_bytes()).map_err(|error| error.to_string())?;
    let mut input = open(data, &case.test)?;
    let options = AssessOptions { seed, ..AssessOptions::default() };
    assess(&mut input, &models, &options).map(|(evaluation, _)| evaluation).map_err(|error| error.to_string())
}

fn number(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.3}"))
}

fn interval(ends: Option<[f64; 2]>) -> String {
    ends.map_or(String::new(), |[low, high]| format!(" ({low:.3}–{high:.3})"))
}

/// The admitted member with the greatest PR-AUC.
fn best(e: &Evaluation) -> Option<(&str, f64)> {
    best_of(e, |m| m.admitted == Some(true))
}

/// The greatest PR-AUC of those members that `wanted` says.
fn best_of(e: &Evaluation, wanted: fn(&Metrics) -> bool) -> Option<(&str, f64)> {
    let wanted = e.members.iter().filter(|(_, m)| m.admitted.is_some() && wanted(m));
    wanted.filter_map(|(name, m)| Some((&**name, m.pr_auc?))).max_by(|a, b| a.1.total_cmp(&b.1))
}

fn summary(out: &mut String, results: &[(&Case, Result<Evaluation, String>)]) {
    out.push_str("| set | learned from | judged | attacks | ROC-AUC | PR-AUC | best admitted member's PR-AUC | best baseline's PR-AUC | false positives / nominal |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (case, result) in results {
        let Ok(e) = result else {
            let _ = writeln!(out, "| {} | | | | not measured | | | | |", case.name);
            continue;
        };
        let member = best(e).map_or("–".to_owned(), |(name, area)| format!("{area:.3} {}", name.replace('_', " ")));
        let baseline =
            e.baselines.iter().filter_map(|(name, m)| Some((name, m.pr_auc?))).max_by(|a, b| a.1.total_cmp(&b.1));
        let baseline =
            baseline.map_or("–".to_owned(), |(name, area)| format!("{area:.3} {}", name.replace('_', " ")));
        let m = &e.ensemble;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {}{} | {}{} | {member} | {baseline} | {}{} |",
            case.name,
            e.train_rows,
            e.rows,
            e.positives,
            number(m.roc_auc),
            interval(m.roc_auc_interval),
            number(m.pr_auc),
            interval(m.pr_auc_interval),
            number(m.realised_over_nominal_fpr),
            interval(m.realised_over_nominal_interval)
        );
    }
}

fn row(out: &mut String, name: &str, m: &Metrics) {
    let caught = |rate: &str| number(m.tpr_at_fpr.get(rate).copied().flatten());
    let silent = if m.admitted == Some(false) { " (silent)" } else { "" };
    let cells = [
        number(m.roc_auc),
        number(m.pr_auc),
        number(m.eer),
        caught("0.001"),
        caught("0.01"),
        number(m.precision),
        number(m.recall),
        number(m.f1),
        number(m.accuracy),
        number(m.realised_over_nominal_fpr),
        number(m.false_alarms_per_hour),
        format!("{}/{}", m.episodes_detected, m.episodes),
        number(m.time_to_detect_s),
    ];
    let _ = writeln!(out, "| {}{silent} | {} |", name.replace('_', " "), cells.join(" | "));
}

fn details(out: &mut String, case: &Case, result: &Result<Evaluation, String>) {
    let _ = writeln!(out, "\n### {}\n\n{}.", case.name, capital(case.protocol));
    let e = match result {
        Ok(e) => e,
        Err(error) => {
            let _ = writeln!(out, "\nNot measured: {error}.");
            return;
        }
    };
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    let _ = writeln!(
        out,
        "{} · training data `{}` · judged data `{}` · split: {}.\n",
        e.input,
        short(&e.train_sha256),
        short(&e.data_sha256),
        e.split
    );
    out.push_str("| | ROC-AUC | PR-AUC | EER | TPR at 0.1 % | TPR at 1 % | precision | recall | F1 | accuracy | FPR / nominal | false alarms/h | episodes | s to detect |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    row(out, "**ensemble**", &e.ensemble);
    e.members.iter().chain(&e.baselines).for_each(|(name, m)| row(out, name, m));
    if !e.by_kind.is_empty() {
        let kinds = e
            .by_kind
            .iter()
            .map(|(name, m)| format!("{name} {} ({}/{})", number(m.roc_auc), m.episodes_detected, m.episodes));
        let _ = writeln!(out, "\nROC-AUC by kind, with episodes detected: {}.", kinds.collect::<Vec<_>>().join(", "));
    }
    below_best(out, e);
    for note in &e.notes {
        let _ = writeln!(out, "\nNote: {note}.");
    }
}

/// Why the vote is below its best member, where it is.
fn below_best(out: &mut String, e: &Evaluation) {
    let Some(((name, area), own)) = best(e).zip(e.ensemble.pr_auc).filter(|((_, area), own)| own + 5e-4 < *area) else {
        return;
    };
    let inside = e.ensemble.pr_auc_interval.is_some_and(|[low, high]| (low..=high).contains(&area));
    let sure = if inside { "within" } else { "outside" };
    let lower = |m: &Metrics| m.admitted == Some(true) && m.pr_auc.is_some_and(|area| area < own);
    let weak = e.members.iter().filter(|(_, m)| lower(m)).map(|(name, _)| name.replace('_', " "));
    let weak = weak.collect::<Vec<_>>().join(" and ");
    let (below, name) = (area - own, name.replace('_', " "));
    let _ = writeln!(
        out,
        "\nThe vote is {below:.3} below {name}, {sure} its own interval: {weak} rank these attacks lower and vote too."
    );
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// How far the nominal rate of false positives was kept, on later benign rows of the same source.
fn promises(out: &mut String, results: &[(&Case, Result<Evaluation, String>)], verdict: &dyn Fn(bool) -> &'static str) {
    let of_source = results.iter().filter(|(case, _)| !case.labelled && case.left == 0.0 && !case.transfer);
    let rates: Vec<(f64, [f64; 2])> = of_source
        .filter_map(|(_, r)| {
            let m = &r.as_ref().ok()?.ensemble;
            Some((m.realised_over_nominal_fpr?, m.realised_over_nominal_interval?))
        })
        .collect();
    let kept = rates.iter().filter(|(rate, _)| (0.5..=2.0).contains(rate)).count();
    let may = rates.iter().filter(|(_, [low, high])| *low <= 2.0 && *high >= 0.5).count();
    let all = rates.len();
    let _ = writeln!(
        out,
        "| realised false-positive rate within 0.5 to 2 times the nominal one | {kept} of {all} sets | {} |\n| the same, where the 95 % interval reaches into 0.5 to 2 (no goal: few rows cannot say more) | {may} of {all} sets | |",
        verdict(kept == all)
    );
}

fn goals(out: &mut String, results: &[(&Case, Result<Evaluation, String>)]) {
    let find =
        |name: &str| results.iter().find(|(case, _)| case.name == name).and_then(|(_, result)| result.as_ref().ok());
    let verdict = |met: bool| if met { "met" } else { "missed" };
    out.push_str("\n## Goals\n\n| goal | measured | |\n|---|---|---|\n");
    let area = |name: &str| find(name).and_then(|e| e.ensemble.roc_auc).unwrap_or(0.0);
    let one = area("NSL-KDD, one class");
    let _ = writeln!(out, "| NSL-KDD one class: ROC-AUC at least 0.97 | {one:.4} | {} |", verdict(one >= 0.97));
    if let Some(accuracy) = find("NSL-KDD, with labels").and_then(|e| e.ensemble.accuracy) {
        let _ = writeln!(
            out,
            "| NSL-KDD with labels: accuracy at least 0.88 at a threshold from training | {accuracy:.4} | {} |",
            verdict(accuracy >= 0.88)
        );
    }
    let above = |wanted: fn(&Metrics) -> bool| {
        let own_and_best = |e: &Evaluation| Some((e.ensemble.pr_auc?, best_of(e, wanted)?.1));
        let fair = results.iter().filter_map(|(_, r)| own_and_best(r.as_ref().ok()?));
        fair.fold((0, 0), |(above, all), (own, best)| (above + usize::from(own + 5e-4 >= best), all + 1))
    };
    let (voting, all) = above(|m| m.admitted == Some(true));
    let _ = writeln!(
        out,
        "| PR-AUC at or above the best admitted member on three quarters of the sets | {voting} of {all} | {} |",
        verdict(voting * 4 >= all * 3)
    );
    let (any, all) = above(|_| true);
    let _ = writeln!(out, "| the same against the best of all members, voting or not (no goal) | {any} of {all} | |");
    promises(out, results, &verdict);
    for (clean, left) in [
        ("NSL-KDD, one class", "NSL-KDD, 0.4 % attacks left"),
        ("CICIDS2017 (corrected)", "CICIDS2017, 0.4 % attacks left"),
        ("IoT-23, Mirai (34-1)", "IoT-23, Mirai, 0.4 % attacks left"),
    ] {
        let fall = area(clean) - area(left);
        let _ = writeln!(
            out,
            "| {clean}: ROC-AUC falls by at most 0.02 with 0.4 % attacks in training | {fall:.4} | {} |",
            verdict(fall <= 0.02)
        );
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let data = PathBuf::from(arguments.next().expect("folder of the data"));
    let seed: u64 = arguments.next().map_or(1, |seed| seed.parse().expect("a seed"));
    let only = arguments.next();
    let mut results = Vec::new();
    for case in CASES.iter().filter(|case| only.as_deref().is_none_or(|only| case.name.contains(only))) {
        eprintln!("{}", case.name);
        results.push((case, measure(&data, case, seed)));
    }
    let mut out = format!(
        "{HEAD}\nSeed {seed}; nominal false-positive rate 0.01, with labels what training chose; default settings.\n\n"
    );
    summary(&mut out, &results);
    goals(&mut out, &results);
    out.push_str("\n## Each set\n");
    for (case, result) in &results {
        details(&mut out, case, result);
    }
    print!("{out}");
}

const HEAD: &str = "# Evaluation

Generated by `make evaluation` from the labelled sets of the development data (`../shared/data`, made by others); do not edit. Figures are those of
`tripline train` and `tripline evaluate` ([what they mean](../how-to/train-and-evaluate.md#what-the-figures-mean)).

Protocol: a model sees benign rows only (unless the set says \"with labels\" or \"attacks left\"), and, where rows have times, only benign rows that are earlier than the
benign rows it is judged on. No set has settings of its own. Thresholds come from the artifact's calibration; no label of the judged rows is seen by anything but
the count. Attacks of the judged part may lie earlier in time than benign rows that were learned from: they were never learned from. Baselines learn from the
same rows as the models. The interval of the false-positive rate takes benign rows for independent, which rows of one host are not: it is too narrow rather than too wide. What was
chosen with sets in view is said in [decision 7](../decisions/0007-smallest-p-value.md): the figures of those sets are not those of a network nobody has seen. A line with \"(silent)\" is a member that broke its promised false-positive rate in training and has no vote.

## All sets
";
