//! Volume of interfaces against their usual week: what `volume` sees within minutes against the day, this one sees against four weeks, so
//! that traffic at an hour of the week that was always quiet is told too. Owns what is counted of an interface; the usual week and the rule
//! are `usual_week` and `week_watch`. Both detectors tell one story: of one rise there is one incident.

use super::text::{self, alert};
use super::usual_week::{Calendar, Past};
use super::week_watch::{Bar, Clock, Closed, Counted, Left, Rule, Tick};
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{Alert, Counters, InterfaceSecond, Kind, Observation, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes from outside, bytes to the outside, all bytes, all packets.
const METRICS: usize = 4;

/// Settings of the volume of interfaces against their usual week.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeInterfaceConfig {
    /// Length of a window, seconds. Default 60.
    pub window_s: u32,
    /// Hours in which an interface was watched before anything is said of it. Default 24.
    pub learn_h: u32,
    /// Deviations of the logarithm to either side of the middle that are usual. Default 4.
    pub deviations: f64,
    /// Times the largest window of the last four weeks. Default 4.
    pub past_ratio: f64,
    /// At an hour of the week that was always quiet: times the largest window of that hour. Default 20.
    pub quiet_ratio: f64,
    /// Weeks in which an hour was watched before it counts as quiet. Default 2.
    pub weeks_min: u32,
    /// Windows in a row before an alert. Default 5.
    pub windows_min: u32,
    /// Bytes a minute below which nothing is reported. Default 15000000.
    pub floor_bytes_per_min: f64,
    /// Packets a minute below which nothing is reported. Default 30000.
    pub floor_packets_per_min: f64,
    /// Interfaces watched; more are not. Default 64.
    pub interfaces_max: usize,
}

impl Default for VolumeInterfaceConfig {
    fn default() -> Self {
        Self {
            window_s: 60,
            learn_h: 24,
            deviations: 4.0,
            past_ratio: 4.0,
            quiet_ratio: 20.0,
            weeks_min: 2,
            windows_min: 5,
            floor_bytes_per_min: 15e6,
            floor_packets_per_min: 30_000.0,
            interfaces_max: 64,
        }
    }
}

impl VolumeInterfaceConfig {
    fn rule(&self) -> Rule {
        Rule {
            window_s: self.window_s,
            learn_h: self.learn_h,
            deviations: self.deviations,
            past_ratio: self.past_ratio,
            quiet_ratio: self.quiet_ratio,
            weeks_min: self.weeks_min,
            windows_min: self.windows_min,
        }
    }
}

/// The detector.
pub struct VolumeInterface {
    config: VolumeInterfaceConfig,
    rule: Rule,
    clock: Clock,
    interfaces: BTreeMap<u16, Counted<METRICS>>,
    ignored: u64,
}

impl VolumeInterface {
    /// Builds it.
    #[must_use]
    pub fn new(config: &VolumeInterfaceConfig) -> Self {
        Self {
            rule: config.rule(),
            clock: Clock::default(),
            interfaces: BTreeMap::new(),
            ignored: 0,
            config: config.clone(),
        }
    }

    fn reach(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        match self.clock.reach(now, &self.rule) {
            Tick::Same => {}
            Tick::Forget => self.interfaces.clear(),
            Tick::Closed(closed) => self.close(closed, out),
        }
    }

    fn close(&mut self, closed: Closed, out: &mut Vec<Alert>) {
        let (bytes, packets) = (self.config.floor_bytes_per_min, self.config.floor_packets_per_min);
        let floors = [bytes, bytes, bytes, packets];
        let bar = Bar { rule: &self.rule, calendar: &self.clock.calendar, floors, ceilings: [0.0; METRICS] };
        for (number, interface) in &mut self.interfaces {
            out.extend(interface.close(closed, &bar).map(|left| interface_alert(*number, &left, &self.rule)));
        }
    }

    fn second(&mut self, second: &InterfaceSecond) {
        self.clock.hear(&self.rule);
        let hour = self.clock.hour(&self.rule);
        if self.interfaces.len() >= self.config.interfaces_max && !self.interfaces.contains_key(&second.interface) {
            self.ignored += 1;
            return;
        }
        let all = |classes: &[u64]| classes.iter().sum::<u64>() as f64;
        let amounts = [second.bytes_in as f64, second.bytes_out as f64, all(&second.bytes), all(&second.packets)];
        let interface = self.interfaces.entry(second.interface).or_insert_with(|| Counted::new(hour));
        interface.sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
    }
}

fn interface_alert(number: u16, left: &Left, rule: &Rule) -> Alert {
    let mut a = alert(Kind::Volume, "volume_interface", left.since, left.ts, 1e-4);
    let (verb, name, unit) = [
        ("receives from outside", "received_per_minute", "bytes"),
        ("sends to the outside", "sent_per_minute", "bytes"),
        ("carries", "carried_per_minute", "bytes"),
        ("carries", "packets_per_minute", "packets"),
    ][left.metric];
    a.title = format!("Interface {number} {verb} {}", left.in_words(left.metric < 3, rule));
    a.why = left.reasons(name, unit, rule);
    a.severity = if left.times_the_largest() >= 10.0 { Severity::Medium } else { Severity::Low };
    a.story = format!("interface {number}");
    text::scored(a, 0.6 + 0.3 * (1.0 - 1.0 / left.times_the_largest().max(1.0)))
}

