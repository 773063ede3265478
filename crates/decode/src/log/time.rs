//! Times as log lines spell them: epochs, RFC 3339 and its relatives, syslog's without a year. Owns the spellings; knows no clock:
//! what a text leaves out comes from a reference time that the caller gives. Without a zone a time is UTC.

use record::Timestamp;
use record::timestamp::NS_PER_S;

/// A syslog time may be so much later than the reference before it is taken for last year's: clocks differ, zones too.
const AHEAD_NS: i64 = 86_400 * NS_PER_S;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since the epoch with up to nine digits of fraction (`1772612130.250001`), exactly.
pub(super) fn epoch_seconds(text: &str) -> Option<Timestamp> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (seconds, ns): (i64, i64) = (whole.parse().ok()?, fraction_ns(fraction));
    let ts = Timestamp(seconds.checked_mul(NS_PER_S)?.checked_add(ns)?);
    Some(if negative { Timestamp(-ts.0) } else { ts })
}

/// An epoch whose unit its length tells: seconds, milliseconds, microseconds or nanoseconds.
pub(super) fn epoch_any(text: &str) -> Option<Timestamp> {
    let number: i64 = text.parse().ok()?;
    let unit = match text.trim_start_matches('-').len() {
        0..=11 => NS_PER_S,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    number.checked_mul(unit).map(Timestamp)
}

/// Nanoseconds of the digits behind the point.
fn fraction_ns(digits: &str) -> i64 {
    let mut ns = 0;
    let mut unit = NS_PER_S / 10;
    for digit in digits.bytes().take(9) {
        ns += i64::from(digit - b'0') * unit;
        unit /= 10;
    }
    ns
}

/// Days since the epoch of a civil date (proleptic Gregorian), after H. Hinnant's `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The civil year of a time.
fn year_of(ts: Timestamp) -> i64 {
    let day = ts.seconds().div_euclid(86_400);
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    year
}

/// Date, time of day and zone, put together; None when a part is out of its range.
fn civil(date: (i64, i64, i64), time: (i64, i64, i64), ns: i64, offset_s: i64) -> Option<Timestamp> {
    let ((year, month, day), (hour, minute, second)) = (date, time);
    let date_is_one = (1678..=2261).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let time_is_one = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (date_is_one && time_is_one).then(|| {
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
        Timestamp::from_parts(seconds, ns)
    })
}

/// Reads a text from its beginning, part by part.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    /// A number of `from` to `to` digits.
    fn number(&mut self, from: usize, to: usize) -> Option<i64> {
        let len = self.0.bytes().take(to).take_while(u8::is_ascii_digit).count();
        let value = (len >= from).then(|| self.0[..len].parse().ok())??;
        self.0 = &self.0[len..];
        Some(value)
    }
    /// One of these characters.
    fn one_of(&mut self, allowed: &[char]) -> Option<char> {
        let c = self.0.chars().next().filter(|c| allowed.contains(c))?;
        self.0 = &self.0[c.len_utf8()..];
        Some(c)
    }
    /// A month's first three letters, whatever their case.
    fn month(&mut self) -> Option<i64> {
        let name = self.0.get(..3)?.to_ascii_lowercase();
        let place = MONTHS.iter().position(|month| **month == name)?;
        self.0 = &self.0[3..];
        Some(place as i64 + 1)
    }
    /// `10:09:23` and a fraction, if there is one.
    fn time_of_day(&mut self) -> Option<((i64, i64, i64), i64)> {
        let hour = self.number(1, 2)?;
        self.one_of(&[':'])?;
        let minute = self.number(2, 2)?;
        let second = if self.one_of(&[':']).is_some() { self.number(2, 2)? } else { 0 };
        let mut ns = 0;
        if self.0.starts_with('.') {
            let len = self.0[1..].bytes().take_while(u8::is_ascii_digit).count();
            ns = fraction_ns(&self.0[1..=len]);
            self.0 = &self.0[1 + len..];
        }
        Some(((hour, minute, second), ns))
    }
    /// `Z`, `+0100`, `+01:00`, ` +0100`; nothing is UTC.
    fn offset_s(&mut self) -> Option<i64> {
        let before = self.0;
        let trimmed = before.strip_prefix(' ').unwrap_or(before);
        self.0 = trimmed;
        let Some(sign) = self.one_of(&['Z', 'z', '+', '-']) else {
            self.0 = before;
            return Some(0);
        };
        if matches!(sign, 'Z' | 'z') {
            return Some(0);
        }
        let hours = self.number(2, 2)?;
        self.one_of(&[':']);
        let minutes = self.number(2, 2).unwrap_or(0);
        Some((hours * 3600 + minutes * 60) * if sign == '-' { -1 } else { 1 })
    }
}

/// A date and time with the year first (`2026-03-04T08:15:30.250000+0000`, `2026/03/04 08:15:30`), and what stands behind it.
pub(super) fn iso_prefix(text: &str) -> Option<(Timestamp, &str)> {
    let mut r = Reader(text);
    let year = r.number(4, 4)?;
    let separator = r.one_of(&['-', '/'])?;
    let month = r.number(1, 2)?;
    r.one_of(&[separator])?;
    let day = r.number(1, 2)?;
    r.one_of(&['T', 't', ' '])?;
    let (time, ns) = r.time_of_day()?;
    let offset_s = r.offset_s()?;
    Some((civil((year, month, day), time, ns, offset_s)?, r.0))
}

/// The same, and nothing behind it.
pub(super) fn iso(text: &str) -> Option<Timestamp> {
    iso_prefix(text).filter(|(_, rest)| rest.is_empty()).map(|(ts, _)| ts)
}

