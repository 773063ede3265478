//! Slow HTTP inside TLS: one source holds many connections to one TLS server open and trickles tiny records into them, which the server
//! never answers once the handshake is done (Slowloris and slow POST over HTTPS: ATT&CK T1499.002). Told by the shape of the flows alone;
//! an idle page, a push channel or a web socket sends nothing, or is answered. Requests in clear text are `slow_http`'s.

use super::contacts::TCP;
use super::lru::Lru;
use super::text::{self, alert, count, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppProto, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of slow HTTP inside TLS.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlowTlsConfig {
    /// Connections of one source to one server that trickle, within `window_s`. Default 50.
    pub connections_min: u64,
    /// Window, seconds. Default 600.
    pub window_s: u32,
    /// Part of the source's connections to the server that trickle, 0 to 1. Default 0.8.
    pub trickle_share_min: f64,
    /// Segments with data that the client sends, handshake included. Default 8.
    pub segments_min: u64,
    /// Least mean pause between the client's segments, seconds. Default 1.
    pub pause_min_s: f64,
    /// Pairs of source and server remembered. Default 1024.
    pub pairs_max: usize,
}

impl Default for SlowTlsConfig {
    fn default() -> Self {
        Self {
            connections_min: 50,
            window_s: 600,
            trickle_share_min: 0.8,
            segments_min: 8,
            pause_min_s: 1.0,
            pairs_max: 1024,
        }
    }
}

/// Segments with data of a server that has done its handshake and answered nothing: certificates and tickets.
const HANDSHAKE_SEGMENTS_MAX: u64 = 8;
/// Bytes of them.
const HANDSHAKE_MAX_BYTES: f64 = 16_000.0;
/// Mean bytes of the client's segments with data; its greeting is among them.
const SEGMENT_MEAN_MAX_BYTES: f64 = 250.0;

type Pair = (IpAddr16, IpAddr16, u16);

#[derive(Default)]
struct Story {
    window: i64,
    first: Timestamp,
    last: Timestamp,
    trickling: u64,
    others: u64,
    packets: u64,
    pause_sum_s: f64,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// The detector.
pub struct SlowTls {
    config: SlowTlsConfig,
    pairs: Lru<Pair, Story>,
}

impl SlowTls {
    /// Builds it.
    #[must_use]
    pub fn new(config: &SlowTlsConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        let (src, dest) = (flow.src().addr, flow.dest());
        let app = flow.app_proto();
        let is_tls = app == AppProto::Tls || (app == AppProto::Unknown && matches!(dest.port, 443 | 8443));
        // A connection counts once, however often it is reported.
        if flow.key.proto != TCP || !is_tls || flow.report > 0 {
            return;
        }
        let config = &self.config;
        let (trickles, key) = (self.trickles(flow), (src, dest.addr, dest.port));
        if !trickles && self.pairs.peek(&key).is_none() {
            return;
        }
        let window = flow.end.seconds().div_euclid(i64::from(config.window_s.max(1)));
        let fresh = || Story { window, first: flow.first_seen, ..Story::default() };
        let story = self.pairs.touch(&key, flow.end, fresh);
        // A window without a trickle ends the story.
        if window > story.window + 1 || (window > story.window && !story.throttle.started()) {
            *story = fresh();
        }
        story.window = story.window.max(window);
        if !trickles {
            story.others += 1;
            return;
        }
        story.first = story.first.min(flow.first_seen);
        story.last = story.last.max(flow.end);
        story.trickling += 1;
        story.packets += flow.packets();
        story.pause_sum_s += flow.forward.iat.mean() / NS_PER_S as f64;
        push_distinct(&mut story.flows, flow.flow_id);
        if story.trickling >= config.connections_min
            && story.share() >= config.trickle_share_min
            && story.throttle.due_within(story.trickling, flow.end, HOUR_NS)
        {
            out.push(pair_alert(&key, story, config));
        }
    }

    fn trickles(&self, flow: &FlowRecord) -> bool {
        let (sent, got) = (&flow.forward, &flow.backward);
        got.packets > 0
            && sent.packets_with_payload >= self.config.segments_min
            && got.packets_with_payload <= HANDSHAKE_SEGMENTS_MAX
            && got.payload.sum <= HANDSHAKE_MAX_BYTES
            // Questions that are answered, however slowly, are a conversation.
            && sent.packets_with_payload >= 2 * got.packets_with_payload
            && sent.payload.sum <= SEGMENT_MEAN_MAX_BYTES * sent.packets_with_payload as f64
            && sent.iat.mean() >= self.config.pause_min_s * NS_PER_S as f64
    }
}

impl Story {
    fn share(&self) -> f64 {
        self.trickling as f64 / (self.trickling + self.others).max(1) as f64
    }
}

fn pair_alert(key: &Pair, story: &Story, config: &SlowTlsConfig) -> Alert {
    let (src, dest, port) = *key;
    let mut a = alert(Kind::Flood, "slow_tls", story.first, story.last, 1e-4);
    a.title = format!(
        "{dest} is kept busy on {} by {} connections into which {src} trickles bytes that are never answered",
        text::port(port),
        count(story.trickling)
    );
    let pause_s = story.pause_sum_s / story.trickling.max(1) as f64;
    let most = config.connections_min as f64 - 1.0;
    a.why = vec![
        why("connections_that_trickle", story.trickling as f64, [0.0, most], "connections", 0.6),
        why("pause_between_pieces", pause_s, [0.0, config.pause_min_s], "s", 0.2),
        why("share_of_its_connections", story.share(), [0.0, config.trickle_share_min], "share", 0.2),
    ];
    a.src = vec![src];
    a.dest = vec![dest];
    a.dest_port = vec![port];
    a.flows.clone_from(&story.flows);
    a.packets = story.packets;
    a.severity = Severity::High;
    a.attack = vec!["T1499.002"];
    a.story = format!("{dest} {port} slow");
    text::scored(a, 0.85)
}

impl Behaviour for SlowTls {
    fn name(&self) -> &'static str {
        "slow_tls"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
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

    /// A TLS flow: `pieces` client segments of `size` bytes `pause_s` apart, and `answers` segments of the server.
    fn tls(n: i64, src: u8, pieces: u64, size: u64, pause_s: f64, answers: u64) -> Observation {
        let mut f = flow(n * 700, ip(src), ip(9), 443, 517 + pieces * size, answers * 900);
        (f.forward.packets, f.forward.packets_with_payload) = (pieces + 4, pieces + 1);
        f.backward.packets_with_payload = answers;
        f.forward.iat = record::Moments::default();
        (0..pieces).for_each(|_| f.forward.iat.add(pause_s * NS_PER_S as f64));
        f.start = f.end.plus_ns(-((pieces as f64 * pause_s) as i64 * NS_PER_S));
        f.first_seen = f.start;
        Observation::Flow(Box::new(f))
    }

    #[test]
    fn many_connections_of_one_source_that_trickle_unanswered_are_named_with_both_ends() {
        let told = run("slow_tls", &(0..120).map(|n| tls(n, 66, 20, 45, 15.0, 5)).collect::<Vec<_>>());
        assert_eq!(
            told.last().map(|a| a.title.as_str()),
            Some(
                "10.0.0.9 is kept busy on port 443 (HTTPS) by 100 connections into which 10.0.0.66 trickles bytes that are never \
                 answered"
            )
        );
        assert_eq!((told[0].src.as_slice(), told[0].dest.as_slice()), ([ip(66)].as_slice(), [ip(9)].as_slice()));
        assert_eq!(told[0].attack, ["T1499.002"]);
    }

    #[test]
    fn pages_heartbeats_uploads_many_sources_and_a_mix_are_silent() {
        let silent = |input: Vec<Observation>, what: &str| assert!(run("slow_tls", &input).is_empty(), "{what}");
        silent((0..300).map(|n| tls(n, 30, 12, 400, 3.0, 40)).collect(), "pages over a kept connection");
        silent((0..300).map(|n| tls(n, 30, 10, 40, 30.0, 14)).collect(), "web sockets whose heartbeats are answered");
        silent((0..300).map(|n| tls(n, 30, 3, 300, 30.0, 5)).collect(), "idle connections");
        silent((0..300).map(|n| tls(n, 30, 90, 1300, 1.5, 5)).collect(), "slow uploads");
        silent((0..40).map(|n| tls(n, 30, 20, 45, 15.0, 5)).collect(), "forty stuck connections");
        silent((0..300).map(|n| tls(n, (n % 60) as u8, 20, 45, 15.0, 5)).collect(), "few of each of sixty sources");
        let mix = |n: i64| if n % 2 == 0 { tls(n, 30, 20, 45, 15.0, 5) } else { tls(n, 30, 12, 400, 3.0, 40) };
        silent((0..300).map(mix).collect(), "half of what a gateway's users do");
    }

    #[test]
    fn a_connection_counts_once_however_often_it_is_reported() {
        let again = |n: i64| match tls(n, 66, 20, 45, 15.0, 5) {
            Observation::Flow(f) => Observation::Flow(Box::new(FlowRecord { report: n as u32, ..*f })),
            other => other,
        };
        assert!(run("slow_tls", &(0..300).map(again).collect::<Vec<_>>()).is_empty());
    }
}
