//! Which settings the dashboard shows and which it may change, with their names for people and the values that are taken. Owns the
//! list; a setting that is not in it belongs to the configuration file alone.

use detect::behaviour::{BehaviourConfig, BehaviourSet};
use serde_json::Value as Json;
use serve::shapes::SettingKind;
use toml::Value;

/// One setting of the page.
pub struct Known {
    /// Key.
    pub key: &'static str,
    /// Group of the page.
    pub group: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// What it does.
    pub text: &'static str,
    /// Unit for people.
    pub unit: &'static str,
    /// Kind of value.
    pub kind: SettingKind,
    /// Smallest and largest value; None: it is shown only.
    pub range: Option<(f64, f64)>,
}

const fn number(
    key: &'static str,
    group: &'static str,
    label: &'static str,
    unit: &'static str,
    (kind, min, max): (SettingKind, f64, f64),
    text: &'static str,
) -> Known {
    Known { key, group, label, text, unit, kind, range: Some((min, max)) }
}

const fn shown(key: &'static str, label: &'static str, text: &'static str) -> Known {
    Known { key, group: "network", label, text, unit: "", kind: SettingKind::Text, range: None }
}

use SettingKind::{Number, Whole};

/// Hours of ten years.
const HOURS_MAX: f64 = 87_600.0;
/// Days of ten years.
const DAYS_MAX: f64 = 3_650.0;

/// The settings, in the order of the page.
pub const KNOWN: &[Known] = &[
    number(
        "alert.per_hour",
        "budget",
        "Alert budget",
        "incidents an hour",
        (Number, 0.0, 1_000.0),
        "How many incidents of the learned models are announced. The weaker ones of an hour are kept, marked and searchable. Incidents of exact detectors (scans, floods, tunnels) are never held back.",
    ),
    Known {
        key: "behaviour.disabled",
        group: "detection",
        label: "Detectors left out",
        text: "These detectors do not run.",
        unit: "",
        kind: SettingKind::Names,
        range: Some((0.0, 64.0)),
    },
    number(
        "behaviour.new_device.learn_s",
        "detection",
        "Time to know all devices",
        "seconds",
        (Whole, 60.0, 2_592_000.0),
        "A device that shows itself within this time counts as known; one that comes later is an incident.",
    ),
    number(
        "behaviour.volume.floor_bytes_per_s",
        "detection",
        "Rise of traffic: from this rate on",
        "bytes a second",
        (Number, 0.0, 1e12),
        "A rise of an interface's traffic below this rate is not told.",
    ),
    number(
        "behaviour.volume.floor_packets_per_s",
        "detection",
        "Rise of packets: from this rate on",
        "packets a second",
        (Number, 0.0, 1e9),
        "A rise of an interface's packets below this rate is not told.",
    ),
    number(
        "behaviour.exfiltration.floor_bytes",
        "detection",
        "Unusual upload: from this size on",
        "bytes",
        (Number, 0.0, 1e13),
        "An upload of a host within ten minutes that is smaller is not told.",
    ),
    number(
        "behaviour.control_commands.learn_s",
        "detection",
        "Time to know all masters of control stations",
        "seconds",
        (Whole, 60.0, 2_592_000.0),
        "Who gives commands to a station (Modbus, DNP3) within this time counts as known; one who comes later is an incident.",
    ),
    number(
        "models.retrain_every_h",
        "detection",
        "Models are renewed every",
        "hours",
        (Number, 0.0, 8_760.0),
        "0: the first models stay. New models take the place of the old ones only when they pass their examination.",
    ),
    number(
        "store.max_bytes",
        "retention",
        "Database, at most",
        "bytes",
        (Whole, 16_777_216.0, 1e15),
        "With its write-ahead log. The oldest flows go first.",
    ),
    number("store.flows_age_h", "retention", "Flows", "hours", (Whole, 1.0, HOURS_MAX), "How long flows are kept."),
    number(
        "store.incidents_age_days",
        "retention",
        "Incidents",
        "days",
        (Whole, 1.0, DAYS_MAX),
        "How long incidents are kept after their last evidence.",
    ),
    number(
        "store.incidents_max",
        "retention",
        "Incidents, at most",
        "incidents",
        (Whole, 100.0, 1e6),
        "Those raised longest ago go first.",
    ),
    number(
        "store.hosts_age_days",
        "retention",
        "Hosts",
        "days",
        (Whole, 1.0, DAYS_MAX),
        "How long hosts are kept after they were last seen.",
    ),
    number(
        "store.series_second_age_h",
        "retention",
        "Charts by the second",
        "hours",
        (Whole, 1.0, 48.0),
        "How long one-second points are kept.",
    ),
    number(
        "store.series_minute_age_days",
        "retention",
        "Charts by the minute",
        "days",
        (Whole, 1.0, DAYS_MAX),
        "How long one-minute points are kept.",
    ),
    number(
        "store.series_hour_age_days",
        "retention",
        "Charts by the hour",
        "days",
        (Whole, 1.0, DAYS_MAX),
        "How long one-hour points are kept.",
    ),
    shown(
        "networks.home",
        "Home networks",
        "Addresses inside them are your own: direction, new devices, uploads and services count by them. Networks of watched interfaces are added.",
    ),
    shown(
        "capture.interfaces",
        "Interfaces",
        "Interfaces watched when none is named with -i. None: the one with the default route.",
    ),
    shown("capture.filter", "Filter", "What the kernel hands over, in tcpdump's syntax. None: everything."),
    shown("serve.listen", "Dashboard", "Where this page listens."),
];

