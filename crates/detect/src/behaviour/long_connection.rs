//! Long connection: one that lasts for hours, longer than nearly all others of this network, carries little, and is of a sort that has no
//! reason to last (RITA lists such connections; ATT&CK T1071, T1571). Kind `beacon`: what is suspected is a control channel held open
//! instead of called again and again; no protocol need be misused for it. Services that keep connections by design (push, mail, shells,
//! databases, tunnels) and named TLS sites (chat, web sockets) are left out, so a patient intruder who uses those is not seen here.

use super::lru::Lru;
use super::text::{self, alert, bytes, seconds, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants, ports};
use record::{
    Alert, AppData, AppProto, Counters, EndReason, FlowKey, FlowRecord, IpAddr16, Kind, Observation, Severity,
    TcpState, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Doublings of a second told apart: up to 2^23 s, three months.
const DOUBLINGS: usize = 24;

/// Settings of the long connection detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LongConnectionConfig {
    /// Shortest life that is told, seconds. Default 3600.
    pub life_min_s: u32,
    /// Part of the network's connections that must have lived shorter, 0 to 1. Default 0.99.
    pub quantile: f64,
    /// Largest mean rate of both directions, bytes a second. Default 200.
    pub rate_max_bytes_per_s: f64,
    /// From so many home hosts on that hold long connections to the same service, it is a common program's. Default 3.
    pub common_sources: usize,
    /// Ports whose connections last by design. Default shells, mail, push, databases, tunnels, files, remote desktops.
    pub ports_ignored: Vec<u16>,
    /// Connections followed. Default 4096.
    pub connections_max: usize,
}

impl Default for LongConnectionConfig {
    fn default() -> Self {
        Self {
            life_min_s: 3600,
            quantile: 0.99,
            rate_max_bytes_per_s: 200.0,
            common_sources: 3,
            ports_ignored: vec![
                22, 53, 67, 68, 123, 137, 138, 139, 143, 161, 162, 179, 389, 445, 500, 502, 514, 636, 853, 993, 1194,
                1433, 1521, 1701, 1723, 1883, 1900, 2049, 3260, 3268, 3306, 3389, 4500, 5060, 5061, 5222, 5223, 5228,
                5353, 5432, 5671, 5672, 5938, 6379, 6667, 6697, 8883, 20_000, 27_017, 51_820,
            ],
            connections_max: 4096,
        }
    }
}

/// A connection that was reported more than once.
#[derive(Default)]
struct Connection {
    bytes: u64,
    packets: u64,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// The detector.
pub struct LongConnection {
    config: LongConnectionConfig,
    connections: Lru<(FlowKey, i64), Connection>,
    /// Home hosts with a long connection to a service.
    services: Lru<(IpAddr16, u16), Vec<IpAddr16>>,
    /// How many answered connections lived 2^n seconds.
    lives: [u64; DOUBLINGS],
}

/// The doubling of a life.
fn doubling(life_s: f64) -> usize {
    (life_s.max(1.0).log2() as usize).min(DOUBLINGS - 1)
}

impl LongConnection {
    /// Builds it.
    #[must_use]
    pub fn new(config: &LongConnectionConfig) -> Self {
        Self {
            connections: Lru::new(config.connections_max),
            services: Lru::new(config.connections_max),
            lives: [0; DOUBLINGS],
            config: config.clone(),
        }
    }

    fn flow(&mut self, flow: &FlowRecord, context: &Context, out: &mut Vec<Alert>) {
        let answered = flow.forward.packets > 0 && flow.backward.packets > 0;
        let tcp_udp = matches!(flow.key.proto, super::contacts::TCP | super::contacts::UDP);
        if !tcp_udp || (flow.report == 0 && !answered) {
            return;
        }
        let life_s = flow.end.since(flow.first_seen).max(0) as f64 / NS_PER_S as f64;
        if flow.reason != EndReason::Active {
            self.lives[doubling(life_s)] += 1;
        }
        if flow.report == 0 && flow.reason != EndReason::Active {
            return;
        }
        let connection = self.connections.touch(&(flow.key, flow.first_seen.0), flow.end, Connection::default);
        connection.bytes += flow.forward.ip_bytes + flow.backward.ip_bytes;
        connection.packets += flow.packets();
        text::push_distinct(&mut connection.flows, flow.flow_id);
        let rate = connection.bytes as f64 / life_s.max(1.0);
        let config = &self.config;
        if life_s < f64::from(config.life_min_s) || rate > config.rate_max_bytes_per_s || !is_odd(flow, context, config)
        {
            return;
        }
        let shorter = self.shorter_share(life_s);
        let (src, dest) = (flow.src(), flow.dest());
        let holders = self.services.touch(&(dest.addr, dest.port), flow.end, Vec::new);
        text::push_distinct(holders, src.addr);
        if shorter < config.quantile || holders.len() >= config.common_sources {
            return;
        }
        let Some(connection) = self.connections.peek_mut(&(flow.key, flow.first_seen.0)) else { return };
        if connection.throttle.due((life_s / 600.0) as u64, flow.end) {
            out.push(connection_alert(flow, connection, life_s, shorter, config));
        }
    }

