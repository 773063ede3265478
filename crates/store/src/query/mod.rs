//! The filter language of the lists: `field:value`, `-field:value`, CIDR, `*`, `>=`, and bare words. Owns how a filter
//! is read; `sql` turns it into a condition with parameters, `matches` tests it against one record in memory.

pub mod fields;
mod matches;
mod sql;
#[cfg(test)]
mod tests;

pub use fields::{ASSET_FIELDS, FLOW_FIELDS, HOST_FIELDS, INCIDENT_FIELDS, PACKET_FIELDS, SCAN_FIELDS, SERIES_FIELDS};
pub use matches::{FieldValue, FieldValues, packet_matches};

use record::IpAddr16;

/// Longest filter, bytes.
pub const QUERY_BYTES_MAX: usize = 4_096;
/// Most tokens of one filter.
pub const QUERY_TOKENS_MAX: usize = 64;

/// How a field's value is read and compared.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// An address; values are an address or a CIDR.
    Ip,
    /// A number; values are a number or a comparison.
    Number,
    /// `true` or `false`.
    Bool,
    /// Text; compared without regard to case, `*` stands for any run of characters.
    Text,
    /// An ordered list of names, stored as its position; compares as a number does.
    Rank(&'static [&'static str]),
}

/// One field that a list can be filtered by.
#[derive(Debug)]
pub struct Field {
    /// Name in filters.
    pub name: &'static str,
    /// Kind.
    pub kind: FieldKind,
    /// SQL with `{}` where the comparison goes; any of them may hold. Empty for lists that live in memory.
    pub(crate) sql: &'static [&'static str],
    /// True when bare words are searched in it.
    pub free: bool,
}

/// Why a filter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such field.
    #[error("unknown field `{field}`; known fields: {known}")]
    UnknownField {
        /// As written.
        field: String,
        /// All known, comma-separated.
        known: String,
    },
    /// The value does not fit the field.
    #[error("`{field}:{value}`: {wanted}")]
    Value {
        /// Field.
        field: String,
        /// As written.
        value: String,
        /// What would fit.
        wanted: String,
    },
    /// Too long.
    #[error("the filter is too long: at most {QUERY_BYTES_MAX} bytes and {QUERY_TOKENS_MAX} tokens")]
    TooLong,
    /// A quotation mark is missing.
    #[error("the filter has an opening quotation mark without a closing one")]
    Quote,
}

/// Comparison of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What is asked of a field's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// First and last address.
    Addresses(IpAddr16, IpAddr16),
    Number(Compare, f64),
    /// Whole text, without regard to case.
    Text(String),
    /// Text with `*`.
    Pattern(String),
    /// Has a value.
    Present,
}

#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Field(&'static Field),
    /// A bare word: any free field.
    Word,
}

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub exclude: bool,
    pub subject: Subject,
    /// One of these must hold (a bare word that is an address asks both text and addresses).
    pub test: Test,
}

/// A filter that has been read; all its conditions must hold.
#[derive(Clone, Debug)]
pub struct Query {
    pub(crate) fields: &'static [Field],
    pub(crate) conditions: Vec<Condition>,
}

impl Query {
    /// The filter that lets everything through.
    #[must_use]
    pub const fn all(fields: &'static [Field]) -> Self {
        Self { fields, conditions: Vec::new() }
    }

    /// True when it lets everything through.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Reads a filter for the list that has `fields`.
    ///
    /// # Errors
    /// `QueryError` says what is wrong and, for an unknown field, which are known.
    pub fn parse(text: &str, fields: &'static [Field]) -> Result<Self, QueryError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryError::TooLong);
        }
        let tokens = tokens(text)?;
        if tokens.len() > QUERY_TOKENS_MAX {
            return Err(QueryError::TooLong);
        }
        let conditions = tokens.iter().map(|token| condition(token, fields)).collect::<Result<_, _>>()?;
        Ok(Self { fields, conditions })
    }
}