/// The setting of this key.
pub fn find(key: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.key == key)
}

/// Names that `behaviour.disabled` may hold.
pub fn detectors() -> Vec<&'static str> {
    BehaviourSet::new(&BehaviourConfig::default()).names()
}

impl Known {
    /// A value from the page as the file has it.
    ///
    /// # Errors
    /// In words: what is wrong with it, and what is taken.
    pub fn taken(&self, value: &Json) -> Result<Value, String> {
        let Some((min, max)) = self.range else {
            return Err(format!("`{}` is set in the configuration file", self.key));
        };
        if self.kind == SettingKind::Names {
            return self.names(value);
        }
        let unit = self.unit;
        let wanted = format!(
            "write {} from {min} to {max} ({unit})",
            if self.kind == Whole { "a whole number" } else { "a number" }
        );
        let given = value.as_f64().ok_or_else(|| format!("`{}` is {value}: {wanted}", self.key))?;
        let whole = self.kind != Whole || given.fract() == 0.0;
        if !(min..=max).contains(&given) || !whole {
            return Err(format!("`{}` is {value}: {wanted}", self.key));
        }
        Ok(if self.kind == Whole { Value::Integer(given as i64) } else { Value::Float(given) })
    }

    fn names(&self, value: &Json) -> Result<Value, String> {
        let known = detectors();
        let wanted = || format!("`{}` is {value}: write a list of names out of {}", self.key, known.join(", "));
        let mut names = Vec::new();
        for name in value.as_array().ok_or_else(wanted)? {
            let name = name.as_str().filter(|name| known.contains(name)).ok_or_else(wanted)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(Value::Array(names.into_iter().map(Value::from).collect()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{COMMENTED, Config};
    use crate::settings::layers::value;
    use serde_json::json;

    #[test]
    fn every_known_key_is_a_setting_whose_default_is_taken() {
        let all: toml::Table = toml::from_str(COMMENTED).unwrap();
        for known in KNOWN {
            let default = value(&all, known.key).unwrap_or_else(|| panic!("{} is no setting", known.key));
            if known.range.is_some() {
                let given = serde_json::to_value(default).unwrap();
                let taken = known.taken(&given).unwrap_or_else(|why| panic!("{why}"));
                let mut table = toml::Table::try_from(Config::default()).unwrap();
                crate::config::put(&mut table, known.key, taken).unwrap();
                table.try_into::<Config>().unwrap_or_else(|e| panic!("{}: {e}", known.key));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_is_taken() {
        let refused = |key: &str, value: &Json| find(key).unwrap().taken(value).unwrap_err();
        assert!(refused("alert.per_hour", &json!(-1)).contains("from 0 to 1000"));
        assert!(refused("alert.per_hour", &json!("4")).contains("a number"));
        assert!(refused("store.flows_age_h", &json!(1.5)).contains("a whole number"));
        assert!(refused("behaviour.disabled", &json!(["beacon", "nothing"])).contains("port_scan"));
        assert!(refused("serve.listen", &json!("0.0.0.0:1")).contains("configuration file"));
        let names = find("behaviour.disabled").unwrap().taken(&json!(["volume", "beacon", "volume"])).unwrap();
        assert_eq!(names.to_string(), "[\"beacon\", \"volume\"]");
    }
}
