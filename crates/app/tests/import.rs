//! `tripline models import` with models that scikit-learn and PyTorch exported: the same answers as in Python, a vote once calibrated, and
//! clear words about files that do not fit.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use support::run;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../detect/src/imported/fixtures");

/// A table of six columns.
fn table(path: &Path, rows: &[f64]) {
    let mut text = "c0,c1,c2,c3,c4,c5\n".to_owned();
    for row in rows.chunks_exact(6) {
        let cells: Vec<String> = row.iter().map(f64::to_string).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    fs::write(path, text).unwrap();
}

/// Sums of twelve uniform numbers: near enough to normal.
fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut unit = || {
        // Knuth's MMIX generator; its upper bits are good enough here.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count).map(|_| (0..12).map(|_| unit()).sum::<f64>() - 6.0).collect()
}

/// Trained models, and a manifest for `name`.
fn prepared(dir: &Path) -> PathBuf {
    let (rows, models) = (dir.join("train.csv"), dir.join("models"));
    table(&rows, &normals(1_500 * 6, 1));
    run(["train", rows.to_str().unwrap(), "--out", models.to_str().unwrap(), "-q"]).done();
    models
}

fn manifest(dir: &Path, text: &str) -> String {
    let path = dir.join("model.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn models_from_python_answer_as_in_python_and_join_the_vote() {
    let dir = tempfile::tempdir().unwrap();
    let models = prepared(dir.path());
    let expected: serde_json::Value =
        serde_json::from_slice(&fs::read(Path::new(FIXTURES).join("expected.json")).unwrap()).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        expected[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let (rows, benign) = (dir.path().join("rows.csv"), dir.path().join("benign.csv"));
    table(&rows, &numbers("rows"));
    table(&benign, &normals(2_000 * 6, 2));
    let cases = [
        ("isolation_forest", "lower_is_stranger"),
        ("gradient_boosting", "attack_probability"),
        ("autoencoder", "reconstruction"),
    ];
    for (name, meaning) in cases {
        let features = "features = [\"c0\", \"c1\", \"c2\", \"c3\", \"c4\", \"c5\"]";
        let text = format!("name = \"my_{name}\"\nmeaning = \"{meaning}\"\nvalues = \"natural\"\n{features}\n");
        let (manifest, onnx) = (manifest(dir.path(), &text), format!("{FIXTURES}/{name}.onnx"));
        let import = ["models", "import", &onnx, "--manifest", &manifest, "--model", models.to_str().unwrap()];
        let tried = run([&import[..], &["--try", rows.to_str().unwrap()]].concat()).done().text();
        let answers: Vec<f64> =
            tried.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse().unwrap()).collect();
        assert_eq!(answers.len(), 64, "{tried}");
        for (answer, python) in answers.iter().zip(numbers(name)) {
            assert!((answer - python).abs() <= 1e-5 * (1.0 + python.abs()), "{name}: {answer} instead of {python}");
        }
        let shadow = run(import).done().text();
        assert!(shadow.contains("in shadow"), "{shadow}");
        let calibrated = run([&import[..], &["--calibrate", benign.to_str().unwrap()]].concat()).done().text();
        assert!(calibrated.contains("calibrated on 1000") || calibrated.contains("does not vote"), "{calibrated}");
    }
    let shown = run(["models", "show", "--model", models.to_str().unwrap()]).done().text();
    assert!(cases.iter().all(|(name, _)| shown.contains(&format!("my_{name}"))), "{shown}");
    run(["models", "verify", "--model", models.to_str().unwrap()]).done();
}

#[test]
fn what_does_not_fit_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let models = prepared(dir.path());
    let before = fs::read(models.join("flow.model")).unwrap();
    let onnx = format!("{FIXTURES}/gradient_boosting.onnx");
    let hostile = dir.path().join("hostile.onnx");
    fs::write(&hostile, &fs::read(&onnx).unwrap()[..4_000]).unwrap();
    let refused = |onnx: &str, text: &str, models: &Path, words: &[&str]| {
        let manifest = manifest(dir.path(), text);
        let ran = run(["models", "import", onnx, "--manifest", &manifest, "--model", models.to_str().unwrap()]);
        assert_eq!((ran.code, ran.stderr.lines().count()), (Some(2), 1), "{}", ran.stderr);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?}: {}", ran.stderr);
    };
    let good = "name = \"mine\"\nmeaning = \"attack_probability\"\n";
    refused(hostile.to_str().unwrap(), good, &models, &["hostile.onnx", "imported model mine"]);
    refused(&onnx, "name = \"mine\"\n", &models, &["model.toml", "meaning"]);
    refused(&onnx, &format!("{good}features = [\"c9\"]\n"), &models, &["feature c9 is not in schema"]);
    refused(&onnx, &format!("{good}colour = 1\n"), &models, &["model.toml", "colour"]);
    refused(&onnx, "name = \"loda\"\nmeaning = \"attack_probability\"\n", &models, &["has this name"]);
    refused(&onnx, good, &dir.path().join("nothing"), &["flow.model", "tripline train"]);
    refused("absent.onnx", good, &models, &["absent.onnx"]);
    assert!(fs::read(models.join("flow.model")).unwrap() == before, "a refused model changes nothing");
}
