//! What becomes of a host's ports: open, closed, another service, version or certificate. Owns what counts as a change: words of different
//! scanners are not compared, silence says nothing, and a port that was never looked at before did not open.

use super::Folding;
use crate::ports::PortList;
use record::Timestamp;
use record::asset::{Asset, AssetChange, AssetEvent, AssetPort};
use record::scan::{Scan, ScannedHost, ScannedPort};
use std::collections::BTreeMap;

/// nmap asked services for their versions.
const ASKED: &str = "nmap -sV";
/// nmap named services by their ports.
const BY_PORT: &str = "nmap";
/// First words of services.
const FIRST_WORDS: &str = "tripline";
/// A service that nmap could not reach says nothing of itself.
const SILENT: &str = "tcpwrapped";
/// Characters kept of a version and of a certificate.
const WORDS_CHARS_MAX: usize = 200;

/// Who tells services and versions in a scan.
pub fn told_by(scan: &Scan) -> &'static str {
    let asked = |word: &str| matches!(word, "-sV" | "-A" | "-sCV" | "-sVC");
    match scan.scanner.as_str() {
        "tripline" => FIRST_WORDS,
        _ if scan.args.split_whitespace().any(asked) => ASKED,
        _ => BY_PORT,
    }
}

/// The ports that a scan asked, by transport.
pub struct Covered(BTreeMap<String, PortList>);

impl Covered {
    /// As the scan tells it.
    pub fn of(scan: &Scan) -> Self {
        let mut all: BTreeMap<String, PortList> = BTreeMap::new();
        for asked in &scan.asked {
            add(&mut all, &asked.protocol, &asked.ports);
        }
        Self(all)
    }

    fn has(&self, protocol: &str, port: u32) -> bool {
        has(&self.0, protocol, port)
    }
}

fn add(all: &mut BTreeMap<String, PortList>, protocol: &str, ports: &str) {
    let text = ports.strip_prefix("0-").map_or_else(|| ports.to_owned(), |rest| format!("1-{rest}"));
    // Empty would be the common ports.
    let Some(list) = Some(text).filter(|text| !text.trim().is_empty()).and_then(|text| PortList::parse(&text).ok())
    else {
        return;
    };
    let joined = match all.get(protocol) {
        Some(known) => known.union(&list),
        None => list,
    };
    all.insert(protocol.to_owned(), joined);
}

fn has(all: &BTreeMap<String, PortList>, protocol: &str, port: u32) -> bool {
    u16::try_from(port).is_ok_and(|port| all.get(protocol).is_some_and(|list| list.contains(port)))
}

/// Takes over what a scan says of a host's ports; the changes.
pub fn fold(asset: &mut Asset, hosts: &[&ScannedHost], folding: &Folding, is_new: bool) -> Vec<AssetEvent> {
    let at = folding.fold.at;
    let mut found: BTreeMap<(&str, u32), &ScannedPort> = BTreeMap::new();
    for port in hosts.iter().flat_map(|host| &host.ports) {
        let known = found.entry((&port.protocol, port.port)).or_insert(port);
        if is_open(port) {
            *known = port;
        }
    }
    let looked_at = looked_at(asset);
    let mut known: BTreeMap<(String, u32), AssetPort> =
        std::mem::take(&mut asset.ports).into_iter().map(|port| ((port.protocol.clone(), port.port), port)).collect();
    let mut events = Vec::new();
    let mut tell = |what, port: &AssetPort, text, before, after| {
        events.push(AssetEvent {
            at,
            scan: folding.fold.scan.to_owned(),
            key: asset.key.clone(),
            what,
            text,
            before,
            after,
            protocol: port.protocol.clone(),
            port: port.port,
        });
    };
    for (name, scanned) in found.iter().filter(|(_, port)| is_open(port)) {
        let name = (name.0.to_owned(), name.1);
        let was_known = known.contains_key(&name);
        let was_absent = !is_new && (was_known || has(&looked_at, &name.0, name.1));
        let port = known.entry(name).or_insert_with(|| first(scanned, at));
        let was_open = was_known && port.is_open();
        if was_open {
            for (what, text, before, after) in changes(port, scanned, folding.told_by) {
                tell(what, port, text, before, after);
            }
        } else {
            // What answers at a port that was closed may be anything.
            let (first_seen, absent) = (port.first_seen, (!is_new && was_absent).then_some(asset.last_seen));
            *port = AssetPort { first_seen, absent, ..first(scanned, at) };
            changes(port, scanned, folding.told_by);
            if was_absent {
                let text = format!("{} opened", port.title());
                tell(AssetChange::PortOpened, port, text, String::new(), words(port));
            }
        }
        port.last_seen = at;
    }
    for port in known.values_mut().filter(|port| port.is_open()) {
        let Some(state) = gone(port, &found, hosts, folding) else { continue };
        let text = format!("{} closed", port.title());
        tell(AssetChange::PortClosed, port, text, words(port), state.clone());
        (port.state, port.closed) = (state, Some(at));
    }
    asset.ports = known.into_values().collect();
    if folding.whole {
        remember(asset, looked_at, &folding.covered);
    }
    events
}

fn is_open(port: &ScannedPort) -> bool {
    port.state.as_deref() == Some("open")
}

fn first(scanned: &ScannedPort, at: Timestamp) -> AssetPort {
    AssetPort {
        protocol: scanned.protocol.clone(),
        port: scanned.port,
        state: "open".to_owned(),
        first_seen: at,
        last_seen: at,
        ..AssetPort::default()
    }
}

