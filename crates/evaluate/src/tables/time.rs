//! Points in time as tables write them. Without a zone they are UTC.

use record::Timestamp;

/// 1990 and 2100, seconds since the epoch.
const SECONDS: std::ops::Range<f64> = 631_152_000.0..4_102_444_800.0;

/// A number as a point in time, by its size: seconds, milliseconds, microseconds or nanoseconds since the epoch; None outside
/// the years 1990 to 2100.
#[must_use]
pub(crate) fn from_number(value: f64) -> Option<Timestamp> {
    [1.0, 1e3, 1e6, 1e9].into_iter().find(|unit| SECONDS.contains(&(value / unit))).map(|unit| {
        // Whole parts first, so that nanoseconds keep what a double has.
        let seconds = (value / unit).floor();
        Timestamp::from_parts(seconds as i64, ((value - seconds * unit) * (1e9 / unit)).round() as i64)
    })
}

/// A text: RFC 3339 and its relatives, `2017-07-06 12:39:06.818901`, `6/7/2017 3:30:01 PM` (day first, as CICFlowMeter writes;
/// month first when the second number cannot be a month), or a number.
#[must_use]
pub(crate) fn from_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return from_number(number);
    }
    Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&with_colon(text)?)).or_else(|| by_parts(text))
}

/// `+0000` as `+00:00`: Suricata's zone.
fn with_colon(text: &str) -> Option<String> {
    let (start, zone) = text.split_at_checked(text.len().checked_sub(5)?)?;
    let minutes = zone.get(3..).filter(|_| zone.starts_with(['+', '-']))?;
    Some(format!("{start}{}:{minutes}", &zone[..3]))
}

fn by_parts(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once([' ', 'T'])?;
    let (year, month, day) = if date.contains('/') {
        let mut parts = date.split('/').map(str::parse::<u32>);
        let (first, second, year) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        if second > 12 { (year, first, second) } else { (year, second, first) }
    } else {
        let mut parts = date.split('-').map(str::parse::<u32>);
        (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?)
    };
    let year = if year < 100 { year + 2000 } else { year };
    let clock = clock.trim_end_matches('Z');
    let (clock, half) = match clock.rsplit_once(' ') {
        Some((clock, half)) => (clock, Some(half.to_ascii_lowercase())),
        None => (clock, None),
    };
    let mut parts = clock.split(':');
    let hour: u32 = parts.next()?.parse().ok()?;
    let minute: u32 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next().unwrap_or("0").parse().ok()?;
    let hour = match half.as_deref() {
        Some("pm") if hour < 12 => hour + 12,
        Some("am") if hour == 12 => 0,
        Some("am" | "pm") | None => hour,
        Some(_) => return None,
    };
    if !(0.0..61.0).contains(&second) {
        return None;
    }
    // One reading of the calendar: RFC 3339's.
    let start = Timestamp::parse_rfc3339(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"))?;
    Some(start.plus_ns((second * 1e9).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_moment() {
        let moment = Some(Timestamp(1_499_344_746_500_000_000));
        for text in [
            "2017-07-06T12:39:06.5Z",
            "2017-07-06T14:39:06.500000+0200",
            "2017-07-06 12:39:06.500000",
            "6/7/2017 12:39:06.5 PM",
            "06/07/2017 12:39:06.5",
            "1499344746.5",
            "1499344746500",
            "1499344746500000",
        ] {
            assert_eq!(from_text(text), moment, "{text}");
        }
        assert_eq!(from_text("13/1/2017 12:00:00 AM"), from_text("2017-01-13 00:00"));
        assert_eq!(from_text("1/13/2017 0:00"), from_text("2017-01-13 00:00"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "tcp", "42", "2017-13-06 12:00:00", "2017-07-06", "2017-07-06 25:00", "1/2/3", "10.0.0.1 x"] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
