//! Beacon: a host opens connections to one service outside the home networks at regular intervals and alike in size. Scores timing and
//! size as RITA does (Bowley skewness and median absolute deviation) over the last connections, and from four whole hours on also how even
//! and how lasting the calls are by the hour. Calls that vary by more than a third are told by the spread of their intervals; a beat
//! among other visits by an autocorrelation (`beacon_rhythm`). Programs that people know do this too: services that are periodic by
//! design are left out, and a beacon alone is of low severity.

use super::beacon_rhythm::{Hours, beat, regularity, spread};
use super::lru::Lru;
use super::text::{self, alert, count, seconds, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{Alert, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Calls after which a common service's callers are counted again: walking all pairs is dear.
const COMMON_AGAIN: u64 = 16;
/// Connections kept of one pair.
const KEPT: usize = 64;

/// Settings of the beacon detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BeaconConfig {
    /// Connections needed. Default 20.
    pub connections_min: usize,
    /// Score (mean of timing and size, 0 to 1) needed. Default 0.8.
    pub score_min: f64,
    /// Connections needed when the intervals differ by more than a half from their median: sleeps of up to ±50 %, and beats among other
    /// visits. Default 32.
    pub jittered_connections_min: usize,
    /// Spread of such intervals at most: standard deviation over mean, without the sixteenth at either end. A sleep of ±50 % has 0.25 to
    /// 0.3, calls at random times 0.75. Default 0.4.
    pub jittered_spread_max: f64,
    /// Shortest median interval, seconds; what is faster is a transfer. Default 1.
    pub interval_min_s: f64,
    /// Longest median interval, seconds. Default 7200.
    pub interval_max_s: f64,
    /// Ports that are periodic by design. Default DNS, DHCP, NTP, NetBIOS, SNMP, syslog, SSDP, STUN, mDNS, LLMNR.
    pub ports_ignored: Vec<u16>,
    /// From so many hosts on that call the same service, it is taken for a common program's: the score falls by
    /// `common_penalty` (RITA's prevalence modifier). Default 4.
    pub common_sources: usize,
    /// See `common_sources`; 0 to 1. Default 0.15.
    pub common_penalty: f64,
    /// Pairs remembered. Default 8192.
    pub pairs_max: usize,
}

impl Default for BeaconConfig {
    fn default() -> Self {
        Self {
            connections_min: 20,
            score_min: 0.8,
            jittered_connections_min: 32,
            jittered_spread_max: 0.4,
            interval_min_s: 1.0,
            interval_max_s: 7200.0,
            ports_ignored: vec![53, 67, 68, 123, 137, 138, 161, 162, 514, 853, 1900, 3478, 5351, 5353, 5355],
            common_sources: 4,
            common_penalty: 0.15,
            pairs_max: 8192,
        }
    }
}

/// A pair's calls. Most pairs call once and never again: `calls` is made at the second.
struct Pair {
    first: Call,
    calls: Option<Box<Calls>>,
}

/// What one call leaves.
#[derive(Clone, Copy)]
struct Call {
    opened: Timestamp,
    end: Timestamp,
    size: f64,
    packets: u64,
    flow: u64,
}

impl Call {
    fn of(flow: &FlowRecord) -> Self {
        let (opened, end, size) = (flow.first_seen, flow.end, flow.forward.payload.sum);
        Self { opened, end, size, packets: flow.packets(), flow: flow.flow_id }
    }
}

#[derive(Default)]
struct Calls {
    opened: VecDeque<(Timestamp, f64)>,
    first: Timestamp,
    last: Timestamp,
    hours: Hours,
    total: u64,
    packets: u64,
    flows: Vec<u64>,
    throttle: Throttle,
    /// Until so many calls the service counts as common without being counted again.
    common_until: u64,
}

impl Calls {
    fn take(&mut self, call: Call) {
        if self.total == 0 {
            self.first = call.opened;
        }
        self.total += 1;
        self.hours.count(call.opened);
        self.packets += call.packets;
        self.last = self.last.max(call.end);
        text::push_distinct(&mut self.flows, call.flow);
        // Flows are reported when they end; keep them in the order in which they began.
        let at = self.opened.partition_point(|(t, _)| *t <= call.opened);
        self.opened.insert(at, (call.opened, call.size));
        if self.opened.len() > KEPT {
            self.opened.pop_front();
        }
    }
}

type Key = (IpAddr16, IpAddr16, u16, u8);

/// Cells of `Called`.
const CALLED_CELLS: usize = 8_192;

/// At most how many pairs call a service, from a hash of it: where that is too few, nobody has to count.
struct Called {
    pairs: Box<[u16]>,
    /// Pairs met since it was counted anew: forgotten ones stay in it until then.
    met: usize,
}

impl Called {
    fn new() -> Self {
        Self { pairs: vec![0; CALLED_CELLS].into_boxed_slice(), met: 0 }
    }
    fn cell(key: &Key) -> usize {
        super::lru::hash_of(&(key.1, key.2, key.3)) as usize % CALLED_CELLS
    }
    fn meet(&mut self, key: &Key) {
        let pairs = &mut self.pairs[Self::cell(key)];
        *pairs = pairs.saturating_add(1);
        self.met += 1;
    }
    fn at_most(&self, key: &Key) -> usize {
        usize::from(self.pairs[Self::cell(key)])
    }
    fn count_anew<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) {
        self.pairs.fill(0);
        keys.for_each(|key| self.meet(key));
        self.met = 0;
    }
}

