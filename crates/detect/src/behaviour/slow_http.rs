//! Slow HTTP: many requests to one web server that are sent a few bytes at a time and never done, so that each holds one of its places
//! (Slowloris, slow POST: ATT&CK T1499.002). Told by the shape of the flows: many small segments of the client at long pauses, and no
//! answer or only the server's "timed out". Reads no bytes; requests inside TLS are `slow_tls`'s.

use super::lru::Lru;
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants, ports};
use record::{
    Alert, AppProto, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the slow HTTP detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlowHttpConfig {
    /// Half-done requests to one server within `window_s`. Default 50.
    pub requests_min: u64,
    /// Window, seconds. Default 600.
    pub window_s: u32,
    /// Least mean pause between the client's segments, seconds. Default 1.
    pub pause_min_s: f64,
    /// Least length of such a request, seconds. Default 15.
    pub duration_min_s: u32,
    /// Servers remembered. Default 1024.
    pub servers_max: usize,
}

impl Default for SlowHttpConfig {
    fn default() -> Self {
        Self { requests_min: 50, window_s: 600, pause_min_s: 1.0, duration_min_s: 15, servers_max: 1024 }
    }
}

/// Bytes of the server's answer that gives up ("408 Request Timeout" with its page).
const GAVE_UP_MAX_BYTES: f64 = 2000.0;
/// Bytes that a client sends at most in a request that is dragged out.
const REQUEST_MAX_BYTES: f64 = 20_000.0;

#[derive(Default)]
struct Server {
    window: i64,
    first: Timestamp,
    last: Timestamp,
    requests: u64,
    done: u64,
    packets: u64,
    pause_sum_s: f64,
    sources: Vec<IpAddr16>,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// The detector.
pub struct SlowHttp {
    config: SlowHttpConfig,
    servers: Lru<(IpAddr16, u16), Server>,
}

impl SlowHttp {
    /// Builds it.
    #[must_use]
    pub fn new(config: &SlowHttpConfig) -> Self {
        Self { servers: Lru::new(config.servers_max), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        if flow.key.proto != super::contacts::TCP {
            return;
        }
        let dest = flow.dest();
        let web = match flow.app_proto() {
            AppProto::Http => true,
            AppProto::Unknown => ports::may_be_http(dest.port),
            _ => false,
        };
        if !web {
            return;
        }
        let config = &self.config;
        let slow = self.is_dragged_out(flow);
        let key = (dest.addr, dest.port);
        if !slow && self.servers.peek(&key).is_none() {
            return;
        }
        let window = flow.end.seconds().div_euclid(i64::from(config.window_s.max(1)));
        let server =
            self.servers.touch(&key, flow.end, || Server { window, first: flow.first_seen, ..Server::default() });
        // A window without half-done requests ends the story.
        if window > server.window + 1 || (window > server.window && !server.throttle.started()) {
            *server = Server { window, first: flow.first_seen, ..Server::default() };
        }
        server.window = window;
        if !slow {
            server.done += 1;
            return;
        }
        server.first = server.first.min(flow.first_seen);
        server.last = server.last.max(flow.end);
        server.requests += 1;
        server.packets += flow.packets();
        server.pause_sum_s += flow.forward.iat.mean() / NS_PER_S as f64;
        push_distinct(&mut server.sources, flow.src().addr);
        push_distinct(&mut server.flows, flow.flow_id);
        if server.requests >= config.requests_min && server.throttle.due_within(server.requests, flow.end, HOUR_NS) {
            out.push(server_alert(&key, server, config));
        }
    }

    fn is_dragged_out(&self, flow: &FlowRecord) -> bool {
        let (sent, got) = (&flow.forward, &flow.backward);
        got.packets > 0
            && sent.packets_with_payload >= 3
            && got.packets_with_payload <= 1
            && got.payload.sum <= GAVE_UP_MAX_BYTES
            && sent.payload.sum <= REQUEST_MAX_BYTES
            && sent.iat.mean() >= self.config.pause_min_s * NS_PER_S as f64
            && flow.duration_ns() >= u64::from(self.config.duration_min_s) * NS_PER_S as u64
    }
}

fn server_alert(key: &(IpAddr16, u16), server: &Server, config: &SlowHttpConfig) -> Alert {
    let (dest, port) = *key;
    let mut a = alert(Kind::Flood, "slow_http", server.first, server.last, 1e-4);
    let from = match server.sources.as_slice() {
        [one] => one.to_string(),
        many => plural(many.len() as u64, "sender", "senders"),
    };
    a.title = format!(
        "{dest} is kept busy on {} by {} requests that {from} never finished",
        text::port(port),
        count(server.requests)
    );
    let pause_s = server.pause_sum_s / server.requests.max(1) as f64;
    let share = server.requests as f64 / (server.requests + server.done).max(1) as f64;
    a.why = vec![
        why(
            "requests_never_finished",
            server.requests as f64,
            [0.0, config.requests_min as f64 - 1.0],
            "requests",
            0.6,
        ),
        why("pause_between_pieces", pause_s, [0.0, config.pause_min_s], "s", 0.3),
        why("share_of_the_servers_connections", share, [0.0, 0.1], "share", 0.1),
    ];
    a.src.clone_from(&server.sources);
    a.dest = vec![dest];
    a.dest_port = vec![port];
    a.flows.clone_from(&server.flows);
    a.packets = server.packets;
    a.severity = Severity::High;
    a.attack = vec!["T1499.002"];
    a.story = format!("{dest} {port} slow");
    text::scored(a, 0.9)
}

impl Behaviour for SlowHttp {
    fn name(&self) -> &'static str {
        "slow_http"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
            self.flow(flow, out);
        }
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        let keys: Vec<_> = self.servers.iter().map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(server) = self.servers.peek_mut(&key)
                && server.throttle.settled(server.requests, server.last, context.now, 0)
            {
                out.push(server_alert(&key, server, &self.config));
            }
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("servers_evicted", self.servers.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.servers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    /// A flow of `pieces` client segments of `size` bytes, `pause_s` apart, and an answer of `back` bytes.
    fn dragged(n: i64, src: u8, pieces: u64, size: u64, pause_s: u64, back: u64) -> Observation {
        let mut f = flow(n * 200, ip(src), ip(9), 80, pieces * size, back);
        (f.forward.packets, f.forward.packets_with_payload) = (pieces + 2, pieces);
        f.backward.packets_with_payload = u64::from(back > 0) * (1 + back / 1400);
        f.forward.iat = record::Moments::default();
        for _ in 0..pieces {
            f.forward.iat.add((pause_s * NS_PER_S as u64) as f64);
        }
        f.start = f.end.plus_ns(-((pieces * pause_s) as i64 * NS_PER_S));
        f.first_seen = f.start;
        Observation::Flow(Box::new(f))
    }

    #[test]
    fn headers_and_bodies_that_never_end_are_named_with_victim_and_senders() {
        let headers: Vec<_> = (0..150).map(|n| dragged(n, 66, 12, 20, 10, 0)).collect();
        let told = run("slow_http", &headers);
        assert_eq!(
            told.last().map(|a| a.title.as_str()),
            Some("10.0.0.9 is kept busy on port 80 (HTTP) by 150 requests that 10.0.0.66 never finished")
        );
        assert_eq!((told[0].dest.as_slice(), told[0].src.as_slice()), ([ip(9)].as_slice(), [ip(66)].as_slice()));
        let bodies: Vec<_> = (0..150).map(|n| dragged(n, 60 + (n % 5) as u8, 40, 3, 2, 480)).collect();
        assert!(run("slow_http", &bodies)[0].title.ends_with("that 5 senders never finished"));
    }

    #[test]
    fn pages_long_polls_uploads_and_a_few_stuck_clients_are_silent() {
        let silent = |input: Vec<Observation>, what: &str| assert!(run("slow_http", &input).is_empty(), "{what}");
        silent((0..500).map(|n| dragged(n, 30, 6, 400, 3, 60_000)).collect(), "pages over a kept connection");
        silent((0..500).map(|n| dragged(n, 30, 1, 400, 30, 300)).collect(), "long polls");
        silent((0..500).map(|n| dragged(n, 30, 900, 1400, 1, 200)).collect(), "slow uploads");
        silent((0..20).map(|n| dragged(n, 30, 9, 20, 10, 0)).collect(), "twenty stuck clients");
    }
}
