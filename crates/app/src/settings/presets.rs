//! Named groups of settings for kinds of networks. Owns which values fit which network and why; whether a value can be set is `known`'s.

use crate::config::Config;
use serde_json::{Value, json};

/// Detectors that know control networks.
const CONTROL: [&str; 2] = ["control_commands", "station_peers"];

/// One preset.
pub struct Preset {
    /// Name.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// For which network, and what it does.
    pub text: &'static str,
    /// Announced incidents an hour.
    per_hour: f64,
    /// Time in which devices count as known, seconds.
    new_device_learn_s: u32,
    /// Floors of a rise: bytes and packets a second.
    volume: (f64, f64),
    /// Floor of an upload, bytes.
    upload: f64,
    /// Time in which masters count as known, seconds.
    control_learn_s: u32,
    /// Do control networks' detectors run?
    control: bool,
}

const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 86_400;

/// All, in the order of the page.
pub const ALL: [Preset; 4] = [
    Preset {
        name: "home",
        title: "Home",
        text: "Few people, phones that come and go, one line that streams and updates fill. Few alerts; rises of traffic count from 8 Mbit/s on; every device of the first day is known.",
        per_hour: 2.0,
        new_device_learn_s: DAY_S,
        volume: (1e6, 1_000.0),
        upload: 50e6,
        control_learn_s: HOUR_S,
        control: false,
    },
    Preset {
        name: "office",
        title: "Office",
        text: "Work stations and a few servers, guests' devices every week. Devices of the first week are known; the rest is as shipped.",
        per_hour: 4.0,
        new_device_learn_s: 7 * DAY_S,
        volume: (250e3, 500.0),
        upload: 20e6,
        control_learn_s: HOUR_S,
        control: false,
    },
    Preset {
        name: "server_farm",
        title: "Server farm",
        text: "Machines that talk much and change seldom. A new machine is told after one hour; rises of traffic count from 80 Mbit/s on, uploads from 200 MB on.",
        per_hour: 4.0,
        new_device_learn_s: HOUR_S,
        volume: (10e6, 10_000.0),
        upload: 200e6,
        control_learn_s: HOUR_S,
        control: false,
    },
    Preset {
        name: "industrial",
        title: "Industrial",
        text: "Control networks (Modbus, DNP3): little traffic, always the same. Their detectors run, masters are learned for a day, small rises and uploads count, and more is announced.",
        per_hour: 8.0,
        new_device_learn_s: HOUR_S,
        volume: (25e3, 100.0),
        upload: 5e6,
        control_learn_s: DAY_S,
        control: true,
    },
];

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.name == name)
}

impl Preset {
    /// Its values by key. Detectors that a person left out for other reasons stay out.
    pub fn values(&self, now: &Config) -> Vec<(&'static str, Value)> {
        let mut disabled: Vec<&str> =
            now.behaviour.disabled.iter().map(String::as_str).filter(|name| !CONTROL.contains(name)).collect();
        if !self.control {
            disabled.extend(CONTROL);
        }
        disabled.sort_unstable();
        vec![
            ("alert.per_hour", json!(self.per_hour)),
            ("behaviour.disabled", json!(disabled)),
            ("behaviour.new_device.learn_s", json!(self.new_device_learn_s)),
            ("behaviour.volume.floor_bytes_per_s", json!(self.volume.0)),
            ("behaviour.volume.floor_packets_per_s", json!(self.volume.1)),
            ("behaviour.exfiltration.floor_bytes", json!(self.upload)),
            ("behaviour.control_commands.learn_s", json!(self.control_learn_s)),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::settings::known;

    #[test]
    fn every_value_of_a_preset_can_be_set() {
        for preset in &ALL {
            for (key, value) in preset.values(&Config::default()) {
                known::find(key).unwrap().taken(&value).unwrap_or_else(|why| panic!("{}: {why}", preset.name));
            }
        }
    }

    #[test]
    fn what_a_person_left_out_stays_out() {
        let mut now = Config::default();
        now.behaviour.disabled = vec!["beacon".to_owned(), "station_peers".to_owned()];
        let disabled = |name: &str| find(name).unwrap().values(&now)[1].1.clone();
        assert_eq!(disabled("industrial"), json!(["beacon"]));
        assert_eq!(disabled("home"), json!(["beacon", "control_commands", "station_peers"]));
    }
}
