//! Flood: a receiver gets far more packets a second than it answers, more than a floor and more than in its own past,
//! for several seconds (or one second, when it is far above the floor). One sender or many.

use super::flood_rules::{FloodSort, Known, amplifier, judge};
use super::lru::Lru;
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{
    Alert, ContactOutcome, Counters, IpAddr16, Kind, Observation, Severity, Timestamp, TrafficClass,
    observation::ReceiverSecond, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// A flood without a suspicious second for this long has ended, ns.
const QUIET_NS: i64 = 60 * NS_PER_S;
/// Talking pairs are remembered for this long, ns.
const CONVERSATION_NS: i64 = 600 * NS_PER_S;
/// The largest past rate halves in this many seconds.
const PAST_HALF_LIFE_S: f64 = 3600.0;

/// Settings of the flood detector. Rates are packets in one second at one receiver.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FloodConfig {
    /// TCP openings. Default 300.
    pub syn_per_s: u64,
    /// UDP packets of several senders, unanswered. Default 1500.
    pub udp_per_s: u64,
    /// A single sender must send this many times more than several (media streams come from one). Default 2.
    pub one_sender_ratio: u64,
    /// ICMP packets. Default 1000.
    pub icmp_per_s: u64,
    /// Answers of amplifying services that nobody asked for. Default 100.
    pub reflection_per_s: u64,
    /// The rate must be this many times the receiver's largest past rate. Default 4.
    pub past_ratio: f64,
    /// Suspicious seconds within ten before an alert. Default 3.
    pub seconds_min: u32,
    /// A second this many times above the floor is enough alone. Default 10.
    pub alone_ratio: u64,
    /// Receivers remembered. Default 8192.
    pub receivers_max: usize,
    /// Talking pairs remembered. Default 16384.
    pub pairs_max: usize,
}

impl Default for FloodConfig {
    fn default() -> Self {
        Self {
            syn_per_s: 300,
            udp_per_s: 1500,
            one_sender_ratio: 2,
            icmp_per_s: 1000,
            reflection_per_s: 100,
            past_ratio: 4.0,
            seconds_min: 3,
            alone_ratio: 10,
            receivers_max: 8192,
            pairs_max: 16_384,
        }
    }
}

/// Seconds younger than this are not past.
const RECENT_NS: i64 = 10 * NS_PER_S;

#[derive(Default)]
struct Receiver {
    /// Quiet seconds that are not past yet, at most `RECENT_NS` of them.
    recent: Vec<(Timestamp, f64)>,
    seconds: u64,
    past_max: f64,
    past_at: Timestamp,
    hot: Vec<Timestamp>,
    story: Option<Story>,
}

struct Story {
    sort: FloodSort,
    first: Timestamp,
    last: Timestamp,
    packets: u64,
    rate_max: u64,
    floor: u64,
    past: f64,
    back: u64,
    senders_max: u32,
    senders: Vec<IpAddr16>,
    ports: Vec<u16>,
    /// The service whose answers are reflected, when all that carry a port are of one.
    service: Option<&'static str>,
    several_services: bool,
    throttle: Throttle,
}

/// The detector.
pub struct Flood {
    config: FloodConfig,
    receivers: Lru<(IpAddr16, u8), Receiver>,
    /// Pairs whose UDP goes both ways, in either order.
    talking: Lru<(IpAddr16, IpAddr16), ()>,
    /// Who sends echo requests to whom: the answers that come back are no flood of the asker.
    pinging: Lru<(IpAddr16, IpAddr16), ()>,
    /// Receivers with a story, so that the end of a flood is found without looking at all of them.
    active: Vec<(IpAddr16, u8)>,
}

impl Flood {
    /// Builds it.
    #[must_use]
    pub fn new(config: &FloodConfig) -> Self {
        Self {
            receivers: Lru::new(config.receivers_max),
            talking: Lru::new(config.pairs_max),
            pinging: Lru::new(config.pairs_max),
            active: Vec::new(),
            config: config.clone(),
        }
    }

