//! Settings of the CSV logs.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Logs beside the embedded store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingConfig {
    /// CSV files.
    pub csv: CsvLogConfig,
}

/// Settings of the CSV logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvLogConfig {
    /// Write them. Default false.
    pub enabled: bool,
    /// Folder; empty: `csv` in the data directory.
    pub directory: PathBuf,
    /// A file is put aside at this size, bytes; 0: whatever its size. Default 67108864.
    pub rotate_bytes: u64,
    /// And after this time, seconds; 0: however old. Default 86400.
    pub rotate_interval_s: u64,
    /// Files put aside that are kept of each log. Default 14.
    pub keep_files: usize,
    /// One row of `traffic.csv` covers this time, seconds, 1 or more. Default 10.
    pub traffic_every_s: u32,
}

impl Default for CsvLogConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            directory: PathBuf::new(),
            rotate_bytes: 64 << 20,
            rotate_interval_s: 86_400,
            keep_files: 14,
            traffic_every_s: 10,
        }
    }
}

/// Smallest size at which a file may be put aside: below it there would be more files than rows.
const ROTATE_BYTES_MIN: u64 = 1_024;

impl CsvLogConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// A value that would not do what it says, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.rotate_bytes > 0 && self.rotate_bytes < ROTATE_BYTES_MIN {
            let given = self.rotate_bytes;
            return Err(format!(
                "logging.csv.rotate_bytes is {given}: set {ROTATE_BYTES_MIN} or more, or 0 for no bound"
            ));
        }
        if self.traffic_every_s == 0 {
            return Err("logging.csv.traffic_every_s is 0: set 1 or more seconds".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_values_are_refused_by_name() {
        assert!(CsvLogConfig::default().check().is_ok());
        let bad = [
            CsvLogConfig { rotate_bytes: 10, ..CsvLogConfig::default() },
            CsvLogConfig { traffic_every_s: 0, ..CsvLogConfig::default() },
        ];
        for (config, name) in bad.into_iter().zip(["rotate_bytes", "traffic_every_s"]) {
            assert!(config.check().is_err_and(|why| why.contains(name)));
        }
    }
}
