//! A filter against one record in memory, for lists that are not in the database (the ring of newest packets).

use super::{Compare, Condition, Field, FieldKind, Query, Subject, Test};
use record::{IpAddr16, PacketSummary};

/// One value of a field.
#[derive(Clone, Copy, Debug)]
pub enum FieldValue<'a> {
    /// Address.
    Ip(IpAddr16),
    /// Number; truth values are 0 and 1, ranks their position.
    Number(f64),
    /// Text.
    Text(&'a str),
}

/// Calls back once for every value that a record has for the named field.
pub type FieldValues<'a> = dyn Fn(&str, &mut dyn FnMut(FieldValue)) + 'a;

impl Query {
    /// True when a record passes. `values` calls back once for every value that the record has for the named field.
    pub fn matches(&self, values: &FieldValues) -> bool {
        self.conditions.iter().all(|condition| self.holds(condition, values) != condition.exclude)
    }

    fn holds(&self, condition: &Condition, values: &FieldValues) -> bool {
        let one = |field: &Field| {
            let mut found = false;
            values(field.name, &mut |value| found |= passes(&condition.test, value));
            found
        };
        match condition.subject {
            Subject::Field(field) => one(field),
            Subject::Word => {
                let address = matches!(condition.test, Test::Addresses(..));
                self.fields.iter().filter(|f| f.free && matches!(f.kind, FieldKind::Ip) == address).any(one)
            }
        }
    }
}

fn passes(test: &Test, value: FieldValue) -> bool {
    match (test, value) {
        (Test::Present, FieldValue::Text(text)) => !text.is_empty(),
        (Test::Present, _) => true,
        (Test::Addresses(first, last), FieldValue::Ip(ip)) => *first <= ip && ip <= *last,
        (Test::Number(compare, wanted), FieldValue::Number(n)) => match compare {
            Compare::Equal => n == *wanted,
            Compare::Less => n < *wanted,
            Compare::LessEqual => n <= *wanted,
            Compare::Greater => n > *wanted,
            Compare::GreaterEqual => n >= *wanted,
        },
        (Test::Text(wanted), FieldValue::Text(text)) => wanted.eq_ignore_ascii_case(text),
        (Test::Pattern(pattern), FieldValue::Text(text)) => wild(pattern, text),
        _ => false,
    }
}

/// `*` stands for any run; everything else for itself, without regard to ASCII case. Linear in text × stars.
fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let parts: Vec<&str> = pattern.split('*').collect();
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

/// A filter over `PACKET_FIELDS` against one packet of the ring.
#[must_use]
pub fn packet_matches(query: &Query, packet: &PacketSummary) -> bool {
    query.matches(&|field, give| match field {
        "ip" => [packet.src_ip, packet.dest_ip].into_iter().flatten().for_each(|ip| give(FieldValue::Ip(ip))),
        "src_ip" => packet.src_ip.into_iter().for_each(|ip| give(FieldValue::Ip(ip))),
        "dest_ip" => packet.dest_ip.into_iter().for_each(|ip| give(FieldValue::Ip(ip))),
        "port" => [packet.src_port, packet.dest_port].iter().for_each(|p| give(FieldValue::Number(f64::from(*p)))),
        "src_port" => give(FieldValue::Number(f64::from(packet.src_port))),
        "dest_port" => give(FieldValue::Number(f64::from(packet.dest_port))),
        "src" => give(FieldValue::Text(&packet.src)),
        "dest" => give(FieldValue::Text(&packet.dest)),
        "protocol" => give(FieldValue::Text(&packet.protocol)),
        "length" => give(FieldValue::Number(f64::from(packet.length))),
        "info" => give(FieldValue::Text(&packet.info)),
        "score" => packet.score.into_iter().for_each(|s| give(FieldValue::Number(f64::from(s)))),
        _ => {}
    })
}
