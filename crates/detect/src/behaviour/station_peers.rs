//! Stations that talk to each other. On a control network each station (RTU, PLC) answers its masters; which hosts talk to
//! which is set by the engineering and changes with the plant, not by the hour (Barbosa, Sadre, Pras: Flow whitelisting in
//! SCADA networks, 2013). Two hosts that so far only served and now have traffic of any kind between them, on a network where
//! stations never did, is what an attacker leaves who goes on from one station to the next. Watches pairs of hosts and their
//! parts; reads no content.

use super::lru::Lru;
use super::text::{self, alert, may_be_broadcast, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, Contact, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of talk between stations.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StationPeersConfig {
    /// Control requests that a host must have answered, and made none, to count as a station. Default 5.
    pub requests_min: u64,
    /// Stations that must be known before talk between two of them is strange. Default 3.
    pub stations_min: usize,
    /// A told pair that was silent for this long and talks again is told again, seconds. Default 60.
    pub visit_s: u32,
    /// A told pair counts as known this long after it was first told, seconds. Default 604800, a week.
    pub accept_s: u32,
    /// Pairs told in `accept_s`; a network with more is not arranged as assumed here, and no more is told. Default 16.
    pub told_max: usize,
    /// Pairs of hosts remembered; as many hosts. When the table has overflowed, nothing is reported. Default 16384.
    pub pairs_max: usize,
}

impl Default for StationPeersConfig {
    fn default() -> Self {
        Self { requests_min: 5, stations_min: 3, visit_s: 60, accept_s: 604_800, told_max: 16, pairs_max: 16_384 }
    }
}

/// One host's part.
#[derive(Default)]
struct Part {
    served: u64,
    asked: u64,
}

/// Two stations that talk, and were told.
#[derive(Default)]
struct Pair {
    told: Timestamp,
    first: Timestamp,
    last: Timestamp,
    talks: u64,
    packets: u64,
    ports: Vec<u16>,
    flows: Vec<u64>,
    served: (u64, u64),
    stations: usize,
    throttle: Throttle,
}

/// Both hosts, the lower address first.
type Key = (IpAddr16, IpAddr16);

/// The pairs that were told. Asked for each contact and message and nearly always no: a word of marks says so first.
#[derive(Default)]
struct Told {
    keys: Vec<Key>,
    marks: u64,
}

impl Told {
    fn mark(key: &Key) -> u64 {
        1 << ((key.0.0[15] ^ key.1.0[15].rotate_left(3)) & 63)
    }
    fn contains(&self, key: &Key) -> bool {
        self.marks & Self::mark(key) != 0 && self.keys.contains(key)
    }
    fn add(&mut self, key: Key) {
        self.marks |= Self::mark(&key);
        self.keys.push(key);
    }
    fn remove(&mut self, key: &Key) {
        self.keys.retain(|told| told != key);
        self.marks = self.keys.iter().fold(0, |marks, key| marks | Self::mark(key));
    }
    fn len(&self) -> usize {
        self.keys.len()
    }
    fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The detector.
pub struct StationPeers {
    config: StationPeersConfig,
    parts: Lru<IpAddr16, Part>,
    /// What is told of a pair that was told; nearly none is, and the table is asked for each contact.
    pairs: Lru<Key, Option<Box<Pair>>>,
    told: Told,
    stations: usize,
    untold: u64,
}

impl StationPeers {
    /// Builds it.
    #[must_use]
    pub fn new(config: &StationPeersConfig) -> Self {
        Self {
            parts: Lru::new(config.pairs_max),
            pairs: Lru::new(config.pairs_max),
            told: Told::default(),
            stations: 0,
            untold: 0,
            config: config.clone(),
        }
    }

    /// A control message: who asks is a master, who answers is a station.
    fn message(&mut self, client: IpAddr16, server: IpAddr16, requests: u64, now: Timestamp) {
        // What a told pair says to each other changes no part: a station that was taken over stays a station.
        if self.told.contains(&ordered(client, server)) {
            return;
        }
        let station = |part: &Part, min: u64| part.asked == 0 && part.served >= min;
        let min = self.config.requests_min;
        for (host, asks) in [(client, true), (server, false)] {
            let part = self.parts.touch(&host, now, Part::default);
            let before = station(part, min);
            if asks {
                part.asked += requests;
            } else {
                part.served += requests;
            }
            let after = station(part, min);
            self.stations = self.stations + usize::from(after && !before) - usize::from(before && !after);
        }
    }

    fn station(&self, host: IpAddr16) -> Option<u64> {
        let part = self.parts.peek(&host)?;
        (part.asked == 0 && part.served >= self.config.requests_min).then_some(part.served)
    }

    /// Traffic between two hosts began or was reported.
    fn talk(&mut self, (a, b): Key, ports: (u16, u16), ts: Timestamp, flow: Option<&FlowRecord>, out: &mut Vec<Alert>) {
        // With pairs forgotten, none is known to be new: there is only the end of what was told to wait for. Before the first control
        // message there is no station, and most networks never see one: their pairs are not worth remembering.
        if self.told.is_empty() && (self.parts.len() == 0 || self.pairs.evicted() > 0) {
            return;
        }
        let key = ordered(a, b);
        if !self.told.contains(&key) {
            // A flow follows its contact, and a pair that is known stays known: neither is news.
            if flow.is_some() || self.pairs.peek(&key).is_some() || !may_be_stations(a, b) {
                return;
            }
            self.begin(key, ts);
            if !self.told.contains(&key) {
                return;
            }
        }
        self.pairs.touch(&key, ts, || None);
        let visit_ns = i64::from(self.config.visit_s) * NS_PER_S;
        let accept_ns = i64::from(self.config.accept_s) * NS_PER_S;
        let Some(Some(pair)) = self.pairs.peek_mut(&key) else { return };
        if ts.since(pair.told) > accept_ns {
            self.pairs.touch(&key, ts, || None).take();
            self.told.remove(&key);
            return;
        }
        if ts.since(pair.last) > visit_ns {
            (pair.first, pair.talks, pair.throttle) = (ts, 0, Throttle::default());
        }
        pair.last = pair.last.max(ts);
        pair.talks += u64::from(flow.is_none_or(|f| f.report > 0));
        pair.talks = pair.talks.max(1);
        // The lower port is nearly always the service's.
        push_distinct(&mut pair.ports, ports.0.min(ports.1));
        if let Some(flow) = flow {
            pair.packets += flow.packets();
            push_distinct(&mut pair.flows, flow.flow_id);
        }
        if pair.throttle.due(pair.talks, ts) {
            out.push(pair_alert(&key, pair));
        }
    }

    /// A pair never seen: told when both are stations.
    fn begin(&mut self, key: Key, ts: Timestamp) {
        self.pairs.touch(&key, ts, || None);
        let Some(served) = self.station(key.0).zip(self.station(key.1)) else { return };
        if self.stations < self.config.stations_min || self.pairs.evicted() > 0 {
            return;
        }
        if self.told.len() >= self.config.told_max {
            self.untold += 1;
            return;
        }
        let stations = self.stations;
        let pair = Pair { told: ts, first: ts, last: ts, served, stations, ..Pair::default() };
        self.pairs.touch(&key, ts, || None).replace(Box::new(pair));
        self.told.add(key);
    }

    fn contact(&mut self, contact: &Contact, out: &mut Vec<Alert>) {
        let ports = (contact.src_port, contact.dest_port);
        self.talk((contact.src, contact.dest), ports, contact.opened, None, out);
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        // A flow only goes on with what its contact began.
        if self.told.is_empty() {
            return;
        }
        let (src, dest) = (flow.src(), flow.dest());
        self.talk((src.addr, dest.addr), (src.port, dest.port), flow.end, Some(flow), out);
    }
}

fn may_be_stations(a: IpAddr16, b: IpAddr16) -> bool {
    a != b && !a.is_not_one_host() && !b.is_not_one_host() && !may_be_broadcast(a) && !may_be_broadcast(b)
}

fn ordered(a: IpAddr16, b: IpAddr16) -> Key {
    if a <= b { (a, b) } else { (b, a) }
}

fn pair_alert(key: &Key, pair: &Pair) -> Alert {
    let (a, b) = *key;
    let mut told = alert(Kind::LateralMovement, "station_peers", pair.first.min(pair.last), pair.last, 1e-4);
    let ports: Vec<String> = pair.ports.iter().take(3).map(|p| text::port(*p)).collect();
    told.title = format!(
        "{a} and {b}, stations that so far only answered their masters, talk to each other ({})",
        ports.join(", ")
    );
    told.src = vec![a, b];
    told.dest = vec![a, b];
    told.dest_port.clone_from(&pair.ports);
    let least = pair.served.0.min(pair.served.1) as f64;
    told.why = vec![
        why("talks_between_stations", pair.talks as f64, [0.0, 0.0], "connections", 0.5),
        why("requests_served_as_station", least, [0.0, 4.0], "requests", 0.3),
        why("stations_that_never_talked_to_another", pair.stations as f64, [0.0, 2.0], "hosts", 0.2),
    ];
    told.flows.clone_from(&pair.flows);
    told.packets = pair.packets.max(pair.talks);
    told.severity = Severity::High;
    told.attack = vec!["T0886", "T0867"];
    told.story = format!("{a} {b}");
    text::scored(told, 0.95)
}

impl Behaviour for StationPeers {
    fn name(&self) -> &'static str {
        "station_peers"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT | Wants::FLOW | Wants::CONTROL
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Contact(contact) => self.contact(contact, out),
            Observation::Flow(flow) => self.flow(flow, out),
            Observation::App(event) => {
                let AppData::Control(data) = &event.data else { return };
                let (from, to) = if event.from_low {
                    (event.key.low.addr, event.key.high.addr)
                } else {
                    (event.key.high.addr, event.key.low.addr)
                };
                if !data.response {
                    self.message(from, to, u64::from(data.messages), context.now);
                }
            }
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
        counters.add("hosts_evicted", self.parts.evicted());
        counters.add("pairs_untold", self.untold);
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len() + self.parts.len() + self.told.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::control_commands::tests::message;
    use super::super::synthetic::{contact, ip, run};
    use super::*;

    /// Stations 10.0.0.2 to 10.0.0.5, polled by 10.0.0.1 each second over a connection each.
    fn polling(seconds: i64) -> Vec<Observation> {
        (0..seconds)
            .flat_map(|s| {
                (2..=5u8).flat_map(move |station| {
                    let ms = s * 1000 + i64::from(station);
                    [Observation::Contact(contact(ms, ip(1), ip(station), 502)), message(ms, 1, station, 1)]
                })
            })
            .collect()
    }

    fn told(more: Vec<Observation>, seconds: i64) -> Vec<Alert> {
        let mut input = polling(seconds);
        input.extend(more);
        input.sort_by_key(Observation::ts);
        run("station_peers", &input)
    }

    #[test]
    fn the_first_talk_between_two_stations_is_told_at_once_and_at_each_visit() {
        let alerts = told(
            [20_500, 20_600, 300_500].map(|ms| Observation::Contact(contact(ms, ip(3), ip(4), 4444))).to_vec(),
            400,
        );
        assert_eq!(
            alerts[0].title,
            "10.0.0.3 and 10.0.0.4, stations that so far only answered their masters, talk to each other (port 4444)"
        );
        let at: Vec<i64> = alerts.iter().map(|a| a.first_seen.seconds()).collect();
        assert_eq!(at, [20, 300]);
        assert!(alerts.iter().all(|a| a.kind == Kind::LateralMovement && a.story == alerts[0].story));
    }

    #[test]
    fn masters_strangers_and_stations_that_always_talked_are_silent() {
        assert!(told(Vec::new(), 300).is_empty(), "polling");
        let master = Observation::Contact(contact(50_000, ip(1), ip(2), 139));
        let stranger = Observation::Contact(contact(51_000, ip(9), ip(2), 80));
        assert!(told(vec![master, stranger], 100).is_empty(), "master and stranger");
        let early = (0..50).map(|i| Observation::Contact(contact(500 + i * 3000, ip(3), ip(4), 4444))).collect();
        assert!(told(early, 200).is_empty(), "peers from the beginning");
    }

    #[test]
    fn a_network_in_which_stations_talk_freely_is_told_a_bounded_number_of_times() {
        let mut input: Vec<Observation> = (0..10)
            .flat_map(|s| (2..=60u8).map(move |station| message(s * 1000 + i64::from(station), 1, station, 1)))
            .collect();
        input.extend((2..60u8).map(|n| Observation::Contact(contact(20_000 + i64::from(n), ip(n), ip(n + 1), 80))));
        assert_eq!(run("station_peers", &input).len(), StationPeersConfig::default().told_max);
    }
}
