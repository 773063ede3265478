//! A user's own model: the bytes are an ONNX file, read with manifests of every meaning; and places and values to write into real files
//! of scikit-learn's and PyTorch's exporters, so that what is behind their structure is reached. What is read must answer with numbers
//! for rows of any kind, or say that it fails; nothing may panic or go on for ever.
#![no_main]

use detect::imported::{Imported, Manifest, Meaning, ValuesAre};
use libfuzzer_sys::fuzz_target;
use record::{Feature, FeatureKind, Matrix, Schema};
use std::sync::OnceLock;

/// Files that are understood: trees, boosted trees, a network.
const GOOD: [&[u8]; 3] = [
    include_bytes!("../../crates/detect/src/imported/fixtures/isolation_forest.onnx"),
    include_bytes!("../../crates/detect/src/imported/fixtures/gradient_boosting.onnx"),
    include_bytes!("../../crates/detect/src/imported/fixtures/autoencoder.onnx"),
];
const MEANINGS: [Meaning; 4] =
    [Meaning::HigherIsStranger, Meaning::LowerIsStranger, Meaning::AttackProbability, Meaning::Reconstruction];

/// Six columns, as the real files read.
fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let feature = |n: usize| Feature {
            name: format!("c{n}").into(),
            unit: "".into(),
            kind: FeatureKind::Log1p,
            phrase: "".into(),
        };
        Schema { name: "fuzz/1".into(), features: (0..6).map(feature).collect() }
    })
}

fn try_it(bytes: &[u8], choice: u8) {
    let manifest = Manifest {
        name: "fuzzed".to_owned(),
        features: Vec::new(),
        values: if choice & 4 == 0 { ValuesAre::Features } else { ValuesAre::Natural },
        scaling: None,
        output: None,
        column: (choice & 8 != 0).then_some(usize::from(choice >> 4)),
        meaning: MEANINGS[usize::from(choice & 3)],
    };
    let Ok(model) = Imported::read(bytes, manifest, schema()) else { return };
    let mut rows = Matrix::with_capacity(4, 6);
    for value in [0.0, -1.0, 1e30, f32::NAN] {
        rows.push(&[value; 6]);
    }
    let scores = model.scores(&rows);
    assert_eq!(scores.len(), 4);
    if let Ok(answers) = model.answers(&rows) {
        assert!(answers.iter().all(|answer| answer.is_finite()), "an answer that is no number");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    try_it(rest, *choice);
    let mut changed = GOOD[usize::from(*choice) % GOOD.len()].to_vec();
    // Each change is three bytes of place and one of value.
    for change in rest.chunks_exact(4).take(32) {
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % changed.len();
        changed[place] = change[3];
    }
    try_it(&changed, *choice);
});
