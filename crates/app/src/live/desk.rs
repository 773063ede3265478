//! Settings that people change while it runs: what is set and by whom. Owns the order of things in a change: it is worked out (`changing`),
//! written, taken over, and logged; all of one call is done, or nothing.

mod changing;
mod secrets;

use super::reload::{Reloader, Takers, applies};
use super::vendors::Vendors;
use super::worker::wall_clock;
use crate::config::Config;
use crate::countries::Countries;
use crate::settings::file::SettingsFile;
use crate::settings::known::{self, Known, Taken};
use crate::settings::layers::{Layers, value};
use crate::settings::place::Place;
use crate::settings::presets;
use crate::settings::registry::KNOWN;
pub use changing::Change;
use changing::Versions;
use serde_json::Value as Json;
use serve::LiveError;
use serve::shapes::{
    Applies, Preset, PresetChange, Presets, SettingItem, SettingSource, Settings, SettingsPatch, SettingsPreview,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
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
    place: Place,
    versions: Mutex<Versions>,
    restart: (AtomicBool, tokio::sync::Notify),
    /// Makers of network cards.
    pub vendors: Vendors,
    /// Countries of addresses.
    pub countries: Countries,
    /// Held while a rule of suppression is made or taken back.
    pub ruling: Mutex<()>,
}

/// Settings as they stand.
pub(super) struct Standing {
    pub(super) layers: Layers,
    pub(super) file: SettingsFile,
    pub(super) config: Config,
    values: Table,
}

fn cannot(error: impl std::fmt::Display) -> LiveError {
    LiveError::Unavailable(error.to_string())
}

