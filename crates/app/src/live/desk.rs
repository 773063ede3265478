//! Settings that people change while it runs: what is set and by whom, and the way of a change through check, file, log and threads.
//! All of one call is done, or nothing.

use super::reload::{Reloader, Takers};
use super::vendors::Vendors;
use super::worker::wall_clock;
use crate::config::Config;
use crate::settings::file::{self, SettingsFile};
use crate::settings::known::{self, KNOWN, Known};
use crate::settings::layers::{Layers, value};
use crate::settings::presets;
use serde_json::Value as Json;
use serve::LiveError;
use serve::shapes::{Preset, PresetChange, Presets, SettingItem, SettingKind, SettingSource, Settings, SettingsPatch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use store::{AuditEntry, Read, Sqlite, StoreBatch};
use toml::Table;

/// Changes shown with the settings.
const CHANGES_SHOWN: u32 = 50;
/// Answers the question for a preset without setting anything.
const NO_PRESET: &str = "none";

/// What the API asks for settings.
pub struct Desk {
    data_dir: PathBuf,
    reloader: Reloader,
    takers: Takers,
    one_at_a_time: Mutex<()>,
    /// Makers of network cards.
    pub vendors: Vendors,
    /// Held while a rule of suppression is made or taken back.
    pub ruling: Mutex<()>,
}

/// Settings as they stand.
struct Standing {
    layers: Layers,
    file: SettingsFile,
    config: Config,
    values: Table,
}

fn cannot(error: impl std::fmt::Display) -> LiveError {
    LiveError::Unavailable(error.to_string())
}

fn json(value: Option<&toml::Value>) -> Json {
    value.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default()
}

impl Desk {
    /// Of one process.
    pub fn new(data_dir: PathBuf, reloader: Reloader, takers: Takers) -> Arc<Self> {
        let (one_at_a_time, ruling) = (Mutex::new(()), Mutex::new(()));
        Arc::new(Self { data_dir, reloader, takers, one_at_a_time, vendors: Vendors::default(), ruling })
    }

    /// The store, for what people say.
    pub fn store(&self) -> &Sqlite {
        &self.takers.store
    }

    /// Where everything is kept.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// What the process works with now.
    pub fn running(&self) -> Config {
        self.reloader.running()
    }

    /// SIGHUP: reads everything again.
    pub fn reload(&self) {
        self.reloader.reload(&self.takers);
    }

    fn standing(&self) -> Result<Standing, LiveError> {
        let layers = Layers::read(self.reloader.common(), Some(&self.data_dir)).map_err(cannot)?;
        let config = layers.resolve().map_err(cannot)?;
        let values = Table::try_from(&config).map_err(cannot)?;
        let file = SettingsFile::read(&self.data_dir).map_err(cannot)?;
        Ok(Standing { layers, file, config, values })
    }

    /// What is set.
    pub fn settings(&self) -> Result<Settings, LiveError> {
        let standing = self.standing()?;
        let defaults = Table::try_from(Config::default()).map_err(cannot)?;
        let item = |known: &Known| SettingItem {
            key: known.key.to_owned(),
            group: known.group.to_owned(),
            label: known.label.to_owned(),
            text: known.text.to_owned(),
            unit: known.unit.to_owned(),
            kind: known.kind,
            value: json(value(&standing.values, known.key)),
            default: json(value(&defaults, known.key)),
            min: known.range.filter(|_| known.kind != SettingKind::Names).map(|range| range.0),
            max: known.range.filter(|_| known.kind != SettingKind::Names).map(|range| range.1),
            choices: if known.kind == SettingKind::Names { names() } else { Vec::new() },
            source: standing.layers.source(known.key),
            source_text: standing.layers.source_text(known.key),
            changeable: fixed(&standing.layers, known).is_none(),
            reason: fixed(&standing.layers, known).unwrap_or_default(),
        };
        let preset = Some(standing.file.own.preset.clone()).filter(|preset| !preset.is_empty());
        Ok(Settings {
            items: KNOWN.iter().map(item).collect(),
            file: self.data_dir.join(file::NAME).display().to_string(),
            config_file: standing.layers.config_file().map_or(String::new(), |path| path.display().to_string()),
            data_dir: self.data_dir.display().to_string(),
            preset,
            preset_asked: standing.file.own.preset_asked,
            changes: self.takers.store.reader().audit(CHANGES_SHOWN).map_err(cannot)?,
        })
    }

    /// What each preset would change.
    pub fn presets(&self) -> Result<Presets, LiveError> {
        let standing = self.standing()?;
        let preset = |preset: &presets::Preset| Preset {
            name: preset.name.to_owned(),
            title: preset.title.to_owned(),
            text: preset.text.to_owned(),
            changes: changes(preset, &standing),
        };
        Ok(Presets { items: presets::ALL.iter().map(preset).collect() })
    }

    /// Changes settings.
    pub fn change(&self, patch: &SettingsPatch) -> Result<Settings, LiveError> {
        let one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.standing()?;
        let mut next = before.file.clone();
        let mut wanted: BTreeMap<&str, &Json> = BTreeMap::new();
        let preset = preset_of(patch)?;
        let of_preset = preset.map_or_else(Vec::new, |preset| changes(preset, &before));
        wanted.extend(of_preset.iter().filter(|c| c.reason.is_empty()).map(|c| (c.key.as_str(), &c.to)));
        wanted.extend(patch.values.iter().map(|(key, value)| (key.as_str(), value)));
        for (key, value) in &wanted {
            set(&mut next.values, &before.layers, key, value)?;
        }
        if patch.preset.is_some() {
            next.own.preset_asked = true;
            next.own.preset = preset.map_or_else(|| before.file.own.preset.clone(), |preset| preset.name.to_owned());
        }
        let refused = |e: &dyn std::fmt::Display| LiveError::Refused(e.to_string());
        let config = before.layers.with_dashboard(next.values.clone()).resolve().map_err(|e| refused(&e))?;
        config.store.check().map_err(|e| refused(&e))?;
        let after = Table::try_from(&config).map_err(cannot)?;
        next.write(&self.data_dir).map_err(cannot)?;
        self.reloader.take_over(&self.takers).map_err(cannot)?;
        self.log(&wanted, &before.values, &after, preset.map(|preset| preset.title));
        drop(one);
        self.settings()
    }

    /// Keeps what was changed from what to what.
    fn log(&self, wanted: &BTreeMap<&str, &Json>, before: &Table, after: &Table, preset: Option<&str>) {
        let ts = wall_clock();
        let entry = |what: &str, subject: &str, text: String| AuditEntry {
            ts,
            what: what.to_owned(),
            subject: subject.to_owned(),
            text,
        };
        let mut audit = Vec::new();
        if let Some(title) = preset {
            serve::audit_note(format!("preset {title} chosen"));
            audit.push(entry("preset", title, format!("{title} chosen")));
        }
        for key in wanted.keys() {
            let (from, to) = (json(value(before, key)), json(value(after, key)));
            if from != to {
                serve::audit_note(format!("{key} from {from} to {to}"));
                audit.push(entry("setting", key, format!("from {from} to {to}")));
            }
        }
        let batch = StoreBatch { audit, ..StoreBatch::default() };
        if let Err(error) = self.takers.store.write(batch).and_then(|()| self.takers.store.flush()) {
            tracing::error!("store: {error}");
        }
    }
}

fn names() -> Vec<String> {
    known::detectors().into_iter().map(str::to_owned).collect()
}

fn preset_of(patch: &SettingsPatch) -> Result<Option<&'static presets::Preset>, LiveError> {
    match patch.preset.as_deref() {
        None | Some(NO_PRESET) => Ok(None),
        Some(name) => presets::find(name).map(Some).ok_or_else(|| {
            let known: Vec<&str> = presets::ALL.iter().map(|preset| preset.name).collect();
            LiveError::NotFound(format!("there is no preset `{name}`; there are {} and none", known.join(", ")))
        }),
    }
}