impl Behaviour for VolumeInterface {
    fn name(&self) -> &'static str {
        "volume_interface"
    }
    fn wants(&self) -> Wants {
        Wants::SECOND
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Second(second) = observation {
            self.reach(context.now, out);
            self.second(second);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.reach(now, out);
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
        self.clock.calendar.write(&mut writer);
        writer.u32(self.interfaces.len() as u32);
        for (number, interface) in &self.interfaces {
            writer.u32(u32::from(*number));
            interface.past().write(&mut writer);
        }
        Some(writer.bytes)
    }
    /// Peaks are of windows of one length: with another length they are left, and learned anew.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let same_length = reader.u32()? == self.config.window_s;
        let (calendar, mut interfaces) = (Calendar::read(&mut reader)?, BTreeMap::new());
        for _ in 0..reader.count(0, usize::from(u16::MAX), "interfaces")? {
            let number = reader.count(0, usize::from(u16::MAX), "interface")? as u16;
            let past = Past::read(&mut reader)?;
            if interfaces.len() < self.config.interfaces_max {
                interfaces.insert(number, Counted::of(past));
            }
        }
        if same_length {
            (self.clock, self.interfaces) = (Clock::of(calendar), interfaces);
        }
        Ok(())
    }
    fn by_interface(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::synthetic::run_on;
    use super::*;

    /// Monday 2026-01-05 00:00 UTC, s.
    const MONDAY_S: i64 = 1_767_571_200;
    const DAY_S: i64 = 86_400;

    /// An office's line, one observation a minute: 30 to 60 MB in working hours, else nearly nothing, and `extra` bytes.
    fn days(from_day: i64, days: i64, extra: impl Fn(i64) -> u64) -> Vec<Observation> {
        let minute = |s: i64| {
            let working = s.div_euclid(DAY_S) % 7 < 5 && (7..17).contains(&(s.rem_euclid(DAY_S) / 3600));
            let usual =
                if working { 30_000_000 + (s.wrapping_mul(2_654_435_761) as u64 >> 7) % 30_000_000 } else { 9000 };
            let ts = Timestamp::from_parts(MONDAY_S + s, 0);
            let mut second = InterfaceSecond { ts, bytes_in: usual + extra(s), ..InterfaceSecond::default() };
            second.bytes[0] = second.bytes_in;
            Observation::Second(Box::new(second))
        };
        (from_day * DAY_S..(from_day + days) * DAY_S).step_by(60).map(minute).collect()
    }

    fn told(input: &[Observation]) -> Vec<Alert> {
        run_on(&mut VolumeInterface::new(&VolumeInterfaceConfig::default()), input)
    }

    fn within(s: i64, day: i64, hour: i64, minutes: i64) -> bool {
        (0..minutes * 60).contains(&(s - day * DAY_S - hour * 3600))
    }

    #[test]
    fn a_rise_above_four_weeks_and_a_busy_night_are_told_once_and_usual_weeks_are_not() {
        let alerts = told(&days(0, 3, |s| if within(s, 2, 10, 30) { 400_000_000 } else { 0 }));
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!(alerts[0].ts, Timestamp::from_parts(MONDAY_S + 2 * DAY_S + 10 * 3600 + 300, 0));
        assert!(
            alerts[0].title.contains("on Wednesdays at 10:00 UTC and 60 MB was the most in 2 days"),
            "{}",
            alerts[0].title
        );
        let night = |s| if within(s, 19, 3, 20) { 65_000_000 } else { 0 };
        let alerts = told(&days(0, 20, night));
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(alerts[0].title.ends_with("was the most in 2 weeks on Saturdays at 3:00 UTC"), "{}", alerts[0].title);
        assert!(told(&days(0, 20, |_| 0)).is_empty());
        assert!(told(&days(0, 20, |s| if s % 7200 < 180 { 900_000_000 } else { 0 })).is_empty(), "three minutes");
    }

    #[test]
    fn the_usual_week_outlives_the_process() {
        let mut before = VolumeInterface::new(&VolumeInterfaceConfig::default());
        assert!(run_on(&mut before, &days(0, 2, |_| 0)).is_empty());
        let memory = before.snapshot().unwrap();
        let rise = days(2, 1, |s| if within(s, 2, 10, 30) { 400_000_000 } else { 0 });
        let mut after = VolumeInterface::new(&VolumeInterfaceConfig::default());
        after.restore(&memory).unwrap();
        assert_eq!(after.snapshot().unwrap(), memory);
        assert_eq!(run_on(&mut after, &rise).len(), 1);
        assert!(told(&rise).is_empty(), "without the memory it is the first day");
    }
}
