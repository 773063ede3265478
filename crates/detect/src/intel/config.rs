//! Settings of threat-intelligence lists.

use super::ListFormat;
use record::Severity;
use serde::{Deserialize, Serialize};

/// Which lists are used, and how often they are looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntelConfig {
    /// Indicators of all lists together; more are left out and counted. Default 1,000,000 (some 80 MB).
    pub entries_max: usize,
    /// Largest list, bytes as unpacked; a larger one is refused. Default 64 MiB.
    pub list_bytes_max: u64,
    /// Lists that come by URL are asked for again after this long, minutes. Files are read again when they change.
    /// Default 60, least 5.
    pub refresh_min: u32,
    /// The lists; where two name the same thing, the first counts.
    pub lists: Vec<ListConfig>,
}

impl Default for IntelConfig {
    fn default() -> Self {
        Self { entries_max: 1_000_000, list_bytes_max: 64 << 20, refresh_min: 60, lists: Vec::new() }
    }
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    /// Short name that incidents show.
    pub name: String,
    /// A file (plain, gzip or zstd), or an `https://` or `http://` address.
    pub from: String,
    /// How it is written. Default: recognised by its content.
    #[serde(default)]
    pub format: ListFormat,
    /// What a home host deserves that uses something on it. Default high.
    #[serde(default = "high")]
    pub severity: Severity,
}

const fn high() -> Severity {
    Severity::High
}

impl IntelConfig {
    /// What types cannot say: names are there and differ, origins are there, times and bounds are sane.
    ///
    /// # Errors
    /// A sentence that says what, where and what to do.
    pub fn check(&self) -> Result<(), String> {
        if self.refresh_min < 5 {
            return Err(format!(
                "intel.refresh_min is {}: lists are asked for at most every 5 minutes",
                self.refresh_min
            ));
        }
        if self.entries_max > 10_000_000 {
            return Err(format!("intel.entries_max is {}: at most 10,000,000 fit in memory", self.entries_max));
        }
        for (at, list) in self.lists.iter().enumerate() {
            if list.name.is_empty() || list.name.len() > 64 {
                return Err(format!("intel.lists number {}: give it a name of 1 to 64 bytes", at + 1));
            }
            if self.lists[..at].iter().any(|other| other.name == list.name) {
                return Err(format!("intel.lists: two lists are named {}; give each its own name", list.name));
            }
            if list.from.is_empty() {
                return Err(format!("intel.lists {}: `from` is empty; write a file or an https address", list.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_said_by_name() {
        let list = |name: &str, from: &str| ListConfig {
            name: name.into(),
            from: from.into(),
            format: ListFormat::Auto,
            severity: Severity::High,
        };
        let with = |lists| IntelConfig { lists, ..IntelConfig::default() };
        assert_eq!(with(vec![list("a", "x"), list("b", "y")]).check(), Ok(()));
        for (config, word) in [
            (with(vec![list("a", "x"), list("a", "y")]), "two lists are named a"),
            (with(vec![list("", "x")]), "give it a name"),
            (with(vec![list("a", "")]), "`from` is empty"),
            (IntelConfig { refresh_min: 1, ..IntelConfig::default() }, "every 5 minutes"),
            (IntelConfig { entries_max: 1 << 40, ..IntelConfig::default() }, "at most 10,000,000"),
        ] {
            let said = config.check().err().unwrap_or_default();
            assert!(said.contains(word), "{said}");
        }
    }
}
