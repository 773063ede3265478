//! Command and control over HTTP(S) by what is rare about it (ATT&CK T1071.001): a TLS client (JA4 fingerprint) or an HTTP user agent that at
//! most two hosts of the network use, for hardly anything else, and that exchanges small messages of one size with a server that no other
//! host calls, again and again. Each alone is met every day: a vendor's own program is rare, too. So a host is judged only when it
//! speaks to other servers by other programs as well (a device with one program is what it is), and alone this is of low severity; medium
//! where the server has no name. Owns the three rarities; knows no list of fingerprints.

use super::lru::{Lru, hash_of};
use super::text::{self, alert, plural, push_distinct, seconds, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, Counters, FlowRecord, IpAddr16, Kind, Moments, Observation, Severity, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Settings of the detector of rare clients.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RareClientConfig {
    /// Exchanges needed (connections at least a second apart). Default 12.
    pub exchanges_min: usize,
    /// Time that they must span, seconds. Default 60.
    pub span_min_s: f64,
    /// Hosts that may use the fingerprint. Default 2.
    pub hosts_of_client_max: usize,
    /// Connections that the same host must have made by other programs, to three servers or more. Default 20.
    pub other_connections_min: u32,
    /// Mean bytes that the host sends in an exchange, at most. Default 8192.
    pub sent_max_bytes: f64,
    /// Mean bytes that it gets, at most. Default 32768.
    pub received_max_bytes: f64,
    /// Spread of what it sends: standard deviation over mean, at most. Default 0.5.
    pub sent_spread_max: f64,
    /// Hosts remembered with their programs. Default 4096.
    pub hosts_max: usize,
    /// Fingerprints and user agents remembered. Default 8192.
    pub clients_max: usize,
    /// Servers remembered. Default 16384.
    pub servers_max: usize,
    /// Pairs of a host and a server that are rare, remembered. Default 2048.
    pub pairs_max: usize,
}

impl Default for RareClientConfig {
    fn default() -> Self {
        Self {
            exchanges_min: 12,
            span_min_s: 60.0,
            hosts_of_client_max: 2,
            other_connections_min: 20,
            sent_max_bytes: 8192.0,
            received_max_bytes: 32_768.0,
            sent_spread_max: 0.5,
            hosts_max: 4096,
            clients_max: 8192,
            servers_max: 16_384,
            pairs_max: 2048,
        }
    }
}

/// Programs remembered of one host, and servers that it calls by each of them.
const PROGRAMS_MAX: usize = 16;
/// Servers remembered of one program: more are not rare.
const SERVERS_OF_CLIENT_MAX: usize = 2;
/// Servers that other programs of the host must have called.
const OTHER_SERVERS_MIN: usize = 3;
/// Exchanges whose times are kept.
const KEPT: usize = 64;

/// What one host uses: a program, the connections made by it, the servers called (at most three).
#[derive(Default)]
struct Host {
    programs: Vec<(u64, u32, Vec<u64>)>,
}

impl Host {
    fn uses(&mut self, client: u64, server: u64) {
        let at = self.programs.iter().position(|(known, ..)| *known == client);
        if at.is_none() && self.programs.len() >= PROGRAMS_MAX {
            return;
        }
        let at = at.unwrap_or_else(|| {
            self.programs.push((client, 0, Vec::new()));
            self.programs.len() - 1
        });
        let (_, connections, servers) = &mut self.programs[at];
        *connections = connections.saturating_add(1);
        if servers.len() < OTHER_SERVERS_MIN && !servers.contains(&server) {
            servers.push(server);
        }
    }

    /// Connections by other programs, and how many servers they went to (counted up to three a program).
    fn others(&self, client: u64) -> (u32, usize) {
        let mut servers: Vec<u64> = Vec::new();
        let mut connections = 0u32;
        for (_, n, called) in self.programs.iter().filter(|(known, ..)| *known != client) {
            connections = connections.saturating_add(*n);
            for server in called {
                push_distinct(&mut servers, *server);
            }
        }
        (connections, servers.len())
    }
}

/// One fingerprint or user agent: who uses it, for which servers; each list one longer than what is rare.
#[derive(Default)]
struct Client {
    hosts: Vec<IpAddr16>,
    servers: Vec<u64>,
}

#[derive(Default)]
struct Pair {
    times: VecDeque<Timestamp>,
    first: Timestamp,
    last: Timestamp,
    exchanges: u64,
    sent: Moments,
    received: Moments,
    packets: u64,
    flows: Vec<u64>,
    addresses: Vec<IpAddr16>,
    throttle: Throttle,
}

/// What a flow says of the program and of the server.
struct Said<'a> {
    /// JA4, or the user agent.
    client: &'a str,
    /// The server's name; empty when it has none.
    name: &'a str,
    tls: bool,
}

