//! nmap's argument vector from typed settings. Owns every option that is ever given to it; nothing a person wrote gets there but numbers,
//! addresses and names out of `SCRIPTS`.

use crate::nmap::SCRIPTS;
use crate::ports::PortList;
use crate::settings::ScanConfig;

/// How nmap scans.
#[derive(Clone, Debug, PartialEq)]
pub struct NmapScan {
    ports: PortList,
    udp_ports: Option<PortList>,
    timing: u8,
    rate_packets_per_s: u32,
    services: bool,
    os: bool,
    scripts: Vec<&'static str>,
}

impl NmapScan {
    /// From the settings.
    ///
    /// # Errors
    /// Which setting is wrong.
    pub fn new(config: &ScanConfig) -> Result<Self, String> {
        config.check()?;
        let chosen = |script: &&&str| config.scripts.iter().any(|name| name == **script);
        Ok(Self {
            ports: PortList::parse(&config.ports)?,
            udp_ports: PortList::parse_or_none(&config.udp_ports)?,
            timing: config.timing,
            rate_packets_per_s: config.rate_packets_per_s,
            services: config.services,
            os: config.os,
            scripts: SCRIPTS.iter().filter(chosen).copied().collect(),
        })
    }

    /// UDP is asked by raw packets: only root may.
    pub(crate) fn asks_udp(&self) -> bool {
        self.udp_ports.is_some()
    }

    /// The arguments for targets of one IP version, which are addresses and networks.
    pub(crate) fn arguments(&self, v4: bool, targets: &[String]) -> Vec<String> {
        // `-n`: names are resolved before, and reverse look-ups of a silent resolver take longer than the scan. Not `--noninteractive`:
        // with it nmap tells no progress.
        let fixed = ["-n", "--stats-every", "1s", "-oX", "-"];
        let mut all: Vec<String> = fixed.map(str::to_owned).to_vec();
        all.push(format!("-T{}", self.timing));
        all.extend(["--max-rate".to_owned(), self.rate_packets_per_s.to_string()]);
        match &self.udp_ports {
            None => all.extend(["-p".to_owned(), self.ports.to_string()]),
            // `-sU` alone would leave TCP out.
            Some(udp) => {
                all.extend(["-sS", "-sU", "-p"].map(str::to_owned));
                all.push(format!("T:{},U:{udp}", self.ports));
            }
        }
        if !v4 {
            all.push("-6".to_owned());
        }
        if self.services {
            all.push("-sV".to_owned());
        }
        if self.os {
            all.push("-O".to_owned());
        }
        if !self.scripts.is_empty() {
            all.extend(["--script".to_owned(), self.scripts.join(",")]);
        }
        // After this nothing is an option, whatever it looks like.
        all.push("--".to_owned());
        all.extend_from_slice(targets);
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn arguments_are_those_that_were_set() {
        let config = ScanConfig {
            ports: "80,22".to_owned(),
            timing: 2,
            rate_packets_per_s: 50,
            services: false,
            scripts: vec!["ssl-cert".to_owned(), "banner".to_owned()],
            ..ScanConfig::default()
        };
        let line = |config: &ScanConfig, v4, target: &str| {
            NmapScan::new(config).unwrap().arguments(v4, &[target.to_owned()]).join(" ")
        };
        let fixed = "-n --stats-every 1s -oX -";
        assert_eq!(
            line(&config, true, "10.0.0.1"),
            format!("{fixed} -T2 --max-rate 50 -p 22,80 --script banner,ssl-cert -- 10.0.0.1")
        );
        let config = ScanConfig { os: true, services: true, scripts: Vec::new(), ..config };
        assert_eq!(line(&config, false, "fd00::1"), format!("{fixed} -T2 --max-rate 50 -p 22,80 -6 -sV -O -- fd00::1"));
        let config = ScanConfig { os: false, services: false, udp_ports: "123,53".to_owned(), ..config };
        assert_eq!(
            line(&config, true, "10.0.0.1"),
            format!("{fixed} -T2 --max-rate 50 -sS -sU -p T:22,80,U:53,123 -- 10.0.0.1")
        );
        let config = ScanConfig { scripts: vec!["vuln".to_owned()], ..config };
        assert!(NmapScan::new(&config).unwrap_err().contains("scan.scripts"));
    }
}
