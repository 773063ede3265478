//! Rows without structure, for tests of what is done with models whatever they have learned.

use record::Matrix;

/// `rows` × `columns` numbers from 0 to 1.
pub fn rows(seed: u64, rows: usize, columns: usize) -> Matrix {
    let mut state = seed;
    let number = |_| {
        // Knuth's MMIX generator; its upper bits are good enough here.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    Matrix { values: (0..rows * columns).map(number).collect(), columns }
}