/// The detector.
pub struct RareClient {
    config: RareClientConfig,
    hosts: Lru<IpAddr16, Host>,
    clients: Lru<u64, Client>,
    servers: Lru<u64, Vec<IpAddr16>>,
    pairs: Lru<(IpAddr16, u64, u64), Pair>,
}

/// The program's fingerprint and the server's name; None for flows without one, and for plain HTTP that posts nothing.
fn said(flow: &FlowRecord) -> Option<Said<'_>> {
    match flow.app.as_ref()?.request.as_ref()? {
        AppData::Tls(tls) if !tls.quic && !tls.ja4.is_empty() => {
            Some(Said { client: &tls.ja4, name: &tls.sni, tls: true })
        }
        AppData::Http(http) if !http.response && http.http_method == "POST" => {
            let bare = http.hostname.parse::<IpAddr16>().is_ok();
            Some(Said { client: &http.http_user_agent, name: if bare { "" } else { &http.hostname }, tls: false })
        }
        _ => None,
    }
}

impl RareClient {
    /// Builds it.
    #[must_use]
    pub fn new(config: &RareClientConfig) -> Self {
        Self {
            hosts: Lru::new(config.hosts_max),
            clients: Lru::new(config.clients_max),
            servers: Lru::new(config.servers_max),
            pairs: Lru::new(config.pairs_max),
            config: config.clone(),
        }
    }

    fn flow(&mut self, flow: &FlowRecord, said: &Said<'_>, out: &mut Vec<Alert>) {
        let (src, dest) = (flow.src().addr, flow.dest().addr);
        let client = hash_of(&(said.tls, said.client));
        let server = if said.name.is_empty() { hash_of(&dest) } else { hash_of(said.name) };
        self.hosts.touch(&src, flow.end, Host::default).uses(client, server);
        let who = self.servers.touch(&server, flow.end, Vec::new);
        if who.len() < 2 && !who.contains(&src) {
            who.push(src);
        }
        let only_one = who.len() < 2;
        let known = self.clients.touch(&client, flow.end, Client::default);
        if known.hosts.len() <= self.config.hosts_of_client_max.min(63) {
            push_distinct(&mut known.hosts, src);
        }
        if known.servers.len() <= SERVERS_OF_CLIENT_MAX {
            push_distinct(&mut known.servers, server);
        }
        let rare = known.hosts.len() <= self.config.hosts_of_client_max && known.servers.len() <= SERVERS_OF_CLIENT_MAX;
        let hosts_of_client = known.hosts.len();
        let key = (src, server, client);
        if !only_one || !rare {
            self.pairs.remove(&key);
            return;
        }
        let pair = self.pairs.touch(&key, flow.end, Pair::default);
        pair.exchanged(flow);
        let others = self.hosts.peek(&src).map_or((0, 0), |host| host.others(client));
        let Some(pair) = self.pairs.peek_mut(&key) else { return };
        if others.0 >= self.config.other_connections_min
            && others.1 >= OTHER_SERVERS_MIN
            && pair.is_control(&self.config)
            && pair.throttle.due_within(pair.exchanges, flow.end, 12 * HOUR_NS)
        {
            out.push(story(flow, said, pair, hosts_of_client));
        }
    }
}

