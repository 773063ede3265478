//! From one scan of a host to the next: what was known of it, what changed, and the numbers of the schema.

use super::profile::{OpenPort, PortKey, Profile, is_control_port};
use std::collections::BTreeMap;

/// Ports remembered of one host at most; a host that had more is one on which no port is ever first again.
pub const PORTS_KNOWN_MAX: usize = 4096;

/// What was known of a host before a scan.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Scans in which it was up.
    pub scans_up: u32,
    /// Scans since then in which it was not.
    pub scans_missed: u32,
    /// As it was when it was last up.
    pub last: Profile,
    ports: Vec<PortKey>,
    services: Vec<u32>,
}

impl Past {
    /// The port was open in some scan before. True of all once the memory is full.
    #[must_use]
    pub fn had(&self, key: PortKey) -> bool {
        self.ports.len() >= PORTS_KNOWN_MAX || self.ports.binary_search(&key).is_ok()
    }
    /// Takes a scan in which it was up; gives the ports that were open for the first time.
    pub fn remember(&mut self, now: Profile) -> Vec<PortKey> {
        let mut first = Vec::new();
        for port in now.chosen() {
            if self.ports.len() < PORTS_KNOWN_MAX
                && let Err(at) = self.ports.binary_search(&port.key)
            {
                self.ports.insert(at, port.key);
                first.push(port.key);
            }
            if port.service != 0
                && self.services.len() < PORTS_KNOWN_MAX
                && let Err(at) = self.services.binary_search(&port.service)
            {
                self.services.insert(at, port.service);
            }
        }
        self.scans_up = self.scans_up.saturating_add(1);
        self.scans_missed = 0;
        self.last = now;
        first
    }
    /// What a scan changed; nothing of a host that was never up. Ports that are handed out do not count one by one.
    #[must_use]
    pub fn changes(&self, now: &Profile) -> Vec<Change> {
        if self.scans_up == 0 {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for port in now.chosen() {
            let kind = match self.last.port(port.key) {
                None => Some(ChangeKind::Opened),
                Some(before) if differ(before.service, port.service) || differ(before.product, port.product) => {
                    Some(ChangeKind::Service)
                }
                Some(before) if differ(before.version, port.version) => Some(ChangeKind::Version),
                Some(_) => None,
            };
            changes.extend(kind.map(|kind| Change { kind, key: port.key }));
        }
        let closed = self.last.chosen().filter(|port| now.port(port.key).is_none());
        changes.extend(closed.map(|port| Change { kind: ChangeKind::Closed, key: port.key }));
        changes
    }
}

/// A name that one of two scans did not tell is no change.
fn differ(before: u32, after: u32) -> bool {
    before != 0 && after != 0 && before != after
}

/// Kind of a change of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It opened.
    Opened,
    /// It closed.
    Closed,
    /// Another service or program answers.
    Service,
    /// Another version of the same program answers.
    Version,
}

/// One change of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// What.
    pub kind: ChangeKind,
    /// Where.
    pub key: PortKey,
}

/// One host in one scan, in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostStep {
    /// Open TCP ports.
    pub ports_tcp: u32,
    /// Open UDP ports.
    pub ports_udp: u32,
    /// Open ports below 1024.
    pub ports_system: u32,
    /// Open ports that systems hand out.
    pub ports_handed_out: u32,
    /// Open ports for remote control.
    pub ports_control: u32,
    /// Open ports, not handed out, for which the scanner has no name.
    pub ports_unnamed: u32,
    /// Distinct service names.
    pub services: u32,
    /// Shannon entropy over the names of the open ports, nats.
    pub service_entropy_nats: f32,
    /// Open ports that neither it nor hosts like it had.
    pub ports_rare: u32,
    /// Ports open for the first time.
    pub ports_first: u32,
    /// Service names for the first time.
    pub services_first: u32,
    /// Ports opened since it was last up.
    pub ports_opened: u32,
    /// Ports closed since then.
    pub ports_closed: u32,
    /// Ports on which another service or program answers.
    pub services_changed: u32,
    /// Ports on which another version answers.
    pub versions_changed: u32,
    /// Scans missed just before.
    pub scans_missed: u32,
}

impl HostStep {
    /// `now` beside `past`. `changes` are those that count (the caller leaves out what many hosts did at once); `rare` says whether hosts
    /// like it do not have a port. Of a host without a past nothing is a change and nothing is first.
    #[must_use]
    pub fn of(now: &Profile, past: &Past, changes: &[Change], rare: impl Fn(PortKey) -> bool) -> Self {
        let count = |test: &dyn Fn(&OpenPort) -> bool| now.ports.iter().filter(|port| test(port)).count() as u32;
        let changed = |kind| changes.iter().filter(|change| change.kind == kind).count() as u32;
        let opened = || changes.iter().filter(|change| change.kind == ChangeKind::Opened).map(|change| change.key);
        let (services, service_entropy_nats) = variety(now);
        Self {
            ports_tcp: count(&|port| port.key.protocol() == "tcp" && !port.key.is_handed_out()),
            ports_udp: count(&|port| port.key.protocol() == "udp" && !port.key.is_handed_out()),
            ports_system: count(&|port| port.key.port() < 1024),
            ports_handed_out: now.handed_out() as u32,
            ports_control: count(&|port| port.key.protocol() == "tcp" && is_control_port(port.key.port())),
            ports_unnamed: count(&|port| port.service == 0 && !port.key.is_handed_out()),
            services,
            service_entropy_nats,
            ports_rare: count(&|port| !port.key.is_handed_out() && !past.had(port.key) && rare(port.key)),
            ports_first: opened().filter(|key| !past.had(*key)).count() as u32,
            services_first: services_first(now, past, opened()),
            ports_opened: changed(ChangeKind::Opened),
            ports_closed: changed(ChangeKind::Closed),
            services_changed: changed(ChangeKind::Service),
            versions_changed: changed(ChangeKind::Version),
            scans_missed: past.scans_missed,
        }
    }
}

