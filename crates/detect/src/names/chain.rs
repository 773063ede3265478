//! How probable each letter of a name is after the two before it, among ordinary names: interpolated counts, kept as one byte a triple.
//! Owns the alphabet and the table; judges nothing.

/// Symbols: the edge of a name, 26 letters, ten digits, everything else.
const SYMBOLS: usize = 38;
/// Bytes of the table.
pub(super) const TABLE: usize = SYMBOLS * SYMBOLS * SYMBOLS;
/// Steps of a byte in one unit of natural logarithm.
const STEPS: f32 = 16.0;
/// Weight of the shorter context in a longer one, in counts (additive smoothing towards it).
const BACK_OFF: f32 = 20.0;

/// The table: minus the logarithm of each triple's probability.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain(Vec<u8>);

fn symbol(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a') + 1,
        b'0'..=b'9' => usize::from(byte - b'0') + 27,
        _ => SYMBOLS - 1,
    }
}

/// Triples of symbols of a name, with the edge on both ends, as places in the table.
fn triples(label: &str) -> impl Iterator<Item = usize> + '_ {
    let (mut a, mut b) = (0, 0);
    label.bytes().map(symbol).chain([0]).map(move |c| {
        let place = (a * SYMBOLS + b) * SYMBOLS + c;
        (a, b) = (b, c);
        place
    })
}

impl Chain {
    /// Learns from ordinary labels.
    pub(super) fn learn(labels: &[&str]) -> Self {
        let (mut three, mut two, mut one) = (vec![0f32; TABLE], vec![0f32; SYMBOLS * SYMBOLS], vec![0f32; SYMBOLS]);
        for place in labels.iter().flat_map(|label| triples(label)) {
            three[place] += 1.0;
            two[place % (SYMBOLS * SYMBOLS)] += 1.0;
            one[place % SYMBOLS] += 1.0;
        }
        let total: f32 = one.iter().sum();
        let after_two: Vec<f32> = three.chunks_exact(SYMBOLS).map(|row| row.iter().sum()).collect();
        let after_one: Vec<f32> = two.chunks_exact(SYMBOLS).map(|row| row.iter().sum()).collect();
        let table = (0..TABLE).map(|place| {
            let (b, c) = (place / SYMBOLS % SYMBOLS, place % SYMBOLS);
            let alone = (one[c] + 1.0) / (total + SYMBOLS as f32);
            let pair = (two[b * SYMBOLS + c] + BACK_OFF * alone) / (after_one[b] + BACK_OFF);
            let triple = (three[place] + BACK_OFF * pair) / (after_two[place / SYMBOLS] + BACK_OFF);
            (-triple.ln() * STEPS).clamp(0.0, 255.0).round() as u8
        });
        Self(table.collect())
    }

    /// From the bytes of `table`; None when there are not as many.
    pub(super) fn from_table(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == TABLE).then(|| Self(bytes.to_vec()))
    }

    /// The table's bytes.
    pub(super) fn table(&self) -> &[u8] {
        &self.0
    }

    /// Logarithm of the probability of each letter of a label, and of its end.
    pub(super) fn logarithms<'a>(&'a self, label: &'a str) -> impl Iterator<Item = f32> + 'a {
        triples(label).map(|place| -f32::from(self.0[place]) / STEPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_is_more_probable() {
        let labels = ["banana", "bandana", "savanna", "havana"];
        let chain = Chain::learn(&labels);
        let mean = |label: &str| chain.logarithms(label).sum::<f32>() / (label.len() + 1) as f32;
        assert!(mean("banana") > mean("xqzkvw") + 1.0);
        assert_eq!(Chain::from_table(chain.table()), Some(chain.clone()));
        assert_eq!(Chain::from_table(&[0; 3]), None);
    }
}
