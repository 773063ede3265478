//! pcapng's time units (`if_tsresol`, `if_tsoffset`) to nanoseconds. Saturates; never divides by zero.

use record::Timestamp;

/// How one interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    scale: Scale,
    offset_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Units of 10^-n s with n ≤ 9: nanoseconds in one.
    Coarse(u64),
    /// Units of 10^-n s with n > 9: units in one nanosecond.
    Fine(u64),
    /// Units of 2^-n s.
    Binary(u32),
    /// Finer than 64 bits can count a second in: every time is the offset.
    Vanishing,
}

impl Default for Resolution {
    /// Microseconds since 1970, as the format prescribes.
    fn default() -> Self {
        Self { scale: Scale::Coarse(1000), offset_s: 0 }
    }
}

impl Resolution {
    /// From the option's byte: 10^-n, or 2^-n when the top bit is set.
    pub fn set_units(&mut self, byte: u8) {
        let n = u32::from(byte & 0x7f);
        self.scale = match (byte & 0x80 != 0, n) {
            (true, 0..=63) => Scale::Binary(n),
            (false, 0..=9) => Scale::Coarse(10u64.pow(9 - n)),
            (false, 10..=28) => Scale::Fine(10u64.pow(n - 9)),
            _ => Scale::Vanishing,
        };
    }

    /// Seconds added to every time.
    pub fn set_offset(&mut self, seconds: i64) {
        self.offset_s = seconds;
    }

    /// A counted time as nanoseconds since 1970.
    #[inline]
    pub fn time(&self, units: u64) -> Timestamp {
        let ns = match self.scale {
            Scale::Coarse(one) => i64::try_from(units.saturating_mul(one)).unwrap_or(i64::MAX),
            Scale::Fine(one) => (units / one) as i64,
            Scale::Binary(n) => i64::try_from((u128::from(units) * 1_000_000_000) >> n).unwrap_or(i64::MAX),
            Scale::Vanishing => 0,
        };
        Timestamp::from_parts(self.offset_s, ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(byte: u8, offset: i64, units: u64) -> i64 {
        let mut r = Resolution::default();
        r.set_units(byte);
        r.set_offset(offset);
        r.time(units).0
    }

    #[test]
    fn decimal_and_binary_units() {
        assert_eq!(Resolution::default().time(5).0, 5000);
        assert_eq!(time(0, 0, 3), 3_000_000_000);
        assert_eq!(time(9, 1, 7), 1_000_000_007);
        assert_eq!(time(12, 0, 7_999), 7);
        assert_eq!(time(0x8a, 0, 1536), 1_500_000_000);
        assert_eq!(time(0x80, -2, 1), -1_000_000_000);
        assert_eq!(time(0x7f, 4, 9), 4_000_000_000);
        assert_eq!(time(0xff, 0, u64::MAX), 0);
        assert_eq!(time(6, 0, u64::MAX), i64::MAX);
    }
}