/// The detector.
pub struct Beacon {
    config: BeaconConfig,
    pairs: Lru<Key, Pair>,
    called: Called,
}

impl Beacon {
    /// Builds it.
    #[must_use]
    pub fn new(config: &BeaconConfig) -> Self {
        Self { pairs: Lru::new(config.pairs_max), called: Called::new(), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, context: &Context, out: &mut Vec<Alert>) {
        let (src, dest) = (flow.src(), flow.dest());
        // Pings and neighbour discovery are periodic by design.
        let has_ports = matches!(flow.key.proto, super::contacts::TCP | super::contacts::UDP);
        if flow.report != 0
            || !has_ports
            || dest.addr.is_not_one_host()
            || self.config.ports_ignored.contains(&dest.port)
            || context.home.contains(dest.addr)
        {
            return;
        }
        let key = (src.addr, dest.addr, dest.port, flow.key.proto);
        let call = Call::of(flow);
        let mut met = true;
        let pair = self.pairs.touch(&key, flow.end, || {
            met = false;
            Pair { first: call, calls: None }
        });
        if !met {
            self.called.meet(&key);
            if self.called.met >= self.config.pairs_max {
                self.called.count_anew(self.pairs.iter().map(|(key, _)| key));
            }
            return;
        }
        let first = pair.first;
        let pair = pair.calls.get_or_insert_with(|| {
            let mut calls = Box::<Calls>::default();
            calls.take(first);
            calls
        });
        pair.take(call);
        // Judged at each of the first calls that suffice, then now and then: sorting at every flow would cost more than it tells.
        let first = pair.total <= self.config.connections_min as u64 + 4;
        if pair.opened.len() < self.config.connections_min || !(first || pair.total.is_multiple_of(4)) {
            return;
        }
        let rhythm = judge(pair, &self.config);
        if rhythm.score < self.config.score_min {
            return;
        }
        let (total, known_common) = (pair.total, pair.total < pair.common_until);
        // Counted only for a pair that would alert: walking all pairs is dear, and such pairs are few.
        let mut throttle = pair.throttle;
        if !throttle.due_within(pair.total, flow.end, 12 * HOUR_NS) {
            return;
        }
        let same = |other: &Key| (other.2, other.3) == (key.2, key.3) && other.1 == key.1;
        let sources = self.config.common_sources;
        let may_be_common = || self.called.at_most(&key) >= sources;
        let common = known_common || (may_be_common() && self.pairs.count_keys(sources, same) >= sources);
        let score = if common { rhythm.score - self.config.common_penalty } else { rhythm.score };
        let Some(pair) = self.pairs.peek_mut(&key).and_then(|pair| pair.calls.as_mut()) else { return };
        if common && !known_common {
            pair.common_until = total + COMMON_AGAIN;
        }
        if score >= self.config.score_min {
            pair.throttle = throttle;
            out.push(pair_alert(&key, pair, &Rhythm { score, ..rhythm }));
        }
    }
}

/// Least part of the intervals that must lie near their median.
const NEAR_SHARE_MIN: f64 = 0.8;
/// How often an autocorrelation is looked for, connections: it costs more than the rest.
const BEAT_EVERY: u64 = 16;

/// What made the calls regular.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    /// Nearly all intervals lie near their median.
    Near,
    /// They spread less than chance allows.
    Narrow,
    /// There is a beat among other visits.
    Beat,
}

