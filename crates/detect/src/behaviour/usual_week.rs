//! The usual week of something that is counted: the busiest window of each hour of the last four weeks, and from it what to expect at an
//! hour of the week. Median and spread of that hour lean on those of the same hour of any day, and these on all hours, as long as few
//! weeks are known. Owns hours that were watched, hourly peaks and the expectation; knows neither hosts nor protocols nor alerts.
//! Hours are those of capture time in UTC, so that daylight saving moves the week by an hour twice a year.

use crate::DetectError;
use crate::blob::{Reader, Writer};

/// Hours remembered: four weeks.
pub(super) const HOURS: usize = 28 * 24;
const DAY_H: i64 = 24;
const WEEK_H: i64 = 168;
/// Weight of the coarser level beside the finer one, in values of the latter: one day's three hours.
const SHRINK: f64 = 3.0;
/// Least spread of the logarithm: a quarter more or less is nothing, however steady the past.
const SPREAD_MIN: f64 = 0.25;
/// From the median absolute deviation to the standard deviation of a normal law.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Steps of a stored logarithm: 65,535 stand for e^32.
const STEPS: f64 = 2048.0;
const DAYS: [&str; 7] = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];

fn place(hour: i64) -> usize {
    hour.rem_euclid(HOURS as i64) as usize
}

/// Hour of the week, 0 on Mondays at midnight UTC; 1970-01-01 was a Thursday.
pub(super) fn hour_of_week(hour: i64) -> i64 {
    (hour + 3 * DAY_H).rem_euclid(WEEK_H)
}

/// `Mondays at 9:00 UTC`.
pub(super) fn hour_in_words(hour: i64) -> String {
    let of_week = hour_of_week(hour);
    format!("{} at {}:00 UTC", DAYS[(of_week / DAY_H) as usize], of_week % DAY_H)
}

/// Which of the last hours were watched: an hour in which nothing at all was heard teaches nothing.
pub(super) struct Calendar {
    hour: i64,
    heard: [bool; HOURS],
}

impl Default for Calendar {
    fn default() -> Self {
        Self { hour: i64::MIN, heard: [false; HOURS] }
    }
}

impl Calendar {
    /// Something was heard in this hour; earlier hours are told by who heard them.
    pub(super) fn hear(&mut self, hour: i64) {
        if self.hour == i64::MIN || hour - self.hour >= HOURS as i64 {
            self.heard = [false; HOURS];
        } else {
            (self.hour + 1..hour).for_each(|skipped| self.heard[place(skipped)] = false);
        }
        self.hour = self.hour.max(hour);
        self.heard[place(self.hour)] = true;
    }

    /// True when what is remembered lies ahead of this hour: the clock was wrong then, or is now.
    pub(super) fn is_ahead_of(&self, hour: i64) -> bool {
        self.hour > hour
    }

    fn knows(&self, hour: i64) -> bool {
        hour <= self.hour && self.hour - hour < HOURS as i64 && self.heard[place(hour)]
    }

    /// As bytes.
    pub(super) fn write(&self, writer: &mut Writer) {
        write_i64(writer, self.hour);
        writer.bytes.extend(self.heard.map(u8::from));
    }

    /// Back from bytes.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, DetectError> {
        let mut calendar = Self { hour: read_i64(reader)?, ..Self::default() };
        for (heard, byte) in calendar.heard.iter_mut().zip(reader.take(HOURS)?) {
            *heard = *byte != 0;
        }
        Ok(calendar)
    }
}

/// Hourly peaks of one thing, `METRICS` of them side by side.
pub(super) struct Past<const METRICS: usize> {
    first_hour: i64,
    hour: i64,
    /// ln(1 + rate) in steps, hour by hour, one row a metric.
    peaks: Vec<u16>,
}

/// What to expect of one metric in one hour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual {
    /// Lower end.
    pub(super) low: f64,
    /// Upper end.
    pub(super) high: f64,
    /// The largest of all hours remembered, this one included.
    pub(super) largest: f64,
    /// The largest in the same hour of the week, an hour before and an hour after.
    pub(super) largest_near: f64,
    /// Weeks in which that hour was watched.
    pub(super) weeks: u32,
    /// Hours watched.
    pub(super) hours: u32,
    /// The same hour of a day of this sort, working day or weekend, was watched.
    pub(super) is_comparable: bool,
}

impl Usual {
    /// True before a whole week is known.
    pub(super) fn is_young(&self) -> bool {
        i64::from(self.hours) < WEEK_H
    }
}

fn is_weekend(hour: i64) -> bool {
    hour_of_week(hour) >= 5 * DAY_H
}

impl<const METRICS: usize> Past<METRICS> {
    /// Nothing known before this hour.
    pub(super) fn new(hour: i64) -> Self {
        Self { first_hour: hour, hour, peaks: vec![0; METRICS * HOURS] }
    }

