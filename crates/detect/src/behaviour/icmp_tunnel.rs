//! Data in echo packets: `ping` sends payloads of one size and gets the same back (RFC 792: "the data received in the echo
//! message must be returned"). Told are pairs whose requests vary in size while the replies carry something else or much
//! is carried (ATT&CK T1095), and pairs that exchange few echoes of a size that no tool sends, with long pauses. Knows sizes
//! and counts only, not contents.

use super::lru::Lru;
use super::text::{self, alert, bytes, count, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, Counters, FlowRecord, IpAddr16, Kind, Moments, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of data in echo packets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IcmpTunnelConfig {
    /// Echo requests within `window_s`. Default 20.
    pub requests_min: u64,
    /// Spread (standard deviation) of the request sizes, bytes; a tool's are all alike. Default 16.
    pub size_spread_min: f64,
    /// Difference between the mean sizes of requests and replies, bytes; an honest reply repeats its request. Default 8.
    pub size_difference_min: f64,
    /// Payload of both directions that is much even where requests and replies agree, bytes. Default 50000.
    pub payload_min_bytes: f64,
    /// Requests of one unusual size with long pauses. Default 4.
    pub odd_requests_min: u64,
    /// Smallest payload that is unusual, bytes: tools send up to 64 unless told otherwise. Default 256.
    pub odd_size_min: f64,
    /// Shortest mean pause between such requests, seconds; tools ask every second. Default 5.
    pub odd_pause_s: f64,
    /// Window after which counting starts again, seconds. Default 600.
    pub window_s: u32,
    /// Pairs remembered. Default 2048.
    pub pairs_max: usize,
}

impl Default for IcmpTunnelConfig {
    fn default() -> Self {
        Self {
            requests_min: 20,
            size_spread_min: 16.0,
            size_difference_min: 8.0,
            payload_min_bytes: 50_000.0,
            odd_requests_min: 4,
            odd_size_min: 256.0,
            odd_pause_s: 5.0,
            window_s: 600,
            pairs_max: 2048,
        }
    }
}

#[derive(Default)]
struct Pair {
    window_start: Timestamp,
    first: Timestamp,
    last: Timestamp,
    requests: Moments,
    replies: Moments,
    flows: Vec<u64>,
    packets: u64,
    throttle: Throttle,
}

/// The detector.
pub struct IcmpTunnel {
    config: IcmpTunnelConfig,
    pairs: Lru<(IpAddr16, IpAddr16), Pair>,
}

/// What is odd about a pair.
#[derive(Clone, Copy, PartialEq)]
enum Oddity {
    Carries,
    Size,
}

/// Adds the values of `b` to `a`.
fn join(a: &mut Moments, b: &Moments) {
    if b.count == 0 {
        return;
    }
    (a.min, a.max) = if a.count == 0 { (b.min, b.max) } else { (a.min.min(b.min), a.max.max(b.max)) };
    a.count += b.count;
    a.sum += b.sum;
    a.sum_squares += b.sum_squares;
}

/// Sizes that people and monitors ask for: powers of two, round numbers, the largest of an Ethernet or jumbo frame.
fn usual_size(size: f64) -> bool {
    let n = size as u32;
    n.is_power_of_two() || n.is_multiple_of(50) || n.is_multiple_of(64) || (1350..=1500).contains(&n) || n >= 8000
}

impl IcmpTunnel {
    /// Builds it.
    #[must_use]
    pub fn new(config: &IcmpTunnelConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        let config = &self.config;
        let (src, dest) = (flow.src().addr, flow.dest().addr);
        if dest.is_not_one_host() || src.is_not_one_host() {
            return;
        }
        let window_ns = i64::from(config.window_s) * NS_PER_S;
        let pair = self.pairs.touch(&(src, dest), flow.end, Pair::default);
        if flow.end.since(pair.window_start) > window_ns && !pair.throttle.started() {
            *pair = Pair { window_start: flow.start, first: flow.start, ..Pair::default() };
        }
        pair.last = pair.last.max(flow.end);
        pair.packets += flow.packets();
        join(&mut pair.requests, &flow.forward.payload);
        join(&mut pair.replies, &flow.backward.payload);
        text::push_distinct(&mut pair.flows, flow.flow_id);
        if let Some(oddity) = pair.oddity(config)
            && pair.throttle.due(pair.packets, flow.end)
        {
            out.push(pair_alert(src, dest, pair, oddity, config));
        }
    }
}

impl Pair {
    fn oddity(&self, config: &IcmpTunnelConfig) -> Option<Oddity> {
        let (requests, replies) = (&self.requests, &self.replies);
        let differ = replies.count > 0
            && (requests.mean() - replies.mean()).abs() >= config.size_difference_min
            && requests.max.max(replies.max) > 64.0;
        let varies = requests.std_dev().max(replies.std_dev()) >= config.size_spread_min;
        let much = requests.sum + replies.sum >= config.payload_min_bytes;
        if requests.count >= config.requests_min && varies && (differ || much) {
            return Some(Oddity::Carries);
        }
        let pause_s = self.last.since(self.first).max(0) as f64 / NS_PER_S as f64 / requests.count.max(2) as f64;
        let odd = requests.count >= config.odd_requests_min
            && requests.min >= config.odd_size_min
            && requests.max <= requests.min
            && !usual_size(requests.min)
            && pause_s >= config.odd_pause_s;
        odd.then_some(Oddity::Size)
    }
}

fn pair_alert(src: IpAddr16, dest: IpAddr16, pair: &Pair, oddity: Oddity, config: &IcmpTunnelConfig) -> Alert {
    let (requests, replies) = (&pair.requests, &pair.replies);
    let mut a = alert(Kind::ProtocolMisuse, "icmp_tunnel", pair.first, pair.last, 1e-3);
    a.src = vec![src];
    a.dest = vec![dest];
    if oddity == Oddity::Carries {
        a.title = format!(
            "{src} and {dest} exchange {} in {} echo packets whose sizes change",
            bytes(requests.sum + replies.sum),
            count(pair.packets)
        );
        let spread = requests.std_dev().max(replies.std_dev());
        let difference = (requests.mean() - replies.mean()).abs();
        a.why = vec![
            why("echo_size_spread", spread, [0.0, config.size_spread_min], "bytes", 0.4),
            why("reply_differs_from_request", difference, [0.0, config.size_difference_min], "bytes", 0.4),
            why("echo_payload", requests.sum + replies.sum, [0.0, config.payload_min_bytes], "bytes", 0.2),
        ];
        a.severity = Severity::High;
    } else {
        a.title = format!(
            "{src} sends {dest} now and then an echo request of {:.0} bytes, a size no tool uses",
            requests.min
        );
        a.why = vec![
            why("echo_size", requests.min, [0.0, 64.0], "bytes", 0.6),
            why("echo_requests", requests.count as f64, [0.0, 3.0], "requests", 0.4),
        ];
        a.severity = Severity::Low;
    }
    a.flows.clone_from(&pair.flows);
    a.packets = pair.packets;
    a.story = format!("{src} {dest}");
    text::scored(a, if oddity == Oddity::Carries { 0.9 } else { 0.6 })
}

impl Behaviour for IcmpTunnel {
    fn name(&self) -> &'static str {
        "icmp_tunnel"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation
            && matches!((flow.key.proto, flow.icmp_type), (super::contacts::ICMP, 8) | (super::contacts::ICMPV6, 128))
        {
            self.flow(flow, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    /// One flow of echo requests and replies with these payload sizes, ending at `ms`.
    fn echoes(ms: i64, requests: &[u32], replies: &[u32]) -> Observation {
        let mut f = flow(ms, ip(7), ip(9), 0, 0, 0);
        (f.key.proto, f.icmp_type) = (super::super::contacts::ICMP, 8);
        let moments = |sizes: &[u32]| {
            let mut m = Moments::default();
            for size in sizes {
                m.add(f64::from(*size));
            }
            m
        };
        (f.forward.payload, f.backward.payload) = (moments(requests), moments(replies));
        (f.forward.packets, f.backward.packets) = (requests.len() as u64, replies.len() as u64);
        Observation::Flow(Box::new(f))
    }

    #[test]
    fn echoes_that_carry_something_are_told() {
        let requests: Vec<u32> = (0..40).map(|i| if i % 4 == 0 { 300 } else { 84 }).collect();
        let replies: Vec<u32> = (0..60).map(|i| if i % 2 == 0 { 1000 } else { 84 }).collect();
        let alerts = run("icmp_tunnel", &[echoes(30_000, &requests, &replies)]);
        assert!(alerts[0].title.ends_with("in 100 echo packets whose sizes change"), "{}", alerts[0].title);
        assert_eq!(alerts[0].kind, Kind::ProtocolMisuse);
    }

    #[test]
    fn rare_echoes_of_an_odd_size_are_told_with_low_severity() {
        let input: Vec<_> = (0..6).map(|i| echoes(i * 40_000, &[788], &[788])).collect();
        assert_eq!(run("icmp_tunnel", &input)[0].severity, Severity::Low);
    }

    #[test]
    fn ordinary_pings_are_silent() {
        assert!(run("icmp_tunnel", &[echoes(60_000, &[56; 60], &[56; 58])]).is_empty());
        assert!(run("icmp_tunnel", &[echoes(60_000, &[1400; 60], &[1400; 60])]).is_empty(), "large");
        assert!(run("icmp_tunnel", &[echoes(60_000, &[1400; 60], &[64; 60])]).is_empty(), "a host that cuts replies");
        let sweep: Vec<u32> = (56..86).collect();
        assert!(run("icmp_tunnel", &[echoes(60_000, &sweep, &sweep)]).is_empty(), "sizes tried out");
        let monitor: Vec<_> = (0..60).map(|i| echoes(i * 60_000, &[512], &[512])).collect();
        assert!(run("icmp_tunnel", &monitor).is_empty());
    }
}
