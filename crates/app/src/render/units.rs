//! Numbers for people: SI steps for bytes and counts, durations, values with their unit.

use record::Why;

/// `1.2 MB`, `830 B`; powers of 1000.
pub fn bytes(value: f64) -> String {
    si(value, "B")
}

/// A number with SI steps and a unit.
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
pub fn short(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => return format!("{value:.1e}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A value in its own unit.
pub fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "bytes" => bytes(value),
        "ms" if value >= 1_000.0 => format!("{} s", short(value / 1_000.0)),
        "" => short(value),
        _ => format!("{} {unit}", short(value)),
    }
}

/// `distinct_ports = 312, expected 0 to 14`.
pub fn reason(why: &Why) -> String {
    let [low, high] = why.expected.map(|v| with_unit(v, &why.unit));
    let expected = if low == high { low } else { format!("{low} to {high}") };
    format!("{} is {}, expected {expected}", why.feature.replace('_', " "), with_unit(why.value, &why.unit))
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
        assert_eq!(reason(&why), "distinct ports is 312, expected 0 to 14");
    }
}
