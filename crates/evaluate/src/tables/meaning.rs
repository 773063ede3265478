//! What a column is for. Owns the roles and the words of names; which column has which role, the dialects say.

use std::borrow::Cow;

/// What a column is used for. Only `Number`, `Category`, `Protocol` and `DestinationPort` (as its group of services) ever reach a
/// model: addresses, clocks and identifiers would let it learn a laboratory instead of behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A quantity.
    Number,
    /// One of a few texts.
    Category,
    /// Transport protocol, name or number: a category.
    Protocol,
    /// Beginning of the flow.
    Start,
    /// End of the flow.
    End,
    /// Who began.
    Source,
    /// Who was asked.
    Destination,
    /// Port of the source.
    SourcePort,
    /// Port of the destination.
    DestinationPort,
    /// Attack or not.
    Label,
    /// Kind of attack.
    Kind,
    /// Not used.
    Ignored,
}

/// A column's role under the name that all makers' spellings of it share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Name shared by all spellings.
    pub name: Cow<'static, str>,
    /// Use.
    pub role: Role,
}

impl Meaning {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, role: Role) -> Self {
        Self { name: name.into(), role }
    }
}

/// The words of a name, lower case: `Flow Bytes/s`, `flow_bytes_s` and `flowBytesS` are the same three.
#[must_use]
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last_lower = false;
    let mut fresh = true;
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            fresh = true;
            last_lower = false;
            continue;
        }
        if fresh || (letter.is_uppercase() && last_lower) {
            words.push(String::new());
            fresh = false;
        }
        last_lower = letter.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// A name in snake case.
#[must_use]
pub(super) fn snake(name: &str) -> String {
    let snake = words(name).join("_");
    if snake.is_empty() { "column".to_owned() } else { snake }
}

/// The unit that a snake-case name tells, for reports.
#[must_use]
pub(super) fn unit(name: &str) -> &'static str {
    let words: Vec<&str> = name.split('_').collect();
    let has = |word: &str| words.contains(&word);
    match words.last().copied() {
        Some("ms") => return "ms",
        Some("us") => return "µs",
        Some("ratio" | "rate") => return "ratio",
        _ => {}
    }
    if has("per") || words.last() == Some(&"s") && words.len() > 1 {
        return if has("bytes") {
            "bytes/s"
        } else if has("packets") {
            "packets/s"
        } else {
            ""
        };
    }
    if has("bytes") || has("length") {
        "bytes"
    } else if has("packets") || has("pkts") {
        "packets"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words_and_units() {
        assert_eq!(words("Flow Bytes/s"), ["flow", "bytes", "s"]);
        assert_eq!(words("sInterPacketAvg"), ["s", "inter", "packet", "avg"]);
        assert_eq!(words(" FWD Init Win"), ["fwd", "init", "win"]);
        assert_eq!((snake("id.orig_h"), snake("??")), ("id_orig_h".to_owned(), "column".to_owned()));
        assert_eq!((unit("duration_ms"), unit("flow_bytes_per_s"), unit("syn_rate")), ("ms", "bytes/s", "ratio"));
    }
}