/// How regular a pair's calls are.
#[derive(Clone, Copy)]
struct Rhythm {
    /// 0 … 1; 0 when the intervals are out of range.
    score: f64,
    /// Median interval, or period of the beat, seconds.
    interval_s: f64,
    /// The sign and its value: part of the intervals near their median, their spread, or part of the visits on the beat.
    sign: (Sign, f64),
}

/// No rhythm.
const NONE: Rhythm = Rhythm { score: 0.0, interval_s: 0.0, sign: (Sign::Near, 0.0) };

fn judge(pair: &Calls, config: &BeaconConfig) -> Rhythm {
    let times = || pair.opened.iter().map(|(t, _)| t.since(pair.first) as f64 / NS_PER_S as f64);
    let mut intervals: Vec<f64> = Vec::with_capacity(pair.opened.len());
    intervals.extend(times().zip(times().skip(1)).map(|(earlier, later)| later - earlier).filter(|d| *d > 0.05));
    let enough = pair.opened.len() >= config.jittered_connections_min;
    // Bursts of parallel connections are browsing.
    let bursts = intervals.is_empty() || intervals.len() * 10 < (pair.opened.len() - 1) * 9;
    let rhythm = if bursts { NONE } else { by_intervals(&mut intervals, enough, config) };
    let rhythm = if rhythm.score == 0.0 && enough && pair.total.is_multiple_of(BEAT_EVERY) {
        by_beat(&times().collect::<Vec<f64>>(), config)
    } else {
        rhythm
    };
    if rhythm.score == 0.0 {
        return rhythm;
    }
    let mut sizes: Vec<f64> = pair.opened.iter().map(|(_, size)| *size).collect();
    let parts = [rhythm.score, regularity(&mut sizes, 32.0)];
    let score = match pair.hours.scores() {
        Some(hours) => (parts.iter().sum::<f64>() + hours.iter().sum::<f64>()) / 4.0,
        None => parts.iter().sum::<f64>() / 2.0,
    };
    Rhythm { score, ..rhythm }
}

/// The score of the timing alone, by the intervals.
fn by_intervals(intervals: &mut [f64], enough: bool, config: &BeaconConfig) -> Rhythm {
    // The median first: most pairs are told apart by it, and a full sort costs more.
    let middle = ((intervals.len() - 1) as f64 * 0.5).round() as usize;
    let median = *intervals.select_nth_unstable_by(middle, f64::total_cmp).1;
    if !(config.interval_min_s..=config.interval_max_s).contains(&median) {
        return NONE;
    }
    // Nearly all intervals lie near the median: work done in bursts with pauses does not.
    let near = intervals.iter().filter(|d| (**d - median).abs() <= 0.5 * median).count();
    let near_share = near as f64 / intervals.len() as f64;
    let spread = if enough { spread(intervals) } else { f64::MAX };
    let narrow = if spread <= config.jittered_spread_max { 1.0 - spread } else { 0.0 };
    if near_share >= NEAR_SHARE_MIN {
        // The skewness of a wide spread is chance: where both can be told, the better one counts.
        let score = regularity(intervals, 1.0).max(narrow);
        Rhythm { score, interval_s: median, sign: (Sign::Near, near_share) }
    } else if narrow > 0.0 {
        Rhythm { score: narrow, interval_s: median, sign: (Sign::Narrow, spread) }
    } else {
        NONE
    }
}

/// The same, by the autocorrelation.
fn by_beat(times: &[f64], config: &BeaconConfig) -> Rhythm {
    match beat(times).filter(|beat| beat.period_s <= config.interval_max_s) {
        Some(beat) => {
            Rhythm { score: beat.on_beat_share, interval_s: beat.period_s, sign: (Sign::Beat, beat.on_beat_share) }
        }
        None => NONE,
    }
}

