//! Settings of active scanning: whom, how fast, how deep. Owns their defaults and their check.

use crate::nmap::SCRIPTS;
use crate::ports::PortList;
use serde::{Deserialize, Deserializer, Serialize};

/// Active scanning; off until networks are allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanConfig {
    /// Networks, addresses and names that may be scanned; empty: none.
    pub allow: Vec<String>,
    /// TCP ports; empty: the common ones.
    #[serde(deserialize_with = "text_or_number")]
    pub ports: String,
    /// UDP ports that are asked too; empty: none.
    #[serde(deserialize_with = "text_or_number")]
    pub udp_ports: String,
    /// Most packets (nmap) or connections (connect) begun in a second.
    pub rate_packets_per_s: u32,
    /// Longest time of one scan, seconds.
    pub time_limit_s: u64,
    /// Most addresses of one scan.
    pub addresses_max: u64,
    /// nmap's timing template, 0 (slowest) to 4.
    pub timing: u8,
    /// Ask open ports what answers there and in which version (nmap).
    pub services: bool,
    /// Guess the operating system (nmap, as root).
    pub os: bool,
    /// Scripts of nmap that are run.
    pub scripts: Vec<String>,
    /// Scans begin by themselves this often, hours; 0: never (`tripline run`).
    pub every_h: f64,
    /// Each up to this much earlier or later, percent of `every_h`.
    pub jitter_percent: u32,
    /// What of `allow` is scanned by itself; empty: all of it.
    pub scheduled: Vec<String>,
    /// A host that so many whole scans in a row did not find is down.
    pub missed_scans_down: u32,
    /// Connections that may be open at the same time (connect).
    pub connections_max: u32,
    /// How long to wait for an answer to a connection, milliseconds (connect).
    pub connect_timeout_ms: u64,
    /// How long to wait for a service that speaks first, milliseconds; 0: not at all (connect).
    pub banner_wait_ms: u64,
}

/// One port is a number where settings are written (`--set scan.ports=22`).
fn text_or_number<'de, D: Deserializer<'de>>(given: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "ports as text, such as \"22,80,8000-8010\"")]
    enum Given {
        Text(String),
        Number(u64),
    }
    Ok(match Given::deserialize(given)? {
        Given::Text(text) => text,
        Given::Number(number) => number.to_string(),
    })
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            ports: String::new(),
            udp_ports: String::new(),
            rate_packets_per_s: 300,
            time_limit_s: 3_600,
            addresses_max: 4_096,
            timing: 3,
            services: true,
            os: false,
            scripts: Vec::new(),
            every_h: 0.0,
            jitter_percent: 10,
            scheduled: Vec::new(),
            missed_scans_down: 3,
            connections_max: 128,
            connect_timeout_ms: 1_500,
            banner_wait_ms: 1_000,
        }
    }
}

impl ScanConfig {
    /// Checks what types cannot say. Names are not resolved here.
    ///
    /// # Errors
    /// In words, with the setting's name.
    pub fn check(&self) -> Result<(), String> {
        crate::targets::check_words(&self.allow).map_err(|e| format!("scan.allow: {e}"))?;
        crate::targets::check_words(&self.scheduled).map_err(|e| format!("scan.scheduled: {e}"))?;
        PortList::parse(&self.ports).map_err(|e| format!("scan.ports: {e}"))?;
        PortList::parse_or_none(&self.udp_ports).map_err(|e| format!("scan.udp_ports: {e}"))?;
        let ranges: [(&str, u64, u64, u64); 9] = [
            ("rate_packets_per_s", u64::from(self.rate_packets_per_s), 1, 1_000_000),
            ("time_limit_s", self.time_limit_s, 1, 7 * 86_400),
            ("addresses_max", self.addresses_max, 1, 1 << 20),
            ("timing", u64::from(self.timing), 0, 4),
            ("jitter_percent", u64::from(self.jitter_percent), 0, 50),
            ("missed_scans_down", u64::from(self.missed_scans_down), 1, 100),
            ("connections_max", u64::from(self.connections_max), 1, 10_000),
            ("connect_timeout_ms", self.connect_timeout_ms, 1, 60_000),
            ("banner_wait_ms", self.banner_wait_ms, 0, 60_000),
        ];
        if self.every_h != 0.0 && !(0.001..=8_784.0).contains(&self.every_h) {
            return Err(format!("scan.every_h is {}; write 0 or a number from 0.001 to 8784", self.every_h));
        }
        for (name, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                return Err(format!("scan.{name} is {value}; write a number from {min} to {max}"));
            }
        }
        for script in &self.scripts {
            if !SCRIPTS.contains(&script.as_str()) {
                return Err(format!(
                    "scan.scripts: `{:.60}` is not one of the scripts that may run: {}",
                    script.escape_debug().to_string(),
                    SCRIPTS.join(", ")
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_defaults_are_good_and_wrong_values_are_named() {
        ScanConfig::default().check().unwrap();
        let refused = |change: &dyn Fn(&mut ScanConfig)| {
            let mut config = ScanConfig::default();
            change(&mut config);
            config.check().unwrap_err()
        };
        assert!(refused(&|c| c.timing = 5).contains("scan.timing is 5"));
        assert!(refused(&|c| c.rate_packets_per_s = 0).contains("from 1"));
        assert!(refused(&|c| c.missed_scans_down = 0).contains("from 1 to 100"));
        assert!(refused(&|c| c.jitter_percent = 51).contains("scan.jitter_percent"));
        assert!(refused(&|c| c.scheduled = vec!["-x".to_owned()]).contains("scan.scheduled"));
        assert!(refused(&|c| c.ports = "x".to_owned()).contains("scan.ports"));
        assert!(refused(&|c| c.udp_ports = "53 -oN x".to_owned()).contains("scan.udp_ports"));
        assert!(refused(&|c| c.allow = vec!["10.0.0.0/40".to_owned()]).contains("scan.allow"));
        let number: ScanConfig = serde_json::from_str("{\"ports\": 22, \"udp_ports\": 53}").unwrap();
        assert_eq!((number.ports.as_str(), number.udp_ports.as_str()), ("22", "53"));
        for script in ["default", "banner,vuln", "/tmp/x.nse", "*", "--script-args=x"] {
            assert!(refused(&|c| c.scripts = vec![script.to_owned()]).contains("banner"), "{script}");
        }
    }
}
