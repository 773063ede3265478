//! A burst on an interface of this machine: bytes or packets a second that within three readings of the host's own counters rise far
//! above all that the interface has carried. Meant for watching without the right to capture, where no flood detector sees packets;
//! what lasts for minutes is the volume detector's. Knows the largest rates of the past, which fade; looks at no captured traffic.

use super::text::{self, alert, bytes, count, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{Alert, Counters, InterfaceSecond, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Readings that must all be high: one packet train is no burst, and three are within five seconds.
const READINGS: usize = 3;
/// Longest time between two readings that follow each other, ns.
const GAP_NS: i64 = 3 * NS_PER_S;
/// Entries read from a memory at most: a bound on what a file can claim.
const READ_MAX: usize = 1 << 16;

/// Settings of the burst detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BurstConfig {
    /// Time for which an interface must have been read, seconds. Default 60.
    pub learn_s: u32,
    /// The rate must be this many times the largest of the past. Default 5.
    pub past_ratio: f64,
    /// Half-life of the largest past rate, seconds. Default 604800 (a week).
    pub past_half_life_s: u32,
    /// Bytes a second, one direction, below which nothing is told. Default 2500000 (20 Mbit/s).
    pub floor_bytes_per_s: f64,
    /// Packets a second, one direction, below which nothing is told. Default 5000.
    pub floor_packets_per_s: f64,
    /// Interfaces watched; more are not. Default 256.
    pub interfaces_max: usize,
}

impl Default for BurstConfig {
    fn default() -> Self {
        Self {
            learn_s: 60,
            past_ratio: 5.0,
            past_half_life_s: 604_800,
            floor_bytes_per_s: 2_500_000.0,
            floor_packets_per_s: 5_000.0,
            interfaces_max: 256,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Metric {
    BytesIn,
    BytesOut,
    PacketsIn,
    PacketsOut,
}

impl Metric {
    const ALL: [Self; 4] = [Self::BytesIn, Self::BytesOut, Self::PacketsIn, Self::PacketsOut];

    fn name(self) -> &'static str {
        match self {
            Self::BytesIn => "bytes_in_per_second",
            Self::BytesOut => "bytes_out_per_second",
            Self::PacketsIn => "packets_in_per_second",
            Self::PacketsOut => "packets_out_per_second",
        }
    }
    fn of(self, second: &InterfaceSecond) -> f64 {
        (match self {
            Self::BytesIn => second.bytes_in,
            Self::BytesOut => second.bytes_out,
            Self::PacketsIn => second.packets_in,
            Self::PacketsOut => second.packets_out,
        }) as f64
    }
    fn is_bytes(self) -> bool {
        matches!(self, Self::BytesIn | Self::BytesOut)
    }
    fn verb(self) -> &'static str {
        if matches!(self, Self::BytesIn | Self::PacketsIn) { "receives" } else { "sends" }
    }
    fn plain(self, rate: f64) -> String {
        if self.is_bytes() { bytes(rate) } else { format!("{} packets", count(rate as u64)) }
    }
}

#[derive(Default)]
struct Track {
    newest: [f64; READINGS],
    /// Largest rate that lasted for all readings.
    past: f64,
    /// The same before the burst under way.
    usual: f64,
    since: Timestamp,
    peak: f64,
    high: u64,
    throttle: Throttle,
}

#[derive(Default)]
struct Interface {
    readings: u32,
    in_a_row: usize,
    last: Timestamp,
    tracks: [Track; 4],
}

/// The detector.
pub struct Burst {
    config: BurstConfig,
    interfaces: BTreeMap<String, Interface>,
    ignored: u64,
}

impl Burst {
    /// Builds it.
    #[must_use]
    pub fn new(config: &BurstConfig) -> Self {
        Self { config: config.clone(), interfaces: BTreeMap::new(), ignored: 0 }
    }

    fn second(&mut self, second: &InterfaceSecond, out: &mut Vec<Alert>) {
        let full = self.interfaces.len() >= self.config.interfaces_max;
        if full && !self.interfaces.contains_key(&second.counted_on) {
            self.ignored += 1;
            return;
        }
        let interface = self.interfaces.entry(second.counted_on.clone()).or_default();
        let passed_ns = second.ts.since(interface.last);
        let follows = interface.in_a_row > 0 && (0..=GAP_NS).contains(&passed_ns);
        interface.in_a_row = if follows { interface.in_a_row + 1 } else { 1 };
        interface.last = second.ts;
        interface.readings = interface.readings.saturating_add(1);
        let judged = interface.readings > self.config.learn_s;
        let whole = interface.in_a_row >= READINGS;
        for (metric, track) in Metric::ALL.into_iter().zip(&mut interface.tracks) {
            track.newest.rotate_left(1);
            track.newest[READINGS - 1] = metric.of(second);
            if whole {
                out.extend(track.judge(metric, second, judged, &self.config));
            }
        }
    }
}

impl Track {
    /// The last readings are whole: is their smallest a burst?
    fn judge(&mut self, metric: Metric, second: &InterfaceSecond, judged: bool, config: &BurstConfig) -> Option<Alert> {
        let rate = self.newest.iter().copied().fold(f64::INFINITY, f64::min);
        let floor = if metric.is_bytes() { config.floor_bytes_per_s } else { config.floor_packets_per_s };
        let usual = if self.high > 0 { self.usual } else { self.past };
        let high = judged && rate >= floor && rate >= config.past_ratio * usual;
        let kept = (-1.0 / f64::from(config.past_half_life_s.max(1))).exp2();
        self.past = (self.past * kept).max(rate);
        if !high {
            self.high = 0;
            self.throttle = Throttle::default();
            return None;
        }
        if self.high == 0 {
            (self.usual, self.peak) = (usual, 0.0);
            self.since = second.ts.plus_ns(-(READINGS as i64 - 1) * NS_PER_S);
        }
        self.high += 1;
        self.peak = self.newest.iter().copied().fold(self.peak, f64::max);
        let now = second.ts.plus_ns(NS_PER_S - 1);
        self.throttle.due(self.high, now).then(|| self.alert(metric, &second.counted_on, now))
    }

    fn alert(&self, metric: Metric, interface: &str, now: Timestamp) -> Alert {
        let mut a = alert(Kind::Volume, "burst", self.since, now, 1e-3);
        let (peak, usual) = (metric.plain(self.peak), metric.plain(self.usual));
        let lasting = text::seconds(now.since(self.since) as f64 / NS_PER_S as f64);
        a.title = format!(
            "Interface {interface} of this machine {} {peak} a second for {lasting}, where at most {usual} were seen",
            metric.verb()
        );
        let unit = if metric.is_bytes() { "bytes/s" } else { "packets/s" };
        a.why = vec![why(metric.name(), self.peak, [0.0, self.usual], unit, 1.0)];
        a.severity = Severity::Low;
        a.story = format!("burst {interface}");
        text::scored(a, 0.6 + 0.3 * (1.0 - self.usual / self.peak.max(1.0)))
    }
}

impl Behaviour for Burst {
    fn name(&self) -> &'static str {
        "burst"
    }
    fn wants(&self) -> Wants {
        Wants::SECOND
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Second(second) = observation
            && !second.counted_on.is_empty()
        {
            self.second(second, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("interface_seconds_ignored", self.ignored);
        counters
    }
    fn entries(&self) -> usize {
        self.interfaces.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        if self.interfaces.is_empty() {
            return None;
        }
        let mut writer = Writer::default();
        writer.u32(self.interfaces.len() as u32);
        for (name, interface) in &self.interfaces {
            writer.u32(name.len() as u32);
            writer.bytes.extend(name.as_bytes());
            writer.u32(interface.readings);
            interface.tracks.iter().for_each(|track| writer.f64(track.past));
        }
        Some(writer.bytes)
    }
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        for _ in 0..reader.count(0, READ_MAX, "interfaces")? {
            let length = reader.u32()? as usize;
            let name = String::from_utf8_lossy(reader.take(length)?).into_owned();
            let mut interface = Interface { readings: reader.u32()?, ..Interface::default() };
            for track in &mut interface.tracks {
                let past = reader.f64()?;
                if !(past.is_finite() && past >= 0.0) {
                    return Err(DetectError::Damaged("a rate is no number".to_owned()));
                }
                track.past = past;
            }
            if self.interfaces.len() < self.config.interfaces_max {
                self.interfaces.insert(name, interface);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{run, run_on};
    use super::*;

    fn seconds(rate: impl Fn(i64) -> u64, from: i64, to: i64) -> Vec<Observation> {
        (from..to)
            .map(|s| {
                Observation::Second(Box::new(InterfaceSecond {
                    ts: Timestamp::from_parts(s, 0),
                    counted_on: "eth0".to_owned(),
                    bytes_in: rate(s),
                    ..InterfaceSecond::default()
                }))
            })
            .collect()
    }

    /// 50 to 150 kB/s, pseudo-random.
    fn usual(s: i64) -> u64 {
        50_000 + (s.wrapping_mul(2_654_435_761) as u64 >> 7) % 100_000
    }

    #[test]
    fn a_burst_is_told_at_its_third_second_with_both_rates() {
        let alerts = run("burst", &seconds(|s| if s >= 300 { 20_000_000 } else { usual(s) }, 0, 310));
        assert_eq!(alerts[0].first_seen, Timestamp::from_parts(300, 0));
        assert!(alerts[0].ts < Timestamp::from_parts(303, 0));
        let title = &alerts[0].title;
        assert!(title.starts_with("Interface eth0 of this machine receives 20 MB a second for 3.0 s"), "{title}");
        assert!(title.contains("where at most") && alerts[0].why[0].expected[1] < 150_000.0, "{title}");
        assert!(alerts.len() < 5 && alerts.iter().all(|a| a.story == "burst eth0"), "{}", alerts.len());
    }

    #[test]
    fn short_trains_first_minutes_the_usual_and_what_was_seen_before_are_silent() {
        assert!(run("burst", &seconds(usual, 0, 7200)).is_empty());
        assert!(run("burst", &seconds(|s| if s % 50 < 2 { 20_000_000 } else { usual(s) }, 0, 7200)).is_empty());
        assert!(run("burst", &seconds(|s| if s >= 50 { 20_000_000 } else { usual(s) }, 0, 600)).is_empty());
        let again = |s: i64| if s % 3600 >= 3000 { 20_000_000 } else { usual(s) };
        let alerts = run("burst", &seconds(again, 0, 6 * 3600));
        assert!(alerts.iter().all(|a| a.ts < Timestamp::from_parts(3600, 0)), "the same download an hour later");
        let gaps: Vec<_> = seconds(|_| 20_000_000, 0, 2000).into_iter().step_by(9).collect();
        assert!(run("burst", &gaps).is_empty(), "readings that do not follow each other");
    }

    #[test]
    fn captured_seconds_are_not_its_business() {
        let captured = seconds(|s| if s >= 300 { 20_000_000 } else { 10 }, 0, 400).into_iter().map(|o| {
            let Observation::Second(second) = o else { return o };
            Observation::Second(Box::new(InterfaceSecond { counted_on: String::new(), ..*second }))
        });
        assert!(run("burst", &captured.collect::<Vec<_>>()).is_empty());
    }

    #[test]
    fn the_past_stays_known_over_a_restart() {
        let mut before = Burst::new(&BurstConfig::default());
        run_on(&mut before, &seconds(usual, 0, 200));
        let kept = before.snapshot().unwrap_or_default();
        let mut after = Burst::new(&BurstConfig::default());
        assert!(after.restore(&kept).is_ok());
        assert!(!run_on(&mut after, &seconds(|_| 20_000_000, 1000, 1004)).is_empty(), "no learning time again");
        assert!((0..kept.len()).all(|end| Burst::new(&BurstConfig::default()).restore(&kept[..end]).is_err()));
    }
}