impl Pair {
    fn exchanged(&mut self, flow: &FlowRecord) {
        if self.packets == 0 {
            self.first = flow.first_seen;
        }
        self.last = self.last.max(flow.end);
        self.packets += flow.packets();
        self.sent.add(flow.forward.payload.sum);
        self.received.add(flow.backward.payload.sum);
        push_distinct(&mut self.flows, flow.flow_id);
        push_distinct(&mut self.addresses, flow.dest().addr);
        let at = self.times.partition_point(|t| *t <= flow.first_seen);
        let near = |other: Option<&Timestamp>| other.is_some_and(|t| (flow.first_seen.0 - t.0).abs() < NS_PER_S);
        // Connections opened together are one exchange.
        if near(self.times.get(at)) || near(at.checked_sub(1).and_then(|before| self.times.get(before))) {
            return;
        }
        self.exchanges += 1;
        self.times.insert(at, flow.first_seen);
        if self.times.len() > KEPT {
            self.times.pop_front();
        }
    }

    /// Small messages of one size, often enough and for long enough.
    fn is_control(&self, config: &RareClientConfig) -> bool {
        let span_s = self.last.since(self.first) as f64 / NS_PER_S as f64;
        self.exchanges >= config.exchanges_min as u64
            && span_s >= config.span_min_s
            && self.sent.mean() <= config.sent_max_bytes
            && self.received.mean() <= config.received_max_bytes
            && self.sent.std_dev() <= config.sent_spread_max * self.sent.mean()
    }

    /// Median time between exchanges, seconds.
    fn interval_s(&self) -> f64 {
        let mut gaps: Vec<i64> = self.times.iter().zip(self.times.iter().skip(1)).map(|(a, b)| b.since(*a)).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).map_or(0.0, |ns| *ns as f64 / NS_PER_S as f64)
    }
}

fn story(flow: &FlowRecord, said: &Said<'_>, pair: &Pair, hosts_of_client: usize) -> Alert {
    let (src, dest) = (flow.src().addr, flow.dest());
    let mut a = alert(Kind::Beacon, "rare_client", pair.first, pair.last, 1e-2);
    let name: String = said.name.chars().take(60).collect();
    let server = if name.is_empty() { format!("{}, which has no name,", dest.addr) } else { name };
    a.title = format!(
        "{src} exchanges small messages with {server} {} every {}, {} so far; no other host calls it, and {} this client",
        text::port(dest.port),
        seconds(pair.interval_s()),
        plural(pair.exchanges, "exchange", "exchanges"),
        if hosts_of_client == 1 { "no other uses".to_owned() } else { format!("only {hosts_of_client} use") },
    );
    a.src = vec![src];
    a.dest.clone_from(&pair.addresses);
    a.dest_port = vec![dest.port];
    let unnamed = f64::from(u8::from(said.name.is_empty()));
    a.why = vec![
        why("hosts_with_this_client", hosts_of_client as f64, [3.0, 1000.0], "hosts", 0.3),
        why("hosts_that_call_this_server", 1.0, [2.0, 1000.0], "hosts", 0.3),
        why("exchanges", pair.exchanges as f64, [0.0, 11.0], "exchanges", 0.2),
        why("sent_each_bytes", pair.sent.mean(), [0.0, 8192.0], "B", 0.1),
        why("received_each_bytes", pair.received.mean(), [0.0, 32_768.0], "B", 0.05),
        why("server_without_a_name", unnamed, [0.0, 0.0], text::YES_NO, 0.05),
    ];
    a.flows.clone_from(&pair.flows);
    a.packets = pair.packets;
    a.severity = if said.name.is_empty() { Severity::Medium } else { Severity::Low };
    a.attack = vec!["T1071.001"];
    // The same story as that of regular calls to this server.
    a.story = format!("{src} {} {}", dest.addr, dest.port);
    text::scored(a, if said.name.is_empty() { 0.75 } else { 0.6 })
}

