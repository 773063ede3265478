//! Which domains an alert names: read from its story and its title, which detectors write in plain words. Owns what counts as a
//! domain name there; asks nobody whether it exists.

use record::Alert;

/// Domains kept of one incident.
pub(crate) const DOMAINS_MAX: usize = 16;

/// The domains in the alert's story and title, in lower case.
pub(crate) fn named(alert: &Alert) -> Vec<String> {
    let words = alert.story.split_whitespace().chain(alert.title.split_whitespace());
    let mut domains: Vec<String> = words.filter_map(domain).collect();
    domains.sort_unstable();
    domains.dedup();
    domains.truncate(DOMAINS_MAX);
    domains
}

/// A word that is a domain name: letters, digits and hyphens between dots, and a last part that is no number.
fn domain(word: &str) -> Option<String> {
    let name = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (rest, last) = name.rsplit_once('.')?;
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let top = last.len() >= 2 && (last.bytes().all(|b| b.is_ascii_alphabetic()) || last.starts_with("xn--"));
    (top && name.len() <= 253 && label(last) && rest.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::domain;

    #[test]
    fn only_names_are_domains() {
        for (word, wanted) in [
            ("evil.example.com", Some("evil.example.com")),
            ("\"Evil.Example.COM\",", Some("evil.example.com")),
            ("_ldap._tcp.corp.example.", Some("_ldap._tcp.corp.example")),
            ("10.20.0.1", None),
            ("1.5", None),
            ("2001:db8::1", None),
            ("a..b", None),
            ("host", None),
            ("60.5s", None),
        ] {
            assert_eq!(domain(word).as_deref(), wanted, "{word}");
        }
    }
}
