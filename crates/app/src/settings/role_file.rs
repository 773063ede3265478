//! The settings file of a process of one role: what the role uses, each setting with its meaning and its default commented out. Owns which
//! sections a role has no use for; the settings and their words are those of the shipped file.

use crate::config::COMMENTED;
use clap::ValueEnum;

/// Whose file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileRole {
    /// One process that does everything
    All,
    /// Sources and measuring; gives flows to the detectors over Kafka
    Sensor,
    /// Models
    Detector,
    /// Incidents, history and dashboard
    Server,
}

/// Where packets, exports and logs come from and how they are read.
const SOURCES: [&str; 11] =
    ["capture", "collect", "pcap", "logs", "exports", "exported", "host", "decode", "flow", "windows", "packets"];
/// What is made of results.
const RESULTS: [&str; 8] = ["alert", "notify", "uploads", "scan", "mongodb", "archive", "reports", "logging"];
/// What finds something in what was measured.
const JUDGING: [&str; 7] = ["behaviour", "intel", "hosts", "series", "learn", "models", "evidence"];
/// Between roles.
const BETWEEN: [&str; 2] = ["kafka", "roles"];

impl FileRole {
    /// Sections that the role does not look at.
    fn left_out(self) -> Vec<&'static str> {
        match self {
            Self::All => BETWEEN.to_vec(),
            Self::Sensor => [&RESULTS[..], &["models", "learn"]].concat(),
            Self::Detector => [&SOURCES[..], &RESULTS[..], &JUDGING[..], &["networks"]].concat(),
            Self::Server => SOURCES.to_vec(),
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::All => "# Tripline in one process: `tripline run -c THIS_FILE`.\n",
            Self::Sensor => {
                "# Tripline, a sensor: `tripline run --role sensor -c THIS_FILE`. Set kafka.brokers, and roles.name where machines share a name.\n"
            }
            Self::Detector => {
                "# Tripline, a detector: `tripline run --role detector -c THIS_FILE`. Set kafka.brokers.\n"
            }
            Self::Server => "# Tripline, the server: `tripline run --role server -c THIS_FILE`. Set kafka.brokers.\n",
        }
    }

    /// The file.
    pub fn text(self) -> String {
        let left_out = self.left_out();
        let mut text = self.head().to_owned();
        text.push_str("# Take the # away in front of what you change; what stands behind it is the default. Check with `tripline config check -c THIS_FILE`.\n");
        // The head of the shipped file says how to write it, which has been done.
        let mut used = false;
        for block in COMMENTED.split("\n\n").skip_while(|block| section(block).is_none()) {
            if let Some(name) = section(block) {
                used = !left_out.contains(&name.split('.').next().unwrap_or(name));
            }
            if used {
                text.push('\n');
                text.extend(block.trim_end().lines().map(commented));
            }
        }
        text
    }
}

/// The section that begins in a block.
fn section(block: &str) -> Option<&str> {
    block.lines().find_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
}

fn commented(line: &str) -> String {
    let plain =
        line.starts_with('#') || line.starts_with('[') && line.ends_with(']') && !line.contains(' ') || line.is_empty();
    if plain { format!("{line}\n") } else { format!("#{}\n", line.trim_start()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Config;
    use toml::Table;

    /// The same with the settings as they stand behind their #.
    fn uncommented(text: &str) -> String {
        let bare = |line| str::strip_prefix(line, '#').filter(|l| !l.starts_with(' ')).unwrap_or(line);
        text.lines().map(bare).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_role_has_its_sections_with_every_default_commented_out() {
        let all = Table::try_from(Config::default()).unwrap();
        for role in FileRole::value_variants() {
            let text = role.text();
            let written: Table = toml::from_str(&text).unwrap_or_else(|e| panic!("{role:?}: {e}"));
            toml::from_str::<Config>(&text).unwrap_or_else(|e| panic!("{role:?}: {e}"));
            crate::config::leaves("", &written, &mut |key, _| panic!("{role:?}: {key} is set"));
            let defaults: Table = toml::from_str(&uncommented(&text)).unwrap_or_else(|e| panic!("{role:?}: {e}"));
            for (name, value) in &all {
                let wanted = !role.left_out().contains(&name.as_str());
                assert_eq!(defaults.get(name), wanted.then_some(value), "{role:?}: {name}");
            }
        }
    }

    #[test]
    fn a_role_has_nothing_that_it_does_not_look_at() {
        assert!(FileRole::Sensor.text().contains("[capture]") && !FileRole::Sensor.text().contains("[notify]"));
        let detector = FileRole::Detector.text();
        assert!(!detector.contains("[behaviour") && !detector.contains("[capture]") && detector.contains("[serve]"));
        assert!(FileRole::Server.text().contains("[mongodb]") && !FileRole::Server.text().contains("[decode]"));
    }
}
