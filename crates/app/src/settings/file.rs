//! `settings.toml` in the data directory: what the dashboard set. Owns its form and that it is written whole or not at all.

use crate::config::read_part;
use crate::failure::{Context, Failure, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use toml::Table;

/// Name of the file.
pub const NAME: &str = "settings.toml";
/// Section that is no setting of the program.
const OWN: &str = "dashboard";
const HEAD: &str = "# Written by the dashboard. What stands here wins over the configuration file; the environment and --set win over it.\n\n";

/// What the dashboard knows beside settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// The preset chosen last; empty: none.
    pub preset: String,
    /// The question for one was answered.
    pub preset_asked: bool,
}

/// The file's content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsFile {
    /// Settings, in sections.
    pub values: Table,
    /// The rest.
    pub own: Own,
}

impl SettingsFile {
    /// Reads it; one that is not there is empty.
    pub fn read(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(NAME);
        if !path.exists() {
            return Ok(Self::default());
        }
        let mut values = read_part(&path, &[OWN])
            .map_err(|e| Failure::new(format!("{e}; the dashboard wrote it: correct it, or move it aside")))?;
        let own = values.remove(OWN).and_then(|own| own.try_into().ok()).unwrap_or_default();
        Ok(Self { values, own })
    }

    /// Writes it beside its place, then moves it there: a reader finds the old or the new one, whole.
    pub fn write(&self, data_dir: &Path) -> Result<()> {
        let mut table = self.values.clone();
        table.insert(OWN.to_owned(), toml::Value::try_from(&self.own).context(NAME)?);
        let text = format!("{HEAD}{}", toml::to_string_pretty(&table).context(NAME)?);
        let (path, part) = (data_dir.join(NAME), data_dir.join(format!("{NAME}.part")));
        let place = path.display().to_string();
        let mut file = std::fs::File::create(&part).context(&place)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).context(&place)?;
        drop(file);
        std::fs::rename(&part, &path).context(&place)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_written_is_read_and_a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(SettingsFile::read(dir.path()).unwrap(), SettingsFile::default());
        let values: Table = toml::from_str("[alert]\nper_hour = 7.5\n").unwrap();
        let file = SettingsFile { values, own: Own { preset: "home".to_owned(), preset_asked: true } };
        file.write(dir.path()).unwrap();
        assert_eq!(SettingsFile::read(dir.path()).unwrap(), file);
        assert!(!dir.path().join("settings.toml.part").exists());
        std::fs::write(dir.path().join(NAME), "[alert]\nper_huor = 1\n").unwrap();
        let error = SettingsFile::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("settings.toml") && error.contains("per_huor"), "{error}");
    }
}
