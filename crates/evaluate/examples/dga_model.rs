//! Writes the model of names that the program ships (`make dga-model`): learned from the registered domains looked up in benign captures
//! (argument: the folder of shared data) and from every family of `evaluate::dga`. Owns the lesson's order and seed; the file holds
//! statistics only.
#![allow(clippy::unwrap_used, missing_docs)]

use evaluate::dga::{FAMILIES, is_kept_out, ordinary_labels};
use std::path::PathBuf;

/// Names of a family.
const NAMES: usize = 1500;

fn main() {
    let mut args = std::env::args().skip(1);
    let (data, to) = (args.next().unwrap(), args.next().unwrap());
    let labels = ordinary_labels(&PathBuf::from(data)).unwrap();
    let ordinary: Vec<&str> = labels.iter().map(String::as_str).filter(|label| !is_kept_out(label)).collect();
    let made_up: Vec<String> = FAMILIES.iter().flat_map(|family| family.names(1, NAMES)).collect();
    let made_up: Vec<&str> = made_up.iter().map(String::as_str).collect();
    let bytes = detect::names::train(&ordinary, &made_up, 1).to_bytes();
    std::fs::write(&to, &bytes).unwrap();
    eprintln!("{to}: {} bytes, from {} ordinary and {} made-up names", bytes.len(), ordinary.len(), made_up.len());
}