/// Splits at white space outside quotation marks; the marks themselves go.
fn tokens(text: &str) -> Result<Vec<String>, QueryError> {
    let (mut out, mut token, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            c if c.is_whitespace() && !quoted => {
                if any {
                    out.push(std::mem::take(&mut token));
                }
                any = false;
            }
            c => {
                token.push(c);
                any = true;
            }
        }
    }
    if quoted {
        return Err(QueryError::Quote);
    }
    if any {
        out.push(token);
    }
    Ok(out.into_iter().filter(|t| !t.is_empty() && t != "-").collect())
}

fn condition(token: &str, fields: &'static [Field]) -> Result<Condition, QueryError> {
    let (exclude, body) = token.strip_prefix('-').map_or((false, token), |rest| (true, rest));
    if let Some((first, last)) = addresses(body) {
        return Ok(Condition { exclude, subject: Subject::Word, test: Test::Addresses(first, last) });
    }
    let Some((name, value)) = body.split_once(':') else {
        return Ok(Condition { exclude, subject: Subject::Word, test: Test::Pattern(format!("*{body}*")) });
    };
    let Some(field) = fields.iter().find(|f| f.name == name) else {
        let known = fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
        return Err(QueryError::UnknownField { field: name.to_owned(), known });
    };
    Ok(Condition { exclude, subject: Subject::Field(field), test: test(field, value)? })
}

fn test(field: &Field, value: &str) -> Result<Test, QueryError> {
    let bad = |wanted: String| QueryError::Value { field: field.name.to_owned(), value: value.to_owned(), wanted };
    if value == "*" {
        return Ok(Test::Present);
    }
    match field.kind {
        FieldKind::Ip => addresses(value)
            .map(|(first, last)| Test::Addresses(first, last))
            .ok_or_else(|| bad("give an IP address or a network such as 10.0.0.0/8".to_owned())),
        FieldKind::Number => {
            let (compare, rest) = comparison(value);
            rest.parse::<f64>()
                .ok()
                .filter(|n| n.is_finite())
                .map(|n| Test::Number(compare, n))
                .ok_or_else(|| bad("give a number, or a comparison such as >=1000".to_owned()))
        }
        FieldKind::Bool => match value {
            "true" | "1" | "yes" => Ok(Test::Number(Compare::Equal, 1.0)),
            "false" | "0" | "no" => Ok(Test::Number(Compare::Equal, 0.0)),
            _ => Err(bad("give true or false".to_owned())),
        },
        FieldKind::Rank(names) => {
            let (compare, rest) = comparison(value);
            names
                .iter()
                .position(|n| n.eq_ignore_ascii_case(rest))
                .map(|rank| Test::Number(compare, rank as f64))
                .ok_or_else(|| bad(format!("give one of {}", names.join(", "))))
        }
        FieldKind::Text if value.contains('*') => Ok(Test::Pattern(value.to_owned())),
        FieldKind::Text => Ok(Test::Text(value.to_owned())),
    }
}

fn comparison(value: &str) -> (Compare, &str) {
    let signs = [
        (">=", Compare::GreaterEqual),
        ("<=", Compare::LessEqual),
        (">", Compare::Greater),
        ("<", Compare::Less),
        ("=", Compare::Equal),
    ];
    signs
        .into_iter()
        .find_map(|(sign, compare)| value.strip_prefix(sign).map(|rest| (compare, rest)))
        .unwrap_or((Compare::Equal, value))
}

/// First and last address of an address or network.
fn addresses(text: &str) -> Option<(IpAddr16, IpAddr16)> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr16 = ip.parse().ok()?;
    let width = if ip.is_v4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |b| b.parse::<u32>().ok().filter(|b| *b <= width))?;
    let host_bits = width - bits;
    let mask = if host_bits == 128 { u128::MAX } else { (1u128 << host_bits) - 1 };
    let value = u128::from_be_bytes(ip.0);
    Some((IpAddr16((value & !mask).to_be_bytes()), IpAddr16((value | mask).to_be_bytes())))
}
