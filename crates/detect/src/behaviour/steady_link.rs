//! A beacon inside one connection: a long TCP connection of no known protocol, on a port without a service, in which short
//! messages of one size come at regular intervals and little else happens. Implants and their relays keep a link open this
//! way (ATT&CK T1571); so do some programs, hence the low severity. Knows the pauses and sizes of a flow, not its bytes.

use super::lru::Lru;
use super::text::{self, alert, count, seconds, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants, ports};
use record::{
    Alert, AppProto, Counters, DirectionStats, FlowKey, FlowRecord, Kind, Moments, Observation, Severity, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of steady links.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SteadyLinkConfig {
    /// Pauses (gaps above the flow table's idle threshold, 5 s) needed. Default 20.
    pub pauses_min: u64,
    /// Spread of the pauses (standard deviation) over their mean. Default 0.1.
    pub pause_spread_max: f64,
    /// Shortest mean pause, seconds. Default 8.
    pub pause_min_s: f64,
    /// Largest mean of the messages, bytes of payload. Default 512.
    pub message_max_bytes: f64,
    /// Spread of the message sizes of the side that speaks more regularly, over their mean. Default 0.1.
    pub message_spread_max: f64,
    /// Connections remembered. Default 2048.
    pub links_max: usize,
}

impl Default for SteadyLinkConfig {
    fn default() -> Self {
        Self {
            pauses_min: 20,
            pause_spread_max: 0.1,
            pause_min_s: 8.0,
            message_max_bytes: 512.0,
            message_spread_max: 0.1,
            links_max: 2048,
        }
    }
}

/// Payload messages of one direction.
#[derive(Clone, Copy, Default)]
struct Messages {
    count: f64,
    sum: f64,
    sum_squares: f64,
}

impl Messages {
    fn add(&mut self, side: &DirectionStats) {
        self.count += side.packets_with_payload as f64;
        self.sum += side.payload.sum;
        self.sum_squares += side.payload.sum_squares;
    }
    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }
    /// Standard deviation over the mean.
    fn spread(&self) -> f64 {
        let mean = self.mean();
        let variance = (self.sum_squares / self.count.max(1.0) - mean * mean).max(0.0);
        if mean > 0.0 { variance.sqrt() / mean } else { f64::MAX }
    }
}

#[derive(Default)]
struct Link {
    pauses: Moments,
    forward: Messages,
    backward: Messages,
    packets: u64,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// The detector.
pub struct SteadyLink {
    config: SteadyLinkConfig,
    /// By flow and the time of its first packet.
    links: Lru<(FlowKey, i64), Link>,
}

impl SteadyLink {
    /// Builds it.
    #[must_use]
    pub fn new(config: &SteadyLinkConfig) -> Self {
        Self { links: Lru::new(config.links_max), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        let config = &self.config;
        let link = self.links.touch(&(flow.key, flow.first_seen.0), flow.end, Link::default);
        link.pauses.count += flow.idle.count;
        link.pauses.sum += flow.idle.sum;
        link.pauses.sum_squares += flow.idle.sum_squares;
        link.forward.add(&flow.forward);
        link.backward.add(&flow.backward);
        link.packets += flow.packets();
        text::push_distinct(&mut link.flows, flow.flow_id);
        let size = link.pauses.count;
        if let Some(size_spread) = link.steadiness(config)
            && link.throttle.due(size, flow.end)
        {
            out.push(link_alert(flow, link, size_spread, config));
        }
    }
}

impl Link {
    /// Mean pause, seconds, and its spread over the mean.
    fn pace(&self) -> (f64, f64) {
        let mean = self.pauses.mean();
        (mean / NS_PER_S as f64, self.pauses.std_dev() / mean.max(1.0))
    }

