//! What changed between two scans. Owns what counts as a change, which is what nmap's own ndiff counts; knows no output (`text`, `xml`).
//!
//! Hosts are the same by their first address and first name; ports by number and protocol. The tunnel of a service alone and the accuracy
//! of a guess are no change. Ports in a state that a scan only counts are not listed on that side.

mod lines;
mod text;
mod xml;

pub use text::diff_text;
pub(crate) use text::{columns, shown};
pub use xml::diff_xml;

use record::Timestamp;
use record::scan::{AddressKind, ExtraPorts, HostAddress, OsMatch, Scan, ScannedHost, ScannedPort, ScriptOutput};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The changes from one scan to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScanDiff {
    /// The call of the first scan.
    pub before: Call,
    /// The call of the second.
    pub after: Call,
    /// Hosts with a change, by address and name.
    pub hosts: Vec<HostDiff>,
    /// Changes in what scripts said before the scan.
    pub pre_scripts: Vec<ScriptDiff>,
    /// After it.
    pub post_scripts: Vec<ScriptDiff>,
    /// Only one side has scripts of this kind: they are told whole.
    #[serde(skip)]
    pub sides: (Sides, Sides),
}

/// Which of two scans says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Only the first.
    Before,
    /// Only the second.
    After,
    /// Both, or none.
    Both,
}

/// How a scan was called and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Program.
    pub scanner: String,
    /// Its version.
    pub version: String,
    /// How it was called.
    pub args: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// One host that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum HostDiff {
    /// It is only in the first scan.
    Gone {
        /// As it was.
        host: Box<ScannedHost>,
    },
    /// It is only in the second.
    New {
        /// As it is.
        host: Box<ScannedHost>,
    },
    /// It is in both.
    Changed(Box<HostChange>),
}

/// Something that was one way and is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// Before.
    pub before: T,
    /// After.
    pub after: T,
}

/// Members of two sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetDiff<T> {
    /// In both.
    pub kept: Vec<T>,
    /// Only in the first.
    pub removed: Vec<T>,
    /// Only in the second.
    pub added: Vec<T>,
}

impl<T> SetDiff<T> {
    /// Both are the same.
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// What changed of a host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostChange {
    /// Name for people, of the second scan.
    pub host: String,
    /// Name for people, of the first.
    #[serde(skip)]
    pub title_before: String,
    /// Up or down.
    pub state: Option<Change<String>>,
    /// Addresses.
    pub addresses: SetDiff<HostAddress>,
    /// Names.
    pub names: SetDiff<String>,
    /// Ports that are only counted, where that changed.
    pub not_shown: Option<Change<Vec<ExtraPorts>>>,
    /// The same, where it did not.
    #[serde(skip)]
    pub not_shown_same: Vec<ExtraPorts>,
    /// Ports.
    pub ports: Vec<PortDiff>,
    /// Guesses at the system: empty where they are the same.
    pub os: Vec<OsDiff>,
    /// What scripts said.
    pub scripts: Vec<ScriptDiff>,
    /// Who has host scripts at all.
    #[serde(skip)]
    pub script_sides: Sides,
}

/// One port that changed. None: the scan says nothing of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortDiff {
    /// Number.
    pub port: u32,
    /// Transport.
    pub protocol: String,
    /// In the first scan.
    pub before: Option<ScannedPort>,
    /// In the second.
    pub after: Option<ScannedPort>,
    /// Changes in what scripts said of it.
    pub scripts: Vec<ScriptDiff>,
    /// The first scan only counts ports in this state.
    #[serde(skip)]
    pub hidden_before: bool,
    /// The second does.
    #[serde(skip)]
    pub hidden_after: bool,
}

impl PortDiff {
    /// State before and after.
    pub fn states(&self) -> (Option<&str>, Option<&str>) {
        (self.before.as_ref().and_then(|p| p.state.as_deref()), self.after.as_ref().and_then(|p| p.state.as_deref()))
    }
}

/// Guesses that stand in the place of others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OsDiff {
    /// Of the first scan.
    pub before: Vec<String>,
    /// Of the second.
    pub after: Vec<String>,
    /// They are the same, and told for their place.
    pub equal: bool,
}