    fn second(&mut self, start: Timestamp, r: &ReceiverSecond, out: &mut Vec<Alert>) {
        if r.dest.is_not_one_host() || !matches!(r.class, TrafficClass::Tcp | TrafficClass::Udp | TrafficClass::Icmp) {
            return;
        }
        if r.class == TrafficClass::Icmp && self.pinging.peek(&(r.dest, r.sender_top)).is_some() {
            return;
        }
        let config = &self.config;
        let talking = self.talking.peek(&either(r.sender_top, r.dest)).is_some();
        let receiver = self.receivers.touch(&(r.dest, r.class as u8), start, Receiver::default);
        let known = Known { conversation: talking, seconds: receiver.seconds };
        receiver.seconds += 1;
        let idle_s = start.since(receiver.past_at).max(0) as f64 / NS_PER_S as f64;
        receiver.past_max *= (-idle_s / PAST_HALF_LIFE_S).exp2();
        receiver.past_at = receiver.past_at.max(start);
        receiver.age(start);
        let verdict = judge(r, known, config);
        let Some((sort, rate, floor)) = verdict
            .filter(|(_, rate, _)| receiver.story.is_some() || *rate as f64 >= receiver.past_max * config.past_ratio)
        else {
            receiver.recent.push((start, r.packets as f64));
            return;
        };
        receiver.hot.push(start);
        receiver.hot.retain(|t| start.since(*t) < 10 * NS_PER_S);
        let enough = receiver.hot.len() as u64 >= u64::from(config.seconds_min)
            || rate >= floor.saturating_mul(config.alone_ratio);
        if receiver.story.is_none() && !enough {
            return;
        }
        let first = receiver.hot.first().copied().unwrap_or(start);
        let past = receiver.past_max;
        if receiver.story.is_none() {
            self.active.push((r.dest, r.class as u8));
        }
        let story = receiver.story.get_or_insert_with(|| Story::new(sort, first, floor, past));
        story.add(start, r, rate);
        if story.throttle.due_within(story.packets, story.last, HOUR_NS) {
            out.push(story_alert(r.dest, story));
        }
    }

    fn end_quiet(&mut self, now: Timestamp, quiet_ns: i64, out: &mut Vec<Alert>) {
        let receivers = &self.receivers;
        let (quiet, active): (Vec<_>, Vec<_>) = self.active.iter().copied().partition(|key| {
            receivers.peek(key).and_then(|r| r.story.as_ref()).is_none_or(|s| now.since(s.last) >= quiet_ns)
        });
        self.active = active;
        for key in quiet {
            let Some(receiver) = self.receivers.peek_mut(&key) else { continue };
            if let Some(mut story) = receiver.story.take() {
                if story.throttle.settled(story.packets, story.last, now, 0) {
                    out.push(story_alert(key.0, &story));
                }
                receiver.hot.clear();
            }
        }
    }
}

impl Receiver {
    /// Seconds become past when they are `RECENT_NS` old: a flood's own first seconds must not be what it is compared with.
    fn age(&mut self, now: Timestamp) {
        let past_max = &mut self.past_max;
        self.recent.retain(|(at, packets)| {
            let recent = now.since(*at) < RECENT_NS;
            if !recent {
                *past_max = past_max.max(*packets);
            }
            recent
        });
    }
}

impl Story {
    fn new(sort: FloodSort, first: Timestamp, floor: u64, past: f64) -> Self {
        Self {
            sort,
            first,
            last: first,
            packets: 0,
            rate_max: 0,
            floor,
            past,
            back: 0,
            senders_max: 0,
            senders: Vec::new(),
            ports: Vec::new(),
            service: None,
            several_services: false,
            throttle: Throttle::default(),
        }
    }

    fn add(&mut self, start: Timestamp, r: &ReceiverSecond, rate: u64) {
        self.last = self.last.max(start.plus_ns(NS_PER_S - 1));
        self.packets += r.packets;
        self.back += r.packets_back;
        self.rate_max = self.rate_max.max(rate);
        self.senders_max = self.senders_max.max(r.senders);
        // A sender of a tenth of the packets is worth a name; spoofed ones never get there.
        if r.sender_top_packets * 10 >= r.packets {
            push_distinct(&mut self.senders, r.sender_top);
        }
        if self.sort == FloodSort::Reflection
            && let Some(name) = amplifier(r.src_port)
        {
            self.several_services |= self.service.is_some_and(|known| known != name);
            self.service = Some(name);
        }
        // The ports of reflected answers are the reflectors' choice, and most fragments carry none.
        let aimed = self.sort != FloodSort::Reflection;
        if aimed && r.dest_port != 0 && r.dest_port_packets * 2 >= r.packets {
            push_distinct(&mut self.ports, r.dest_port);
        }
    }
}

