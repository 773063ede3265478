//! The order in which settings win: `--set`, environment, what the dashboard set (`settings.toml` in the data directory), the
//! configuration file, the default. Owns the order, and says of each value where it comes from.

use super::file::SettingsFile;
use crate::cli::Common;
use crate::config::{Config, leaves, one_line, overlay, put, read_file};
use crate::failure::{Failure, Result};
use serve::shapes::SettingSource;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Prefix of environment variables: `TRIPLINE_ALERT__PER_HOUR=2`.
const ENVIRONMENT_PREFIX: &str = "TRIPLINE_";

/// One environment variable: its name, the key it names, its value.
type Variable = (String, String, String);

/// Every place that settings come from, read once.
#[derive(Clone)]
pub struct Layers {
    config_file: Option<PathBuf>,
    file: Table,
    dashboard: Table,
    environment: Vec<Variable>,
    set: Vec<String>,
}

impl Layers {
    /// Reads all places of one call; without a data directory, what the dashboard set is left out.
    pub fn read(common: &Common, data_dir: Option<&Path>) -> Result<Self> {
        let variable = |(name, value): (String, String)| {
            let path = name.strip_prefix(ENVIRONMENT_PREFIX).filter(|rest| rest.contains("__"))?;
            Some((name.clone(), path.to_lowercase().replace("__", "."), value))
        };
        let environment = std::env::vars().filter_map(variable).collect();
        let dashboard = data_dir.map(SettingsFile::read).transpose()?.map(|file| file.values);
        Self::new(common.config.as_deref(), dashboard, environment, common.set.clone())
    }

    /// From the parts.
    pub fn new(
        config_file: Option<&Path>,
        dashboard: Option<Table>,
        environment: Vec<Variable>,
        set: Vec<String>,
    ) -> Result<Self> {
        let file = config_file.map(read_file).transpose()?.unwrap_or_default();
        let config_file = config_file.map(Path::to_path_buf);
        Ok(Self { config_file, file, dashboard: dashboard.unwrap_or_default(), environment, set })
    }

    /// The same with other values of the file and of the dashboard.
    pub fn with(&self, file: Option<Table>, dashboard: Table) -> Self {
        Self { file: file.unwrap_or_else(|| self.file.clone()), dashboard, ..self.clone() }
    }

    /// Did anybody set this key, or something below it, in a file?
    pub fn in_files(&self, key: &str) -> bool {
        value(&self.file, key).is_some() || value(&self.dashboard, key).is_some()
    }

    /// The configuration file, when one was given.
    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    /// The settings.
    pub fn resolve(&self) -> Result<Config> {
        let mut table = self.file.clone();
        let mut failed = None;
        leaves("", &self.dashboard, &mut |key, value| {
            if let Err(why) = put(&mut table, &key, value.clone()) {
                failed = Some(Failure::new(format!("{}: {why}", super::file::NAME)));
            }
        });
        if let Some(failure) = failed {
            return Err(failure);
        }
        for (name, path, value) in &self.environment {
            overlay(&mut table, path, value)
                .map_err(|why| Failure::new(format!("environment variable {name}: {why}")))?;
        }
        for pair in &self.set {
            let (path, value) = pair
                .split_once('=')
                .ok_or_else(|| Failure::new(format!("--set {pair}: there is no `=`; write --set section.key=value")))?;
            overlay(&mut table, path.trim(), value).map_err(|why| Failure::new(format!("--set {pair}: {why}")))?;
        }
        let mut config: Config = table.try_into().map_err(|e: toml::de::Error| {
            Failure::new(format!(
                "the settings from --set and the environment do not fit: {}",
                one_line(&e.to_string())
            ))
        })?;
        config.notify.fill_brokers(&config.kafka.connection);
        config.check()?;
        Ok(config)
    }