    /// A window of this hour is over: its rates join the past.
    pub(super) fn learn(&mut self, hour: i64, rates: &[f64; METRICS]) {
        let hour = hour.max(self.hour);
        let from = (self.hour + 1).max(hour - HOURS as i64 + 1);
        for (metric, rate) in rates.iter().enumerate() {
            (from..=hour).for_each(|skipped| self.peaks[metric * HOURS + place(skipped)] = 0);
            let peak = &mut self.peaks[metric * HOURS + place(hour)];
            *peak = (*peak).max((rate.max(0.0).ln_1p() * STEPS).min(f64::from(u16::MAX)) as u16);
        }
        self.hour = hour;
    }

    /// The peak of an hour; 0 in hours after the last one learned.
    fn peak(&self, metric: usize, hour: i64) -> f64 {
        let known = hour <= self.hour && self.hour - hour < HOURS as i64;
        if known { f64::from(self.peaks[metric * HOURS + place(hour)]) / STEPS } else { 0.0 }
    }

    /// Hours that were watched since this thing is known, before `hour`.
    fn hours<'a>(&self, hour: i64, calendar: &'a Calendar) -> impl Iterator<Item = i64> + use<'a, METRICS> {
        (self.first_hour.max(hour - HOURS as i64 + 1)..hour).filter(|known| calendar.knows(*known))
    }

    /// True when so many hours were watched before this one.
    pub(super) fn has_learned(&self, hours_min: u32, hour: i64, calendar: &Calendar) -> bool {
        self.hours(hour, calendar).take(hours_min as usize).count() >= hours_min as usize
    }

    /// What is usual in this hour, `deviations` to either side of the middle.
    pub(super) fn usual(&self, metric: usize, hour: i64, calendar: &Calendar, deviations: f64) -> Usual {
        let (mut all, mut of_day, mut of_week, mut is_comparable) = (Vec::new(), Vec::new(), Vec::new(), false);
        for known in self.hours(hour, calendar) {
            let peak = self.peak(metric, known);
            all.push(peak);
            // The hour, one before and one after; today says nothing of other days.
            let same = |period: i64| hour - known >= period - 1 && (hour - known + 1).rem_euclid(period) <= 2;
            if same(DAY_H) {
                of_day.push(peak);
                is_comparable |= is_weekend(known) == is_weekend(hour);
            }
            if same(WEEK_H) {
                of_week.push(peak);
            }
        }
        let most = |peaks: &[f64]| peaks.iter().copied().fold(0.0, f64::max);
        let largest = most(&all).max(self.peak(metric, hour)).exp_m1();
        let (largest_near, weeks) = (most(&of_week).exp_m1(), of_week.len().div_ceil(3) as u32);
        let hours = all.len() as u32;
        let one = |peaks: Vec<f64>| -> Vec<(f64, f64)> { peaks.into_iter().map(|peak| (peak, 1.0)).collect() };
        let pooled = lean(one(of_week), lean(one(of_day), one(all)));
        let (middle, spread) = middle_and_spread(pooled);
        let reach = deviations * spread.max(SPREAD_MIN);
        // What never was is not usual, however wide the spread of few values.
        let low = (middle - reach).max(0.0).exp_m1();
        let high = (middle + reach).exp_m1().min(largest).max(low);
        Usual { low, high, largest, largest_near, weeks, hours, is_comparable }
    }

    /// As bytes; silent hours take a bit.
    pub(super) fn write(&self, writer: &mut Writer) {
        write_i64(writer, self.first_hour);
        write_i64(writer, self.hour);
        for peaks in self.peaks.chunks(8) {
            writer.bytes.push(peaks.iter().enumerate().fold(0, |bits, (bit, peak)| bits | u8::from(*peak > 0) << bit));
        }
        self.peaks.iter().filter(|peak| **peak > 0).for_each(|peak| writer.bytes.extend(peak.to_le_bytes()));
    }

    /// Back from bytes.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, DetectError> {
        let (first_hour, hour) = (read_i64(reader)?, read_i64(reader)?);
        if first_hour > hour || first_hour == i64::MIN {
            return Err(DetectError::Damaged("a past ends before it begins".to_owned()));
        }
        let mut past = Self { first_hour, hour, peaks: vec![0; METRICS * HOURS] };
        let bits = reader.take((METRICS * HOURS).div_ceil(8))?;
        for (at, peak) in past.peaks.iter_mut().enumerate() {
            if bits[at / 8] >> (at % 8) & 1 == 1 {
                let bytes = reader.take(2)?;
                *peak = u16::from_le_bytes([bytes[0], bytes[1]]);
            }
        }
        Ok(past)
    }
}

/// The values of a finer level, with all of a coarser one beside them that count as `SHRINK` values together.
fn lean(mut finer: Vec<(f64, f64)>, coarser: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let scale = SHRINK / coarser.iter().map(|(_, weight)| weight).sum::<f64>().max(f64::MIN_POSITIVE);
    finer.extend(coarser.into_iter().map(|(value, weight)| (value, weight * scale)));
    finer
}

