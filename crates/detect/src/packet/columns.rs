//! Names and units of the packet level's columns, schema `packet/1`. Owns the words; the figures are `damped`'s.

use super::damped::{COLUMNS, FIGURES, LAMBDAS};

/// Name of the schema.
pub const SCHEMA: &str = "packet/1";
/// Streams of a packet in the order of [`super::Streams`]: machine name and words.
const STREAMS: [(&str, &str); 4] = [
    ("device", "this device and address"),
    ("sender", "this sender"),
    ("channel", "this pair of hosts"),
    ("socket", "this connection"),
];
/// Figures of a stream: machine name, words, unit.
const KINDS: [(&str, &str, &str); FIGURES] = [
    ("packets", "packets", "packets"),
    ("mean", "mean packet size", "bytes"),
    ("deviation", "spread of packet sizes", "bytes"),
];
/// Half-lives of [`LAMBDAS`].
const HALF_LIVES: [&str; LAMBDAS.len()] = ["200ms", "333ms", "1s", "10s", "100s"];

fn parts(column: usize) -> (usize, usize, usize) {
    (column / (LAMBDAS.len() * FIGURES), column / FIGURES % LAMBDAS.len(), column % FIGURES)
}

/// `channel_packets_10s`: packets between the two hosts, where a packet counts half after ten seconds.
#[must_use]
pub fn column_name(column: usize) -> String {
    let (stream, lambda, figure) = parts(column);
    format!("{}_{}_{}", STREAMS[stream].0, KINDS[figure].0, HALF_LIVES[lambda])
}

/// Unit of a column's value.
#[must_use]
pub fn column_unit(column: usize) -> &'static str {
    KINDS[parts(column).2].2
}

/// `packets of this pair of hosts within about 10 s`.
#[must_use]
pub fn column_phrase(name: &str) -> Option<String> {
    let column = (0..COLUMNS).find(|column| column_name(*column) == name)?;
    let (stream, lambda, figure) = parts(column);
    Some(format!("{} of {} over {}", KINDS[figure].1, STREAMS[stream].1, HALF_LIVES[lambda]))
}

/// A fingerprint of the columns: an artifact made for others is refused.
#[must_use]
pub fn fingerprint() -> u64 {
    let names: Vec<String> = (0..COLUMNS).map(column_name).collect();
    u64::from(crc32fast::hash(names.join(",").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_column_has_its_own_name_and_words() {
        let names: BTreeSet<String> = (0..COLUMNS).map(column_name).collect();
        assert_eq!(names.len(), COLUMNS);
        assert_eq!((column_name(0).as_str(), column_unit(0)), ("device_packets_200ms", "packets"));
        assert_eq!((column_name(59).as_str(), column_unit(59)), ("socket_deviation_100s", "bytes"));
        assert_eq!(column_phrase("channel_packets_10s").as_deref(), Some("packets of this pair of hosts over 10s"));
        assert_eq!(column_phrase("nothing"), None);
    }
}
