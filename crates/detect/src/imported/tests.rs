//! Models that scikit-learn's and PyTorch's exporters wrote against what Python says of the same rows; files that lie.
#![allow(clippy::unwrap_used)]

use super::proto::{Attribute, Graph, Model, Node, RawTensor, ValueInfo};
use super::*;
use prost::Message;
use record::Feature;

const FOREST: &[u8] = include_bytes!("fixtures/isolation_forest.onnx");
const BOOSTING: &[u8] = include_bytes!("fixtures/gradient_boosting.onnx");
const AUTOENCODER: &[u8] = include_bytes!("fixtures/autoencoder.onnx");
const EXPECTED: &str = include_str!("fixtures/expected.json");

/// Six columns, the second of which the schema keeps as ln(1 + x).
fn schema() -> Schema {
    let kind = |column| if column == 1 { FeatureKind::Log1p } else { FeatureKind::Linear };
    let feature = |column: usize| Feature {
        name: format!("c{column}").into(),
        unit: "".into(),
        kind: kind(column),
        phrase: "".into(),
    };
    Schema { name: "test/1".into(), features: (0..6).map(feature).collect::<Vec<_>>().into() }
}

fn manifest(meaning: Meaning) -> Manifest {
    let name = "mine".to_owned();
    Manifest { name, features: vec![], values: ValuesAre::Features, scaling: None, output: None, column: None, meaning }
}

fn expected(name: &str) -> Vec<f32> {
    let all: serde_json::Value = serde_json::from_str(EXPECTED).unwrap();
    all[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn rows() -> Matrix {
    Matrix { values: expected("rows"), columns: 6 }
}

fn assert_same(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{found} instead of {expected}");
    }
}

#[test]
fn models_from_python_say_what_they_say_in_python() {
    let cases = [
        ("isolation_forest", FOREST, Meaning::LowerIsStranger),
        ("gradient_boosting", BOOSTING, Meaning::AttackProbability),
        ("autoencoder", AUTOENCODER, Meaning::Reconstruction),
    ];
    for (name, bytes, meaning) in cases {
        let model = Imported::read(bytes, manifest(meaning), &schema()).unwrap();
        assert_same(&model.answers(&rows()).unwrap(), &expected(name));
        let sign = if meaning == Meaning::LowerIsStranger { -1.0 } else { 1.0 };
        let scores: Vec<f32> = model.scores(&rows()).iter().map(|score| score * sign).collect();
        assert_same(&scores, &expected(name));
    }
}

#[test]
fn a_manifest_orders_scales_and_undoes_columns() {
    let backwards: Vec<String> = (0..6).rev().map(|column| format!("c{column}")).collect();
    let scaling = Scaling { mean: vec![1.0; 6], deviation: vec![2.0; 6] };
    let given = Manifest {
        features: backwards,
        scaling: Some(scaling),
        values: ValuesAre::Natural,
        ..manifest(Meaning::AttackProbability)
    };
    let model = Imported::read(BOOSTING, given, &schema()).unwrap();
    let mut turned = Matrix { values: Vec::new(), columns: 6 };
    for row in expected("rows").chunks_exact(6) {
        // What prepares to the row that Python saw.
        let mut own: Vec<f32> = row.iter().rev().map(|value| value * 2.0 + 1.0).collect();
        own[1] = own[1].max(-0.99);
        own[1] = own[1].ln_1p();
        turned.push(&own);
    }
    let unclamped: Vec<usize> = (0..64).filter(|row| expected("rows")[row * 6 + 4] * 2.0 + 1.0 > -0.9).collect();
    assert!(unclamped.len() > 30);
    let (found, python) = (model.answers(&turned).unwrap(), expected("gradient_boosting"));
    let pick = |values: &[f32]| unclamped.iter().map(|row| values[*row]).collect::<Vec<_>>();
    assert_same(&pick(&found), &pick(&python));
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let why = |bytes: &[u8], manifest: Manifest| Imported::read(bytes, manifest, &schema()).unwrap_err().to_string();
    let plain = manifest(Meaning::HigherIsStranger);
    let with = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = plain.clone();
        change(&mut manifest);
        manifest
    };
    assert!(why(BOOSTING, with(&|m| m.features = vec!["c9".into()])).contains("feature c9 is not in schema test/1"));
    assert!(why(BOOSTING, with(&|m| m.features = vec!["c1".into()])).contains("reads 6 columns, the manifest names 1"));
    assert!(why(BOOSTING, with(&|m| m.name = "Mine!".into())).contains("small letters"));
    assert!(why(BOOSTING, with(&|m| m.output = Some("x".into()))).contains("output x is not there"));
    assert!(why(BOOSTING, with(&|m| m.column = Some(7))).contains("column 7"));
    assert!(why(BOOSTING, manifest(Meaning::Reconstruction)).contains("gives back 2 columns of 6"));
    let none = Scaling { mean: vec![0.0; 6], deviation: vec![0.0; 6] };
    assert!(why(BOOSTING, with(&|m| m.scaling = Some(none.clone()))).contains("deviation is 0"));
    assert!(why(b"", plain.clone()).contains("no graph"));
    assert!(why(b"not a model at all", plain).contains("no ONNX file"));
}