/// A month first: `Mar  4 08:15:30` (the year is the reference's, or the one before), `Mar 04 2026 08:15:30`,
/// `Mar 04, 2026 08:15:30`; and what stands behind it.
pub(super) fn month_first(text: &str, reference: Timestamp) -> Option<(Timestamp, &str)> {
    let mut r = Reader(text);
    let month = r.month()?;
    r.one_of(&[' '])?;
    r.one_of(&[' ']);
    let day = r.number(1, 2)?;
    r.one_of(&[',']);
    r.one_of(&[' '])?;
    let with_year = Reader(r.0).number(4, 4).is_some();
    let year = if with_year {
        let year = r.number(4, 4)?;
        r.one_of(&[' '])?;
        Some(year)
    } else {
        None
    };
    let (time, ns) = r.time_of_day()?;
    if let Some(year) = year {
        return Some((civil((year, month, day), time, ns, 0)?, r.0));
    }
    let this_year = year_of(reference);
    let ts = civil((this_year, month, day), time, ns, 0)?;
    let late = ts.since(reference) > AHEAD_NS;
    let ts = if late { civil((this_year - 1, month, day), time, ns, 0)? } else { ts };
    Some((ts, r.0))
}

/// A web server's and Proxmox's: `04/Mar/2026:09:15:30 +0100`, and what stands behind it.
pub(super) fn day_first(text: &str) -> Option<(Timestamp, &str)> {
    let mut r = Reader(text);
    let day = r.number(1, 2)?;
    r.one_of(&['/'])?;
    let month = r.month()?;
    r.one_of(&['/'])?;
    let year = r.number(4, 4)?;
    r.one_of(&[':', ' '])?;
    let (time, ns) = r.time_of_day()?;
    let offset_s = r.offset_s()?;
    Some((civil((year, month, day), time, ns, offset_s)?, r.0))
}

/// American numbers: `03/04/2026-08:15:30.250000` (Suricata's fast log), `3/4/26 8:15` (a table program's idea of a time).
pub(super) fn american(text: &str) -> Option<(Timestamp, &str)> {
    let mut r = Reader(text);
    let month = r.number(1, 2)?;
    r.one_of(&['/'])?;
    let day = r.number(1, 2)?;
    r.one_of(&['/'])?;
    let year = r.number(2, 4)?;
    r.one_of(&['-', ' '])?;
    let (time, ns) = r.time_of_day()?;
    let year = if year < 100 { year + 2000 } else { year };
    Some((civil((year, month, day), time, ns, 0)?, r.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn epochs_are_exact() {
        assert_eq!(epoch_seconds("1772612130.250001"), Some(Timestamp(1_772_612_130_250_001_000)));
        assert_eq!(epoch_seconds("-1.5"), Some(Timestamp(-1_500_000_000)));
        assert_eq!(epoch_seconds("1e9"), None);
        assert_eq!(epoch_seconds(""), None);
        assert_eq!(epoch_any("1772612130"), Some(Timestamp(1_772_612_130_000_000_000)));
        assert_eq!(epoch_any("1772612130250001002"), Some(Timestamp(1_772_612_130_250_001_002)));
        assert_eq!(epoch_any("1772612130250"), Some(Timestamp(1_772_612_130_250_000_000)));
        assert_eq!(epoch_any("99999999999999999999"), None);
    }

    #[test]
    fn years_first() {
        assert_eq!(iso("2026-03-04T08:15:30.250001+0000"), Some(at("2026-03-04T08:15:30.250001Z")));
        assert_eq!(iso("2026-03-04T09:15:30+01:00"), Some(at("2026-03-04T08:15:30Z")));
        assert_eq!(iso("2026/03/04 08:15:30"), Some(at("2026-03-04T08:15:30Z")));
        assert_eq!(iso("2026-03-04T08:15:30.250001Z"), Some(at("2026-03-04T08:15:30.250001Z")));
        assert_eq!(iso("2026-13-04T08:15:30"), None);
        assert_eq!(iso_prefix("2026-03-04T09:15:30+01:00 edge1"), Some((at("2026-03-04T08:15:30Z"), " edge1")));
        for day in ["2000-02-29T00:00:00Z", "1970-01-01T00:00:00Z", "2100-03-01T00:00:00Z"] {
            assert_eq!(iso(day), Some(at(day)), "{day}");
        }
    }

    #[test]
    fn a_missing_year_comes_from_the_reference() {
        let reference = at("2026-01-02T00:00:00Z");
        assert_eq!(month_first("Jan  1 10:00:00 h", reference), Some((at("2026-01-01T10:00:00Z"), " h")));
        assert_eq!(month_first("Dec 31 23:59:59", reference).unwrap().0, at("2025-12-31T23:59:59Z"));
        assert_eq!(month_first("Nov 03 2025 21:40:05: x", reference).unwrap(), (at("2025-11-03T21:40:05Z"), ": x"));
        assert_eq!(month_first("Nov 03, 2025 21:40:05", reference).unwrap().0, at("2025-11-03T21:40:05Z"));
        assert_eq!(month_first("Foo 31 23:59:59", reference), None);
    }

    #[test]
    fn other_spellings() {
        assert_eq!(day_first("04/Mar/2026:09:15:30 +0100 x").unwrap(), (at("2026-03-04T08:15:30Z"), " x"));
        assert_eq!(american("03/24/2026-08:15:30.250001").unwrap().0, at("2026-03-24T08:15:30.250001Z"));
        assert_eq!(american("3/24/26 8:15,1").unwrap(), (at("2026-03-24T08:15:00Z"), ",1"));
    }
}
