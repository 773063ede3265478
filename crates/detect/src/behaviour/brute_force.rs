//! Log-in guessing: one source opens many short, alike, answered sessions to one log-in service. A failed log-in ends
//! after few messages, and guesses are alike; sessions in which somebody works are neither.

use super::lru::Lru;
use super::text::{self, alert, count, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, AppProto, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Sessions remembered a pair.
const SESSIONS_MAX: usize = 64;

/// Settings of the log-in guessing detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BruteForceConfig {
    /// Short, alike sessions within `window_s`. Default 10.
    pub sessions_min: usize,
    /// Window, seconds. Default 120.
    pub window_s: u32,
    /// Sessions are alike when the logarithm of their payload is this near the median (0.2 is a factor of 1.2).
    /// Default 0.2.
    pub size_near: f64,
    /// Share of the sessions that must be alike; tools also leave some connections unused. Default 0.6.
    pub alike_share_min: f64,
    /// Refused HTTP requests (401, 403) within the window. Default 20.
    pub http_refused_min: usize,
    /// Pairs of source and service remembered. Default 8192.
    pub pairs_max: usize,
}

impl Default for BruteForceConfig {
    fn default() -> Self {
        Self {
            sessions_min: 10,
            window_s: 120,
            size_near: 0.2,
            alike_share_min: 0.6,
            http_refused_min: 20,
            pairs_max: 8192,
        }
    }
}

/// What a failed log-in to a service looks like at most.
struct Service {
    name: &'static str,
    /// Messages with payload from the client.
    client_messages_max: u64,
    /// Payload of both sides, bytes.
    payload_max: f64,
    /// Longest session, seconds.
    duration_max_s: u64,
}

const SSH: Service = Service { name: "SSH", client_messages_max: 40, payload_max: 12_000.0, duration_max_s: 60 };
/// Log-in service of Windows domains.
const KERBEROS: &str = "Kerberos";
const HTTP: Service = Service { name: "HTTP", client_messages_max: 64, payload_max: 200_000.0, duration_max_s: 60 };

