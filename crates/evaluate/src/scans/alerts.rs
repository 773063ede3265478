//! What of a scan people are told: alerts of kinds `new_device`, `new_service`, `port_change`, `host_down` and `anomalous_host`, one a host and
//! scan, with who first used what opened. Owns what is worth an alert; nothing is told from a network's first scan, which teaches.

use super::identity::{Identities, comparable, ips};
use super::words::{self, at, listed, plural, ports};
use super::{FindingReason, HostFinding, ScanJudgement, SharedChange};
use detect::behaviour::has_service;
use features::scan::{ChangeKind, PortKey, is_control_port};
use record::scan::{Scan, ScannedHost, ScannedPort, Service};
use record::{Alert, DetectorScore, IpAddr16, Kind, Severity, Timestamp, Why};
use std::collections::{BTreeMap, HashMap};

/// More devices than these at once are told together.
const NEW_DEVICES_MAX: usize = 5;
/// Scans before in which a port must have been open without a break for its closing to be told.
const STEADY_SCANS: usize = 3;
/// Share of scans in which a host must have been up for its absence to be told.
const STEADY_SHARE: f64 = 0.8;
/// Entries of an alert's lists.
const LIST_MAX: usize = 64;

/// The first time that traffic used a port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstUse {
    /// Key of the host, as in [`HostFinding`].
    pub key: String,
    /// The port.
    pub port: PortKey,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub peer: IpAddr16,
    /// In which flow.
    pub flow_id: u64,
}

/// All that a scan's alerts are made of.
#[derive(Clone, Copy, Debug)]
pub struct ScanStory<'a> {
    /// Scans before of the same targets, oldest first.
    pub history: &'a [Scan],
    /// The newest scan.
    pub current: &'a Scan,
    /// What `judge` said of them.
    pub judgement: &'a ScanJudgement,
    /// First uses of ports by traffic; those of other ports do no harm.
    pub first_uses: &'a [FirstUse],
    /// Scans a host must miss to count as down.
    pub missed_scans_down: usize,
}

/// Alerts of the newest scan, one a host at most, and one for what many did at once. None where no scan before asked alike.
#[must_use]
pub fn scan_alerts(story: &ScanStory<'_>) -> Vec<Alert> {
    if story.judgement.scans == 0 {
        return Vec::new();
    }
    let teller = Teller::new(story);
    let mut alerts = teller.new_devices();
    for finding in &story.judgement.findings {
        alerts.extend(teller.changed(finding));
    }
    alerts.extend(story.judgement.shared.iter().filter_map(|shared| teller.shared(shared)));
    if story.current.incomplete.is_none() {
        alerts.extend(teller.down());
    }
    alerts
}

type ByKey<'a> = HashMap<String, &'a ScannedHost>;

struct Teller<'a> {
    story: &'a ScanStory<'a>,
    /// Hosts up in each scan before, oldest first.
    before: Vec<(&'a Scan, ByKey<'a>)>,
    now: ByKey<'a>,
    time: Timestamp,
}

impl<'a> Teller<'a> {
    fn new(story: &'a ScanStory<'a>) -> Self {
        let mut identities = Identities::default();
        let mut up = |scan: &'a Scan| identities.up(scan).into_iter().collect::<ByKey<'a>>();
        let before: Vec<_> = story.history.iter().map(|scan| (scan, up(scan))).collect();
        let now = up(story.current);
        Self { before, now, time: story.current.started.or(story.current.ended).unwrap_or_default(), story }
    }

    fn blank(&self, kind: Kind, detector: &'static str, key: &str, p_value: f64) -> Alert {
        let ts = self.story.current.ended.unwrap_or(self.time);
        let hosts = self.now.get(key).copied().or_else(|| self.last_up(key).map(|(_, host)| host));
        Alert {
            ts,
            first_seen: self.time.min(ts),
            kind,
            detector,
            src: hosts.map(ips).unwrap_or_default(),
            dest: Vec::new(),
            dest_port: Vec::new(),
            score: 0.5,
            severity: Severity::Low,
            title: String::new(),
            why: Vec::new(),
            detectors: vec![DetectorScore { name: detector.to_owned(), score: 0.5, p_value }],
            flows: Vec::new(),
            packets: 0,
            story: key.to_owned(),
            attack: Vec::new(),
        }
    }