    /// Where the value of a key comes from.
    pub fn source(&self, key: &str) -> SettingSource {
        let names = |path: &str| path == key || key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        if self.set.iter().any(|pair| pair.split_once('=').is_some_and(|(path, _)| names(path.trim()))) {
            SettingSource::CommandLine
        } else if self.environment.iter().any(|(_, path, _)| names(path)) {
            SettingSource::Environment
        } else if value(&self.dashboard, key).is_some() {
            SettingSource::Dashboard
        } else if value(&self.file, key).is_some() {
            SettingSource::File
        } else {
            SettingSource::Default
        }
    }

    /// The same in words.
    pub fn source_text(&self, key: &str) -> String {
        match self.source(key) {
            SettingSource::Default => "default".to_owned(),
            SettingSource::File => {
                self.config_file.as_deref().map_or("file".to_owned(), |path| path.display().to_string())
            }
            SettingSource::Dashboard => format!("{} (dashboard)", super::file::NAME),
            SettingSource::Environment => {
                let named = self.environment.iter().find(|(_, path, _)| key.starts_with(path.as_str()));
                format!("environment {}", named.map_or("", |(name, _, _)| name))
            }
            SettingSource::CommandLine => "--set".to_owned(),
        }
    }
}

/// The value at a dotted key.
pub fn value<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let (last, sections) = key.rsplit_once('.').map_or((key, ""), |(sections, last)| (last, sections));
    let mut here = table;
    for section in sections.split('.').filter(|section| !section.is_empty()) {
        here = here.get(section)?.as_table()?;
    }
    here.get(last)
}

/// Every setting with its value and where it comes from, as TOML that can be read again.
pub fn annotated(layers: &Layers) -> Result<String> {
    let config = Table::try_from(layers.resolve()?).map_err(|e| Failure::new(e.to_string()))?;
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    leaves("", &config, &mut |key, value| {
        let (of, name) = key.rsplit_once('.').unwrap_or(("", &key));
        let line = format!("{name} = {value} # {}\n", layers.source_text(&key));
        sections.entry(of.to_owned()).or_default().push_str(&line);
    });
    let parts: Vec<String> = sections.into_iter().map(|(of, lines)| format!("[{of}]\n{lines}")).collect();
    Ok(parts.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_value_says_where_it_comes_from_and_the_stronger_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.toml");
        std::fs::write(&path, "[alert]\nper_hour = 2\nidle_s = 100\n[evidence]\nsnap_len = 100\n").unwrap();
        let dashboard = toml::from_str("[alert]\nper_hour = 7\n[store]\nflows_age_h = 9\nhosts_max = 3").unwrap();
        let environment = vec![("TRIPLINE_STORE__HOSTS_MAX".to_owned(), "store.hosts_max".to_owned(), "5".to_owned())];
        let set = vec!["evidence.snap_len=300".to_owned()];
        let layers = Layers::new(Some(&path), Some(dashboard), environment, set).unwrap();
        let config = layers.resolve().unwrap();
        assert_eq!((config.alert.per_hour, config.alert.idle_s), (7.0, 100), "the dashboard wins over the file");
        assert_eq!((config.store.hosts_max, config.evidence.snap_len), (5, 300), "environment and --set win over it");
        for (key, wanted, words) in [
            ("alert.per_hour", SettingSource::Dashboard, "settings.toml (dashboard)"),
            ("alert.idle_s", SettingSource::File, path.to_str().unwrap()),
            ("store.hosts_max", SettingSource::Environment, "environment TRIPLINE_STORE__HOSTS_MAX"),
            ("evidence.snap_len", SettingSource::CommandLine, "--set"),
            ("serve.listen", SettingSource::Default, "default"),
        ] {
            assert_eq!((layers.source(key), layers.source_text(key).as_str()), (wanted, words), "{key}");
        }
        let text = annotated(&layers).unwrap();
        assert!(text.contains("\nper_hour = 7.0 # settings.toml (dashboard)\n"), "{text}");
        assert_eq!(toml::from_str::<Table>(&text).unwrap(), Table::try_from(config).unwrap(), "it can be read again");
    }
}