/// The state in which a port is that was open and is not any more; None: it is, or the scan does not say.
fn gone(
    port: &AssetPort,
    found: &BTreeMap<(&str, u32), &ScannedPort>,
    hosts: &[&ScannedHost],
    folding: &Folding,
) -> Option<String> {
    if !folding.whole {
        return None;
    }
    if let Some(told) = found.get(&(port.protocol.as_str(), port.port)) {
        return told.state.clone().filter(|state| state != "open");
    }
    // A host that lists nothing and counts nothing was not asked to the end.
    let counted: Vec<&str> =
        hosts.iter().flat_map(|h| &h.not_shown).filter_map(|extra| extra.state.as_deref()).collect();
    let covered = folding.covered.has(&port.protocol, port.port) && !counted.is_empty();
    let state = if counted.iter().all(|state| *state == counted[0]) { counted.first()? } else { &"closed" };
    covered.then(|| (*state).to_owned())
}

/// Ports of which earlier scans would have told that they are open.
fn looked_at(asset: &Asset) -> BTreeMap<String, PortList> {
    let mut all = BTreeMap::new();
    for (protocol, ports) in &asset.covered {
        add(&mut all, protocol, ports);
    }
    all
}

fn remember(asset: &mut Asset, mut known: BTreeMap<String, PortList>, covered: &Covered) {
    for (protocol, list) in &covered.0 {
        let joined = known.get(protocol).map_or_else(|| list.clone(), |before| before.union(list));
        known.insert(protocol.clone(), joined);
    }
    asset.covered = known.into_iter().map(|(protocol, list)| (protocol, list.to_string())).collect();
}

/// Service and version as people read them.
fn words(port: &AssetPort) -> String {
    let words = [port.service.as_str(), port.version.as_str()];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

type Told = (AssetChange, String, String, String);

/// Takes over service, version and certificate of a port that stayed open; what changed.
fn changes(port: &mut AssetPort, scanned: &ScannedPort, told_by: &'static str) -> Vec<Told> {
    let mut told = Vec::new();
    let before = words(port);
    let name = scanned.service.name.clone().filter(|name| name != SILENT).unwrap_or_default();
    let version = version(scanned, told_by);
    let both_asked = told_by != BY_PORT && port.told_by != BY_PORT && !port.told_by.is_empty();
    let other_service = both_asked && !name.is_empty() && !port.service.is_empty() && name != port.service;
    let same_teller = told_by == port.told_by;
    let other_version =
        same_teller && !version.is_empty() && !port.version.is_empty() && version != port.version && !other_service;
    // nmap's own questions know more than first words, and both more than a list of ports.
    let rank = |teller: &str| [BY_PORT, FIRST_WORDS, ASKED].iter().position(|known| *known == teller);
    if other_service || rank(told_by) >= rank(&port.told_by) {
        if !name.is_empty() {
            port.service = name;
        }
        if !version.is_empty() || other_service {
            port.version = version;
        }
        told_by.clone_into(&mut port.told_by);
    }
    let at = format!("{}/{}", port.port, port.protocol);
    if other_service {
        let text = format!("{at} is {}, before {before}", words(port));
        told.push((AssetChange::ServiceChanged, text, before, words(port)));
    } else if other_version {
        let text = format!("{at} {} is {}, before {before}", port.service, port.version);
        told.push((AssetChange::VersionChanged, text, before, words(port)));
    }
    let certificate = certificate(scanned);
    if !certificate.is_empty() && certificate != port.certificate {
        let before = std::mem::replace(&mut port.certificate, certificate);
        if !before.is_empty() {
            let text = format!("{at} shows another certificate");
            told.push((AssetChange::CertificateChanged, text, before, port.certificate.clone()));
        }
    }
    told
}

fn bounded(text: &str) -> String {
    text.chars().take(WORDS_CHARS_MAX).collect()
}

/// Program, version and what else it told; of the connect probe its first words, where the protocol is known by them.
fn version(scanned: &ScannedPort, told_by: &str) -> String {
    let service = &scanned.service;
    if told_by != FIRST_WORDS {
        let extra = service.extra.as_ref().map(|extra| format!("({extra})"));
        let all = [service.product.clone(), service.version.clone(), extra];
        return bounded(&all.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    let banner = scanned.scripts.iter().find(|script| script.id == "banner").filter(|_| service.name.is_some());
    let text = banner.map_or("", |banner| banner.output.as_str());
    // Greetings hold the time of day, numbers of the connection and challenges: those differ each time.
    let lasting = text.split([';', '<']).next().unwrap_or("");
    let word = |word: &&str| !word.contains(':');
    bounded(&lasting.split_whitespace().filter(word).collect::<Vec<_>>().join(" "))
}

/// Whose certificate it is, and its fingerprint; all that was said where there is none.
fn certificate(scanned: &ScannedPort) -> String {
    let Some(said) = scanned.scripts.iter().find(|script| script.id == "ssl-cert") else { return String::new() };
    let line = |begins: &str| said.output.lines().map(str::trim).find(|line| line.starts_with(begins));
    let subject = line("Subject:");
    match ["SHA-256:", "SHA-1:", "MD5:"].into_iter().find_map(line) {
        Some(print) => bounded(&[Some(print), subject].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        None => bounded(&said.output),
    }
}