/// The service of a flow by its application protocol, or by its port where the protocol has no name of its own.
fn service_of(flow: &FlowRecord) -> Option<Service> {
    let named = |name, client_messages_max, payload_max, duration_max_s| {
        Some(Service { name, client_messages_max, payload_max, duration_max_s })
    };
    // A refused Kerberos request is one small question and one small error; a granted ticket is larger than both.
    if flow.dest().port == 88 && flow.app_proto() == AppProto::Unknown {
        return named(KERBEROS, 2, 700.0, 10);
    }
    if flow.key.proto != super::contacts::TCP {
        return None;
    }
    match (flow.app_proto(), flow.dest().port) {
        (AppProto::Ssh, _) | (AppProto::Unknown, 22) => Some(SSH),
        (AppProto::Http, _) => Some(HTTP),
        (AppProto::Unknown, port) | (AppProto::Tls, port @ (3389 | 993 | 995 | 465 | 990)) => match port {
            21 | 990 => named("FTP", 12, 4000.0, 60),
            23 | 2323 => named("Telnet", 60, 4000.0, 90),
            25 | 465 | 587 => named("SMTP", 12, 8000.0, 60),
            110 | 995 => named("POP3", 12, 8000.0, 60),
            143 | 993 => named("IMAP", 12, 8000.0, 60),
            139 | 445 => named("SMB", 8, 6000.0, 60),
            1433 | 3306 | 5432 => named("database", 4, 4000.0, 30),
            3389 => named("RDP", 16, 12_000.0, 60),
            5900..=5909 => named("VNC", 8, 1000.0, 30),
            _ => None,
        },
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Session {
    end: Timestamp,
    log_size: f64,
    flow_id: u64,
}

#[derive(Default)]
struct Pair {
    sessions: VecDeque<Session>,
    attempts: u64,
    packets: u64,
    first: Timestamp,
    last: Timestamp,
    flows: Vec<u64>,
    ports: Vec<u16>,
    /// Sessions of this pair that were no failed log-in, in the window; they speak for honest use.
    worked: u32,
    throttle: Throttle,
}

type Key = (IpAddr16, IpAddr16, &'static str);

/// The detector.
pub struct BruteForce {
    config: BruteForceConfig,
    pairs: Lru<Key, Pair>,
    /// Pairs whose story is being told.
    active: Vec<Key>,
}

impl BruteForce {
    /// Builds it.
    #[must_use]
    pub fn new(config: &BruteForceConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max), active: Vec::new(), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        let Some(service) = service_of(flow) else { return };
        if flow.report != 0 || flow.forward.packets_with_payload == 0 || flow.backward.packets_with_payload == 0 {
            return;
        }
        let http = service.name == HTTP.name;
        if http && !refused(flow) {
            return;
        }
        let payload = flow.forward.payload.sum + flow.backward.payload.sum;
        let short = flow.forward.packets_with_payload <= service.client_messages_max
            && payload <= service.payload_max
            && flow.duration_ns() <= service.duration_max_s * NS_PER_S as u64;
        let (src, dest) = (flow.src(), flow.dest());
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let key = (src.addr, dest.addr, service.name);
        let pair = self.pairs.touch(&key, flow.end, Pair::default);
        if pair.attempts == 0 || flow.end.since(pair.last) > window_ns {
            *pair = Pair { first: flow.start, ..Pair::default() };
        }
        pair.last = pair.last.max(flow.end);
        if !short {
            pair.worked += 1;
            return;
        }
        pair.attempts += 1;
        pair.packets += flow.packets();
        push_distinct(&mut pair.flows, flow.flow_id);
        push_distinct(&mut pair.ports, dest.port);
        pair.sessions.push_back(Session { end: flow.end, log_size: payload.max(1.0).ln(), flow_id: flow.flow_id });
        while pair.sessions.len() > SESSIONS_MAX
            || pair.sessions.front().is_some_and(|s| flow.end.since(s.end) > window_ns)
        {
            pair.sessions.pop_front();
        }
        let needed = if http { self.config.http_refused_min } else { self.config.sessions_min };
        let near = near_median(&pair.sessions, self.config.size_near);
        // Refused requests for tickets are all small; their sizes differ with the names that are tried.
        let uniform = http || service.name == KERBEROS;
        let alike = uniform || near as f64 >= self.config.alike_share_min * pair.sessions.len() as f64;
        let honest = u64::from(pair.worked) * 4 > pair.attempts;
        let guessing = pair.throttle.started()
            || (near.max(if uniform { pair.sessions.len() } else { 0 }) >= needed && alike && !honest);
        if guessing && pair.throttle.due(pair.attempts, flow.end) {
            if !self.active.contains(&key) {
                self.active.push(key);
            }
            out.push(pair_alert(&key, pair));
        }
    }

    fn settle(&mut self, now: Timestamp, quiet_ns: i64, out: &mut Vec<Alert>) {
        let pairs = &self.pairs;
        self.active.retain(|key| pairs.peek(key).is_some_and(|p| p.throttle.started()));
        for key in self.active.clone() {
            if let Some(pair) = self.pairs.peek_mut(&key)
                && pair.throttle.settled(pair.attempts, pair.last, now, quiet_ns)
            {
                out.push(pair_alert(&key, pair));
            }
        }
    }
}

/// True when the server said that the credentials or the rights are missing.
fn refused(flow: &FlowRecord) -> bool {
    let response = flow.app.as_ref().and_then(|a| a.response.as_ref());
    matches!(response, Some(AppData::Http(http)) if matches!(http.status, 401 | 403))
}

/// How many sessions are within `near` of the median of the logarithmic size.
fn near_median(sessions: &VecDeque<Session>, near: f64) -> usize {
    let mut sizes: Vec<f64> = sessions.iter().map(|s| s.log_size).collect();
    sizes.sort_by(f64::total_cmp);
    let Some(median) = sizes.get(sizes.len() / 2) else { return 0 };
    sizes.iter().filter(|size| (**size - median).abs() <= near).count()
}

fn pair_alert(key: &Key, pair: &Pair) -> Alert {
    let (src, dest, service) = *key;
    let mut a = alert(Kind::BruteForce, "brute_force", pair.first, pair.last, 1e-4);
    let minutes = (pair.last.since(pair.first).max(0) as f64 / NS_PER_S as f64 / 60.0).max(1.0 / 60.0);
    let port = pair.ports.first().copied().unwrap_or(0);
    let odd = if service == "SSH" && port != 22 { format!(" on port {port}") } else { String::new() };
    a.title = format!("{src} tried to log in to {service} of {dest}{odd} {} times", count(pair.attempts));
    a.src = vec![src];
    a.dest = vec![dest];
    a.dest_port.clone_from(&pair.ports);
    a.why = vec![
        why("short_alike_sessions", pair.attempts as f64, [0.0, 9.0], "sessions", 0.6),
        why("sessions_per_minute", pair.attempts as f64 / minutes, [0.0, 5.0], "1/min", 0.3),
        why(
            "alike_share",
            near_median(&pair.sessions, 0.2) as f64 / pair.sessions.len().max(1) as f64,
            [0.0, 0.6],
            "",
            0.1,
        ),
    ];
    a.flows.clone_from(&pair.flows);
    if let Some(newest) = pair.sessions.back() {
        push_distinct(&mut a.flows, newest.flow_id);
    }
    a.packets = pair.packets;
    a.severity = if pair.attempts >= 100 { Severity::High } else { Severity::Medium };
    a.story = format!("{src} {service}");
    text::scored(a, 0.9 + 0.1 * (1.0 - 10.0 / pair.attempts.max(10) as f64))
}

impl Behaviour for BruteForce {
    fn name(&self) -> &'static str {
        "brute_force"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
            self.flow(flow, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        if now.seconds() % 5 == 0 {
            self.settle(now, 5 * NS_PER_S, out);
        }
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        self.settle(context.now, 0, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len() + self.active.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    fn sessions(n: i64, every_ms: i64, size: impl Fn(i64) -> u64) -> Vec<Observation> {
        (0..n).map(|i| Observation::Flow(Box::new(flow(i * every_ms, ip(7), ip(9), 22, size(i), 2000)))).collect()
    }

    #[test]
    fn repeated_short_alike_sessions_are_guessing() {
        let alerts = run("brute_force", &sessions(67, 200, |i| 1800 + (i as u64 % 3) * 16));
        assert_eq!(alerts[0].title, "10.0.0.7 tried to log in to SSH of 10.0.0.9 10 times");
        assert!(alerts.last().is_some_and(|a| a.title.ends_with("67 times")));
        assert!(alerts.iter().all(|a| !a.flows.is_empty()));
    }

    #[test]
    fn work_sessions_rare_logins_and_other_services_are_silent() {
        assert!(run("brute_force", &sessions(200, 1000, |i| 30_000 + i as u64 * 5000)).is_empty(), "work");
        assert!(run("brute_force", &sessions(100, 60_000, |_| 1800)).is_empty(), "a check a minute");
        assert!(
            run("brute_force", &sessions(100, 500, |i| 200 + (i as u64 * 7919) % 9000)).is_empty(),
            "all different"
        );
        let web: Vec<_> =
            (0..500).map(|i| Observation::Flow(Box::new(flow(i * 100, ip(7), ip(9), 443, 1800, 2000)))).collect();
        assert!(run("brute_force", &web).is_empty(), "web");
    }
}