impl Behaviour for RareClient {
    fn name(&self) -> &'static str {
        "rare_client"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        // Few flows have a hello or a post: the others cost these comparisons.
        if let Observation::Flow(flow) = observation
            && flow.report == 0
            && flow.key.proto == super::contacts::TCP
            && let Some(said) = said(flow)
            && context.home.contains(flow.src().addr)
            && !context.home.contains(flow.dest().addr)
        {
            self.flow(flow, &said, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("hosts_evicted", self.hosts.evicted());
        counters.add("clients_evicted", self.clients.evicted());
        counters.add("servers_evicted", self.servers.evicted());
        counters.add("pairs_evicted", self.pairs.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.hosts.len() + self.clients.len() + self.servers.len() + self.pairs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;
    use record::{AppProto, AppSummary, HttpData, TlsData};

    fn site(n: u8) -> IpAddr16 {
        IpAddr16::v4([198, 51, 100, n])
    }

    fn says(
        ms: i64,
        host: u8,
        dest: IpAddr16,
        [sent, received]: [u64; 2],
        proto: AppProto,
        data: AppData,
    ) -> Observation {
        let mut f = flow(ms, ip(host), dest, 443, sent, received);
        f.app = Some(Box::new(AppSummary { proto, request: Some(data), ..AppSummary::default() }));
        Observation::Flow(Box::new(f))
    }

    fn hello(ms: i64, host: u8, n: u8, ja4: &str, sni: &str, sizes: [u64; 2]) -> Observation {
        let data = TlsData { ja4: ja4.into(), sni: sni.into(), ..TlsData::default() };
        says(ms, host, site(n), sizes, AppProto::Tls, AppData::Tls(data))
    }

    /// A host browses: one fingerprint, many servers, all sizes.
    fn browsing(host: u8) -> Vec<Observation> {
        (0..40)
            .map(|i| {
                let n = (i % 9) as u8 + 1;
                hello(i * 2000, host, n, "t13d1516h2_browser", &format!("www{n}.example"), [900, 70_000])
            })
            .collect()
    }

    fn in_order(mut parts: Vec<Observation>) -> Vec<Observation> {
        parts.sort_by_key(Observation::ts);
        parts
    }

    fn implant(n: i64, sni: &str, size: impl Fn(i64) -> u64) -> Vec<Observation> {
        (0..n).map(|i| hello(3000 + i * 17_000, 7, 99, "t13i0607_implant", sni, [size(i), 900])).collect()
    }

    #[test]
    fn a_program_of_one_host_for_one_server_is_told() {
        let mut seen = browsing(7);
        seen.extend(browsing(8));
        seen.extend(implant(20, "", |_| 640));
        let alerts = run("rare_client", &in_order(seen));
        assert_eq!((alerts.len(), alerts[0].severity), (1, Severity::Medium));
        assert!(
            alerts[0].title.starts_with("10.0.0.7 exchanges small messages with 198.51.100.99, which has no name,"),
            "{}",
            alerts[0].title
        );
        assert_eq!(alerts[0].attack, ["T1071.001"]);
        let mut seen = browsing(7);
        seen.extend(implant(20, "c2.example", |_| 640));
        assert_eq!(run("rare_client", &in_order(seen))[0].severity, Severity::Low);
    }

    #[test]
    fn posts_of_a_rare_user_agent_are_told() {
        let mut seen = browsing(7);
        for i in 0..20 {
            let data = HttpData {
                http_method: "POST".into(),
                hostname: "198.51.100.99".into(),
                http_user_agent: "agent/0.1".into(),
                ..HttpData::default()
            };
            seen.push(says(i * 20_000, 7, site(99), [700, 300], AppProto::Http, AppData::Http(data)));
        }
        assert_eq!(run("rare_client", &in_order(seen)).len(), 1);
    }

    #[test]
    fn common_programs_shared_servers_lone_devices_and_uploads_are_silent() {
        let told = |seen: Vec<Observation>| run("rare_client", &in_order(seen)).len();
        assert_eq!(told(implant(40, "vendor.example", |_| 640)), 0, "a device with one program");
        let mut seen = [browsing(7), browsing(8), implant(40, "c2.example", |_| 640)].concat();
        seen.push(hello(1, 8, 99, "t13d1516h2_browser", "c2.example", [640, 900]));
        assert_eq!(told(seen), 0, "another host calls the server");
        let mut seen = [browsing(7), implant(40, "api.example", |_| 640)].concat();
        seen.extend((1..=4).map(|n| hello(i64::from(n), 20 + n, n, "t13i0607_implant", "other.example", [640, 900])));
        assert_eq!(told(seen), 0, "a program of many hosts");
        let seen = [browsing(7), implant(40, "backup.example", |i| 640 * (1 + i as u64 % 40))].concat();
        assert_eq!(told(seen), 0, "all sizes");
        let seen = [browsing(7), implant(8, "c2.example", |_| 640)].concat();
        assert_eq!(told(seen), 0, "too few");
    }
}
