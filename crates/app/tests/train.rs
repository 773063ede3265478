//! `train` and `evaluate` as a user calls them: tables and captures to models, models to figures, and everything that is refused.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Run, data, run};

/// A table of 900 benign rows and, when asked, attacks of two kinds among later ones.
fn table(path: &Path, attacks: bool) {
    let mut text = String::from("start,src_ip,dst_ip,dst_port,proto,bytes,packets,share,label\n");
    for row in 0..900_u32 {
        let noise = row.wrapping_mul(2_654_435_761) >> 16;
        let (bytes, packets) = (400 + noise % 900, 4 + noise % 7);
        let attack = attacks && row % 30 == 7;
        let (bytes, packets, kind) = match (attack, row % 60 == 7) {
            (false, _) => (bytes, packets, "benign"),
            (true, true) => (90_000_000, 60_000, "flood"),
            (true, false) => (1, 1, "probe"),
        };
        let port = if kind == "probe" { 31_337 } else { [80, 443, 53][row as usize % 3] };
        let start = 1_600_000_000 + row;
        let share = f64::from(noise % 100) / 100.0;
        let _ = writeln!(text, "{start},10.0.0.{},10.1.0.1,{port},tcp,{bytes},{packets},{share},{kind}", row % 20);
    }
    fs::write(path, text).unwrap();
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.text(name)
    }
    fn trained(&self) -> String {
        table(&self.path("train.csv"), false);
        run([
            "train",
            &self.text("train.csv"),
            "--out",
            &self.text("m"),
            "--label-column",
            "label",
            "--benign",
            "benign",
        ])
        .done();
        self.text("m")
    }
}

const COLUMN: [&str; 4] = ["--label-column", "label", "--benign", "benign"];

fn evaluate(model: &str, input: &str, more: &[&str]) -> Run {
    run(["evaluate", "--model", model, input].into_iter().chain(more.iter().copied()))
}

fn refused(result: &Run, words: &[&str]) {
    assert_eq!(result.code, Some(2), "{}", result.stderr);
    assert!(result.stdout.is_empty(), "{}", result.text());
    assert_eq!(result.stderr.lines().count(), 1, "{}", result.stderr);
    assert!(result.stderr.len() < 700, "{}", result.stderr);
    for word in words {
        assert!(result.stderr.contains(word), "`{word}` is not in: {}", result.stderr);
    }
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value}"))
}

#[test]
fn a_table_becomes_models_and_figures() {
    let place = Place::new();
    let model = place.trained();
    table(&place.path("test.csv"), true);
    let json = evaluate(&model, &place.text("test.csv"), &[&COLUMN[..], &["-o", "json"]].concat()).done().json();
    assert_eq!(json["schema"], "tripline.evaluation/1");
    assert_eq!((&json["rows"], &json["positives"], &json["train_rows"]), (&900.into(), &30.into(), &900.into()));
    assert!(number(&json, "/ensemble/roc_auc") > 0.99 && number(&json, "/ensemble/tpr_at_fpr/0.01") > 0.9, "{json}");
    for name in ["isolation_forest", "local_outlier_factor", "nearest_neighbours", "autoencoder"] {
        assert!(number(&json, &format!("/members/{name}/pr_auc")) > 0.1);
    }
    for baseline in ["packet_rate", "distinct_ports", "destination_port"] {
        assert!(number(&json, &format!("/baselines/{baseline}/roc_auc")) >= 0.0);
    }
    assert_eq!(json["by_kind"].as_object().unwrap().keys().collect::<Vec<_>>(), ["flood", "probe"]);
    assert_eq!(json["data_sha256"].as_str().unwrap().len(), 64);
    let text = evaluate(&model, &place.text("test.csv"), &COLUMN).done().text();
    assert!(text.contains("ensemble") && text.contains("baselines"), "{text}");
    let html = evaluate(&model, &place.text("test.csv"), &[&COLUMN[..], &["-o", "html"]].concat()).done().text();
    assert!(html.starts_with("<!doctype html>") && html.contains("<polyline") && !html.contains("<script"));
    assert!(!html.contains("http://") && !html.contains("https://"), "the page loads something");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let place = Place::new();
    table(&place.path("train.csv"), true);
    let train = |out: &str, seed: &str| {
        let args = ["train", &place.text("train.csv"), "--out", &place.text(out), "--seed", seed];
        run(args.into_iter().chain(COLUMN)).done();
        fs::read(place.path(out).join("flow.model")).unwrap()
    };
    let first = train("a", "5");
    assert!(first == train("b", "5"), "the same seed gave other bytes");
    assert!(first != train("c", "6"), "another seed gave the same bytes");
}

