//! `settings.toml` in the data directory: what the dashboard set where it could not write the configuration file, and what it knows beside
//! settings. Owns its form; how files are written is `place`'s.

use super::document::Document;
use crate::config::read_part;
use crate::failure::{Context, Failure, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::{Table, Value};

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
    /// The first questions were answered, or put off.
    pub set_up: bool,
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

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self> {
        let mut values: Table = toml::from_str(text).context(NAME)?;
        let own = values.remove(OWN).and_then(|own| own.try_into().ok()).unwrap_or_default();
        Ok(Self { values, own })
    }
}

impl Own {
    /// Writes what differs into a text of the file.
    pub fn put(&self, document: &mut Document) -> std::result::Result<(), String> {
        let now = Self::parse_of(document)?;
        let set = |document: &mut Document, name: &str, value: Value| document.set(&format!("{OWN}.{name}"), &value);
        if now.preset != self.preset {
            set(document, "preset", Value::String(self.preset.clone()))?;
        }
        if now.preset_asked != self.preset_asked {
            set(document, "preset_asked", Value::Boolean(self.preset_asked))?;
        }
        if now.set_up != self.set_up {
            set(document, "set_up", Value::Boolean(self.set_up))?;
        }
        Ok(())
    }

    fn parse_of(document: &Document) -> std::result::Result<Self, String> {
        SettingsFile::parse(&document.text()).map(|file| file.own).map_err(|e| e.to_string())
    }
}

/// A file of which nothing is set yet.
pub fn empty() -> String {
    format!("{HEAD}[{OWN}]\npreset = \"\"\npreset_asked = false\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_written_is_read_and_a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(SettingsFile::read(dir.path()).unwrap(), SettingsFile::default());
        let mut document = Document::parse(&empty()).unwrap();
        document.set("alert.per_hour", &Value::Float(7.5)).unwrap();
        let own = Own { preset: "home".to_owned(), preset_asked: true, set_up: true };
        own.put(&mut document).unwrap();
        std::fs::write(dir.path().join(NAME), document.text()).unwrap();
        let values: Table = toml::from_str("[alert]\nper_hour = 7.5\n").unwrap();
        assert_eq!(SettingsFile::read(dir.path()).unwrap(), SettingsFile { values, own });
        assert!(document.text().starts_with(HEAD), "{}", document.text());
        std::fs::write(dir.path().join(NAME), "[alert]\nper_huor = 1\n").unwrap();
        let error = SettingsFile::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("settings.toml") && error.contains("per_huor"), "{error}");
    }
}