/// Why a setting cannot be changed on the page.
fn fixed(layers: &Layers, known: &Known) -> Option<String> {
    if known.range.is_none() {
        return Some("It is set in the configuration file, and holds from the next start on.".to_owned());
    }
    match layers.source(known.key) {
        SettingSource::Environment | SettingSource::CommandLine => {
            Some(format!("It is fixed for this run by {}.", layers.source_text(known.key)))
        }
        _ => None,
    }
}

/// What a preset would change.
fn changes(preset: &presets::Preset, standing: &Standing) -> Vec<PresetChange> {
    let change = |(key, to): (&'static str, Json)| {
        let known = known::find(key)?;
        let from = json(value(&standing.values, key));
        let differs = match (from.as_f64(), to.as_f64()) {
            (Some(from), Some(to)) => from != to,
            _ => sorted(&from) != sorted(&to),
        };
        let reason = fixed(&standing.layers, known).unwrap_or_default();
        differs.then(|| PresetChange { key: key.to_owned(), label: known.label.to_owned(), from, to, reason })
    };
    preset.values(&standing.config).into_iter().filter_map(change).collect()
}

/// A list of names is the same in any order.
fn sorted(value: &Json) -> Vec<String> {
    let mut names: Vec<String> = value.as_array().into_iter().flatten().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

/// Puts one value into the file's table; null takes it out.
fn set(values: &mut Table, layers: &Layers, key: &str, given: &Json) -> Result<(), LiveError> {
    let unknown = || {
        let all: Vec<&str> = KNOWN.iter().filter(|k| k.range.is_some()).map(|k| k.key).collect();
        LiveError::Refused(format!("`{key}` cannot be set here; these can: {}", all.join(", ")))
    };
    let known = known::find(key).ok_or_else(unknown)?;
    if let Some(reason) = fixed(layers, known) {
        return Err(LiveError::Conflict(format!("`{key}`: {reason}")));
    }
    if given.is_null() {
        take_out(values, key);
        return Ok(());
    }
    let value = known.taken(given).map_err(LiveError::Refused)?;
    crate::config::put(values, key, value).map_err(LiveError::Refused)
}

fn take_out(table: &mut Table, key: &str) {
    match key.split_once('.') {
        None => drop(table.remove(key)),
        Some((section, rest)) => {
            if let Some(toml::Value::Table(inner)) = table.get_mut(section) {
                take_out(inner, rest);
                if inner.is_empty() {
                    table.remove(section);
                }
            }
        }
    }
}