#[test]
fn captures_learn_and_are_measured_by_events() {
    let place = Place::new();
    let dir = place.0.path();
    let office = support::simulate(dir, "office", "office", "12m");
    let scan = support::simulate(dir, "scan", "office,port_scan_fast", "4m");
    run(["train", office.to_str().unwrap(), "--out", &place.text("m"), "-q"]).done();
    let labels = place.text("scan.csv");
    let json = evaluate(&place.text("m"), scan.to_str().unwrap(), &["--labels", &labels, "-o", "json"]).done().json();
    assert!(json["positives"].as_u64().unwrap() > 50, "{json}");
    assert!(number(&json, "/ensemble/roc_auc") > 0.9, "{json}");
    assert!(number(&json, "/ensemble/episodes_detected") >= 1.0 && number(&json, "/ensemble/time_to_detect_s") < 120.0);
    assert!(json["by_kind"].get("port_scan").is_some(), "{json}");
    let wrong =
        evaluate(&place.text("m"), scan.to_str().unwrap(), &["--packet-labels", &place.file("p.txt", "0\n1\n")]);
    refused(&wrong, &["2 labels for", "packets", "one line for each packet"]);
    refused(&evaluate(&place.text("m"), scan.to_str().unwrap(), &COLUMN), &["--label-column is for tables"]);
    table(&place.path("t.csv"), true);
    refused(
        &evaluate(&place.text("m"), &place.text("t.csv"), &COLUMN),
        &["is a table, the models learned from captures"],
    );
    let both = run(["train", &place.text("t.csv"), scan.to_str().unwrap(), "--out", &place.text("n")]);
    refused(&both, &["is a capture and", "give either captures or tables"]);
}

#[test]
fn packet_labels_mark_the_flows_they_are_in() {
    let place = Place::new();
    let scan = support::simulate(place.0.path(), "scan", "office,port_scan_fast", "3m");
    let scan = scan.to_str().unwrap();
    let office = support::simulate(place.0.path(), "office", "office", "12m");
    run(["train", office.to_str().unwrap(), "--out", &place.text("m"), "-q"]).done();
    // As many packets as `flows` counts.
    let told = run(["flows", scan, "-o", "none"]).done().stderr;
    let packets: usize = told.split(" packets").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let labels: Vec<String> = (1..=packets).map(|n| format!("{n};{}", u8::from(n == packets))).collect();
    let labels = place.file("labels.csv", labels.join("\n"));
    let json = evaluate(&place.text("m"), scan, &["--packet-labels", &labels, "-o", "json"]).done().json();
    assert_eq!(json["positives"], 1, "{json}");
}

#[test]
fn standard_input_is_a_capture_or_a_table() {
    let place = Place::new();
    table(&place.path("t.csv"), false);
    let told = support::run_from(&place.path("t.csv"), &["train", "-", "--out", &place.text("m")]).done().text();
    assert!(told.contains("learned from 900 rows of a general table"), "{told}");
    let office = support::simulate(place.0.path(), "office", "office", "12m");
    let told = support::run_from(&office, &["train", "-", "--out", &place.text("n")]).done().text();
    assert!(told.contains("rows of flows of captures"), "{told}");
}

#[test]
fn figures_that_do_not_exist_are_null_with_a_note() {
    let place = Place::new();
    let model = place.trained();
    let json = evaluate(&model, &place.text("train.csv"), &[&COLUMN[..], &["-o", "json"]].concat()).done().json();
    assert_eq!(json["positives"], 0);
    for figure in ["roc_auc", "pr_auc", "eer", "precision", "recall", "f1", "accuracy", "time_to_detect_s"] {
        assert!(json["ensemble"][figure].is_null(), "{figure}: {json}");
    }
    assert!(number(&json, "/ensemble/false_positive_rate") < 0.05);
    assert!(json["notes"][0].as_str().unwrap().contains("no row is an attack"), "{json}");
}

#[test]
fn a_model_of_another_kind_or_a_damaged_one_is_refused() {
    let place = Place::new();
    let model = place.trained();
    let test = place.file("other.csv", "start,src_ip,bytes,label\n1600000000,10.0.0.1,5,benign\n");
    refused(&evaluate(&model, &test, &COLUMN), &["lacks columns that the models learned from", "packets, share"]);
    let whole = fs::read(Path::new(&model).join("flow.model")).unwrap();
    fs::create_dir(place.path("cut")).unwrap();
    fs::write(place.path("cut").join("flow.model"), &whole[..whole.len() / 2]).unwrap();
    refused(&evaluate(&place.text("cut"), &test, &COLUMN), &["damaged", "flow.model"]);
    refused(&evaluate(&place.text("none"), &test, &COLUMN), &["none", "tripline train --out"]);
    let capture = support::simulate(place.0.path(), "office", "office", "20s");
    let analyze = run(["analyze", capture.to_str().unwrap(), "--model", &model]);
    refused(&analyze, &["table/1", "flow/1"]);
}