/// A path that means the same wherever it is read.
fn whole(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

fn json(value: Option<&toml::Value>) -> Json {
    value.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default()
}

impl Desk {
    /// Of one process.
    pub fn new(data_dir: PathBuf, reloader: Reloader, takers: Takers) -> Arc<Self> {
        let (one_at_a_time, ruling) = (Mutex::new(()), Mutex::new(()));
        let countries = Countries::default();
        countries.take(&reloader.running().geoip);
        let place = Place::choose(reloader.common().config.as_deref(), &data_dir);
        let versions = Mutex::new(Versions::of(place.read().ok()));
        let (vendors, restart) = (Vendors::default(), (AtomicBool::new(false), tokio::sync::Notify::new()));
        Arc::new(Self {
            data_dir,
            reloader,
            takers,
            one_at_a_time,
            place,
            versions,
            restart,
            vendors,
            countries,
            ruling,
        })
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
        self.remember_as_read();
        self.reloader.reload(&self.takers);
        // The same path may have a newer file behind it.
        self.countries.take(&self.running().geoip);
    }

    /// A person asked for a new start.
    pub fn ask_restart(&self) {
        self.restart.0.store(true, Ordering::Relaxed);
        self.restart.1.notify_one();
    }

    /// Ends when one did.
    pub async fn restart_asked(&self) {
        self.restart.1.notified().await;
    }

    /// Did one?
    pub fn restarts(&self) -> bool {
        self.restart.0.load(Ordering::Relaxed)
    }

    pub(super) fn standing(&self) -> Result<Standing, LiveError> {
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
        let pending = self.reloader.pending(&standing.config);
        let preset = Some(standing.file.own.preset.clone()).filter(|preset| !preset.is_empty());
        Ok(Settings {
            items: KNOWN.iter().map(|known| self.item(known, &standing, &defaults, &pending)).collect(),
            file: self.file().0,
            file_why: self.place.why_not.clone(),
            version: self.version_now()?,
            can_restart: false,
            config_file: standing.layers.config_file().map_or(String::new(), whole),
            data_dir: self.data_dir.display().to_string(),
            preset,
            preset_asked: standing.file.own.preset_asked,
            changes: self.takers.store.reader().audit(CHANGES_SHOWN).map_err(cannot)?,
        })
    }

    fn item(&self, known: &Known, standing: &Standing, defaults: &Table, pending: &BTreeSet<String>) -> SettingItem {
        let reason = self.fixed(&standing.layers, known).unwrap_or_default();
        SettingItem {
            key: known.key.to_owned(),
            group: known.group.to_owned(),
            label: known.label.to_owned(),
            text: known.text.to_owned(),
            unit: known.unit.to_owned(),
            kind: known.kind(),
            value: json(value(&standing.values, known.key)),
            default: json(value(defaults, known.key)),
            min: known.range().map(|range| range.0),
            max: known.range().map(|range| range.1),
            choices: known.choices(),
            source: standing.layers.source(known.key),
            source_text: standing.layers.source_text(known.key),
            changeable: reason.is_empty(),
            reason,
            applies: applies(known.key),
            pending: applies(known.key) == Applies::NextStart && pending.contains(known.key),
        }
    }

    /// Keys of the page whose written values wait for a start.
    pub(super) fn pending(&self, config: &Config) -> Vec<String> {
        let pending = self.reloader.pending(config);
        pending.into_iter().filter(|key| applies(key) == Applies::NextStart).collect()
    }

    /// The file that is written, and why it is not the configuration file.
    pub(super) fn file(&self) -> (String, String) {
        (whole(&self.place.path), self.place.why_not.clone())
    }

    /// What each preset would change.
    pub fn presets(&self) -> Result<Presets, LiveError> {
        let standing = self.standing()?;
        Ok(Presets { items: self.presets_of(&standing) })
    }

    pub(super) fn presets_of(&self, standing: &Standing) -> Vec<Preset> {
        let preset = |preset: &presets::Preset| Preset {
            name: preset.name.to_owned(),
            title: preset.title.to_owned(),
            text: preset.text.to_owned(),
            changes: self.changes(preset, standing),
        };
        presets::ALL.iter().map(preset).collect()
    }

    /// What a change would do.
    pub fn preview(&self, patch: &SettingsPatch) -> Result<SettingsPreview, LiveError> {
        self.work_out(&Change { patch, set_up: false })?.preview(self)
    }

    /// The same with the first questions answered.
    pub(super) fn preview_change(&self, change: &Change) -> Result<SettingsPreview, LiveError> {
        self.work_out(change)?.preview(self)
    }

    /// Changes settings.
    pub fn change(&self, patch: &SettingsPatch) -> Result<(), LiveError> {
        self.make(&Change { patch, set_up: false })
    }

    /// Makes a change.
    pub(super) fn make(&self, change: &Change) -> Result<(), LiveError> {
        let one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = self.work_out(change)?;
        plan.refuse_wrong()?;
        self.refuse_changed(change.patch.version.as_deref(), &plan)?;
        plan.write(self)?;
        self.remember_as_read();
        self.reloader.take_over(&self.takers).map_err(cannot)?;
        self.log(plan.told());
        drop(one);
        Ok(())
    }

    /// Keeps what was changed from what to what.
    fn log(&self, told: Vec<(&'static str, String, String)>) {
        let ts = wall_clock();
        let entry = |(what, subject, text): (&str, String, String)| {
            serve::audit_note(format!("{subject} {text}"));
            AuditEntry { ts, what: what.to_owned(), subject, text }
        };
        let batch = StoreBatch { audit: told.into_iter().map(entry).collect(), ..StoreBatch::default() };
        if let Err(error) = self.takers.store.write(batch).and_then(|()| self.takers.store.flush()) {
            tracing::error!("store: {error}");
        }
    }

    /// Why a setting cannot be changed on the page.
    pub(super) fn fixed(&self, layers: &Layers, known: &Known) -> Option<String> {
        if known.taken == Taken::Shown {
            return Some("It is set in the configuration file, and holds from the next start on.".to_owned());
        }
        if self.reloader.is_fixed(known.key) {
            return Some("It is fixed for this run by an option of the command.".to_owned());
        }
        match layers.source(known.key) {
            SettingSource::Environment | SettingSource::CommandLine => {
                Some(format!("It is fixed for this run by {}.", layers.source_text(known.key)))
            }
            _ => None,
        }
    }

    /// What a preset would change.
    fn changes(&self, preset: &presets::Preset, standing: &Standing) -> Vec<PresetChange> {
        let change = |(key, to): (&'static str, Json)| {
            let known = known::find(key)?;
            let from = json(value(&standing.values, key));
            let differs = match (from.as_f64(), to.as_f64()) {
                (Some(from), Some(to)) => from != to,
                _ => sorted(&from) != sorted(&to),
            };
            let reason = self.fixed(&standing.layers, known).unwrap_or_default();
            differs.then(|| PresetChange { key: key.to_owned(), label: known.label.to_owned(), from, to, reason })
        };
        preset.values(&standing.config).into_iter().filter_map(change).collect()
    }
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

/// A list of names is the same in any order.
fn sorted(value: &Json) -> Vec<String> {
    let mut names: Vec<String> = value.as_array().into_iter().flatten().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}