    /// Part of the finished connections that lived shorter; all of them where none is known.
    fn shorter_share(&self, life_s: f64) -> f64 {
        let all: u64 = self.lives.iter().sum();
        let shorter: u64 = self.lives[..doubling(life_s)].iter().sum();
        if all == 0 { 1.0 } else { shorter as f64 / all as f64 }
    }
}

/// True for a connection that has no reason to last: to the outside in no known protocol or in TLS without a name; at home on a port
/// without a service.
fn is_odd(flow: &FlowRecord, context: &Context, config: &LongConnectionConfig) -> bool {
    let (src, dest) = (flow.src(), flow.dest());
    let ignored = config.ports_ignored.contains(&dest.port) || config.ports_ignored.contains(&src.port);
    if ignored || dest.addr.is_not_one_host() || !context.home.contains(src.addr) {
        return false;
    }
    let app = flow.app.as_ref().and_then(|app| app.request.as_ref());
    let nameless = matches!(app, Some(AppData::Tls(tls)) if tls.sni.is_empty());
    let unknown = flow.app_proto() == AppProto::Unknown;
    // Of a connection from before the watch the protocol was never seen.
    let whole = flow.key.proto != super::contacts::TCP || flow.state != TcpState::Oth;
    let odd_port = !ports::has_service(dest.port);
    if context.home.contains(dest.addr) { odd_port && unknown } else { nameless || (unknown && (whole || odd_port)) }
}

fn connection_alert(
    flow: &FlowRecord,
    connection: &Connection,
    life_s: f64,
    shorter: f64,
    config: &LongConnectionConfig,
) -> Alert {
    let (src, dest) = (flow.src(), flow.dest());
    let mut a = alert(Kind::Beacon, "long_connection", flow.first_seen, flow.end, 1e-2);
    a.title = format!(
        "{} has held a connection to {} {} for {} and sent and received only {} on it",
        src.addr,
        dest.addr,
        text::port(dest.port),
        seconds(life_s),
        bytes(connection.bytes as f64)
    );
    a.src = vec![src.addr];
    a.dest = vec![dest.addr];
    a.dest_port = vec![dest.port];
    let rate = connection.bytes as f64 / life_s.max(1.0);
    a.why = vec![
        why("connection_life", life_s, [0.0, f64::from(config.life_min_s)], "s", 0.5),
        why("shorter_connections_share", shorter, [0.0, config.quantile], "share", 0.3),
        why("mean_rate", rate, [config.rate_max_bytes_per_s, 1e12], "bytes/s", 0.2),
    ];
    a.flows.clone_from(&connection.flows);
    a.packets = connection.packets;
    a.severity = Severity::Low;
    a.attack = if ports::has_service(dest.port) { vec!["T1071"] } else { vec!["T1571", "T1071"] };
    a.story = format!("{} {} {}", src.addr, dest.addr, dest.port);
    text::scored(a, 0.55)
}

impl Behaviour for LongConnection {
    fn name(&self) -> &'static str {
        "long_connection"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
            self.flow(flow, context, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {
        // A connection that is not reported for an hour has ended without a word.
        self.connections.expire(now, 3600 * NS_PER_S, |_, _| {});
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("connections_evicted", self.connections.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.connections.len() + self.services.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    const OUTSIDE: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);

    /// Reports of one connection, one every five minutes.
    fn held(host: u8, dest: IpAddr16, port: u16, hours: i64, bytes_each: u64) -> Vec<Observation> {
        (0..hours * 12)
            .map(|n| {
                let mut f = flow((n + 1) * 300_000, ip(host), dest, port, bytes_each, bytes_each);
                let (key, low) = FlowKey::new(
                    record::Endpoint { addr: ip(host), port: 50_000 },
                    record::Endpoint { addr: dest, port },
                    6,
                );
                (f.key, f.originator_low, f.first_seen) = (key, low, Timestamp(1));
                (f.report, f.reason, f.state) = (n as u32, EndReason::Active, TcpState::S1);
                (f.forward.ip_bytes, f.backward.ip_bytes) = (bytes_each, bytes_each);
                Observation::Flow(Box::new(f))
            })
            .collect()
    }

    fn ordinary() -> Vec<Observation> {
        (0..500).map(|n| Observation::Flow(Box::new(flow(n * 100, ip(30), OUTSIDE, 443, 900, 9000)))).collect()
    }

    #[test]
    fn a_quiet_connection_of_hours_is_told_once_for_each_doubling() {
        let mut input = ordinary();
        input.extend(held(7, OUTSIDE, 4455, 9, 600));
        let told = run("long_connection", &input);
        let title =
            "10.0.0.7 has held a connection to 203.0.113.9 port 4455 for 65 min and sent and received only 16 kB on it";
        assert_eq!(told[0].title, title);
        assert!((3..=5).contains(&told.len()), "{}", told.len());
        assert!(told.iter().all(|a| a.severity == Severity::Low && a.story == told[0].story));
    }

    #[test]
    fn shells_bulk_common_programs_short_ones_and_networks_of_long_ones_are_silent() {
        let silent = |more: Vec<Observation>, what: &str| {
            let mut input = ordinary();
            input.extend(more);
            assert!(run("long_connection", &input).is_empty(), "{what}");
        };
        silent(held(7, OUTSIDE, 22, 9, 600), "shell");
        silent(held(7, OUTSIDE, 4455, 9, 300_000), "bulk");
        silent(held(7, ip(9), 8080, 9, 600), "a service at home");
        silent(held(7, OUTSIDE, 4455, 1, 600).into_iter().take(11).collect(), "short");
        let long = |host| {
            let mut all = held(host, OUTSIDE, 4455, 9, 600);
            if let Some(Observation::Flow(last)) = all.last_mut() {
                last.reason = EndReason::Fin;
            }
            all
        };
        let mut others: Vec<Observation> = (20..90)
            .map(|host| held(host, ip(host + 100), 22, 9, 600))
            .filter_map(|all| all.into_iter().next_back())
            .collect();
        for observation in &mut others {
            if let Observation::Flow(f) = observation {
                f.reason = EndReason::Fin;
            }
        }
        others.extend(long(7));
        silent(others, "everybody's connections last");
    }
}
