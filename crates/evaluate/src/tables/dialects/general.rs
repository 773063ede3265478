//! Any table: what a column is for is read from its values first and its name second. Errs on the side of leaving a column out:
//! what names a machine, a moment or a row must not be learned.

use crate::tables::meaning::{Meaning, Role, snake, words};
use crate::tables::raw::{Cells, RawTable, Texts};
use crate::tables::time;
use std::net::IpAddr;

/// Distinct values looked at.
const LOOKED_AT_MAX: usize = 200;
/// Share of them that must agree.
const AGREE: f64 = 0.9;
/// A text column with more distinct values than this share of its rows names rows.
const DISTINCT_SHARE_MAX: f64 = 0.5;
/// It must have at least this many for that.
const DISTINCT_MIN: usize = 50;

/// Role of a column of a table whose maker is not known (or does not name this column).
pub(super) fn meaning(table: &RawTable, column: usize) -> Meaning {
    let raw = &table.columns[column];
    let words = words(&raw.name);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&&**word));
    let joined = words.concat();
    let role = if has(&["label", "labels", "class", "attack", "attacks"]) {
        Role::Label
    } else if joined.ends_with("ttl") {
        // How far away a host is says which network was recorded.
        Role::Ignored
    } else {
        match &raw.cells {
            Cells::Texts(texts) => of_texts(texts, table.rows, &words),
            Cells::Numbers(values) => of_numbers(values, &words, &joined),
        }
    };
    Meaning::new(snake(&raw.name), role)
}

fn of_texts(texts: &Texts, rows: usize, words: &[String]) -> Role {
    if agree(texts, |text| text.parse::<IpAddr>().is_ok() || is_mac(text)) {
        return side(words).map_or(Role::Ignored, |source| if source { Role::Source } else { Role::Destination });
    }
    if agree(texts, |text| time::from_text(text).is_some()) {
        return if is_end(words) { Role::End } else { Role::Start };
    }
    if words.iter().any(|word| matches!(&**word, "proto" | "protocol")) {
        return Role::Protocol;
    }
    let many = texts.names.len() > DISTINCT_MIN && texts.names.len() as f64 > rows as f64 * DISTINCT_SHARE_MAX;
    if many { Role::Ignored } else { Role::Category }
}

fn of_numbers(values: &[f64], words: &[String], joined: &str) -> Role {
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&&**word));
    let clock = ["ts", "time", "timestamp", "date", "start", "end", "first", "last", "seen", "stime", "ltime", "epoch"];
    if has(&clock) && values.iter().filter(|v| !v.is_nan()).take(LOOKED_AT_MAX).all(|v| time::from_number(*v).is_some())
    {
        return if is_end(words) { Role::End } else { Role::Start };
    }
    if joined.ends_with("port") || joined.starts_with("port") || has(&["sport", "dport"]) {
        let source = side(words).unwrap_or_else(|| joined.starts_with('s'));
        return if source { Role::SourcePort } else { Role::DestinationPort };
    }
    if has(&["proto", "protocol"]) { Role::Protocol } else { Role::Number }
}

fn agree(texts: &Texts, is_it: impl Fn(&str) -> bool) -> bool {
    let looked_at: Vec<&String> = texts.names.iter().filter(|name| !name.is_empty()).take(LOOKED_AT_MAX).collect();
    let hits = looked_at.iter().filter(|name| is_it(name)).count();
    hits > 0 && hits as f64 >= looked_at.len() as f64 * AGREE
}

fn is_mac(text: &str) -> bool {
    let mut bytes = text.split([':', '-']);
    bytes.by_ref().take(6).filter(|b| b.len() == 2 && u8::from_str_radix(b, 16).is_ok()).count() == 6
        && bytes.next().is_none()
}

/// True: the one who began; false: the one who was asked.
fn side(words: &[String]) -> Option<bool> {
    words.iter().find_map(|word| match &**word {
        "src" | "source" | "orig" | "originator" | "client" | "sender" | "s" | "sip" | "srcip" | "saddr" | "sport"
        | "attacker" => Some(true),
        "dst" | "dest" | "destination" | "resp" | "responder" | "server" | "receiver" | "r" | "d" | "dip" | "dstip"
        | "daddr" | "dport" | "target" | "victim" => Some(false),
        _ => None,
    })
}

fn is_end(words: &[String]) -> bool {
    words.iter().any(|word| matches!(&**word, "end" | "last" | "ltime" | "stop"))
}

/// Of each role that can be held once the first column keeps it; later ones are not used. Names are made unique.
pub(super) fn one_of_each(meanings: &mut [Meaning]) {
    let single = [
        Role::Start,
        Role::End,
        Role::Source,
        Role::Destination,
        Role::SourcePort,
        Role::DestinationPort,
        Role::Protocol,
        Role::Kind,
    ];
    for role in single {
        meanings.iter_mut().filter(|meaning| meaning.role == role).skip(1).for_each(|m| m.role = Role::Ignored);
    }
    for place in 1..meanings.len() {
        let (before, rest) = meanings.split_at_mut(place);
        let meaning = &mut rest[0];
        let plain = meaning.name.clone();
        let mut times = 1;
        while before.iter().any(|earlier| earlier.name == meaning.name) {
            times += 1;
            meaning.name = format!("{plain}_{times}").into();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_and_names_tell_the_role() {
        let columns = [
            ("sAddress", "10.0.0.1", Role::Source),
            ("rAddress", "b8:27:eb:6d:4f:4b", Role::Destination),
            ("sMACs", "b8:27:eb:6d:4f:4b", Role::Ignored),
            ("startDate", "2023-03-10 10:29:34.085540", Role::Start),
            ("end", "1678440574.56", Role::End),
            ("start", "1678440574.08", Role::Ignored),
            ("protocol", "IPV4-TCP", Role::Protocol),
            ("sttl", "64", Role::Ignored),
            ("dst_port", "443", Role::DestinationPort),
            ("sport", "50000", Role::SourcePort),
            ("IT_B_Label", "0", Role::Label),
            ("duration", "0.5", Role::Number),
            ("flags", "SF", Role::Category),
        ];
        let mut table = RawTable::new("t", columns.iter().map(|(name, ..)| (*name).to_owned())).unwrap();
        table.push(2, columns.iter().map(|(_, value, _)| *value)).unwrap();
        let mut found: Vec<Meaning> = (0..columns.len()).map(|column| meaning(&table, column)).collect();
        one_of_each(&mut found);
        for ((name, _, role), meaning) in columns.iter().zip(&found) {
            assert_eq!(meaning.role, *role, "{name}");
        }
        assert_eq!((&*found[0].name, &*found[10].name), ("s_address", "it_b_label"));
    }

    #[test]
    fn texts_that_name_rows_are_left_out() {
        let mut table = RawTable::new("t", ["uid".to_owned(), "word".to_owned()].into_iter()).unwrap();
        for row in 0..100 {
            table.push(row, [&*format!("C{row}x"), if row % 2 == 0 { "a" } else { "b" }].into_iter()).unwrap();
        }
        assert_eq!((meaning(&table, 0).role, meaning(&table, 1).role), (Role::Ignored, Role::Category));
    }
}
