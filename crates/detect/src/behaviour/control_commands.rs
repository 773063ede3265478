//! Commands on a control network (Modbus/TCP, DNP3): who gives commands to a station is fixed by the plant's engineering, and
//! stays the same for months (Barbosa, Sadre, Pras: Flow whitelisting in SCADA networks, 2013). Tells of a client that never
//! gave commands to this station, of a station that begins to give commands, of a command that stops or restarts a station
//! and was never given, and of many more messages than the pair ever exchanged.

use super::control_story::{Cause, Key, Story, disruptive};
use super::lru::Lru;
use super::{Behaviour, Context, Wants};
use record::{Alert, AppData, AppEvent, ControlData, Counters, IpAddr16, Observation, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};

/// A host that was asked so often and never asked itself is a station, not a master.
pub(super) const STATION_REQUESTS: u64 = 5;
/// Messages that a pair must have exchanged before its rate says anything.
const RATED_MESSAGES: u64 = 50;

/// Settings of the control command detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlCommandsConfig {
    /// Capture time in which every client of a station counts as known, seconds. Default 3600.
    pub learn_s: u32,
    /// Requests of its masters after which a station's circle of masters counts as known, however short the time.
    /// Default 100.
    pub requests_min: u64,
    /// A strange pair that was silent for this long and speaks again is told again, seconds. Default 60.
    pub visit_s: u32,
    /// A strange pair counts as known this long after it was first told, seconds. Default 604800, a week.
    pub accept_s: u32,
    /// Messages of a known pair in one second below which its rate is never reported. Default 20.
    pub rate_min: u32,
    /// Times the pair's largest second so far. Default 10.
    pub rate_ratio: f64,
    /// How long a pair must be known before its rate is judged, seconds. Default 600.
    pub rate_past_s: u32,
    /// Pairs of client and station remembered, and as many stations; when the table of pairs has overflowed, no new
    /// pair is reported any more. Default 8192.
    pub pairs_max: usize,
}

impl Default for ControlCommandsConfig {
    fn default() -> Self {
        Self {
            learn_s: 3600,
            requests_min: 100,
            visit_s: 60,
            accept_s: 604_800,
            rate_min: 20,
            rate_ratio: 10.0,
            rate_past_s: 600,
            pairs_max: 8192,
        }
    }
}

/// Client and station.
#[derive(Default)]
struct Pair {
    first: Timestamp,
    messages: u64,
    second: i64,
    in_second: u32,
    /// The second in hand is part of a story and says nothing of what is usual.
    second_told: bool,
    busiest: u32,
    /// Why it was strange from its first message on.
    stranger: Option<Cause>,
    told_first: Timestamp,
    story: Story,
}

/// One host's part in the plant.
#[derive(Default)]
struct Station {
    served: u64,
    asked: u64,
    master: Option<IpAddr16>,
}

/// The detector.
pub struct ControlCommands {
    config: ControlCommandsConfig,
    pairs: Lru<Key, Pair>,
    stations: Lru<IpAddr16, Station>,
    /// Pairs whose story may have to be told a last time.
    active: Vec<Key>,
    unreported: u64,
}

