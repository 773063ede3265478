//! Model files: any bytes; and a real one with the input's bytes written over it (place, value), its checksums made right again, or
//! nothing behind them would ever be reached. What loads must judge without a panic.
#![no_main]

use detect::{Ensemble, EnsembleConfig};
use libfuzzer_sys::fuzz_target;
use record::Matrix;
use std::sync::LazyLock;

static REAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let columns = features::flow_schema().features.len();
    let config = EnsembleConfig {
        trees: 5,
        reference_rows: 64,
        autoencoders: 1,
        autoencoder_epochs: 1,
        ..EnsembleConfig::default()
    };
    let (ensemble, _) =
        Ensemble::train(features::flow_schema(), &rows(600, columns), 1, &config, &mut |_| {}).expect("trains");
    ensemble.to_bytes()
});

fn rows(count: usize, columns: usize) -> Matrix {
    let values = (0..count * columns).map(|n| ((n * 2_654_435_761) % 1_000) as f32 / 100.0).collect();
    Matrix { values, columns }
}

/// Section by section (name 24, offset 8, length 8, checksum 4), then the table's own checksum.
fn seal(bytes: &mut [u8]) {
    let sections = u32::from_le_bytes(bytes[12..16].try_into().expect("four")) as usize;
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 8).map(|b| u64::from_le_bytes(b.try_into().expect("eight")) as usize)
    };
    for at in (0..sections.min(64)).map(|n| 24 + n * 44) {
        let (Some(offset), Some(len)) = (word(bytes, at + 24), word(bytes, at + 32)) else { return };
        let Some(section) = offset.checked_add(len).and_then(|end| bytes.get(offset..end)) else { continue };
        let checksum = crc32fast::hash(section);
        bytes[at + 40..at + 44].copy_from_slice(&checksum.to_le_bytes());
    }
    let end = 24 + sections.min(64) * 44;
    let checksum = crc32fast::hash(&bytes[..end]);
    bytes[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
}

fuzz_target!(|data: &[u8]| {
    let schema = features::flow_schema();
    let _ = Ensemble::from_bytes(data, schema);
    let mut bytes = REAL.clone();
    for change in data.chunks_exact(4) {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % bytes.len();
        bytes[at] = change[3];
    }
    seal(&mut bytes);
    if let Ok(ensemble) = Ensemble::from_bytes(&bytes, schema) {
        let rows = rows(4, schema.features.len());
        ensemble.judge(&rows, &mut Vec::new());
        let _ = ensemble.explain(&rows.values[..schema.features.len()]);
    }
});
