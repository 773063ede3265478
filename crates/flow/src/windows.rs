//! What every host does in windows of 10 and 60 seconds of capture time: fan-out, failed contacts, bytes, DNS and TLS
//! names. Bounded; fed by observations of all workers, because a scanner's flows are spread over them.
//!
//! Distinct counts are HyperLogLog++ sketches that are exact while small (crate `cardinality-estimator`). Bytes and packets
//! count in the window in which their flow is reported.

use crate::sketch::{hash_addr, mix};
use cardinality_estimator::CardinalityEstimator;
use record::{
    AppData, AppEvent, Contact, ContactOutcome, Counters, FlowRecord, HostWindow, IpAddr16, Observation, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Length of the short window, seconds.
const SHORT_S: i64 = 10;
/// Length of the long window, seconds; a multiple of the short one.
const LONG_S: i64 = 60;

/// Bounds of the host windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowConfig {
    /// Hosts followed in one window. When full, hosts that did next to nothing are forgotten; what still does not fit is
    /// not followed in this window. Both are counted. Default 24,576.
    pub hosts_max: u32,
    /// Pairs of hosts remembered as having been in contact; the older half is forgotten when full. Default 262,144
    /// (about 8 MiB).
    pub contacts_remembered_max: u32,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { hosts_max: 24_576, contacts_remembered_max: 262_144 }
    }
}

/// A fixed, quick hasher for keys that are mixed already or short.
#[derive(Clone, Copy, Default)]
pub struct FixedHasher(u64);

impl Hasher for FixedHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.0 = mix(self.0 ^ u64::from_be_bytes(*word));
        }
        if !rest.is_empty() {
            self.0 = mix(self.0 ^ rest.iter().fold(0_u64, |w, b| w << 8 | u64::from(*b)));
        }
    }
    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0 ^ word);
    }
    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

type FixedState = BuildHasherDefault<FixedHasher>;
/// 256 registers: within 6.5 %, exact up to some tens.
type Sketch = CardinalityEstimator<u64, FixedHasher, 8, 6>;

/// One host in one window.
#[derive(Default)]
struct Host {
    sums: HostWindow,
    peers: Sketch,
    services: Sketch,
    ports: Sketch,
    dns_names: Sketch,
    tls_names: Sketch,
}

impl Host {
    /// True when forgetting it loses next to nothing.
    fn is_quiet(&self) -> bool {
        self.sums.flows_out <= 1 && self.sums.dns_queries <= 1 && self.sums.bytes_out < 10_000
    }

    fn told(&self, host: IpAddr16, start_s: i64, length_s: i64) -> HostWindow {
        HostWindow {
            start: Timestamp::from_parts(start_s, 0),
            length_s: length_s as u32,
            host,
            peers: self.peers.estimate() as u64,
            services: self.services.estimate() as u64,
            ports: self.ports.estimate() as u64,
            dns_names: self.dns_names.estimate() as u64,
            tls_names: self.tls_names.estimate() as u64,
            ..self.sums.clone()
        }
    }

    /// Adds a shorter window of the same host.
    fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.sums, &other.sums);
        mine.flows_out += theirs.flows_out;
        mine.flows_in += theirs.flows_in;
        mine.contacts_failed += theirs.contacts_failed;
        mine.contacts_answered += theirs.contacts_answered;
        mine.first_contacts_failed += theirs.first_contacts_failed;
        mine.peers_new += theirs.peers_new;
        mine.bytes_out += theirs.bytes_out;
        mine.bytes_in += theirs.bytes_in;
        mine.packets_out += theirs.packets_out;
        mine.packets_in += theirs.packets_in;
        mine.dns_queries += theirs.dns_queries;
        mine.dns_nxdomain += theirs.dns_nxdomain;
        mine.dns_name_bytes += theirs.dns_name_bytes;
        mine.tls_hellos += theirs.tls_hellos;
        self.peers.merge(&other.peers);
        self.services.merge(&other.services);
        self.ports.merge(&other.ports);
        self.dns_names.merge(&other.dns_names);
        self.tls_names.merge(&other.tls_names);
    }
}

