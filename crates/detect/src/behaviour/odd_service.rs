//! Combined signs of a home-made channel: what a home host says to one outside service is weighed sign by sign, since each alone is
//! met in honest traffic and several together are not. Signs: the address was never the answer to a name look-up (malware
//! carries its servers' addresses with it), TLS without a server name, a protocol on a port that is not its own (ATT&CK
//! T1571), HTTP to a bare address or without a user agent, bytes of no known protocol where TLS or HTTP is spoken
//! (T1095), tries that fail again and again. Points add up; peer-to-peer programs are told by their many peers.

use super::lru::Lru;
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants, ports};
use record::{
    Alert, AppData, AppEvent, AppProto, Contact, ContactOutcome, Counters, DnsData, FlowRecord, HttpData, IpAddr16,
    Kind, Observation, Severity, TcpFlags, Timestamp, TlsData, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of odd services.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OddServiceConfig {
    /// Points needed. A sign counts between half a point and one and a half. Default 2.5.
    pub score_min: f64,
    /// Answered look-ups of a host that must have been seen before an address that none of them named counts as never
    /// looked up. Default 3.
    pub lookups_min: u32,
    /// And so long after the first of them, seconds: names may be known from before. Default 60.
    pub lookups_age_s: u32,
    /// Failed tries to one service, none answered, that count as a sign. Default 5.
    pub failed_min: u32,
    /// Tries or connections within this time are one visit, seconds. Default 10.
    pub visit_s: u32,
    /// From so many outside peers with unknown protocols or failed tries on, a host is taken for peer-to-peer or for a
    /// scanner, and these two signs do not count. Default 4.
    pub peers_max: u32,
    /// Connections of known protocol on a port (80, 443), for one unknown, before the unknown one counts as out of
    /// place. Default 5.
    pub known_share_min: u64,
    /// Addresses remembered from look-ups. Default 32768.
    pub names_max: usize,
    /// Hosts remembered. Default 4096.
    pub hosts_max: usize,
    /// Services remembered, each of one host. Default 8192.
    pub services_max: usize,
}

impl Default for OddServiceConfig {
    fn default() -> Self {
        Self {
            score_min: 2.5,
            lookups_min: 3,
            lookups_age_s: 60,
            failed_min: 5,
            visit_s: 10,
            peers_max: 4,
            known_share_min: 5,
            names_max: 32_768,
            hosts_max: 4096,
            services_max: 8192,
        }
    }
}

/// When RFC 8996 forbade TLS 1.0 and 1.1 (25 March 2021); in older captures the version says nothing.
const TLS_1_0_FORBIDDEN_S: i64 = 1_616_630_400;

/// What is known of a host's look-ups and peers.
#[derive(Clone, Copy, Default)]
struct Host {
    first_lookup: Timestamp,
    lookups: u32,
    unknown_peers: u32,
    failed_peers: u32,
}

/// One service of one outside server, as one host uses it.
#[derive(Default)]
struct Service {
    signs: [bool; SIGNS.len()],
    first: Timestamp,
    last: Timestamp,
    last_visit: Timestamp,
    visits: u32,
    failed: u32,
    answered: u32,
    unknown: bool,
    packets: u64,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// A sign: its name in reasons, its words in titles, its points.
struct Sign {
    feature: &'static str,
    words: &'static str,
    points: f64,
}

const fn sign(feature: &'static str, words: &'static str, points: f64) -> Sign {
    Sign { feature, words, points }
}

const NEVER_LOOKED_UP: usize = 0;
const NO_SERVER_NAME: usize = 1;
const ODD_PORT: usize = 2;
const BARE_ADDRESS: usize = 3;
const BARE_POST: usize = 4;
const NO_AGENT: usize = 5;
const OUT_OF_PLACE: usize = 6;
const UNKNOWN_PROTOCOL: usize = 7;
const KEEPS_FAILING: usize = 8;
const REPEATED: usize = 9;
const OLD_VERSION: usize = 10;

const SIGNS: [Sign; 11] = [
    sign("address_never_looked_up", "its address was never looked up", 1.0),
    sign("tls_without_server_name", "TLS without a server name", 1.0),
    sign("protocol_on_odd_port", "a port that is not its protocol's", 1.0),
    sign("http_to_bare_address", "HTTP to a bare address", 0.75),
    sign("http_post_to_bare_address", "data posted to it", 0.75),
    sign("http_without_user_agent", "no user agent", 0.5),
    sign("other_protocol_than_port", "another protocol than the port's", 1.5),
    sign("unknown_protocol", "no known protocol", 1.0),
    sign("failed_tries", "failing tries", 1.0),
    sign("visits", "again and again", 0.5),
    sign("tls_version_1_0", "TLS 1.0 at most", 0.5),
];

type Key = (IpAddr16, IpAddr16, u16);

/// The detector.
pub struct OddService {
    config: OddServiceConfig,
    named: Lru<IpAddr16, ()>,
    hosts: Lru<IpAddr16, Host>,
    services: Lru<Key, Service>,
    /// Flows with and without a known protocol on ports 80 and 443: in a capture of cut packets nothing is known.
    known: [u64; 2],
    unknown: [u64; 2],
}

/// Place of a port in `known` and `unknown`.
fn common_port(port: u16) -> Option<usize> {
    match port {
        80 | 8080 => Some(0),
        443 | 8443 => Some(1),
        _ => None,
    }
}

impl OddService {
    /// Builds it.
    #[must_use]
    pub fn new(config: &OddServiceConfig) -> Self {
        Self {
            named: Lru::new(config.names_max),
            hosts: Lru::new(config.hosts_max),
            services: Lru::new(config.services_max),
            known: [0; 2],
            unknown: [0; 2],
            config: config.clone(),
        }
    }

    /// An answer names addresses; they are known from now on, and so is that the asker's look-ups are visible.
    fn lookup(&mut self, event: &AppEvent, dns: &DnsData) {
        let mut any = false;
        for answer in &dns.answers {
            // Addresses begin with a digit or hold a colon; names need not be tried.
            if (answer.as_bytes().first().is_some_and(u8::is_ascii_digit) || answer.contains(':'))
                && let Ok(address) = answer.parse::<std::net::IpAddr>()
            {
                self.named.touch(&IpAddr16::from(address), event.ts, || ());
                any = true;
            }
        }
        if any && !dns.multicast {
            let asker = if event.from_low { event.key.high.addr } else { event.key.low.addr };
            let host = self.hosts.touch(&asker, event.ts, || Host { first_lookup: event.ts, ..Host::default() });
            host.lookups += 1;
            if host.lookups == 1 {
                host.first_lookup = event.ts;
            }
        }
    }

    /// A host spoke to a service outside: the service's entry, with the signs that every visit shows.
    fn visit(&mut self, key: Key, ts: Timestamp) -> &mut Service {
        let config = &self.config;
        let host = self.hosts.peek(&key.0).copied().unwrap_or_default();
        let age_ns = i64::from(config.lookups_age_s) * NS_PER_S;
        let unnamed = host.lookups >= config.lookups_min
            && ts.since(host.first_lookup) >= age_ns
            && self.named.peek(&key.1).is_none();
        let visit_ns = i64::from(config.visit_s) * NS_PER_S;
        let service = self.services.touch(&key, ts, || Service { first: ts, ..Service::default() });
        service.signs[NEVER_LOOKED_UP] = unnamed;
        service.last = service.last.max(ts);
        if service.visits == 0 || ts.since(service.last_visit) >= visit_ns {
            service.visits += 1;
            service.last_visit = ts;
        }
        service.signs[REPEATED] = service.visits >= 3;
        service
    }

    fn hello(&mut self, key: Key, ts: Timestamp, tls: &TlsData, out: &mut Vec<Alert>) {
        let service = self.visit(key, ts);
        service.signs[NO_SERVER_NAME] = tls.sni.is_empty();
        service.signs[OLD_VERSION] = tls.version == "1.0" && ts.seconds() >= TLS_1_0_FORBIDDEN_S;
        service.signs[ODD_PORT] = !ports::may_be_tls(key.2);
        self.tell(key, ts, out);
    }

    fn http(&mut self, key: Key, ts: Timestamp, http: &HttpData, out: &mut Vec<Alert>) {
        let host = http.hostname.rsplit_once(':').map_or(http.hostname.as_str(), |(name, _)| name);
        // Without a host the head was cut, or is of HTTP/1.0: neither says anything.
        let bare = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        let service = self.visit(key, ts);
        service.signs[BARE_ADDRESS] |= bare;
        service.signs[BARE_POST] |= bare && matches!(http.http_method.as_str(), "POST" | "PUT");
        service.signs[NO_AGENT] |= bare && http.http_user_agent.is_empty();
        service.signs[ODD_PORT] = !ports::may_be_http(key.2) && !matches!(key.2, 443 | 8443);
        service.signs[OUT_OF_PLACE] |= matches!(key.2, 443 | 8443);
        self.tell(key, ts, out);
    }

    /// A finished flow of no known protocol.
    fn unknown_flow(&mut self, key: Key, flow: &FlowRecord, out: &mut Vec<Alert>) {
        // Without its beginning, or with a single side, nothing can be known of it.
        let whole = flow.history.as_str().starts_with('S')
            && flow.forward.packets_with_payload >= 2
            && flow.backward.packets_with_payload >= 2
            && flow.forward.missed_bytes + flow.backward.missed_bytes == 0;
        if !whole {
            return;
        }
        let out_of_place = common_port(key.2).is_some_and(|at| {
            self.unknown[at] += 1;
            self.known[at] >= self.config.known_share_min.saturating_mul(self.unknown[at])
        });
        let odd_port = !ports::has_service(key.2);
        if !out_of_place && !odd_port {
            return;
        }
        let new = self.services.peek(&key).is_none_or(|s| !s.unknown);
        if new {
            let host = self.hosts.touch(&key.0, flow.end, Host::default);
            host.unknown_peers = host.unknown_peers.saturating_add(1);
        }
        let few = self.hosts.peek(&key.0).is_some_and(|h| h.unknown_peers < self.config.peers_max);
        let service = self.visit(key, flow.end);
        service.unknown = true;
        service.signs[OUT_OF_PLACE] |= out_of_place;
        service.signs[UNKNOWN_PROTOCOL] = odd_port && few;
        service.first = service.first.min(flow.first_seen);
        self.tell(key, flow.end, out);
    }

    fn contact(&mut self, c: &Contact, context: &Context, out: &mut Vec<Alert>) {
        if c.proto != super::contacts::TCP || !TcpFlags(c.opening_flags).has(TcpFlags::SYN) {
            return;
        }
        let key = (c.src, c.dest, c.dest_port);
        match c.outcome {
            ContactOutcome::Answered => {
                if let Some(service) = self.services.peek_mut(&key) {
                    service.answered += 1;
                    service.signs[KEEPS_FAILING] = false;
                }
            }
            ContactOutcome::Refused | ContactOutcome::Unanswered if outbound(&key, context) => {
                if self.services.peek(&key).is_none() {
                    let host = self.hosts.touch(&c.src, c.ts, Host::default);
                    host.failed_peers = host.failed_peers.saturating_add(1);
                }
                let few = self.hosts.peek(&c.src).is_some_and(|h| h.failed_peers < self.config.peers_max);
                let failed_min = self.config.failed_min;
                let service = self.visit(key, c.ts);
                service.failed += 1;
                service.signs[KEEPS_FAILING] = few && service.answered == 0 && service.failed >= failed_min;
                if service.signs[KEEPS_FAILING] {
                    self.tell(key, c.ts, out);
                }
            }
            _ => {}
        }
    }

    fn tell(&mut self, key: Key, ts: Timestamp, out: &mut Vec<Alert>) {
        let Some(service) = self.services.peek_mut(&key) else { return };
        let points = service.points();
        if points < self.config.score_min {
            return;
        }
        let size = u64::from(service.visits.max(service.failed));
        if service.throttle.due(size, ts) {
            out.push(service_alert(&key, service, points, self.config.score_min));
        }
    }
}

impl Service {
    fn points(&self) -> f64 {
        self.signs.iter().zip(&SIGNS).filter(|(set, _)| **set).map(|(_, sign)| sign.points).sum()
    }

    /// The number behind a sign, and the most that is expected.
    fn value(&self, sign: usize) -> (f64, [f64; 2], &'static str) {
        match sign {
            KEEPS_FAILING => (f64::from(self.failed), [0.0, 4.0], "tries"),
            REPEATED => (f64::from(self.visits), [0.0, 2.0], "visits"),
            _ => (1.0, [0.0, 0.0], text::YES_NO),
        }
    }
}

fn outbound(key: &Key, context: &Context) -> bool {
    context.home.contains(key.0) && !context.home.contains(key.1) && !key.1.is_not_one_host()
}

fn service_alert(key: &Key, service: &Service, points: f64, score_min: f64) -> Alert {
    let (src, dest, port) = *key;
    let failing = service.signs[KEEPS_FAILING];
    let kind = if failing { Kind::Beacon } else { Kind::ProtocolMisuse };
    let mut a = alert(kind, "odd_service", service.first, service.last, 1e-3);
    let words: Vec<&str> =
        service.signs.iter().zip(&SIGNS).filter(|(set, _)| **set).map(|(_, sign)| sign.words).take(4).collect();
    a.title = if failing {
        format!(
            "{src} tries {dest} {} again and again, {} in vain: {}",
            text::port(port),
            plural(u64::from(service.failed), "time", "times"),
            words.join(", ")
        )
    } else {
        format!("{src} talks to {dest} {} as few programs do: {}", text::port(port), words.join(", "))
    };
    a.src = vec![src];
    a.dest = vec![dest];
    a.dest_port = vec![port];
    for (at, sign) in SIGNS.iter().enumerate().filter(|(at, _)| service.signs[*at]) {
        let (value, expected, unit) = service.value(at);
        a.why.push(why(sign.feature, value, expected, unit, sign.points / points));
    }
    a.why.sort_by(|a, b| b.share.total_cmp(&a.share));
    a.flows.clone_from(&service.flows);
    a.packets = service.packets;
    a.severity = if failing {
        Severity::Low
    } else if points >= score_min + 1.0 {
        Severity::High
    } else {
        Severity::Medium
    };
    a.story = format!("{src} {dest} {}", count(u64::from(port)));
    text::scored(a, 0.5 + 0.1 * points)
}

impl Behaviour for OddService {
    fn name(&self) -> &'static str {
        "odd_service"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT | Wants::FLOW | Wants::DNS | Wants::TLS | Wants::HTTP
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Contact(c) => self.contact(c, context, out),
            Observation::App(event) => {
                let (low, high) = (event.key.low, event.key.high);
                let (from, to) = if event.from_low { (low, high) } else { (high, low) };
                let key = (from.addr, to.addr, to.port);
                match &event.data {
                    AppData::Dns(dns) if dns.response => self.lookup(event, dns),
                    AppData::Tls(tls) if !tls.quic && outbound(&key, context) => {
                        self.hello(key, event.ts, tls, out);
                    }
                    AppData::Http(http)
                        if !http.response && event.key.proto == super::contacts::TCP && outbound(&key, context) =>
                    {
                        self.http(key, event.ts, http, out);
                    }
                    _ => {}
                }
            }
            Observation::Flow(flow) if flow.key.proto == super::contacts::TCP => {
                let (src, dest) = (flow.src(), flow.dest());
                let key = (src.addr, dest.addr, dest.port);
                if flow.app_proto() == AppProto::Unknown {
                    if flow.report == 0 && outbound(&key, context) {
                        self.unknown_flow(key, flow, out);
                    }
                } else if let Some(at) = common_port(dest.port) {
                    self.known[at] += 1;
                }
                if let Some(service) = self.services.peek_mut(&key) {
                    push_distinct(&mut service.flows, flow.flow_id);
                    service.packets += flow.packets();
                }
            }
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("services_evicted", self.services.evicted());
        counters.add("hosts_evicted", self.hosts.evicted());
        counters.add("names_evicted", self.named.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.named.len() + self.hosts.len() + self.services.len()
    }
}

#[cfg(test)]
#[path = "odd_service_tests.rs"]
mod tests;
