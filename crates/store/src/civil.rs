//! Time as people write and read it: moments (`24h` back, a day, RFC 3339), and the days, weeks and months of a place. Owns what a
//! period is when clocks are set forward or back; `now` is always an argument.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{ToSpan, Zoned};
use record::{Timestamp, timestamp::NS_PER_S};

/// A place's time.
#[derive(Clone, Debug)]
pub struct Place(TimeZone);

/// Parts of a calendar that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// From midnight to midnight.
    Day,
    /// From Monday on.
    Week,
    /// From the first on.
    Month,
}

impl Every {
    /// Reads `day`, `week`, `month`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            _ => None,
        }
    }
}

/// A part of the calendar that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// When it is due to be told, at or after `to`.
    pub due: Timestamp,
}

impl Place {
    /// Reads `local`, `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no time zone; write local, UTC, an offset such as +02:00, or a name such as Europe/Berlin"
            )
        };
        Ok(Self(match text {
            "local" | "" => TimeZone::system(),
            "UTC" | "utc" | "Z" => TimeZone::UTC,
            text if text.starts_with(['+', '-']) => TimeZone::fixed(offset(text).ok_or_else(wrong)?),
            name => TimeZone::get(name).map_err(|_| wrong())?,
        }))
    }

    fn zoned(&self, ts: Timestamp) -> Option<Zoned> {
        Some(jiff::Timestamp::from_nanosecond(i128::from(ts.0)).ok()?.to_zoned(self.0.clone()))
    }

    /// A moment in words of `strftime`; RFC 3339 where the calendar does not reach.
    #[must_use]
    pub fn show(&self, ts: Timestamp, format: &str) -> String {
        self.zoned(ts).map_or_else(|| ts.rfc3339(), |here| here.strftime(format).to_string())
    }

    /// Midnight at the beginning of the day of a moment.
    #[must_use]
    pub fn midnight(&self, ts: Timestamp) -> Timestamp {
        self.zoned(ts).and_then(|here| self.begin(here.date())).unwrap_or(ts)
    }

    fn begin(&self, date: Date) -> Option<Timestamp> {
        self.at(date, Time::midnight())
    }

    fn at(&self, date: Date, time: Time) -> Option<Timestamp> {
        let zoned = date.to_datetime(time).to_zoned(self.0.clone()).ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok().map(Timestamp)
    }

    /// A moment as people write it: RFC 3339, a day (its midnight here), `2026-11-23 07:00`, or a duration back from now (`24h`, `7d`).
    ///
    /// # Errors
    /// One sentence.
    pub fn moment(&self, text: &str, now: Timestamp) -> Result<Timestamp, String> {
        let text = text.trim();
        if text == "now" {
            return Ok(now);
        }
        let civil = || {
            let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
            self.at(date.parse().ok()?, time_of_day(time).ok()?)
        };
        Timestamp::parse_rfc3339(text)
            .or_else(civil)
            .or_else(|| back(text).map(|ns| now.plus_ns(-ns)))
            .ok_or_else(|| {
                format!("`{text}` is no time; write a duration back (24h, 7d, 90m), a day (2026-11-23), or RFC 3339 (2026-11-23T07:00:00Z)")
            })
    }

    /// The newest period that is due by now.
    #[must_use]
    pub fn last_due(&self, every: Every, at: Time, now: Timestamp) -> Option<Period> {
        let today = self.zoned(now)?.date();
        let mut ends = first_day(every, today)?;
        for _ in 0..3 {
            let period = self.ending(every, ends, at)?;
            if period.due <= now {
                return Some(period);
            }
            ends = first_day(every, ends.checked_sub(1.day()).ok()?)?;
        }
        None
    }

    /// When the first period after `now` is due.
    #[must_use]
    pub fn next_due(&self, every: Every, at: Time, now: Timestamp) -> Option<Timestamp> {
        let mut ends = first_day(every, self.zoned(now)?.date())?;
        for _ in 0..3 {
            let due = self.ending(every, ends, at)?.due;
            if due > now {
                return Some(due);
            }
            ends = match every {
                Every::Day => ends.checked_add(1.day()),
                Every::Week => ends.checked_add(1.week()),
                Every::Month => ends.checked_add(1.month()),
            }
            .ok()?;
        }
        None
    }

    /// The period before a day that begins one.
    fn ending(&self, every: Every, ends: Date, at: Time) -> Option<Period> {
        let begins = first_day(every, ends.checked_sub(1.day()).ok()?)?;
        let to = self.begin(ends)?;
        Some(Period { from: self.begin(begins)?, to, due: self.at(ends, at)?.max(to) })
    }
}