/// Hosts of one window, bounded.
#[derive(Default)]
struct Hosts {
    /// Boxed: a growing map holds its cells twice, and cells are few bytes then.
    map: HashMap<IpAddr16, Box<Host>, FixedState>,
    /// Forgetting the quiet ones freed little: not worth another look in this window.
    worn: bool,
    evicted: u64,
    refused: u64,
}

impl Hosts {
    /// The host's place; None when it is no single host or nothing fits.
    fn get(&mut self, host: IpAddr16, hosts_max: u32) -> Option<&mut Host> {
        if host.is_not_one_host() {
            return None;
        }
        let hosts_max = hosts_max.max(1) as usize;
        if self.map.len() >= hosts_max && !self.map.contains_key(&host) {
            if !self.worn {
                let before = self.map.len();
                self.map.retain(|_, h| !h.is_quiet());
                let freed = before - self.map.len();
                self.evicted += freed as u64;
                self.worn = freed < hosts_max / 8;
            }
            if self.map.len() >= hosts_max {
                self.refused += 1;
                return None;
            }
        }
        Some(self.map.entry(host).or_default())
    }

    /// Tells every host in the order of addresses, and empties the window.
    fn close(&mut self, start_s: i64, length_s: i64, out: &mut Vec<HostWindow>) -> Vec<(IpAddr16, Box<Host>)> {
        self.worn = false;
        let mut hosts: Vec<(IpAddr16, Box<Host>)> = self.map.drain().collect();
        hosts.sort_unstable_by_key(|(addr, _)| *addr);
        out.extend(hosts.iter().map(|(addr, host)| host.told(*addr, start_s, length_s)));
        hosts
    }
}

/// Pairs that were in contact: two generations, the older one forgotten when the newer is full.
#[derive(Default)]
struct Remembered {
    newer: HashSet<u64, FixedState>,
    older: HashSet<u64, FixedState>,
    forgotten: u64,
}

impl Remembered {
    /// Remembers a pair; true when it was not known.
    fn is_first(&mut self, src: IpAddr16, dest: IpAddr16, max: u32) -> bool {
        let pair = mix(hash_addr(src).wrapping_mul(3).wrapping_add(hash_addr(dest)));
        if self.newer.contains(&pair) {
            return false;
        }
        let known = self.older.contains(&pair);
        if self.newer.len() >= (max / 2).max(1) as usize {
            self.forgotten += self.older.len() as u64;
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(pair);
        !known
    }
}

/// Windows of all hosts.
pub struct HostWindows {
    config: WindowConfig,
    /// Start of the running short window, seconds since the epoch.
    start_s: i64,
    short: Hosts,
    long: Hosts,
    remembered: Remembered,
    /// Windows closed by a later observation, waiting for `advance`.
    closed: Vec<HostWindow>,
    counters: Counters,
}

impl HostWindows {
    /// Empty windows.
    #[must_use]
    pub fn new(config: WindowConfig) -> Self {
        Self {
            config,
            start_s: i64::MIN,
            short: Hosts::default(),
            long: Hosts::default(),
            remembered: Remembered::default(),
            closed: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// Counts one observation. One that is later than the running window closes it; one that is earlier (a flow reported
    /// when its silence was long enough) counts in the running one.
    pub fn observe(&mut self, observation: &Observation) {
        self.move_to(observation.ts());
        match observation {
            Observation::Contact(contact) => self.contact(contact),
            Observation::Flow(flow) => self.flow(flow),
            Observation::App(event) => self.app(event),
            Observation::Arp(_)
            | Observation::Router(_)
            | Observation::Second(_)
            | Observation::Packet(_)
            | Observation::Socket(_)
            | Observation::Imported(_) => {}
        }
    }

    /// Closes the windows that are over at `now`; appends them, a window's hosts in the order of addresses.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<HostWindow>) {
        if self.start_s != i64::MIN {
            self.move_to(now);
        }
        out.append(&mut self.closed);
    }

    /// Ends the input: closes the running windows.
    pub fn finish(&mut self, out: &mut Vec<HostWindow>) {
        if self.start_s != i64::MIN {
            self.close_short();
            self.close_long();
            self.start_s = i64::MIN;
        }
        out.append(&mut self.closed);
    }

    /// What was left out at the bounds, by reason.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        counters.add("window_contacts_forgotten", self.remembered.forgotten);
        counters
    }

