//! One plain sentence for an incident of the learned detectors: who, to whom, and the reason that leads.

use record::{FeatureKind, IpAddr16, Schema, Why};

/// `41 MB`, `1.2 s`, `312`.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "bytes" | "B" => scaled(value, &[("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)]),
        "bytes/s" | "B/s" => scaled(value, &[("B/s", 1.0), ("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9)]),
        "ns" => scaled(value, &[("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("h", 3.6e12)]),
        "ms" => scaled(value, &[("ms", 1.0), ("s", 1e3), ("min", 6e4), ("h", 3.6e6)]),
        "s" => scaled(value, &[("s", 1.0), ("min", 60.0), ("h", 3600.0)]),
        "ratio" | "share" => format!("{} %", plain(value * 100.0)),
        "" => plain(value),
        other => format!("{} {other}", plain(value)),
    }
}

fn scaled(value: f64, units: &[(&str, f64)]) -> String {
    let size = value.abs();
    let (name, factor) =
        units.iter().rev().find(|(_, f)| size >= *f * 0.9995).or(units.first()).copied().unwrap_or(("", 1.0));
    format!("{} {name}", plain(value / factor))
}

/// Two significant digits below ten, whole numbers with separators above.
fn plain(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    if value.abs() >= 9.95 {
        let digits = format!("{:.0}", value.abs());
        let mut out = String::new();
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i) % 3 == 0 {
                out.push(',');
            }
            out.push(c);
        }
        return if value < 0.0 { format!("-{out}") } else { out };
    }
    let text = if value.abs() >= 0.995 || value == 0.0 { format!("{value:.1}") } else { format!("{value:.2}") };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The reason in words: `payload sent per packet 1.2 kB where at most 300 B is usual`.
fn reason(why: &Why, schema: Option<&Schema>) -> String {
    let feature = schema.and_then(|s| s.features.iter().find(|f| f.name == why.feature));
    let name = feature.map_or_else(|| why.feature.replace('_', " "), |f| f.phrase.to_string());
    if feature.is_some_and(|f| f.kind == FeatureKind::Category) {
        return format!("{name} is rarely seen here");
    }
    let [low, high] = why.expected;
    // A unit that the name says already is not said again.
    let unit = if name.split(' ').any(|word| word == why.unit) { "" } else { &why.unit };
    let value = quantity(why.value, unit);
    if why.value > high {
        format!("{name} {value} where at most {} is usual", quantity(high, unit))
    } else if why.value < low {
        format!("{name} {value} where at least {} is usual", quantity(low, unit))
    } else {
        format!("{name} {value} is unusual in this combination")
    }
}

/// The sentence, without full stop. `flows` unusual flows of `src` went to `dest`.
pub(crate) fn learned_title(
    src: Option<IpAddr16>,
    dest: &[IpAddr16],
    flows: u64,
    why: &[Why],
    schema: Option<&Schema>,
) -> String {
    let who = src.map_or_else(|| "A host".to_owned(), |ip| ip.to_string());
    let whom = match dest {
        [] => String::new(),
        [one] => format!(" to {one}"),
        many => format!(" to {} hosts", many.len()),
    };
    let what = if flows > 1 { format!("{} unusual flows", plain(flows as f64)) } else { "unusual traffic".to_owned() };
    match why.first() {
        Some(first) => format!("{who} sent {what}{whom}: {}", reason(first, schema)),
        None => format!("{who} sent {what}{whom}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Feature;

    static COLUMNS: [Feature; 2] = [
        Feature::fixed("bytes_out", "bytes", FeatureKind::Log1p, "upload"),
        Feature::fixed("service", "", FeatureKind::Category, "its service"),
    ];
    static SCHEMA: Schema = Schema::fixed("test/1", &COLUMNS);

    fn why(feature: &str, value: f64, expected: [f64; 2]) -> Why {
        Why { feature: feature.into(), value, expected, unit: "bytes".into(), share: 0.5 }
    }

    #[test]
    fn reads_as_a_sentence() {
        let src = IpAddr16::v4([192, 0, 2, 7]);
        let dest = IpAddr16::v4([203, 0, 113, 9]);
        let high = [why("bytes_out", 41e6, [100.0, 1.2e6])];
        assert_eq!(
            learned_title(Some(src), &[dest], 1, &high, Some(&SCHEMA)),
            "192.0.2.7 sent unusual traffic to 203.0.113.9: upload 41 MB where at most 1.2 MB is usual"
        );
        let rare = [why("service", 9.0, [0.0, 3.0])];
        assert_eq!(
            learned_title(Some(src), &[dest, src], 200, &rare, Some(&SCHEMA)),
            "192.0.2.7 sent 200 unusual flows to 2 hosts: its service is rarely seen here"
        );
        assert_eq!(
            learned_title(Some(src), &[], 1, &[why("idle_max", 1.0, [2.0, 3.0])], None),
            "192.0.2.7 sent unusual traffic: idle max 1 B where at least 2 B is usual"
        );
    }

    #[test]
    fn a_unit_is_said_once() {
        let many = Why { unit: "flows".into(), ..why("unusual_flows", 19.0, [0.0, 1.0]) };
        assert_eq!(
            learned_title(None, &[], 19, &[many], None),
            "A host sent 19 unusual flows: unusual flows 19 where at most 1 is usual"
        );
    }

    #[test]
    fn quantities_are_short() {
        assert_eq!(quantity(1_234_567.0, "packets"), "1,234,567 packets");
        assert_eq!(quantity(0.031, ""), "0.03");
        assert_eq!(quantity(0.25, "ratio"), "25 %");
        assert_eq!(quantity(1500.0, "ms"), "1.5 s");
        assert_eq!(quantity(999.9, "bytes"), "1 kB");
    }
}
