//! Durations as people type them: `90s`, `10m`, `1h30m`, `2d`, `250ms`. Owns the spelling; knows no clock.

use crate::failure::{Failure, Result};

/// Reads a duration; the answer is in nanoseconds and never negative.
pub fn parse_ns(text: &str) -> Result<i64> {
    let wrong = || Failure::new(format!("`{text}` is not a duration; write 90s, 10m, 1h30m, 2d or 250ms"));
    let mut rest = text.trim();
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let after = &rest[digits..];
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let seconds = match &after[..letters] {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        total += number * seconds;
        rest = &after[letters..];
    }
    Ok((total * 1e9) as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_people_type_and_refuses_the_rest() {
        for (text, seconds) in
            [("90s", 90.0), ("10m", 600.0), ("1h30m", 5_400.0), ("2d", 172_800.0), ("250ms", 0.25), ("5", 5.0)]
        {
            assert_eq!(parse_ns(text).unwrap(), (seconds * 1e9) as i64, "{text}");
        }
        for text in ["", "h", "ten minutes", "5x", "-3s", "1.2.3s"] {
            assert!(parse_ns(text).is_err(), "{text}");
        }
    }
}