#[test]
fn bad_tables_and_bad_words_are_refused() {
    let place = Place::new();
    table(&place.path("t.csv"), true);
    let (t, out) = (place.text("t.csv"), place.text("m"));
    let train =
        |input: &str, more: &[&str]| run(["train", input, "--out", &out].into_iter().chain(more.iter().copied()));
    let one_row = place.file("one.csv", "a,b\n1,2\n");
    refused(&train(&one_row, &[]), &["only 1 rows", "at least 500"]);
    refused(&train(&place.file("empty.csv", ""), &[]), &["empty.csv", "it is empty"]);
    refused(&train(&place.file("short.csv", "a,b\n1,2\n3\n"), &[]), &["short.csv, line 3", "1 columns where 2"]);
    refused(&train(&place.text("gone.csv"), &[]), &["gone.csv"]);
    refused(
        &train(&place.file("cut.csv.zst", [0x28, 0xb5, 0x2f, 0xfd, 9, 9]), &[]),
        &["cut.csv.zst", "cannot be read"],
    );
    refused(&train(&t, &["--label-column", "nope", "--benign", "x"]), &["--label-column nope", "src_ip"]);
    refused(&train(&t, &["--label-column", "label", "--benign", "good"]), &["--benign good", "it holds", "flood"]);
    refused(&train(&t, &["--label-column", "label"]), &["--benign"]);
    refused(&train(&t, &["--drop", "99"]), &["--drop 99"]);
    refused(&train(&t, &["--models", "crystal_ball"]), &["crystal_ball", "isolation_forest", "random_forest"]);
    refused(&train(&t, &["--models", "random_forest"]), &["learns from labelled attacks"]);
    refused(&train(&t, &["--rows", "80-20%"]), &["--rows 80-20%", "0-50%"]);
    refused(&train(&t, &["--packet-labels", &place.file("p", "0\n")]), &["--packet-labels is for captures"]);
    refused(&train(&t, &["--labels", &place.file("e.csv", "when\n1\n")]), &["e.csv", "start,end,src,dest"]);
    let model = place.trained();
    refused(&evaluate(&model, &t, &[]), &["needs to know the attacks", "--label-column"]);
    refused(&evaluate(&model, &t, &[&COLUMN[..], &["--false-positive-rate", "2"]].concat()), &["between 0 and 1"]);
}

#[test]
fn nsl_kdd_is_learned_from_normal_rows_and_ranked() {
    let test = "nsl_kdd_is_learned_from_normal_rows_and_ranked";
    let Some(train) = data(test, "labelled-flows/nsl-kdd/KDDTrain+_20Percent.txt.zst") else { return };
    let Some(later) = data(test, "labelled-flows/nsl-kdd/KDDTest+.txt.zst") else { return };
    let place = Place::new();
    let column = ["--label-column", "42", "--benign", "normal"];
    let members = "isolation_forest,local_outlier_factor,nearest_neighbours,autoencoder";
    run(["train", train.to_str().unwrap(), "--out", &place.text("m"), "--models", members].into_iter().chain(column))
        .done();
    let json =
        evaluate(&place.text("m"), later.to_str().unwrap(), &[&column[..], &["-o", "json"]].concat()).done().json();
    assert_eq!((&json["rows"], &json["positives"]), (&22_544.into(), &12_833.into()));
    assert!(number(&json, "/ensemble/roc_auc") >= 0.96, "{}", json["ensemble"]);
    let realised = number(&json, "/ensemble/realised_over_nominal_fpr");
    assert!((0.5..=2.0).contains(&realised), "{realised}");
}

#[test]
fn an_iot_23_table_is_learned_from_its_first_half() {
    let test = "an_iot_23_table_is_learned_from_its_first_half";
    let Some(table) = data(test, "labelled-flows/iot-23/CTU-Malware-Capture-34-1-labeled.csv.zst") else { return };
    let place = Place::new();
    let (table, column) = (table.to_str().unwrap(), ["--label-column", "label", "--benign", "Benign"]);
    run(["train", table, "--rows", "0-50%", "--out", &place.text("m")].into_iter().chain(column)).done();
    let args = [&column[..], &["--rows", "50-100%", "-o", "json"]].concat();
    let json = evaluate(&place.text("m"), table, &args).done().json();
    assert!(number(&json, "/ensemble/roc_auc") > 0.95, "{}", json["ensemble"]);
    assert!(json["by_kind"].get("DDoS").is_some() && json["input"] == "Zeek conn.log");
}