/// What a script said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScriptDiff {
    /// In the first scan.
    pub before: Option<ScriptOutput>,
    /// In the second.
    pub after: Option<ScriptOutput>,
}

impl ScanDiff {
    /// Nothing changed.
    pub fn is_equal(&self) -> bool {
        self.hosts.is_empty() && self.pre_scripts.is_empty() && self.post_scripts.is_empty()
    }
}

/// Compares two scans.
pub fn diff(before: &Scan, after: &Scan) -> ScanDiff {
    let hosts = pairs(&before.hosts, &after.hosts).into_iter().filter_map(|pair| host_diff(pair.0, pair.1)).collect();
    ScanDiff {
        before: call(before),
        after: call(after),
        hosts,
        pre_scripts: script_diffs(&before.pre_scripts, &after.pre_scripts),
        post_scripts: script_diffs(&before.post_scripts, &after.post_scripts),
        sides: (sides(&before.pre_scripts, &after.pre_scripts), sides(&before.post_scripts, &after.post_scripts)),
    }
}

fn call(scan: &Scan) -> Call {
    Call {
        scanner: scan.scanner.clone(),
        version: scan.version.clone(),
        args: scan.args.clone(),
        started: scan.started,
        ended: scan.ended,
    }
}

fn sides(before: &[ScriptOutput], after: &[ScriptOutput]) -> Sides {
    match (before.is_empty(), after.is_empty()) {
        (false, true) => Sides::Before,
        (true, false) => Sides::After,
        _ => Sides::Both,
    }
}

/// By what a host is the same in two scans: its first address (IPv4 before IPv6 before MAC), then its first name.
fn identity(host: &ScannedHost) -> (String, &str) {
    let first = host.addresses.iter().map(|a| (a.kind, a.addr.as_str())).min();
    // Padded as ndiff does, so that the order of the hosts is the same too.
    let address = format!("{:<40}", first.map_or("", |(_, addr): (AddressKind, &str)| addr));
    (address, host.names.iter().min().map_or("", String::as_str))
}

type Pair<'a> = (Option<&'a ScannedHost>, Option<&'a ScannedHost>);

/// Merges both lists by identity; of several with one identity the first belong together, then the second …
fn pairs<'a>(before: &'a [ScannedHost], after: &'a [ScannedHost]) -> Vec<Pair<'a>> {
    let sorted = |hosts: &'a [ScannedHost]| {
        let mut sorted: Vec<_> = hosts.iter().map(|host| (identity(host), host)).collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        sorted
    };
    let (a, b) = (sorted(before), sorted(after));
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::with_capacity(a.len().max(b.len()));
    loop {
        let order = match (a.get(i), b.get(j)) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => x.0.cmp(&y.0),
        };
        found.push((
            a.get(i).filter(|_| order != Ordering::Greater).map(|x| x.1),
            b.get(j).filter(|_| order != Ordering::Less).map(|y| y.1),
        ));
        i += usize::from(order != Ordering::Greater);
        j += usize::from(order != Ordering::Less);
    }
}

fn host_diff(before: Option<&ScannedHost>, after: Option<&ScannedHost>) -> Option<HostDiff> {
    match (before, after) {
        (Some(a), Some(b)) => host_change(a, b).map(|change| HostDiff::Changed(Box::new(change))),
        (Some(host), None) => Some(HostDiff::Gone { host: Box::new(host.clone()) }),
        (None, Some(host)) => Some(HostDiff::New { host: Box::new(host.clone()) }),
        (None, None) => None,
    }
}