#[test]
fn a_cut_or_changed_file_never_harms() {
    for bytes in [FOREST, BOOSTING, AUTOENCODER] {
        for end in (0..bytes.len()).step_by(bytes.len() / 97 + 1) {
            let _ = Imported::read(&bytes[..end], manifest(Meaning::HigherIsStranger), &schema());
        }
        let mut random = crate::random::Random::new(5, 0x0e);
        for _ in 0..400 {
            let mut changed = bytes.to_vec();
            for _ in 0..3 {
                let at = (random.unit() * (changed.len() - 1) as f32) as usize;
                changed[at] = (random.unit() * 255.0) as u8;
            }
            if let Ok(model) = Imported::read(&changed, manifest(Meaning::HigherIsStranger), &schema()) {
                assert!(model.scores(&rows()).iter().all(|score| score.is_finite()));
            }
        }
    }
}

/// A graph of nodes from `x` (rows × 6) to `y`.
fn graph(nodes: Vec<Node>, initializers: Vec<RawTensor>) -> Vec<u8> {
    let tensor = super::proto::TensorKind { element: 1, shape: None };
    let kind = Some(super::proto::ValueKind { tensor: Some(tensor) });
    let info = |name: &str| ValueInfo { name: name.to_owned(), kind: kind.clone() };
    let graph = Graph { nodes, initializers, inputs: vec![info("x")], outputs: vec![info("y")] };
    Model { graph: Some(graph) }.encode_to_vec()
}

fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
    let inputs = inputs.iter().map(|name| (*name).to_owned()).collect();
    Node { inputs, outputs: vec![output.to_owned()], op_type: op_type.to_owned(), ..Node::default() }
}

fn floats(name: &str, dims: Vec<i64>, floats: Vec<f32>) -> RawTensor {
    RawTensor { dims, data_type: 1, floats, name: name.to_owned(), ..RawTensor::default() }
}

#[test]
fn hostile_graphs_are_refused_before_they_cost_anything() {
    let why = |bytes: Vec<u8>| {
        Imported::read(&bytes, manifest(Meaning::HigherIsStranger), &schema()).unwrap_err().to_string()
    };
    assert!(why(graph(vec![node("Loop", &["x"], "y")], vec![])).contains("operator Loop is not understood"));
    assert!(why(graph(vec![node("Neg", &["z"], "y")], vec![])).contains("input z is not computed before it"));
    let huge = floats("c", vec![1 << 20, 1 << 20], vec![]);
    assert!(why(graph(vec![node("Add", &["x", "c"], "y")], vec![huge])).contains("too large"));
    // An outer sum of two harmless vectors.
    let (tall, wide) = (floats("t", vec![8192, 1], vec![0.0; 8192]), floats("w", vec![1, 8192], vec![0.0; 8192]));
    assert!(why(graph(vec![node("Add", &["t", "w"], "y")], vec![tall, wide])).contains("too large"));
    let away = RawTensor { location: 1, ..floats("c", vec![1], vec![1.0]) };
    assert!(why(graph(vec![node("Add", &["x", "c"], "y")], vec![away])).contains("another file"));
    // A tree whose nodes are each other's children.
    let list = |name: &str, ints: Vec<i64>| Attribute { name: name.to_owned(), ints, ..Attribute::default() };
    let modes =
        Attribute { name: "nodes_modes".into(), texts: vec![b"BRANCH_LEQ".to_vec(); 2], ..Attribute::default() };
    let values = Attribute { name: "nodes_values".into(), floats: vec![0.0; 2], ..Attribute::default() };
    let ids = [("nodes_treeids", vec![0, 0]), ("nodes_nodeids", vec![0, 1]), ("nodes_featureids", vec![0, 0])];
    let children = [("nodes_truenodeids", vec![1, 0]), ("nodes_falsenodeids", vec![1, 0])];
    let mut tree = node("TreeEnsembleRegressor", &["x"], "y");
    tree.attributes =
        ids.into_iter().chain(children).map(|(name, ints)| list(name, ints)).chain([modes, values]).collect();
    assert!(why(graph(vec![tree], vec![])).contains("two parents"));
    // An answer that mixes the rows of a batch.
    let mut whole = node("ReduceMean", &["x"], "m");
    whole.attributes = vec![Attribute { name: "keepdims".into(), int: 1, ..Attribute::default() }];
    let mixed = vec![whole, node("Sub", &["x", "m"], "y")];
    assert!(why(graph(mixed, vec![])).contains("depends on the other rows"));
    let endless = vec![node("Div", &["x", "z"], "y")];
    assert!(why(graph(endless, vec![floats("z", vec![1], vec![0.0])])).contains("no number"));
}
