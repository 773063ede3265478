//! Volume: an interface's bytes or packets a second, compared with its own past. Works on ten-second windows of the
//! logarithm of the rate, with an exponentially weighted mean and deviation per hour of the day (all hours together until
//! an hour is known), and reports only what lasts.

use super::text::{self, alert, bytes, count, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::observation::interface_words;
use record::{Alert, Counters, InterfaceSecond, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The window of an interface that is remembered and not yet seen in this run.
const UNSEEN: i64 = i64::MIN;

/// Hours of a day.
const HOURS: usize = 24;

/// Settings of the volume detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeConfig {
    /// Length of a window, seconds. Default 10.
    pub window_s: u32,
    /// Windows learned before anything is reported. Default 90 (15 minutes).
    pub learn_windows: u32,
    /// Deviations above the mean that count. Default 6.
    pub deviations: f64,
    /// The rate must also be this many times the largest of the past (which halves in `past_half_life_s`). Default 3.
    pub past_ratio: f64,
    /// Half-life of the largest past rate, seconds. Default 86400.
    pub past_half_life_s: u32,
    /// Windows in a row before an alert. Default 6.
    pub windows_min: u32,
    /// Bytes a second below which nothing is reported. Default 250000.
    pub floor_bytes_per_s: f64,
    /// Packets a second below which nothing is reported. Default 500.
    pub floor_packets_per_s: f64,
    /// Interfaces watched; more are not. Default 64.
    pub interfaces_max: usize,
}

impl Default for VolumeConfig {
    fn default() -> Self {
        Self {
            window_s: 10,
            learn_windows: 90,
            deviations: 6.0,
            past_ratio: 3.0,
            past_half_life_s: 86_400,
            windows_min: 6,
            floor_bytes_per_s: 250_000.0,
            floor_packets_per_s: 500.0,
            interfaces_max: 64,
        }
    }
}

/// Weighted mean and mean absolute deviation of ln(1 + rate).
#[derive(Clone, Copy, Default)]
struct Level {
    windows: u32,
    mean: f64,
    deviation: f64,
}

impl Level {
    fn learn(&mut self, value: f64, speed: f64) {
        self.windows = self.windows.saturating_add(1);
        let weight = (1.0 / f64::from(self.windows)).max(0.01) * speed;
        self.deviation += weight * ((value - self.mean).abs() - self.deviation);
        self.mean += weight * (value - self.mean);
    }
    /// Standard deviation for a normal law, never below 10 % of the rate.
    fn sigma(&self) -> f64 {
        (1.2533 * self.deviation).max(0.1)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Metric {
    BytesIn,
    BytesOut,
    Bytes,
    Packets,
}

impl Metric {
    const ALL: [Self; 4] = [Self::BytesIn, Self::BytesOut, Self::Bytes, Self::Packets];

    fn name(self) -> &'static str {
        match self {
            Self::BytesIn => "bytes_in_per_second",
            Self::BytesOut => "bytes_out_per_second",
            Self::Bytes => "bytes_per_second",
            Self::Packets => "packets_per_second",
        }
    }
    fn of(self, s: &InterfaceSecond) -> u64 {
        match self {
            Self::BytesIn => s.bytes_in,
            Self::BytesOut => s.bytes_out,
            Self::Bytes => s.bytes.iter().sum(),
            Self::Packets => s.packets.iter().sum(),
        }
    }
    fn words(self, rate: f64) -> String {
        match self {
            Self::BytesIn => format!("receives {} a second from outside", bytes(rate)),
            Self::BytesOut => format!("sends {} a second to the outside", bytes(rate)),
            Self::Bytes => format!("carries {} a second", bytes(rate)),
            Self::Packets => format!("carries {} packets a second", count(rate as u64)),
        }
    }
    fn plain(self, rate: f64) -> String {
        if self == Self::Packets { count(rate as u64) } else { bytes(rate) }
    }
}

#[derive(Default)]
struct Track {
    sum: f64,
    all: Level,
    hours: [Level; HOURS],
    past_max: f64,
    high: u32,
    high_since: Timestamp,
    peak: f64,
    usual: f64,
    throttle: Throttle,
}

struct Interface {
    window: i64,
    tracks: [Track; 4],
}

/// The detector.
pub struct Volume {
    config: VolumeConfig,
    interfaces: BTreeMap<u16, Interface>,
    ignored: u64,
}

impl Volume {
    /// Builds it.
    #[must_use]
    pub fn new(config: &VolumeConfig) -> Self {
        Self { config: config.clone(), interfaces: BTreeMap::new(), ignored: 0 }
    }

    fn second(&mut self, second: &InterfaceSecond, out: &mut Vec<Alert>) {
        let length = i64::from(self.config.window_s.max(1));
        let window = second.ts.seconds().div_euclid(length);
        if !self.interfaces.contains_key(&second.interface) && self.interfaces.len() >= self.config.interfaces_max {
            self.ignored += 1;
            return;
        }
        let interface = self
            .interfaces
            .entry(second.interface)
            .or_insert_with(|| Interface { window, tracks: std::array::from_fn(|_| Track::default()) });
        // The time between two runs was not watched: it is no silence.
        if interface.window == UNSEEN {
            interface.window = window;
        }
        if window > interface.window {
            let end = Timestamp::from_parts((interface.window + 1) * length, 0);
            let missed = (window - interface.window - 1).min(i64::from(self.config.learn_windows)) as u32;
            for (metric, track) in Metric::ALL.into_iter().zip(&mut interface.tracks) {
                track.close(metric, end, missed, second, &self.config, out);
            }
            interface.window = window;
        }
        for (metric, track) in Metric::ALL.into_iter().zip(&mut interface.tracks) {
            track.sum += metric.of(second) as f64;
        }
    }
}

impl Track {
    /// A window has ended: judges it, then learns it.
    fn close(
        &mut self,
        metric: Metric,
        end: Timestamp,
        missed: u32,
        second: &InterfaceSecond,
        config: &VolumeConfig,
        out: &mut Vec<Alert>,
    ) {
        let length = f64::from(config.window_s.max(1));
        let rate = self.sum / length;
        self.sum = 0.0;
        let hour = (end.seconds().div_euclid(3600).rem_euclid(HOURS as i64)) as usize;
        let value = rate.ln_1p();
        let level = if self.hours[hour].windows >= config.learn_windows { self.hours[hour] } else { self.all };
        let floor = if metric == Metric::Packets { config.floor_packets_per_s } else { config.floor_bytes_per_s };
        let learned = self.all.windows >= config.learn_windows;
        let high = learned
            && rate >= floor
            && value > level.mean + config.deviations * level.sigma()
            && rate >= config.past_ratio * self.past_max;
        if high {
            if self.high == 0 {
                self.high_since = end.plus_ns(-(length as i64) * NS_PER_S);
                self.peak = 0.0;
                self.usual = self.past_max;
            }
            self.high += 1;
            self.peak = self.peak.max(rate);
            if self.high >= config.windows_min && self.throttle.due(u64::from(self.high), end) {
                out.push(self.alert(metric, end, second));
            }
        } else {
            self.high = 0;
            self.throttle = Throttle::default();
            let kept = (-length * f64::from(1 + missed) / f64::from(config.past_half_life_s.max(1))).exp2();
            self.past_max = (self.past_max * kept).max(rate);
        }
        // What is reported is learned slowly, so that an attack does not become normal while it lasts.
        let speed = if high { 0.1 } else { 1.0 };
        self.all.learn(value, speed);
        self.hours[hour].learn(value, speed);
        for _ in 0..missed {
            self.all.learn(0.0, 1.0);
        }
        if missed > 0 {
            self.high = 0;
        }
    }

    fn alert(&self, metric: Metric, end: Timestamp, second: &InterfaceSecond) -> Alert {
        let mut a = alert(Kind::Volume, "volume", self.high_since, end, 1e-4);
        let usual = metric.plain(self.usual);
        let named = !second.counted_on.is_empty();
        let who = if named { format!("Interface {}", second.counted_on) } else { interface_words(second.interface) };
        a.title = format!("{who} {} where at most {usual} is usual", metric.words(self.peak));
        let unit = if metric == Metric::Packets { "packets/s" } else { "bytes/s" };
        a.why = vec![why(metric.name(), self.peak, [0.0, self.usual], unit, 1.0)];
        a.severity = if self.peak >= 10.0 * self.usual.max(1.0) { Severity::Medium } else { Severity::Low };
        a.story = format!("interface {}", second.interface);
        text::scored(a, 0.6 + 0.3 * (1.0 - self.usual / self.peak.max(1.0)))
    }
}

impl Behaviour for Volume {
    fn name(&self) -> &'static str {
        "volume"
    }
    fn wants(&self) -> Wants {
        Wants::SECOND
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Second(second) = observation {
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
        let mut writer = Writer::default();
        writer.u32(self.config.window_s);
        writer.u32(self.interfaces.len() as u32);
        for (number, interface) in &self.interfaces {
            writer.u32(u32::from(*number));
            for track in &interface.tracks {
                writer.f64(track.past_max);
                for level in std::iter::once(&track.all).chain(&track.hours) {
                    writer.u32(level.windows);
                    writer.f64(level.mean);
                    writer.f64(level.deviation);
                }
            }
        }
        Some(writer.bytes)
    }
    /// Levels are of windows of one length: with another length they are left, and learned anew.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let same_length = reader.u32()? == self.config.window_s;
        for _ in 0..reader.count(0, usize::from(u16::MAX), "interfaces")? {
            let number = reader.u32()? as u16;
            let mut tracks: [Track; 4] = std::array::from_fn(|_| Track::default());
            for track in &mut tracks {
                track.past_max = finite(reader.f64()?)?;
                for level in std::iter::once(&mut track.all).chain(&mut track.hours) {
                    let windows = reader.u32()?;
                    *level = Level { windows, mean: finite(reader.f64()?)?, deviation: finite(reader.f64()?)? };
                }
            }
            if same_length && self.interfaces.len() < self.config.interfaces_max {
                self.interfaces.insert(number, Interface { window: UNSEEN, tracks });
            }
        }
        Ok(())
    }
    fn by_interface(&self) -> bool {
        true
    }
}

fn finite(value: f64) -> Result<f64, DetectError> {
    let good = value.is_finite() && value >= 0.0;
    good.then_some(value).ok_or_else(|| DetectError::Damaged("a rate is no number".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::run;
    use super::*;

    fn seconds(rate: impl Fn(i64) -> u64, length: i64) -> Vec<Observation> {
        (0..length)
            .map(|s| {
                let mut second = InterfaceSecond { ts: Timestamp::from_parts(s, 0), ..InterfaceSecond::default() };
                second.bytes[0] = rate(s);
                second.bytes_out = rate(s);
                Observation::Second(Box::new(second))
            })
            .collect()
    }

    /// 50 to 150 kB/s, pseudo-random.
    fn usual(s: i64) -> u64 {
        50_000 + (s.wrapping_mul(2_654_435_761) as u64 >> 7) % 100_000
    }

    #[test]
    fn a_lasting_rise_is_reported_with_both_rates() {
        let alerts = run("volume", &seconds(|s| if s >= 3600 { 20_000_000 } else { usual(s) }, 3900));
        assert!(!alerts.is_empty());
        assert!(
            alerts[0].title.contains("20 MB a second") && alerts[0].title.contains("is usual"),
            "{}",
            alerts[0].title
        );
        assert!(alerts[0].ts <= Timestamp::from_parts(3600 + 80, 0));
    }

    #[test]
    fn ordinary_variation_short_bursts_and_the_first_minutes_are_silent() {
        assert!(run("volume", &seconds(usual, 7200)).is_empty());
        assert!(run("volume", &seconds(|s| if s % 600 < 30 { 20_000_000 } else { usual(s) }, 7200)).is_empty());
        assert!(run("volume", &seconds(|s| if s >= 300 { 20_000_000 } else { usual(s) }, 800)).is_empty());
    }
}
