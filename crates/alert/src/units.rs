//! Numbers for people: SI steps for bytes and counts, durations, values with their unit.

use record::Why;

/// `1.2 MB`, `830 B`; powers of 1000.
#[must_use]
pub fn bytes(value: f64) -> String {
    si(value, "B")
}

/// A number with SI steps and a unit.
#[must_use]
pub fn si(value: f64, unit: &str) -> String {
    let steps = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    for (size, prefix) in steps {
        if value.abs() >= size {
            return format!("{} {prefix}{unit}", short(value / size));
        }
    }
    format!("{} {unit}", short(value)).trim_end().to_owned()
}

/// Three significant digits at most, no trailing zeros.
#[must_use]
pub fn short(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 1_000.0 => return grouped(value),
        v if v >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => return format!("{value:.1e}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A whole number with a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds in the unit that reads best: `3.5 ms`, `12 s`.
#[must_use]
pub fn seconds(value: f64) -> String {
    if value > 0.0 && value < 1.0 { format!("{} ms", short(value * 1_000.0)) } else { format!("{} s", short(value)) }
}

/// A value in its own unit.
#[must_use]
pub fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "bytes" => bytes(value),
        "s" => seconds(value),
        "ms" => seconds(value / 1_000.0),
        "ratio" => format!("{} %", short(value * 100.0)),
        "yes/no" => String::from(if value >= 0.5 { "yes" } else { "no" }),
        _ => match unit.strip_prefix("1/") {
            _ if unit.is_empty() => short(value),
            Some(per) => format!("{} per {}", short(value), long_time(per)),
            None => format!("{} {unit}", short(value)),
        },
    }
}

fn long_time(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "min" => "minute",
        "h" => "hour",
        other => other,
    }
}

/// `distinct ports asked 312, expected up to 14`.
#[must_use]
pub fn reason(why: &Why) -> String {
    let (name, seen, usual) = parts(why);
    format!("{name} {seen}, expected {usual}")
}

/// Name, value and expected range of a reason. A unit that the name already says is not said again, and a range says its unit once.
#[must_use]
pub fn parts(why: &Why) -> (String, String, String) {
    let name = why.feature.replace('_', " ");
    let said = name.split(' ').any(|word| word == why.unit) || long_time_said(&name, &why.unit);
    let unit = if said { "" } else { why.unit.as_str() };
    let [low, high] = why.expected;
    let usual = if low == high {
        with_unit(high, unit)
    } else if low == 0.0 {
        format!("up to {}", with_unit(high, unit))
    } else {
        format!("{} to {}", with_unit(low, unit), with_unit(high, unit))
    };
    (name, with_unit(why.value, unit), usual)
}

fn long_time_said(name: &str, unit: &str) -> bool {
    unit.strip_prefix("1/").is_some_and(|per| name.ends_with(&format!("per {}", long_time(per))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(1_234_567.0), "1.23 MB");
        assert_eq!(bytes(830.0), "830 B");
        assert_eq!(short(0.5), "0.5");
        assert_eq!(with_unit(2_500.0, "ms"), "2.5 s");
        let why = Why {
            feature: "distinct_ports".into(),
            value: 312.0,
            expected: [0.0, 14.0],
            unit: String::new(),
            share: 1.0,
        };
        assert_eq!(reason(&why), "distinct ports 312, expected up to 14");
        let why = Why { unit: "ports".into(), value: 48_336.0, expected: [2.0, 8.0], ..why };
        assert_eq!(reason(&why), "distinct ports 48,336, expected 2 to 8");
        let why = Why { feature: "ports_asked_per_minute".into(), unit: "1/min".into(), ..why };
        assert_eq!(reason(&why), "ports asked per minute 48,336, expected 2 to 8");
        let why = Why { feature: "query_rate".into(), value: 2.0, ..why };
        assert_eq!(reason(&why), "query rate 2 per minute, expected 2 per minute to 8 per minute");
        let why = Why { feature: "no_name".into(), value: 1.0, expected: [0.0; 2], unit: "yes/no".into(), ..why };
        assert_eq!(reason(&why), "no name yes, expected no");
        assert_eq!(seconds(0.0049), "4.9 ms");
        assert_eq!(seconds(0.0), "0 s");
    }
}
