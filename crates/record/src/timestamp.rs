//! Capture time. Owns its resolution and spelling (RFC 3339); knows no clock: nobody can ask this type for "now".

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Nanoseconds since the Unix epoch, UTC. Covers the years 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Nanoseconds in one second.
pub const NS_PER_S: i64 = 1_000_000_000;
/// Nanoseconds in one millisecond.
pub const NS_PER_MS: i64 = 1_000_000;
/// Nanoseconds in one microsecond.
pub const NS_PER_US: i64 = 1_000;

impl Timestamp {
    /// From whole seconds and nanoseconds; saturates instead of wrapping.
    #[inline]
    #[must_use]
    pub const fn from_parts(seconds: i64, nanoseconds: i64) -> Self {
        Self(seconds.saturating_mul(NS_PER_S).saturating_add(nanoseconds))
    }
    /// From seconds with a fraction; saturates; NaN is the epoch.
    #[must_use]
    pub fn from_seconds_f64(seconds: f64) -> Self {
        Self((seconds * NS_PER_S as f64) as i64)
    }
    /// Seconds since the epoch, with a fraction.
    #[inline]
    #[must_use]
    pub fn seconds_f64(self) -> f64 {
        self.0 as f64 / NS_PER_S as f64
    }
    /// Whole seconds since the epoch, rounded down.
    #[inline]
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NS_PER_S)
    }
    /// Nanoseconds from `earlier` to `self`; negative when `self` is earlier; saturates.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
    /// `self` moved later by `ns` nanoseconds; saturates.
    #[inline]
    #[must_use]
    pub const fn plus_ns(self, ns: i64) -> Self {
        Self(self.0.saturating_add(ns))
    }
    /// RFC 3339 in UTC with microseconds, as EVE and Zeek readers expect it.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let micros = i128::from(self.0.div_euclid(NS_PER_US)) * 1000;
        OffsetDateTime::from_unix_timestamp_nanos(micros)
            .ok()
            .map(|t| {
                format!(
                    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                    t.year(),
                    u8::from(t.month()),
                    t.day(),
                    t.hour(),
                    t.minute(),
                    t.second(),
                    t.microsecond()
                )
            })
            .unwrap_or_default()
    }
    /// Reads RFC 3339, any offset. None when the text is not a time.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let t = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(t.unix_timestamp_nanos()).ok().map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not an RFC 3339 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_round_trips_to_the_microsecond() {
        let t = Timestamp::from_parts(1_700_000_000, 123_456_789);
        assert_eq!(t.rfc3339(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(Timestamp::parse_rfc3339(&t.rfc3339()), Some(Timestamp::from_parts(1_700_000_000, 123_456_000)));
        assert_eq!(Timestamp(-1).rfc3339(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }
}