/// A pair whoever began.
fn either(a: IpAddr16, b: IpAddr16) -> (IpAddr16, IpAddr16) {
    (a.min(b), a.max(b))
}

fn story_alert(dest: IpAddr16, story: &Story) -> Alert {
    let mut a = alert(Kind::Flood, "flood", story.first, story.last, 1e-4);
    let from = match story.senders.as_slice() {
        [one] if story.senders_max <= 3 => format!(" from {one}"),
        _ => format!(" from {}", plural(u64::from(story.senders_max.max(1)), "sender", "senders")),
    };
    let port = story.ports.first().filter(|_| story.ports.len() == 1).map(|p| format!(" on {}", text::port(*p)));
    let answered = story.back as f64 / story.packets.max(1) as f64;
    let words = match story.service.filter(|_| !story.several_services) {
        Some(name) => format!("reflected {name} answers it did not ask for"),
        None => story.sort.words().to_owned(),
    };
    a.title = format!(
        "{dest} is flooded with up to {} {} a second{}{from}",
        count(story.rate_max),
        words,
        port.unwrap_or_default()
    );
    let usual = story.past.max(0.0);
    a.why = vec![
        why("packets_per_second", story.rate_max as f64, [0.0, (story.floor as f64).max(usual)], "packets/s", 0.5),
        why("answered_share", answered, [0.1, 1.0], "", 0.3),
        why("senders", f64::from(story.senders_max), [1.0, 50.0], "senders", 0.2),
    ];
    a.src.clone_from(&story.senders);
    a.dest = vec![dest];
    a.dest_port.clone_from(&story.ports);
    a.packets = story.packets;
    if matches!(story.sort, FloodSort::Reflection | FloodSort::SynAckReflection) {
        a.attack = vec!["T1498.002"];
    }
    let strength = story.rate_max as f64 / story.floor.max(1) as f64;
    a.severity = if strength >= 10.0 { Severity::Critical } else { Severity::High };
    a.story = format!("{dest} {}", story.sort.name());
    text::scored(a, 1.0 - 0.2 / strength.max(1.0))
}

