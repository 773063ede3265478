//! One indicator: its kinds, how a word is recognised as one, and which are too broad to be meant. Knows no file format.

use super::Found;
use record::Prefix;

/// Something that traffic can be compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Indicator {
    /// An address (full length) or a network.
    Network(Prefix),
    /// A domain and everything under it, lower case, no trailing dot.
    Domain(String),
    /// Host and path, `host[:port]/path?query`, host in lower case, without scheme and fragment.
    Url(String),
    /// A JA4 fingerprint.
    Ja4(String),
}

/// Networks shorter than these hold too much of the Internet to be a finding.
const V4_LENGTH_MIN: u8 = 8;
const V6_LENGTH_MIN: u8 = 19;

/// Suffixes of two labels under which anybody registers; a list that names one would match a country.
const SECOND_LEVEL: [&str; 10] = ["co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "go"];

/// Undoes the usual defanging: `hxxp`, `[.]`, `(.)`, `[:]`, `[://]`.
#[must_use]
pub fn refang(word: &str) -> String {
    let plain = word.trim().replace("[.]", ".").replace("(.)", ".").replace("[:]", ":").replace("[://]", "://");
    match plain.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("hxxp") => format!("http{}", &plain[4..]),
        _ => plain,
    }
}

/// What a word is, if it is anything that can be matched.
pub(super) fn recognise(word: &str, note: &str) -> Found {
    let word = refang(word.trim_matches(['"', '\'']));
    if let Some(found) = network(&word, note).or_else(|| url(&word, note)) {
        return found;
    }
    if is_ja4(&word) {
        return Found::Indicator(Indicator::Ja4(word), note.to_owned());
    }
    domain(&word, note)
}

fn network(word: &str, note: &str) -> Option<Found> {
    let prefix: Prefix = word.parse().ok().or_else(|| address_and_port(word))?;
    let least = if prefix.addr().is_v4() { V4_LENGTH_MIN } else { V6_LENGTH_MIN };
    if prefix.length() < least {
        return Some(Found::TooBroad(word.to_owned()));
    }
    Some(Found::Indicator(Indicator::Network(prefix), note.to_owned()))
}

/// `192.0.2.7:4444`: lists of servers give their port; the address is what is matched.
fn address_and_port(word: &str) -> Option<Prefix> {
    let (address, port) = word.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    address.parse().ok()
}

fn url(word: &str, note: &str) -> Option<Found> {
    let (scheme, rest) = word.split_once("://")?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ftp" | "tcp" | "udp") {
        return Some(Found::Other(word.to_owned()));
    }
    let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    if path.is_empty() || path == "/" {
        // The whole server is meant.
        return Some(recognise(host.split(':').next().filter(|h| h.contains('.')).unwrap_or(host), note));
    }
    Some(Found::Indicator(Indicator::Url(format!("{host}{path}")), note.to_owned()))
}

/// The form of FoxIO's JA4: `t13d1516h2_8daaf6152771_02713d6af862`.
fn is_ja4(word: &str) -> bool {
    let mut parts = word.split('_');
    let [Some(a), Some(b), Some(c), None] = [parts.next(), parts.next(), parts.next(), parts.next()] else {
        return false;
    };
    let hash = |part: &str| part.len() == 12 && part.bytes().all(|x| x.is_ascii_hexdigit());
    a.len() == 10 && a.starts_with(['t', 'q', 'd']) && hash(b) && hash(c)
}

fn domain(word: &str, note: &str) -> Found {
    let name = word.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b >= 0x80)
    };
    let labels: Vec<&str> = name.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    // A hash or a sentence is no domain; a version (`1.2.3`) neither.
    if name.len() > 253
        || !labels.iter().all(|l| label(l))
        || !last.bytes().any(|b| b.is_ascii_alphabetic() || b >= 0x80)
    {
        return Found::Other(word.to_owned());
    }
    match labels.as_slice() {
        [_] if word.starts_with(['.', '*']) => Found::TooBroad(word.to_owned()),
        [_] => Found::Other(word.to_owned()),
        [second, top] if top.len() == 2 && SECOND_LEVEL.contains(second) => Found::TooBroad(word.to_owned()),
        _ => Found::Indicator(Indicator::Domain(name), note.to_owned()),
    }
}
