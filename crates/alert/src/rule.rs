//! Suppressions in a person's own scope: what a rule says in words, whether it can be kept, and which incidents it fits. Owns the
//! test only; it knows nothing of who keeps rules or what becomes of what they fit.

use record::{Incident, Prefix, Suppression, SuppressionRule, Timestamp};
use std::fmt::Display;

/// Entries of any list of a rule.
const ENTRIES_MAX: usize = 64;
/// Bytes of a domain name (RFC 1035).
const DOMAIN_BYTES_MAX: usize = 253;
/// Entries named in words.
const NAMED: usize = 3;

/// Does everything that the rule names fit? What the incident does not name (no target, no port, no domain) fits no condition on it,
/// and a list fits only as a whole: one address outside the rule's networks, and the incident is told.
pub(crate) fn fits(rule: &SuppressionRule, incident: &Incident) -> bool {
    let hosts = |networks: &[Prefix], hosts: &[record::IpAddr16]| {
        networks.is_empty()
            || (!hosts.is_empty() && hosts.iter().all(|host| networks.iter().any(|network| network.contains(*host))))
    };
    let ports = rule.dest_port.is_empty()
        || (!incident.dest_port.is_empty() && incident.dest_port.iter().all(|port| rule.dest_port.contains(port)));
    let domains = rule.domain.is_empty()
        || (!incident.domains.is_empty()
            && incident.domains.iter().all(|name| rule.domain.iter().any(|domain| within(name, domain))));
    let kinds = rule.kind.is_empty() || rule.kind.contains(&incident.kind);
    !rule.is_empty()
        && kinds
        && ports
        && domains
        && hosts(&rule.src, &incident.src)
        && hosts(&rule.dest, &incident.dest)
}

/// Is the name the domain itself, or below it?
fn within(name: &str, domain: &str) -> bool {
    let Some(rest) = name.strip_suffix(domain) else { return false };
    rest.is_empty() || rest.ends_with('.')
}

/// The rule as it is kept: each entry once and in order, domains in lower case without dots at their ends.
///
/// # Errors
/// In words, what is wrong with it: nothing given, too many entries, a name that is no domain.
pub fn checked(mut rule: SuppressionRule) -> Result<SuppressionRule, String> {
    for domain in &mut rule.domain {
        let name = domain.trim().trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > DOMAIN_BYTES_MAX || !name.chars().all(fits) || name.contains("..") {
            return Err(format!("`{domain}` is not a domain; write it as example.org"));
        }
        *domain = name;
    }
    fn once<T: Ord>(list: &mut Vec<T>) -> usize {
        list.sort_unstable();
        list.dedup();
        list.len()
    }
    let lengths = [
        once(&mut rule.src),
        once(&mut rule.dest),
        once(&mut rule.dest_port),
        once(&mut rule.kind),
        once(&mut rule.domain),
    ];
    if lengths.iter().any(|length| *length > ENTRIES_MAX) {
        return Err(format!(
            "a list of the rule has more than {ENTRIES_MAX} entries; make two rules, or name larger networks"
        ));
    }
    if rule.is_empty() {
        return Err(
            "give at least one of source, target, port, kind and domain: a rule without any would hide everything"
                .to_owned(),
        );
    }
    Ok(rule)
}

/// The suppression that a rule is.
#[must_use]
pub fn rule_suppression(
    rule: SuppressionRule,
    reason: String,
    id: u64,
    created: Timestamp,
    until: Option<Timestamp>,
) -> Suppression {
    Suppression {
        id,
        incident: String::new(),
        kind: None,
        scope: None,
        src: Vec::new(),
        dest: Vec::new(),
        dest_port: Vec::new(),
        features: Vec::new(),
        created,
        until,
        text: rule_words(&rule),
        rule: Some(rule),
        reason,
    }
}

/// The rule as a part of a sentence ("beacons from 10.0.0.0/8 at port 443").
#[must_use]
pub fn rule_words(rule: &SuppressionRule) -> String {
    let kinds: Vec<String> = rule.kind.iter().map(|kind| kind.name().replace('_', " ")).collect();
    let mut parts = vec![if kinds.is_empty() { "anything".to_owned() } else { listed(&kinds) }];
    for (word, list) in [("from", networks(&rule.src)), ("to", networks(&rule.dest))] {
        if !list.is_empty() {
            parts.push(format!("{word} {}", listed(&list)));
        }
    }
    if !rule.dest_port.is_empty() {
        parts.push(format!("at port {}", listed(&rule.dest_port)));
    }
    if !rule.domain.is_empty() {
        parts.push(format!("under {}", listed(&rule.domain)));
    }
    parts.join(" ")
}

/// Single addresses without their length.
fn networks(list: &[Prefix]) -> Vec<String> {
    let single = |network: &Prefix| network.length() == if network.addr().is_v4() { 32 } else { 128 };
    list.iter().map(|n| if single(n) { n.addr().to_string() } else { n.to_string() }).collect()
}

fn listed<T: Display>(list: &[T]) -> String {
    let named: Vec<String> = list.iter().take(NAMED).map(ToString::to_string).collect();
    match list.len() - named.len() {
        0 => named.join(" or "),
        more => format!("{} or {more} more", named.join(", ")),
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