/// Median of weighted values, and their median absolute deviation as a standard deviation; zeros when there is nothing.
fn middle_and_spread(mut values: Vec<(f64, f64)>) -> (f64, f64) {
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let median = |values: &mut [(f64, f64)]| {
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0.0;
        let reached = values.iter().find(|(_, weight)| {
            below += weight;
            below >= half
        });
        reached.map_or(0.0, |(value, _)| *value)
    };
    let middle = median(&mut values);
    for (value, _) in &mut values {
        *value = (*value - middle).abs();
    }
    (middle, MAD_TO_SIGMA * median(&mut values))
}

/// Hours since the epoch, within what any capture's time can be, so that sums of them never overflow.
const HOUR_MAX: i64 = i64::MAX / 3_600_000_000_000 + 1;

fn write_i64(writer: &mut Writer, value: i64) {
    writer.bytes.extend(value.to_le_bytes());
}

fn read_i64(reader: &mut Reader) -> Result<i64, DetectError> {
    let value = reader.u64()? as i64;
    let possible = value == i64::MIN || value.abs() <= HOUR_MAX;
    possible.then_some(value).ok_or_else(|| DetectError::Damaged("an hour is impossible".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Monday 2026-01-05 00:00 UTC.
    const MONDAY: i64 = 20_458 * 24;

    /// Weeks of office hours: 8 to 17 on working days, else a tenth of a hundredth.
    fn office(weeks: i64) -> (Past<1>, Calendar, i64) {
        let (mut past, mut calendar) = (Past::new(MONDAY), Calendar::default());
        for hour in MONDAY..MONDAY + weeks * WEEK_H {
            let of_week = hour_of_week(hour);
            let busy = of_week < 5 * 24 && (8..17).contains(&(of_week % 24));
            calendar.hear(hour);
            past.learn(hour, &[if busy { 1e6 * (1.0 + (hour % 3) as f64 / 10.0) } else { 1e3 }]);
        }
        (past, calendar, MONDAY + weeks * WEEK_H)
    }

    #[test]
    fn hours_of_the_week_are_named_in_utc() {
        assert_eq!(hour_in_words(MONDAY + 9), "Mondays at 9:00 UTC");
        assert_eq!(hour_in_words(MONDAY - 1), "Sundays at 23:00 UTC");
        assert_eq!(hour_of_week(-3 * 24), 0);
    }

    #[test]
    fn a_working_hour_and_the_same_hour_of_a_sunday_are_expected_apart() {
        let (past, calendar, now) = office(3);
        let monday = past.usual(0, now + 10, &calendar, 4.0);
        assert!(monday.low > 1e5 && monday.high > 1.1e6 && monday.high < 1.3e6, "{monday:?}");
        let sunday = past.usual(0, now - 24 + 10, &calendar, 4.0);
        assert_eq!(sunday.weeks, 2);
        assert!(sunday.largest_near < 1.1e3 && sunday.largest > 1.19e6, "{sunday:?}");
    }

    #[test]
    fn before_a_week_is_known_the_hour_of_the_day_stands_in_for_it() {
        let (mut past, mut calendar) = (Past::<1>::new(MONDAY), Calendar::default());
        for hour in MONDAY..MONDAY + 4 * 24 {
            calendar.hear(hour);
            past.learn(hour, &[if hour % 24 == 2 { 5e7 } else { 1e3 }]);
        }
        let (night, noon) = (MONDAY + 4 * 24 + 2, MONDAY + 4 * 24 + 12);
        assert_eq!(past.usual(0, night, &calendar, 4.0).weeks, 0);
        assert!(past.usual(0, noon, &calendar, 4.0).high < 1e4);
        let at_night = past.usual(0, night, &calendar, 4.0);
        assert!(at_night.largest > 4.9e7 && at_night.high < 1e4, "one busy hour of three is no habit: {at_night:?}");
        assert!(past.has_learned(24, noon, &calendar) && !past.has_learned(24, MONDAY + 20, &calendar));
    }

    #[test]
    fn hours_nobody_watched_teach_nothing_and_old_ones_are_forgotten() {
        let (mut past, mut calendar, now) = office(2);
        calendar.hear(now + 1000);
        past.learn(now + 1000, &[7.0]);
        let usual = past.usual(0, now + 1001, &calendar, 4.0);
        assert_eq!((usual.hours, usual.largest.round()), (1, 7.0));
    }

    #[test]
    fn a_past_survives_its_bytes_and_damaged_bytes_are_refused() {
        let (past, calendar, now) = office(4);
        let mut writer = Writer::default();
        calendar.write(&mut writer);
        past.write(&mut writer);
        let mut reader = Reader::new(&writer.bytes);
        let (same, again) = (Calendar::read(&mut reader).unwrap(), Past::<1>::read(&mut reader).unwrap());
        let expected = format!("{:?}", past.usual(0, now + 9, &calendar, 4.0));
        assert_eq!(format!("{:?}", again.usual(0, now + 9, &same, 4.0)), expected);
        for end in (0..writer.bytes.len()).step_by(97) {
            let mut reader = Reader::new(&writer.bytes[..end]);
            let read = Calendar::read(&mut reader).and_then(|_| Past::<1>::read(&mut reader));
            assert!(read.is_err(), "cut at {end}");
        }
    }
}