    /// The last scan in which the host was up, and what it was.
    fn last_up(&self, key: &str) -> Option<(&'a Scan, &'a ScannedHost)> {
        self.before.iter().rev().find_map(|(scan, up)| up.get(key).map(|host| (*scan, *host)))
    }

    fn is_new(&self, key: &str) -> bool {
        self.now.contains_key(key) && self.before.iter().all(|(_, up)| !up.contains_key(key))
    }

    fn new_devices(&self) -> Vec<Alert> {
        let new: Vec<&HostFinding> = self.story.judgement.findings.iter().filter(|f| self.is_new(&f.key)).collect();
        let scans = self.before.len() as f64;
        let why = |n: usize| {
            vec![
                reason("scans_without_it", scans, [0.0, 0.0], "scans", 0.7),
                reason("devices_new", n as f64, [0.0, 0.0], "hosts", 0.3),
            ]
        };
        if new.len() > NEW_DEVICES_MAX {
            let mut alert = self.blank(Kind::NewDevice, "scan_change", &new[0].key, 1e-2);
            let named: Vec<String> = new.iter().take(4).map(|f| f.address.clone()).collect();
            let who = listed(&named, new.len() - named.len(), "more", "more");
            alert.title = format!("{} devices not seen in {} before: {who}", new.len(), scans_words(self.before.len()));
            alert.src = new.iter().filter_map(|f| self.now.get(&f.key)).flat_map(|h| ips(h)).take(LIST_MAX).collect();
            alert.story = format!("{} new devices at {}", new.len(), self.time);
            alert.why = why(new.len());
            return vec![alert];
        }
        new.into_iter()
            .map(|finding| {
                let mut alert = self.blank(Kind::NewDevice, "scan_change", &finding.key, 1e-2);
                let open = self.now.get(&finding.key).map(|host| open_ports(host)).unwrap_or_default();
                let offers = if open.is_empty() {
                    "no open port".to_owned()
                } else {
                    format!("open: {}", self.named(&finding.key, &open))
                };
                let called =
                    if finding.key == finding.address { String::new() } else { format!(" at {}", finding.address) };
                let scans = scans_words(self.before.len());
                alert.title = format!("A device not seen in {scans} before: {}{called}, {offers}", finding.key);
                alert.dest_port = numbers(&open);
                alert.why = why(1);
                strengthen(&mut alert, finding);
                alert
            })
            .collect()
    }

    /// One alert for all that one host did, or none.
    fn changed(&self, finding: &HostFinding) -> Option<Alert> {
        if self.is_new(&finding.key) {
            return None;
        }
        let said = Said::of(self, finding);
        let kind = match (finding.ports_first.is_empty() && said.moved.is_empty(), said.others.is_empty()) {
            (false, _) if said.opened.is_empty() => Kind::PortChange,
            (false, _) => Kind::NewService,
            (true, false) => Kind::PortChange,
            (true, true) if finding.anomalous => return Some(self.unlike(finding)),
            (true, true) => return None,
        };
        let mut alert = self.blank(kind, "scan_change", &finding.key, finding.p_value.min(0.05));
        let concerned: Vec<PortKey> =
            if finding.ports_first.is_empty() { said.ports.clone() } else { finding.ports_first.clone() };
        alert.title = format!("{}: {}", finding.address, said.words(self, &finding.key));
        alert.dest_port = numbers(&concerned);
        alert.severity = severity(&finding.ports_first, &said);
        alert.attack = techniques(&finding.ports_first, &said);
        alert.why = said.why(finding);
        if let ([only], true, Some(ip)) = (&concerned[..], kind == Kind::NewService, alert.src.first()) {
            // As the watch of traffic names it, so that both tell one story.
            alert.story = format!("{ip} {}", only.port());
        }
        for first in self.uses(&finding.key, &finding.ports_first) {
            alert.dest.push(first.peer);
            alert.flows.push(first.flow_id);
        }
        alert.dest.sort_unstable();
        alert.dest.dedup();
        alert.dest.truncate(LIST_MAX);
        alert.flows.truncate(LIST_MAX);
        strengthen(&mut alert, finding);
        Some(alert)
    }

