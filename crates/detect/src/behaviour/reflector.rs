//! Abused reflector: a home host that answers somebody outside, who asks the same small question over and over, with many times as many
//! bytes. The asker's address is forged and its owner is the victim (ATT&CK T1498.002; amplification factors after Rossow, Amplification
//! Hell, 2014). The victim's side of the same attack is `flood`'s. Knows UDP flows only.

use super::flood_rules::amplifier;
use super::lru::Lru;
use super::text::{self, alert, bytes, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{Alert, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Settings of the reflector detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReflectorConfig {
    /// Bytes sent to one asker within `window_s`. Default 1000000.
    pub bytes_min: f64,
    /// Window, seconds. Default 300, as long as the flow table holds a long flow back.
    pub window_s: u32,
    /// Bytes answered for each byte asked. Default 5.
    pub ratio_min: f64,
    /// Part of the questions that have the same size; real clients ask different things. 0 to 1. Default 0.9.
    pub alike_share_min: f64,
    /// Pairs remembered. Default 2048.
    pub pairs_max: usize,
}

impl Default for ReflectorConfig {
    fn default() -> Self {
        Self { bytes_min: 1e6, window_s: 300, ratio_min: 5.0, alike_share_min: 0.9, pairs_max: 2048 }
    }
}

#[derive(Default)]
struct Pair {
    window: i64,
    first: Timestamp,
    last: Timestamp,
    asked: f64,
    answered: f64,
    questions: u64,
    alike: u64,
    size: f64,
    packets: u64,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// The detector.
pub struct Reflector {
    config: ReflectorConfig,
    /// By reflector, asker and the service's port.
    pairs: Lru<(IpAddr16, IpAddr16, u16), Pair>,
}

impl Reflector {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ReflectorConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, context: &Context, out: &mut Vec<Alert>) {
        let (src, dest) = (flow.src(), flow.dest());
        if flow.key.proto != super::contacts::UDP || amplifier(dest.port).is_none() {
            return;
        }
        let (asked, answered) =
            (flow.forward.ip_bytes.max(flow.forward.bytes), flow.backward.ip_bytes.max(flow.backward.bytes));
        if (answered as f64) < self.config.ratio_min * asked as f64
            || context.home.contains(src.addr)
            || !context.home.contains(dest.addr)
        {
            return;
        }
        let window = flow.end.seconds().div_euclid(i64::from(self.config.window_s.max(1)));
        let key = (dest.addr, src.addr, dest.port);
        let pair = self.pairs.touch(&key, flow.end, || Pair { window, first: flow.start, ..Pair::default() });
        if window > pair.window && !pair.throttle.started() {
            *pair = Pair { window, first: flow.start, ..Pair::default() };
        }
        pair.add(flow, asked as f64, answered as f64);
        let config = &self.config;
        let alike = pair.alike as f64 >= config.alike_share_min * pair.questions as f64;
        if pair.answered >= config.bytes_min
            && alike
            && pair.throttle.due_within((pair.answered / 1e4) as u64, flow.end, HOUR_NS)
        {
            out.push(pair_alert(&key, pair, config));
        }
    }
}

impl Pair {
    fn add(&mut self, flow: &FlowRecord, asked: f64, answered: f64) {
        self.last = self.last.max(flow.end);
        self.asked += asked;
        self.answered += answered;
        self.packets += flow.packets();
        text::push_distinct(&mut self.flows, flow.flow_id);
        let payload = &flow.forward.payload;
        if self.questions == 0 {
            self.size = payload.mean();
        }
        self.questions += flow.forward.packets;
        let same = (payload.mean() - self.size).abs() < 0.5 && payload.max - payload.min < 0.5;
        self.alike += u64::from(same) * flow.forward.packets;
    }
}

fn pair_alert(key: &(IpAddr16, IpAddr16, u16), pair: &Pair, config: &ReflectorConfig) -> Alert {
    let (reflector, victim, port) = *key;
    let mut a = alert(Kind::Flood, "reflector", pair.first, pair.last, 1e-3);
    let ratio = pair.answered / pair.asked.max(1.0);
    let name = amplifier(port).unwrap_or("UDP");
    a.title = format!(
        "{reflector} is abused to flood {victim}: {} of {name} answers, {ratio:.0} times what was asked",
        bytes(pair.answered)
    );
    a.why = vec![
        why("bytes_answered", pair.answered, [0.0, config.bytes_min], "bytes", 0.4),
        why("bytes_answered_per_byte_asked", ratio, [0.0, config.ratio_min], "", 0.3),
        why(
            "questions_of_one_size",
            pair.alike as f64 / pair.questions.max(1) as f64,
            [0.0, config.alike_share_min],
            "share",
            0.3,
        ),
    ];
    a.src = vec![reflector];
    a.dest = vec![victim];
    a.dest_port = vec![port];
    a.flows.clone_from(&pair.flows);
    a.packets = pair.packets;
    a.severity = Severity::High;
    a.attack = vec!["T1498.002"];
    a.story = format!("{reflector} reflects {port}");
    text::scored(a, 0.9)
}

impl Behaviour for Reflector {
    fn name(&self) -> &'static str {
        "reflector"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
            self.flow(flow, context, out);
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
    use record::{Endpoint, FlowKey};

    const OUTSIDE: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);

    fn asked(n: i64, src: IpAddr16, port: u16, question: u64, answer: u64) -> Observation {
        let mut f = flow(n * 100, src, ip(5), port, question, answer);
        let client = Endpoint { addr: src, port: 1024 + n as u16 };
        let (key, low) = FlowKey::new(client, Endpoint { addr: ip(5), port }, super::super::contacts::UDP);
        (f.key, f.originator_low) = (key, low);
        f.forward.payload = record::Moments::default();
        f.forward.payload.add(question as f64);
        Observation::Flow(Box::new(f))
    }

    #[test]
    fn the_same_question_answered_with_many_times_its_bytes_is_named_by_protocol() {
        for (port, name) in [
            (53, "DNS"),
            (123, "NTP"),
            (161, "SNMP"),
            (389, "CLDAP"),
            (1900, "SSDP"),
            (11_211, "memcached"),
            (19, "CHARGEN"),
        ] {
            let told = run("reflector", &(0..400).map(|n| asked(n, OUTSIDE, port, 64, 4000)).collect::<Vec<_>>());
            assert!(told[0].title.contains(&format!(" of {name} answers, ")), "{}", told[0].title);
            assert_eq!((told[0].src.as_slice(), told[0].dest.as_slice()), ([ip(5)].as_slice(), [OUTSIDE].as_slice()));
        }
    }

    #[test]
    fn home_clients_different_questions_and_small_answers_are_silent() {
        let silent = |input: Vec<Observation>| assert!(run("reflector", &input).is_empty());
        silent((0..400).map(|n| asked(n, ip(7), 53, 64, 4000)).collect());
        silent((0..400).map(|n| asked(n, OUTSIDE, 53, 40 + (n as u64 * 7) % 31, 4000)).collect());
        silent((0..400).map(|n| asked(n, OUTSIDE, 123, 76, 76)).collect());
    }
}