impl Behaviour for Flood {
    fn name(&self) -> &'static str {
        "flood"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT | Wants::SECOND
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Contact(c) if c.outcome == ContactOutcome::Answered && c.proto == super::contacts::UDP => {
                self.talking.touch(&either(c.src, c.dest), context.now, || ());
            }
            Observation::Contact(c)
                if matches!(c.proto, super::contacts::ICMP | super::contacts::ICMPV6)
                    && c.outcome == ContactOutcome::Answered =>
            {
                self.pinging.touch(&(c.src, c.dest), context.now, || ());
            }
            Observation::Second(second) => {
                for receiver in &second.top_receivers {
                    self.second(second.ts, receiver, out);
                }
            }
            _ => {}
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.end_quiet(now, QUIET_NS, out);
        self.talking.expire(now, CONVERSATION_NS, |_, ()| {});
        self.pinging.expire(now, CONVERSATION_NS, |_, ()| {});
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        self.end_quiet(context.now, 0, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("receivers_evicted", self.receivers.evicted());
        counters.add("pairs_evicted", self.talking.evicted() + self.pinging.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.receivers.len() + self.talking.len() + self.pinging.len() + self.active.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, run};
    use super::*;
    use record::InterfaceSecond;

    fn second(s: i64, receiver: ReceiverSecond) -> Observation {
        let ts = Timestamp::from_parts(s, 0);
        Observation::Second(Box::new(InterfaceSecond {
            ts,
            top_receivers: vec![receiver],
            ..InterfaceSecond::default()
        }))
    }

    fn receiver(class: TrafficClass, packets: u64) -> ReceiverSecond {
        ReceiverSecond {
            dest: ip(9),
            class,
            packets,
            bytes: packets * 1000,
            senders: 200,
            sender_top: ip(7),
            sender_top_packets: packets / 100,
            dest_port: 80,
            dest_port_packets: packets,
            src_port: 40_000,
            src_port_packets: 1,
            ..ReceiverSecond::default()
        }
    }

    #[test]
    fn a_spoofed_syn_flood_is_named_after_three_seconds() {
        let flood: Vec<_> =
            (0..10).map(|s| second(s, ReceiverSecond { tcp_syn: 900, ..receiver(TrafficClass::Tcp, 900) })).collect();
        let alerts = run("flood", &flood);
        assert_eq!(
            alerts[0].title,
            "10.0.0.9 is flooded with up to 900 TCP connection openings a second on port 80 (HTTP) from 200 senders"
        );
        assert_eq!(alerts[0].first_seen, Timestamp(0));
        assert!(alerts[0].src.is_empty() && alerts[0].dest == [ip(9)]);
        assert!(alerts.len() <= 4);
    }

    #[test]
    fn one_second_far_above_the_floor_is_enough() {
        let burst = [second(0, ReceiverSecond { tcp_syn: 20_000, ..receiver(TrafficClass::Tcp, 20_000) })];
        assert_eq!(run("flood", &burst).len(), 1);
    }

    #[test]
    fn bulk_transfer_streams_and_busy_servers_are_no_flood() {
        let quiet = |r: ReceiverSecond| {
            let seconds: Vec<_> = (0..60).map(|s| second(s, r)).collect();
            assert!(run("flood", &seconds).is_empty(), "{r:?}");
        };
        let one = |packets, mut r: ReceiverSecond| {
            (r.senders, r.sender_top_packets) = (1, packets);
            r
        };
        // A download: full segments, acknowledged.
        quiet(one(80_000, ReceiverSecond { packets_back: 30_000, ..receiver(TrafficClass::Tcp, 80_000) }));
        // A web server with 2,000 new connections a second.
        quiet(ReceiverSecond { tcp_syn: 2000, packets_back: 9000, ..receiver(TrafficClass::Tcp, 10_000) });
        // QUIC, answered.
        quiet(one(40_000, ReceiverSecond { packets_back: 5000, ..receiver(TrafficClass::Udp, 40_000) }));
        // A 4K video stream over RTP, never answered.
        quiet(one(2500, receiver(TrafficClass::Udp, 2500)));
        // A log collector.
        quiet(ReceiverSecond { dest_port: 514, ..receiver(TrafficClass::Udp, 20_000) });
        // A port scan: one sender, many ports.
        quiet(one(3000, ReceiverSecond { tcp_syn: 3000, dest_port_packets: 2, ..receiver(TrafficClass::Tcp, 3000) }));
    }

    #[test]
    fn a_conversation_at_full_speed_is_no_flood() {
        let mut c = contact(0, ip(7), ip(9), 5201);
        (c.proto, c.outcome) = (17, ContactOutcome::Answered);
        let mut seconds = vec![Observation::Contact(c)];
        let fast = ReceiverSecond { senders: 1, sender_top_packets: 80_000, ..receiver(TrafficClass::Udp, 80_000) };
        seconds.extend((1..30).map(|s| second(s, fast)));
        assert!(run("flood", &seconds).is_empty());
        seconds.remove(0);
        assert!(!run("flood", &seconds).is_empty());
    }

    #[test]
    fn a_receiver_is_compared_with_its_own_past() {
        let busy: Vec<_> = (0..2000)
            .map(|s| {
                second(
                    s,
                    ReceiverSecond {
                        packets_back: if s < 1900 { 900 } else { 0 },
                        ..receiver(TrafficClass::Udp, 5000)
                    },
                )
            })
            .collect();
        assert!(run("flood", &busy).is_empty(), "unanswered now, but no more than ever");
    }

    #[test]
    fn reflection_is_told_from_answers() {
        let reflected = ReceiverSecond { src_port: 123, src_port_packets: 300, ..receiver(TrafficClass::Udp, 300) };
        let seconds: Vec<_> = (0..5).map(|s| second(s, reflected)).collect();
        assert!(run("flood", &seconds)[0].title.contains("reflected NTP answers"));
        let asked = ReceiverSecond { packets_back: 280, ..reflected };
        let seconds: Vec<_> = (0..50).map(|s| second(s, asked)).collect();
        assert!(run("flood", &seconds).is_empty());
    }
}