    fn move_to(&mut self, ts: Timestamp) {
        let start_s = ts.seconds().div_euclid(SHORT_S) * SHORT_S;
        if self.start_s == i64::MIN {
            self.start_s = start_s;
        }
        if start_s <= self.start_s {
            return;
        }
        let long_over = start_s.div_euclid(LONG_S) != self.start_s.div_euclid(LONG_S);
        self.close_short();
        if long_over {
            self.close_long();
        }
        self.start_s = start_s;
    }

    fn close_short(&mut self) {
        for (addr, host) in self.short.close(self.start_s, SHORT_S, &mut self.closed) {
            if let Some(long) = self.long.get(addr, self.config.hosts_max) {
                long.merge(&host);
            }
        }
        count_bounds(&mut self.counters, &mut self.short);
    }

    fn close_long(&mut self) {
        let start_s = self.start_s.div_euclid(LONG_S) * LONG_S;
        self.long.close(start_s, LONG_S, &mut self.closed);
        count_bounds(&mut self.counters, &mut self.long);
    }

    fn contact(&mut self, contact: &Contact) {
        let max = self.config.hosts_max;
        if let Some(dest) = self.short.get(contact.dest, max) {
            dest.sums.flows_in += 1;
        }
        let asked = contact.outcome != ContactOutcome::Midstream;
        let failed = matches!(contact.outcome, ContactOutcome::Refused | ContactOutcome::Unanswered);
        let first = asked && self.remembered.is_first(contact.src, contact.dest, self.config.contacts_remembered_max);
        let Some(src) = self.short.get(contact.src, max) else { return };
        src.sums.flows_out += 1;
        if asked {
            src.sums.contacts_failed += u64::from(failed);
            src.sums.contacts_answered += u64::from(!failed);
            src.sums.peers_new += u64::from(first);
            src.sums.first_contacts_failed += u64::from(first && failed);
            let (peer, port) = (hash_addr(contact.dest), u64::from(contact.dest_port) << 8 | u64::from(contact.proto));
            src.peers.insert(&peer);
            src.services.insert(&mix(peer ^ port));
            src.ports.insert(&port);
        }
    }

    fn flow(&mut self, flow: &FlowRecord) {
        let max = self.config.hosts_max;
        if let Some(src) = self.short.get(flow.src().addr, max) {
            src.sums.bytes_out += flow.forward.bytes;
            src.sums.bytes_in += flow.backward.bytes;
            src.sums.packets_out += flow.forward.packets;
            src.sums.packets_in += flow.backward.packets;
        }
        if let Some(dest) = self.short.get(flow.dest().addr, max) {
            dest.sums.bytes_out += flow.backward.bytes;
            dest.sums.bytes_in += flow.forward.bytes;
            dest.sums.packets_out += flow.backward.packets;
            dest.sums.packets_in += flow.forward.packets;
        }
    }

    fn app(&mut self, event: &AppEvent) {
        let (from, to) = if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let max = self.config.hosts_max;
        match &event.data {
            AppData::Dns(dns) if dns.multicast => {}
            AppData::Dns(dns) if dns.response => {
                if let Some(host) = self.short.get(to.addr, max) {
                    host.sums.dns_nxdomain += u64::from(dns.rcode == "NXDOMAIN");
                }
            }
            AppData::Dns(dns) => {
                if let Some(host) = self.short.get(from.addr, max) {
                    host.sums.dns_queries += 1;
                    host.sums.dns_name_bytes += dns.rrname.len() as u64;
                    host.dns_names.insert(&hash_text(&dns.rrname));
                }
            }
            AppData::Tls(tls) => {
                if let Some(host) = self.short.get(from.addr, max) {
                    host.sums.tls_hellos += 1;
                    if !tls.sni.is_empty() {
                        host.tls_names.insert(&hash_text(&tls.sni));
                    }
                }
            }
            _ => {}
        }
    }
}

fn hash_text(text: &str) -> u64 {
    let mut hasher = FixedHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn count_bounds(counters: &mut Counters, hosts: &mut Hosts) {
    counters.add("window_hosts_evicted", std::mem::take(&mut hosts.evicted));
    counters.add("window_hosts_refused", std::mem::take(&mut hosts.refused));
}