    /// A host whose changes are no opened or closed port, yet whose whole is strange.
    fn unlike(&self, finding: &HostFinding) -> Alert {
        let mut alert = self.blank(Kind::AnomalousHost, "scan_anomaly", &finding.key, finding.p_value);
        alert.title.clone_from(&finding.text);
        alert.score = finding.score;
        alert.detectors[0].score = f64::from(finding.score);
        alert.why = finding.reasons.iter().map(why_of).collect();
        alert.story = format!("scan {}", finding.key);
        alert
    }

    fn shared(&self, shared: &SharedChange) -> Option<Alert> {
        let (kind, did) = match shared.change.kind {
            ChangeKind::Opened => (Kind::NewService, "opened"),
            ChangeKind::Closed => (Kind::PortChange, "closed"),
            ChangeKind::Service | ChangeKind::Version => return None,
        };
        let key = shared.change.key;
        let mut alert = self.blank(kind, "scan_change", shared.hosts.first()?, 0.05);
        let hosts = plural(shared.hosts.len() as u64, "host", "hosts");
        alert.title = format!("{hosts} {did} {key} since the last scan, seen at {}", at(self.time, self.time));
        alert.src =
            shared.hosts.iter().filter_map(|key| self.now.get(key)).flat_map(|host| ips(host)).take(LIST_MAX).collect();
        alert.dest_port = vec![key.port()];
        alert.why = vec![reason("hosts_alike", shared.hosts.len() as f64, [0.0, 2.0], "hosts", 1.0)];
        alert.story = format!("{did} {key} at {}", self.time);
        Some(alert)
    }