impl ControlCommands {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ControlCommandsConfig) -> Self {
        Self {
            pairs: Lru::new(config.pairs_max),
            stations: Lru::new(config.pairs_max),
            active: Vec::new(),
            unreported: 0,
            config: config.clone(),
        }
    }

    fn control(&mut self, event: &AppEvent, data: &ControlData, context: &Context, out: &mut Vec<Alert>) {
        let (sender, receiver) =
            if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let (client, server) = if data.response { (receiver, sender) } else { (sender, receiver) };
        if client.addr == server.addr || client.addr.is_not_one_host() || server.addr.is_not_one_host() {
            return;
        }
        let key = (client.addr, server.addr, data.protocol);
        let cause = if self.pairs.peek(&key).is_none() { self.stranger(&key, context) } else { None };
        let ts = event.ts;
        let pair = self.pairs.touch(&key, context.now, || Pair { first: ts, stranger: cause, ..Pair::default() });
        pair.count(ts, u32::from(data.messages));
        let accepted =
            pair.told_first != Timestamp(0) && ts.since(pair.told_first) > i64::from(self.config.accept_s) * NS_PER_S;
        let command = !accepted && !data.response && data.functions.iter().any(|c| disruptive(key.2, *c).is_some());
        let cause = pair
            .stranger
            .filter(|_| !accepted)
            .or_else(|| pair.rate_cause(ts, &self.config))
            .or(command.then_some(Cause::Command));
        let Some(cause) = cause else {
            if !data.response {
                self.know(&key, u64::from(data.messages), context.now);
            }
            return;
        };
        if pair.tell(cause, data, server.port, ts, &self.config) {
            out.push(pair.story.alert(&key, pair.busiest));
        }
        if !self.active.contains(&key) {
            self.active.push(key);
        }
    }

    /// Why a pair that was never seen is strange; None while everybody is new.
    fn stranger(&mut self, key: &Key, context: &Context) -> Option<Cause> {
        let watched_ns = context.now.since(context.started);
        let client = self.stations.peek(&key.0);
        let server = self.stations.peek(&key.1);
        let cause = match (client, server) {
            (Some(client), _) if client.asked == 0 && client.served >= STATION_REQUESTS => {
                Some(Cause::Station { served: client.served })
            }
            (_, Some(Station { served, master: Some(master), .. })) if *served >= self.config.requests_min => {
                Some(Cause::OtherMaster { master: *master, requests: *served })
            }
            _ if watched_ns >= i64::from(self.config.learn_s) * NS_PER_S => {
                Some(Cause::Late { watched_s: watched_ns as f64 / NS_PER_S as f64 })
            }
            _ => None,
        };
        if cause.is_some() && self.pairs.evicted() > 0 {
            self.unreported += 1;
            return None;
        }
        cause
    }

    /// Writes a known pair's requests into the parts that both play.
    fn know(&mut self, key: &Key, requests: u64, now: Timestamp) {
        self.stations.touch(&key.0, now, Station::default).asked += requests;
        let station = self.stations.touch(&key.1, now, Station::default);
        station.served += requests;
        station.master.get_or_insert(key.0);
    }

    fn settle(&mut self, now: Timestamp, quiet_ns: i64, out: &mut Vec<Alert>) {
        let accept_ns = i64::from(self.config.accept_s) * NS_PER_S;
        let pairs = &self.pairs;
        self.active.retain(|key| pairs.peek(key).is_some_and(|p| now.since(p.story.last) <= accept_ns));
        for key in self.active.clone() {
            let Some(pair) = self.pairs.peek_mut(&key) else { continue };
            if pair.story.settled(now, quiet_ns) {
                out.push(pair.story.alert(&key, pair.busiest));
            }
        }
    }
}

impl Pair {
    /// Counts messages, and those of the second in hand.
    fn count(&mut self, ts: Timestamp, messages: u32) {
        self.messages += u64::from(messages);
        if ts.seconds() != self.second {
            if !self.second_told {
                self.busiest = self.busiest.max(self.in_second);
            }
            (self.second, self.in_second, self.second_told) = (ts.seconds(), 0, false);
        }
        self.in_second = self.in_second.saturating_add(messages);
    }

    /// Some when a pair that is known exchanges far more than ever.
    fn rate_cause(&self, ts: Timestamp, config: &ControlCommandsConfig) -> Option<Cause> {
        let known = ts.since(self.first) >= i64::from(config.rate_past_s) * NS_PER_S && self.messages >= RATED_MESSAGES;
        let limit = f64::from(config.rate_min).max(config.rate_ratio * f64::from(self.busiest.max(1)));
        (known && f64::from(self.in_second) > limit).then_some(Cause::Rate { past: self.busiest })
    }

    /// Brings the story up to date; true when it is to be told: at its begin, when it doubles, after a silence, and at once
    /// when a command that stops or restarts comes in for the first time.
    fn tell(
        &mut self,
        cause: Cause,
        data: &ControlData,
        port: u16,
        ts: Timestamp,
        config: &ControlCommandsConfig,
    ) -> bool {
        self.second_told = true;
        if self.told_first == Timestamp(0) {
            self.told_first = ts;
        }
        let silent = ts.since(self.story.last) > i64::from(config.visit_s) * NS_PER_S;
        if silent || self.story.cause.is_none() {
            self.story = Story::begin(ts);
        }
        self.story.grow(cause, data, port, ts, self.in_second)
    }
}

impl Behaviour for ControlCommands {
    fn name(&self) -> &'static str {
        "control_commands"
    }
    fn wants(&self) -> Wants {
        Wants::CONTROL
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Control(data) = &event.data
        {
            self.control(event, data, context, out);
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
        counters.add("stations_evicted", self.stations.evicted());
        counters.add("pairs_unreported", self.unreported);
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len() + self.stations.len() + self.active.len()
    }
}

#[cfg(test)]
#[path = "control_commands_test.rs"]
pub(super) mod tests;