fn pair_alert(key: &Key, pair: &Calls, rhythm: &Rhythm) -> Alert {
    let (src, dest, port, _) = *key;
    let mut a = alert(Kind::Beacon, "beacon", pair.first, pair.last, 1e-2);
    a.title = format!(
        "{src} calls {dest} {} every {}, {} times so far",
        text::port(port),
        seconds(rhythm.interval_s),
        count(pair.total)
    );
    a.src = vec![src];
    a.dest = vec![dest];
    a.dest_port = vec![port];
    let sign = match rhythm.sign {
        (Sign::Near, share) => why("intervals_alike_share", share, [0.0, NEAR_SHARE_MIN], "ratio", 0.2),
        (Sign::Narrow, spread) => why("interval_spread", spread, [0.75, 10.0], "", 0.2),
        (Sign::Beat, share) => why("visits_on_beat_share", share, [0.0, 0.5], "ratio", 0.2),
    };
    a.why = vec![
        why("beacon_score", rhythm.score, [0.0, 0.7], "", 0.6),
        why("connections", pair.total as f64, [0.0, 20.0], "connections", 0.2),
        sign,
    ];
    if let Some([even, lasting]) = pair.hours.scores() {
        a.why[0].share = 0.5;
        a.why.push(why("calls_even_over_hours", even, [0.0, 0.5], "ratio", 0.05));
        a.why.push(why("calls_lasting_over_hours", lasting, [0.0, 0.5], "ratio", 0.05));
    }
    a.flows.clone_from(&pair.flows);
    a.packets = pair.packets;
    a.severity = Severity::Low;
    a.story = format!("{src} {dest} {port}");
    text::scored(a, rhythm.score * 0.8)
}

impl Behaviour for Beacon {
    fn name(&self) -> &'static str {
        "beacon"
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

    const C2: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);

    fn calls(n: i64, dest: IpAddr16, when: impl Fn(i64) -> i64, size: impl Fn(i64) -> u64) -> Vec<Observation> {
        (0..n).map(|i| Observation::Flow(Box::new(flow(when(i), ip(7), dest, 443, size(i), 900)))).collect()
    }

    fn noise(i: i64, below: i64) -> i64 {
        (super::super::lru::hash_of(&super::super::lru::hash_of(&(i as u64 + 77))) >> 33) as i64 % below
    }

    #[test]
    fn a_regular_call_with_a_fifth_of_jitter_is_seen_within_twenty_intervals() {
        let alerts = run("beacon", &calls(40, C2, |i| i * 60_000 + noise(i, 12_000), |i| 300 + noise(i, 20) as u64));
        assert!(!alerts.is_empty());
        assert!(alerts[0].ts <= Timestamp(24 * 60 * NS_PER_S), "{}", alerts[0].ts);
        assert!(
            alerts[0].title.starts_with("10.0.0.7 calls 203.0.113.9 port 443 (HTTPS) every"),
            "{}",
            alerts[0].title
        );
    }

    #[test]
    fn a_sleep_of_fifty_percent_is_seen_within_forty_intervals() {
        for seed in 0..20 {
            let mut at = 0;
            let times: Vec<i64> = (0..120)
                .map(|i| {
                    at += 30_000 + noise(i + 1000 * seed, 60_001);
                    at
                })
                .collect();
            let alerts = run("beacon", &calls(120, C2, |i| times[i as usize], |i| 300 + noise(i, 20) as u64));
            let found = alerts.first().map(|a| a.ts.0 / 1_000_000);
            assert!(found.is_some_and(|ms| ms <= times[39]), "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn a_beat_behind_a_server_that_a_person_visits_too_is_seen() {
        let mut times: Vec<i64> = (0..50).map(|i| i * 60_000 + noise(i, 6000)).collect();
        times.extend((0..22).map(|i| i * 140_000 + noise(i + 900, 100_000)));
        times.sort_unstable();
        let alerts = run("beacon", &calls(72, C2, |i| times[i as usize], |_| 300));
        assert!(alerts.iter().any(|a| a.why.iter().any(|w| w.feature == "visits_on_beat_share")), "{alerts:?}");
    }

    #[test]
    fn browsing_home_servers_and_irregular_calls_are_silent() {
        let mut at = 0;
        let times: Vec<i64> = (0..200)
            .map(|i| {
                at += if i % 8 == 0 { 40_000 + noise(i, 200_000) } else { 30 + noise(i, 400) };
                at
            })
            .collect();
        assert!(run("beacon", &calls(200, C2, |i| times[i as usize], |i| 200 + noise(i, 5000) as u64)).is_empty());
        assert!(run("beacon", &calls(200, ip(1), |i| i * 60_000, |_| 300)).is_empty());
        let mut at = 0;
        let times: Vec<i64> = (0..200)
            .map(|i| {
                at += 1000 + noise(i, 600_000);
                at
            })
            .collect();
        assert!(run("beacon", &calls(200, C2, |i| times[i as usize], |i| 200 + noise(i, 3000) as u64)).is_empty());
    }
}