    /// Hosts that were always there and have now missed as many scans as it takes, told in that scan and not again.
    fn down(&self) -> Vec<Alert> {
        let missed = self.story.missed_scans_down.max(1);
        let whole: Vec<&(&Scan, ByKey<'_>)> =
            self.before.iter().filter(|(scan, _)| scan.incomplete.is_none()).collect();
        let Some(until) = (whole.len() + 1).checked_sub(missed) else { return Vec::new() };
        let (earlier, newer) = whole.split_at(until);
        let steady = Self::steady(earlier);
        let gone = |key: &&String| !self.now.contains_key(*key) && newer.iter().all(|(_, up)| !up.contains_key(*key));
        let there = |key: &&String| earlier.last().is_some_and(|(_, up)| up.contains_key(*key));
        let lost: Vec<&String> = steady.keys().filter(there).filter(gone).collect();
        if lost.len() >= 3 && lost.len() * 2 >= steady.len() {
            let mut alert = self.blank(Kind::HostDown, "scan_change", lost[0], 1e-2);
            alert.title = format!(
                "{} of {} hosts no longer answer: is the network, or the scanner, cut off?",
                lost.len(),
                steady.len()
            );
            alert.src = lost
                .iter()
                .filter_map(|key| self.last_up(key))
                .flat_map(|(_, host)| ips(host))
                .take(LIST_MAX)
                .collect();
            alert.severity = Severity::High;
            alert.why = vec![reason("hosts_down", lost.len() as f64, [0.0, 0.0], "hosts", 1.0)];
            alert.story = format!("hosts down at {}", self.time);
            return vec![alert];
        }
        lost.into_iter().filter_map(|key| self.one_down(key, missed, steady[key])).collect()
    }

    fn one_down(&self, key: &str, missed: usize, scans_up: usize) -> Option<Alert> {
        let (scan, host) = self.last_up(key)?;
        let mut alert = self.blank(Kind::HostDown, "scan_change", key, 1e-2);
        let last = scan.started.or(scan.ended).map(|time| format!(", last seen up at {}", at(time, self.time)));
        let open = open_ports(host);
        let who = super::identity::address(host).unwrap_or_else(|| key.to_owned());
        alert.title = format!(
            "{who} does not answer any more: missing in {}{}",
            plural(missed as u64, "scan", "scans"),
            last.unwrap_or_default()
        );
        alert.severity = if open.iter().any(|port| port.port() < 1024) { Severity::Medium } else { Severity::Low };
        alert.why = vec![
            reason("scans_missed", missed as f64, [0.0, 0.0], "scans", 0.7),
            reason("scans_up", scans_up as f64, [STEADY_SCANS as f64, scans_up as f64], "scans", 0.3),
        ];
        Some(alert)
    }

    /// Hosts that were up in nearly every scan since they first were, and in how many.
    fn steady(earlier: &[&(&Scan, ByKey<'_>)]) -> BTreeMap<String, usize> {
        let mut seen: BTreeMap<&String, (usize, usize)> = BTreeMap::new();
        for (place, (_, up)) in earlier.iter().enumerate() {
            for key in up.keys() {
                seen.entry(key).or_insert((place, 0)).1 += 1;
            }
        }
        let always =
            |first: usize, up: usize| up >= STEADY_SCANS && up as f64 >= STEADY_SHARE * (earlier.len() - first) as f64;
        seen.into_iter()
            .filter(|(_, (first, up))| always(*first, *up))
            .map(|(key, (_, up))| (key.clone(), up))
            .collect()
    }

    /// The port was open whenever the host was up in the last scans that asked alike.
    fn was_steady(&self, key: &str, port: PortKey) -> bool {
        let alike = self.before.iter().rev().filter(|(scan, _)| comparable(scan, self.story.current));
        let hosts: Vec<_> = alike.filter_map(|(_, up)| up.get(key)).take(STEADY_SCANS).collect();
        hosts.len() == STEADY_SCANS && hosts.iter().all(|host| open_port(host, port).is_some())
    }

    /// First uses of these ports, the earliest first.
    fn uses(&self, key: &str, of: &[PortKey]) -> Vec<&'a FirstUse> {
        let mut uses: Vec<_> =
            self.story.first_uses.iter().filter(|first| first.key == key && of.contains(&first.port)).collect();
        uses.sort_by_key(|first| (first.at, first.port));
        uses
    }

    /// `22/tcp (ssh)`.
    fn named(&self, key: &str, list: &[PortKey]) -> String {
        let name = |port: &PortKey| {
            self.now.get(key).and_then(|host| open_port(host, *port)).and_then(|open| service_words(&open.service))
        };
        let named: Vec<String> = list
            .iter()
            .take(4)
            .map(|port| name(port).map_or_else(|| port.to_string(), |name| format!("{port} ({name})")))
            .collect();
        listed(&named, list.len() - named.len(), "more port", "more ports")
    }
}

/// What one host's alert says.
#[derive(Default)]
struct Said {
    /// Opened for the first time and not moved from elsewhere.
    opened: Vec<PortKey>,
    /// Service, from, to.
    moved: Vec<(String, PortKey, PortKey)>,
    /// Closings and changed services, in words.
    others: Vec<String>,
    /// Their ports.
    ports: Vec<PortKey>,
}

impl Said {
    fn of(teller: &Teller<'_>, finding: &HostFinding) -> Self {
        let (Some((_, before)), Some(now)) = (teller.last_up(&finding.key), teller.now.get(&finding.key)) else {
            return Self::default();
        };
        let mut said = Self { opened: finding.ports_first.clone(), ..Self::default() };
        let steady = |port: &PortKey| teller.was_steady(&finding.key, *port);
        let mut closed: Vec<PortKey> =
            words::of_kind(&finding.changes, ChangeKind::Closed).into_iter().filter(steady).collect();
        said.find_moves(&mut closed, before, now);
        if !closed.is_empty() {
            said.others.push(format!("{} closed", ports(&closed)));
        }
        said.ports = closed;
        for port in words::of_kind(&finding.changes, ChangeKind::Service) {
            let name = |host| open_port(host, port).and_then(|open| service_words(&open.service));
            if let (Some(was), Some(is)) = (name(before), name(now)) {
                said.others.push(format!("{port} is {is}, was {was}"));
                said.ports.push(port);
            }
        }
        said
    }

    /// The same named service left one port and came on another.
    fn find_moves(&mut self, closed: &mut Vec<PortKey>, before: &ScannedHost, now: &ScannedHost) {
        closed.retain(|from| {
            let Some(was) = open_port(before, *from).filter(|open| open.service.name.is_some()) else { return true };
            let same = |to: &PortKey| {
                to.protocol() == from.protocol()
                    && open_port(now, *to).is_some_and(|open| {
                        open.service.name == was.service.name && open.service.product == was.service.product
                    })
            };
            let Some(place) = self.opened.iter().position(same) else { return true };
            let to = self.opened.remove(place);
            self.moved.push((was.service.name.clone().unwrap_or_default(), *from, to));
            false
        });
    }

    fn words(&self, teller: &Teller<'_>, key: &str) -> String {
        let mut parts = Vec::new();
        if !self.opened.is_empty() {
            parts.push(format!("{} open since {}", teller.named(key, &self.opened), at(teller.time, teller.time)));
        }
        parts.extend(self.moved.iter().map(|(name, from, to)| format!("{name} moved from {from} to {to}")));
        let moved: Vec<PortKey> = self.moved.iter().map(|(_, _, to)| *to).collect();
        if let Some(first) = teller.uses(key, &[self.opened.clone(), moved].concat()).first() {
            let which =
                if self.opened.len() + self.moved.len() > 1 { format!("{} ", first.port) } else { String::new() };
            parts.push(format!("{which}first used by {} at {}", first.peer, at(first.at, teller.time)));
        }
        parts.extend(self.others.iter().cloned());
        parts.join("; ")
    }

    fn why(&self, finding: &HostFinding) -> Vec<Why> {
        if finding.anomalous {
            return finding.reasons.iter().map(why_of).collect();
        }
        let mut why = Vec::new();
        let mut say = |feature, n: usize, share| {
            why.extend((n > 0).then(|| reason(feature, n as f64, [0.0, 0.0], "ports", share)));
        };
        say("ports_first", finding.ports_first.len(), 0.5);
        say("ports_changed", self.ports.len(), 0.3);
        let scans = f64::from(finding.scans);
        why.push(reason("scans_without_it", scans, [0.0, 0.0], "scans", 0.2));
        why
    }
}

/// A way to control the host, or a port that nothing known listens on, is what a backdoor looks like.
fn severity(first: &[PortKey], said: &Said) -> Severity {
    let telling = first.iter().any(|port| is_control_port(port.port()) || !has_service(port.port()));
    if telling || !said.moved.is_empty() { Severity::Medium } else { Severity::Low }
}

fn techniques(first: &[PortKey], said: &Said) -> Vec<&'static str> {
    let any = |test: &dyn Fn(u16) -> bool| first.iter().any(|port| test(port.port()));
    if any(&|port| !has_service(port)) || !said.moved.is_empty() {
        vec!["T1571"]
    } else if any(&is_control_port) {
        vec!["T1021"]
    } else if first.is_empty() {
        Vec::new()
    } else {
        vec!["T1543"]
    }
}

/// The models' view of the same host, where it is an anomaly: one step more severe.
fn strengthen(alert: &mut Alert, finding: &HostFinding) {
    if !finding.anomalous {
        return;
    }
    alert.severity = if alert.severity == Severity::Low { Severity::Medium } else { Severity::High };
    alert.score = alert.score.max(0.5 + finding.score / 2.0);
    alert.detectors.push(DetectorScore {
        name: "scan_anomaly".to_owned(),
        score: f64::from(finding.score),
        p_value: finding.p_value,
    });
}

fn why_of(of: &FindingReason) -> Why {
    reason(&of.feature, of.value, [of.expected_low, of.expected_high], &of.unit, of.share)
}

fn reason(feature: &str, value: f64, expected: [f64; 2], unit: &str, share: f64) -> Why {
    Why { feature: feature.to_owned(), value, expected, unit: unit.to_owned(), share }
}

fn open_port(host: &ScannedHost, key: PortKey) -> Option<&ScannedPort> {
    let is = |port: &&ScannedPort| u32::from(key.port()) == port.port && port.protocol == key.protocol();
    host.ports.iter().find(is).filter(|port| port.state.as_deref() == Some("open"))
}

fn open_ports(host: &ScannedHost) -> Vec<PortKey> {
    features::scan::Profile::of(host).ports.iter().map(|port| port.key).collect()
}

/// Program where it is known, else service.
fn service_words(service: &Service) -> Option<&str> {
    service.product.as_deref().or(service.name.as_deref()).filter(|name| !name.is_empty())
}

fn numbers(list: &[PortKey]) -> Vec<u16> {
    let mut ports: Vec<u16> = list.iter().map(|port| port.port()).take(LIST_MAX).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn scans_words(scans: usize) -> String {
    plural(scans as u64, "scan", "scans")
}