/// Names on opened ports that the host never offered.
fn services_first(now: &Profile, past: &Past, opened: impl Iterator<Item = PortKey>) -> u32 {
    let mut names: Vec<u32> = opened.filter_map(|key| now.port(key)).map(|port| port.service).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| *name != 0 && past.services.binary_search(name).is_err()).count() as u32
}

/// Distinct names and their entropy; ports without a name are one of them.
fn variety(now: &Profile) -> (u32, f32) {
    let mut names: BTreeMap<u32, u32> = BTreeMap::new();
    for port in now.chosen() {
        *names.entry(port.service).or_default() += 1;
    }
    let total = f64::from(names.values().sum::<u32>());
    let entropy: f64 = names.values().map(|n| f64::from(*n) / total).map(|share| -share * share.ln()).sum();
    (names.keys().filter(|name| **name != 0).count() as u32, entropy.max(0.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::scan::{ScannedHost, ScannedPort, Service};

    fn profile(ports: &[(u32, &str, &str)]) -> Profile {
        let ports = ports.iter().map(|(port, product, version)| ScannedPort {
            protocol: "tcp".to_owned(),
            port: *port,
            state: Some("open".to_owned()),
            service: Service {
                name: Some((*product).to_owned()),
                product: Some((*product).to_owned()),
                version: Some((*version).to_owned()),
                ..Service::default()
            },
            ..ScannedPort::default()
        });
        Profile::of(&ScannedHost { ports: ports.collect(), ..ScannedHost::default() })
    }

    fn step(past: &Past, now: &Profile) -> HostStep {
        HostStep::of(now, past, &past.changes(now), |key| key.port() == 4444)
    }

    #[test]
    fn changes_are_counted_once_and_under_their_name() {
        let mut past = Past::default();
        let first = profile(&[(22, "ssh", "9.2"), (80, "http", "1"), (443, "https", "")]);
        let new = step(&past, &first);
        assert_eq!((new.ports_tcp, new.ports_first, new.ports_opened, new.ports_system), (3, 0, 0, 3));
        past.remember(first);
        let now = step(&past, &profile(&[(22, "ssh", "9.6"), (80, "ssh", "1"), (443, "https", "2"), (4444, "x", "")]));
        assert_eq!((now.ports_first, now.services_first, now.ports_rare, now.ports_opened), (1, 1, 1, 1));
        // A version that was not told before is no change.
        assert_eq!((now.versions_changed, now.services_changed, now.ports_closed), (1, 1, 0));
    }

    #[test]
    fn what_comes_back_is_opened_and_not_first() {
        let mut past = Past::default();
        past.remember(profile(&[(22, "ssh", ""), (80, "http", "")]));
        past.remember(profile(&[(22, "ssh", "")]));
        past.scans_missed = 2;
        let now = step(&past, &profile(&[(80, "http", "")]));
        assert_eq!((now.ports_opened, now.ports_closed, now.ports_first, now.scans_missed), (1, 1, 0, 2));
    }

    #[test]
    fn numbers_that_are_handed_out_are_no_changes() {
        let mut past = Past::default();
        past.remember(profile(&[(22, "ssh", ""), (49_664, "msrpc", ""), (49_665, "msrpc", "")]));
        let now = profile(&[(22, "ssh", ""), (50_123, "msrpc", ""), (51_000, "msrpc", ""), (52_000, "msrpc", "")]);
        assert!(past.changes(&now).is_empty());
        assert_eq!(step(&past, &now).ports_handed_out, 3);
    }

    #[test]
    fn only_open_is_open() {
        let port = |state: &str| ScannedPort {
            protocol: "udp".to_owned(),
            port: 53,
            state: Some(state.to_owned()),
            ..ScannedPort::default()
        };
        let of = |state| Profile::of(&ScannedHost { ports: vec![port(state), port(state)], ..ScannedHost::default() });
        assert_eq!((of("open").ports.len(), of("open|filtered").ports.len(), of("closed").ports.len()), (1, 0, 0));
        assert_eq!(of("open").ports[0].key.to_string(), "53/udp");
        assert!(PortKey::new("tcp", 65_536).is_none() && PortKey::new("carrier pigeon", 1).is_none());
    }

    #[test]
    fn entropy_is_that_of_the_names() {
        let alike = variety(&profile(&[(1, "a", ""), (2, "a", "")]));
        let even = variety(&profile(&[(1, "a", ""), (2, "b", "")]));
        assert_eq!((alike.0, even.0), (1, 2));
        assert!(alike.1 == 0.0 && (even.1 - std::f32::consts::LN_2).abs() < 1e-6);
        assert_eq!(variety(&Profile::default()), (0, 0.0));
    }
}