/// The first day of the period that a day is in.
fn first_day(every: Every, day: Date) -> Option<Date> {
    match every {
        Every::Day => Some(day),
        Every::Week => day.checked_sub(i64::from(day.weekday().since(Weekday::Monday)).days()).ok(),
        Every::Month => Some(day.first_of_month()),
    }
}

/// Reads `07:00`.
///
/// # Errors
/// One sentence.
pub fn time_of_day(text: &str) -> Result<Time, String> {
    let wrong = || format!("`{text}` is no time of day; write it as 07:00");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str| part.parse::<i8>().ok().filter(|_| part.len() == 2);
    let (hour, minute) = (number(hour).ok_or_else(wrong)?, number(minute).ok_or_else(wrong)?);
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

/// A duration in days, hours, minutes, seconds, nanoseconds.
fn back(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = text[..digits].parse().ok()?;
    let seconds = match &text[digits..] {
        "w" => 604_800,
        "d" => 86_400,
        "h" => 3_600,
        "m" | "min" => 60,
        "s" => 1,
        _ => return None,
    };
    number.checked_mul(seconds)?.checked_mul(NS_PER_S)
}

fn offset(text: &str) -> Option<Offset> {
    let (hours, minutes) = text[1..].split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok().filter(|m| (0..60).contains(m))?);
    let seconds = (hours * 60 + minutes) * 60 * if text.starts_with('-') { -1 } else { 1 };
    Offset::from_seconds(seconds).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now = at("2026-11-23T10:00:00Z");
        let here = place("+02:00");
        for (text, moment) in [
            ("24h", "2026-11-22T10:00:00Z"),
            ("7d", "2026-11-16T10:00:00Z"),
            ("90m", "2026-11-23T08:30:00Z"),
            ("2026-11-23", "2026-11-22T22:00:00Z"),
            ("2026-11-23 07:30", "2026-11-23T05:30:00Z"),
            ("2026-11-23T07:30:00Z", "2026-11-23T07:30:00Z"),
            ("now", "2026-11-23T10:00:00Z"),
        ] {
            assert_eq!(here.moment(text, now).unwrap(), at(moment), "{text}");
        }
        for text in ["", "yesterday", "h", "-3h", "2026-13-01", "2026-11-23 7", "99999999999999999999d"] {
            let error = here.moment(text, now).unwrap_err();
            assert!(error.contains("24h") && error.contains("RFC 3339"), "{text}: {error}");
        }
    }

    #[test]
    fn periods_end_at_midnight_on_mondays_and_at_the_first() {
        let (utc, seven) = (place("UTC"), time_of_day("07:00").unwrap());
        let last = |every, now: &str| {
            let period = utc.last_due(every, seven, at(now)).unwrap();
            [period.from, period.to, period.due].map(|ts| utc.show(ts, "%m-%d %H:%M"))
        };
        assert_eq!(last(Every::Day, "2026-11-25T07:00:00Z"), ["11-24 00:00", "11-25 00:00", "11-25 07:00"]);
        assert_eq!(last(Every::Day, "2026-11-25T06:59:59Z"), ["11-23 00:00", "11-24 00:00", "11-24 07:00"]);
        assert_eq!(last(Every::Week, "2026-11-25T07:00:00Z"), ["11-16 00:00", "11-23 00:00", "11-23 07:00"]);
        assert_eq!(last(Every::Month, "2026-12-01T06:00:00Z"), ["10-01 00:00", "11-01 00:00", "11-01 07:00"]);
        let next = |every, now: &str| utc.show(utc.next_due(every, seven, at(now)).unwrap(), "%m-%d %H:%M");
        assert_eq!(next(Every::Day, "2026-11-25T07:00:00Z"), "11-26 07:00");
        assert_eq!(next(Every::Week, "2026-11-25T07:00:00Z"), "11-30 07:00");
        assert_eq!(next(Every::Month, "2026-11-25T07:00:00Z"), "12-01 07:00");
    }

    #[test]
    fn a_day_of_summer_time_has_its_own_length() {
        let Ok(berlin) = Place::parse("Europe/Berlin") else {
            // A machine without the database of zones cannot know it; offsets are tested above.
            return;
        };
        let day = berlin.last_due(Every::Day, Time::midnight(), at("2026-03-30T10:00:00Z")).unwrap();
        assert_eq!(day.to.since(day.from), 23 * 3_600 * NS_PER_S);
        let day = berlin.last_due(Every::Day, Time::midnight(), at("2026-10-26T10:00:00Z")).unwrap();
        assert_eq!(day.to.since(day.from), 25 * 3_600 * NS_PER_S);
    }

    #[test]
    fn what_is_no_zone_or_time_is_refused() {
        for text in ["Nowhere/Atall", "+2", "+02:99"] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
        for text in ["7", "24:00", "07:60", "0700", "7:00"] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
    }
}
