//! Hours in which a channel is quiet, in civil time: a zone's summer time counts. Owns when they end; time is an argument.

use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use jiff::{ToSpan, Zoned};
use record::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// `quiet = { from = "22:00", to = "07:00" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Begin, `HH:MM`.
    pub from: String,
    /// End, `HH:MM`; earlier than `from`: the next day.
    pub to: String,
    /// `local`, `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`.
    #[serde(default = "local")]
    pub zone: String,
    /// Critical incidents are told at once all the same.
    #[serde(default = "yes")]
    pub critical_passes: bool,
}

fn local() -> String {
    "local".to_owned()
}

fn yes() -> bool {
    true
}

impl QuietHours {
    /// Refuses times and zones that are none.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(&self) -> Result<(), String> {
        if time(&self.from)? == time(&self.to)? {
            return Err("quiet.from and quiet.to are the same: the channel would never speak".to_owned());
        }
        self.time_zone().map(drop)
    }

    /// The end of the quiet hours that `now` lies in; None when it lies in none, or when something this severe passes.
    #[must_use]
    pub fn until(&self, now: Timestamp, severity: Severity) -> Option<Timestamp> {
        if self.critical_passes && severity == Severity::Critical {
            return None;
        }
        let (from, to) = (time(&self.from).ok()?, time(&self.to).ok()?);
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(now.0)).ok()?;
        let here = stamp.to_zoned(self.time_zone().ok()?);
        let clock = here.time();
        let inside = if from < to { from <= clock && clock < to } else { from <= clock || clock < to };
        if !inside {
            return None;
        }
        let end = end_after(&here, to)?;
        i64::try_from(end.timestamp().as_nanosecond()).ok().map(Timestamp)
    }

    fn time_zone(&self) -> Result<TimeZone, String> {
        match self.zone.as_str() {
            "local" | "" => Ok(TimeZone::system()),
            "UTC" | "utc" | "Z" => Ok(TimeZone::UTC),
            text if text.starts_with(['+', '-']) => offset(text).map(TimeZone::fixed),
            name => TimeZone::get(name).map_err(|_| {
                format!("quiet.zone `{name}` is not known; write local, UTC, an offset such as +02:00, or a name such as Europe/Berlin")
            }),
        }
    }
}

/// The first moment after `here` at which the clock shows `to`.
fn end_after(here: &Zoned, to: Time) -> Option<Zoned> {
    let day = if to > here.time() { here.date() } else { here.date().checked_add(1.day()).ok()? };
    day.to_datetime(to).to_zoned(here.time_zone().clone()).ok()
}

fn time(text: &str) -> Result<Time, String> {
    let wrong = || format!("quiet hours are written HH:MM, not `{text}`");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str| part.parse::<i8>().ok().filter(|_| part.len() == 2);
    let (hour, minute) = (number(hour).ok_or_else(wrong)?, number(minute).ok_or_else(wrong)?);
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

fn offset(text: &str) -> Result<Offset, String> {
    let wrong = || format!("quiet.zone `{text}` is no offset; write it as +02:00 or -05:30");
    let (hours, minutes) = text[1..].split_once(':').ok_or_else(wrong)?;
    let hours: i32 = hours.parse().map_err(|_| wrong())?;
    let minutes: i32 = minutes.parse().ok().filter(|m| (0..60).contains(m)).ok_or_else(wrong)?;
    let seconds = (hours * 60 + minutes) * 60 * if text.starts_with('-') { -1 } else { 1 };
    Offset::from_seconds(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn quiet(from: &str, to: &str, zone: &str) -> QuietHours {
        QuietHours { from: from.into(), to: to.into(), zone: zone.into(), critical_passes: true }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn hours_over_midnight_end_in_the_morning() {
        let quiet = quiet("22:00", "07:00", "UTC");
        let until = |text: &str| quiet.until(at(text), Severity::High);
        assert_eq!(until("2026-03-01T21:59:59Z"), None);
        assert_eq!(until("2026-03-01T22:00:00Z"), Some(at("2026-03-02T07:00:00Z")));
        assert_eq!(until("2026-03-02T06:59:59Z"), Some(at("2026-03-02T07:00:00Z")));
        assert_eq!(until("2026-03-02T07:00:00Z"), None);
        assert_eq!(quiet.until(at("2026-03-01T23:00:00Z"), Severity::Critical), None);
        let strict = QuietHours { critical_passes: false, ..quiet.clone() };
        assert!(strict.until(at("2026-03-01T23:00:00Z"), Severity::Critical).is_some());
    }

    #[test]
    fn offsets_and_zones_move_them() {
        assert_eq!(
            quiet("12:00", "13:00", "+02:00").until(at("2026-07-01T10:30:00Z"), Severity::Low),
            Some(at("2026-07-01T11:00:00Z"))
        );
        assert_eq!(quiet("12:00", "13:00", "-05:30").until(at("2026-07-01T10:30:00Z"), Severity::Low), None);
        for bad in ["+2", "+02:99", "Nowhere/Atall"] {
            assert!(quiet("12:00", "13:00", bad).check().is_err(), "{bad}");
        }
        for (from, to) in [("7", "08:00"), ("24:00", "08:00"), ("08:00", "08:00"), ("0800", "09:00")] {
            assert!(quiet(from, to, "UTC").check().is_err(), "{from} {to}");
        }
        assert!(quiet("12:00", "13:00", "local").check().is_ok());
    }
}