    /// The spread of the message sizes when the link is steady.
    fn steadiness(&self, config: &SteadyLinkConfig) -> Option<f64> {
        let (mean_s, spread) = self.pace();
        // Messages come with the pauses, not in between: at most three a pause from each side.
        let sides = [&self.forward, &self.backward];
        let most = sides.iter().map(|m| m.count).fold(0.0, f64::max);
        let short = sides.iter().all(|m| m.mean() <= config.message_max_bytes);
        let size_spread = sides.iter().filter(|m| m.count >= 2.0).map(|m| m.spread()).fold(f64::MAX, f64::min);
        let steady = self.pauses.count >= config.pauses_min
            && mean_s >= config.pause_min_s
            && spread <= config.pause_spread_max
            && most <= 3.0 * self.pauses.count as f64
            && most * 2.0 >= self.pauses.count as f64
            && short
            && size_spread <= config.message_spread_max;
        steady.then_some(size_spread)
    }
}

fn link_alert(flow: &FlowRecord, link: &Link, size_spread: f64, config: &SteadyLinkConfig) -> Alert {
    let (src, dest) = (flow.src(), flow.dest());
    let (mean_s, spread) = link.pace();
    let lasted_s = flow.end.since(flow.first_seen).max(0) as f64 / NS_PER_S as f64;
    let mut a = alert(Kind::Beacon, "steady_link", flow.first_seen, flow.end, 1e-2);
    a.title = format!(
        "{} keeps a connection to {} {} for {} and speaks every {}, {} times so far",
        src.addr,
        dest.addr,
        text::port(dest.port),
        seconds(lasted_s),
        seconds(mean_s),
        count(link.pauses.count)
    );
    a.src = vec![src.addr];
    a.dest = vec![dest.addr];
    a.dest_port = vec![dest.port];
    a.why = vec![
        why("pause_spread", spread, [0.3, 10.0], "", 0.4),
        why("pauses", link.pauses.count as f64, [0.0, config.pauses_min as f64], "pauses", 0.3),
        why("message_size_spread", size_spread, [0.3, 10.0], "", 0.2),
        why("port_without_service", 1.0, [0.0, 0.0], text::YES_NO, 0.1),
    ];
    a.flows.clone_from(&link.flows);
    a.packets = link.packets;
    a.severity = Severity::Low;
    a.story = format!("{} {} {}", src.addr, dest.addr, dest.port);
    text::scored(a, 0.7)
}

impl Behaviour for SteadyLink {
    fn name(&self) -> &'static str {
        "steady_link"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        // Few flows pause four times: the others cost these comparisons.
        if let Observation::Flow(flow) = observation
            && flow.idle.count >= 4
            && flow.key.proto == super::contacts::TCP
            && flow.app_proto() == AppProto::Unknown
            && flow.history.as_str().starts_with('S')
            && !ports::has_service(flow.dest().port)
        {
            self.flow(flow, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {
        self.links.expire(now, 3600 * NS_PER_S, |_, _| {});
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("links_evicted", self.links.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.links.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    /// Five-minute reports of one long connection with the given pauses, seconds, and message sizes.
    fn link(port: u16, pause_s: impl Fn(u32) -> f64, size: impl Fn(u32) -> f64) -> Vec<Observation> {
        (0..6u32)
            .map(|report| {
                let mut f = flow(300_000 * i64::from(report + 1), ip(7), ip(21), port, 0, 0);
                let (from, to) = (f.src(), f.dest());
                (f.key, f.originator_low) =
                    FlowKey::new(record::Endpoint { port: 40_000, ..from }, to, super::super::contacts::TCP);
                (f.first_seen, f.report) = (Timestamp(0), report);
                f.history.push(b'S');
                (f.backward.payload, f.backward.packets_with_payload) = (Moments::default(), 10);
                for i in 0..10 {
                    f.idle.add(pause_s(report * 10 + i) * NS_PER_S as f64);
                    f.backward.payload.add(size(report * 10 + i));
                }
                Observation::Flow(Box::new(f))
            })
            .collect()
    }

    #[test]
    fn short_messages_at_a_steady_pace_on_a_self_chosen_port_are_told() {
        let alerts = run("steady_link", &link(1234, |i| 30.0 + f64::from(i % 3) * 0.2, |_| 32.0));
        assert!(
            alerts[0].title.starts_with("10.0.0.7 keeps a connection to 10.0.0.21 port 1234"),
            "{}",
            alerts[0].title
        );
        assert_eq!(alerts[0].severity, Severity::Low);
    }

    #[test]
    fn known_services_and_people_are_silent() {
        assert!(run("steady_link", &link(2404, |_| 20.0, |_| 6.0)).is_empty(), "IEC 60870-5-104 keep-alive");
        assert!(run("steady_link", &link(1234, |i| 6.0 + f64::from(i * 7 % 50), |_| 32.0)).is_empty(), "a person");
        assert!(
            run("steady_link", &link(1234, |_| 30.0, |i| 20.0 + f64::from(i % 9) * 50.0)).is_empty(),
            "sizes differ"
        );
    }
}