fn host_change(a: &ScannedHost, b: &ScannedHost) -> Option<HostChange> {
    let state = (a.state != b.state).then(|| Change { before: said(a.state.as_ref()), after: said(b.state.as_ref()) });
    let key = |host: &ScannedHost| host.addresses.iter().map(|x| ((x.kind, x.addr.clone()), x.clone())).collect();
    let names = |host: &ScannedHost| host.names.iter().map(|n| (n.clone(), n.clone())).collect();
    let extra = |host: &ScannedHost| host.not_shown.iter().cloned().collect::<BTreeSet<_>>();
    let not_shown = (extra(a) != extra(b)).then(|| Change { before: a.not_shown.clone(), after: b.not_shown.clone() });
    let os = os_diffs(&a.os, &b.os);
    let change = HostChange {
        host: b.title(),
        title_before: a.title(),
        state,
        addresses: set_diff(&key(a), &key(b)),
        names: set_diff(&names(a), &names(b)),
        not_shown_same: if not_shown.is_none() { a.not_shown.clone() } else { Vec::new() },
        not_shown,
        ports: port_diffs(a, b),
        os: if os.iter().all(|step| step.equal) { Vec::new() } else { os },
        scripts: script_diffs(&a.scripts, &b.scripts),
        script_sides: sides(&a.scripts, &b.scripts),
    };
    let same = change.state.is_none()
        && change.addresses.is_same()
        && change.names.is_same()
        && change.not_shown.is_none()
        && change.ports.is_empty()
        && change.os.is_empty()
        && change.scripts.is_empty();
    (!same).then_some(change)
}

fn said(state: Option<&String>) -> String {
    state.map_or_else(|| "unknown".to_owned(), Clone::clone)
}

fn set_diff<K: Ord, T: Clone>(a: &BTreeMap<K, T>, b: &BTreeMap<K, T>) -> SetDiff<T> {
    let only = |one: &BTreeMap<K, T>, in_other: &dyn Fn(&K) -> bool| -> Vec<T> {
        one.iter().filter(|(key, _)| in_other(key)).map(|(_, value)| value.clone()).collect()
    };
    SetDiff {
        kept: only(a, &|key| b.contains_key(key)),
        removed: only(a, &|key| !b.contains_key(key)),
        added: only(b, &|key| !a.contains_key(key)),
    }
}

fn port_diffs(a: &ScannedHost, b: &ScannedHost) -> Vec<PortDiff> {
    let table = |host: &'_ ScannedHost| -> BTreeMap<(u32, String), ScannedPort> {
        host.ports.iter().map(|port| ((port.port, port.protocol.clone()), port.clone())).collect()
    };
    let (mut of_a, mut of_b) = (table(a), table(b));
    let specs: BTreeSet<_> = of_a.keys().chain(of_b.keys()).cloned().collect();
    let mut found = Vec::new();
    for spec in specs {
        let (before, after) = (of_a.remove(&spec), of_b.remove(&spec));
        let hidden = |host: &ScannedHost, port: &Option<ScannedPort>| {
            host.only_counts(port.as_ref().and_then(|p| p.state.as_deref()))
        };
        let (hidden_before, hidden_after) = (hidden(a, &before), hidden(b, &after));
        let (port, protocol) = spec;
        let none = ScannedPort::default();
        let (x, y) = (before.as_ref().unwrap_or(&none), after.as_ref().unwrap_or(&none));
        let scripts = script_diffs(&x.scripts, &y.scripts);
        let same = x.state == y.state && x.service.is_like(&y.service) && scripts.is_empty();
        if !(same || hidden_before && hidden_after) {
            found.push(PortDiff { port, protocol, before, after, scripts, hidden_before, hidden_after });
        }
    }
    found
}

fn os_diffs(a: &[OsMatch], b: &[OsMatch]) -> Vec<OsDiff> {
    let names = |list: &[OsMatch]| list.iter().map(|guess| guess.name.clone()).collect::<Vec<_>>();
    let (a, b) = (names(a), names(b));
    let steps = lines::steps(&a, &b).into_iter();
    steps.map(|s| OsDiff { before: a[s.before].to_vec(), after: b[s.after].to_vec(), equal: s.equal }).collect()
}

/// Merges two sorted lists by the scripts' names.
fn script_diffs(a: &[ScriptOutput], b: &[ScriptOutput]) -> Vec<ScriptDiff> {
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::new();
    loop {
        let order = match (a.get(i), b.get(j)) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => x.id.cmp(&y.id),
        };
        let before = a.get(i).filter(|_| order != Ordering::Greater);
        let after = b.get(j).filter(|_| order != Ordering::Less);
        if before != after {
            found.push(ScriptDiff { before: before.cloned(), after: after.cloned() });
        }
        i += usize::from(order != Ordering::Greater);
        j += usize::from(order != Ordering::Less);
    }
}

#[cfg(test)]
mod tests;
