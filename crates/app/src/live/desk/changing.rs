//! A change of settings, worked out before anything is written: the texts of both files as they will be, what is wrong with which value,
//! what holds when. Owns which file a value goes to, and that nothing is written over what was changed by hand.

use super::{Desk, Standing, cannot, json, preset_of, secrets};
use crate::config::Config;
use crate::live::reload::applies;
use crate::settings::document::Document;
use crate::settings::file::{self, SettingsFile};
use crate::settings::known;
use crate::settings::layers::{Layers, value};
use crate::settings::place::{Place, write_whole};
use crate::settings::registry::KNOWN;
use crate::settings::{difference, mask, presets};
use serde_json::Value as Json;
use serve::LiveError;
use serve::shapes::{Applies, SettingsPatch, SettingsPreview, WrongSetting};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::PoisonError;
use toml::Table;

/// Texts of the file that are remembered, to say what differs.
const TEXTS_MAX: usize = 8;

/// What is to be changed.
pub struct Change<'a> {
    /// Values, preset, channels.
    pub patch: &'a SettingsPatch,
    /// The first questions are answered with it, or put off.
    pub set_up: bool,
}

/// Texts of the file that people have seen or the program has read, by their fingerprint.
pub(super) struct Versions {
    read: String,
    texts: VecDeque<(String, String)>,
}

impl Versions {
    /// With the text read at the start.
    pub(super) fn of(text: Option<String>) -> Self {
        let mut versions = Self { read: String::new(), texts: VecDeque::new() };
        versions.read = text.map_or(String::new(), |text| versions.keep(text));
        versions
    }

    fn keep(&mut self, text: String) -> String {
        let version = fingerprint(&text);
        if !self.texts.iter().any(|(known, _)| *known == version) {
            self.texts.truncate(TEXTS_MAX - 1);
            self.texts.push_front((version.clone(), text));
        }
        version
    }
}

fn fingerprint(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let first = digest.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{first:016x}")
}

/// A file before and after.
struct Text {
    old: String,
    new: Document,
}

impl Text {
    fn of(place: &Place) -> Result<Self, LiveError> {
        let said = |why: &dyn std::fmt::Display| cannot(format!("{}: {why}", place.path.display()));
        let old = place.read().map_err(|e| said(&e))?;
        let new = Document::parse(&old).map_err(|e| said(&e))?;
        Ok(Self { old, new })
    }

    fn changed(&self) -> Option<String> {
        Some(self.new.text()).filter(|new| *new != self.old)
    }
}

/// See the module.
pub(super) struct Planned {
    before: Standing,
    /// The file that the page writes.
    target: Text,
    /// `settings.toml` where that is another one: what stands there would win.
    own: Option<Text>,
    wanted: BTreeMap<String, Json>,
    channels: Vec<(String, &'static str)>,
    preset: Option<&'static presets::Preset>,
    after: Option<Config>,
    wrong: Vec<WrongSetting>,
    /// Among what is wrong is a value that is fixed elsewhere.
    fixed: bool,
}

impl Desk {
    /// What the file says now.
    pub(crate) fn version_now(&self) -> Result<String, LiveError> {
        let text = self.place.read().map_err(cannot)?;
        Ok(self.versions.lock().unwrap_or_else(PoisonError::into_inner).keep(text))
    }

    /// The process works with what the file says now.
    pub(super) fn remember_as_read(&self) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(text) = self.place.read() {
            versions.read = versions.keep(text);
        }
    }

    /// Refuses when the file is another one than that from which the change was made.
    pub(super) fn refuse_changed(&self, version: Option<&str>, plan: &Planned) -> Result<(), LiveError> {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let now = versions.keep(plan.target.old.clone());
        let from = version.map_or_else(|| versions.read.clone(), str::to_owned);
        if from == now {
            return Ok(());
        }
        let file = self.place.path.display().to_string();
        let seen = versions.texts.iter().find(|(known, _)| *known == from);
        let differs = seen.map(|(_, text)| difference_of(&file, text, &plan.target.old)).unwrap_or_default();
        Err(LiveError::Conflict(format!(
            "{file} was changed by hand since; nothing was written. Look at the settings again, then save.\n{differs}"
        )))
    }

    /// Works a change out.
    pub(super) fn work_out(&self, change: &Change) -> Result<Planned, LiveError> {
        let before = self.standing()?;
        let preset = preset_of(change.patch)?;
        let target = Text::of(&self.place)?;
        let own_place = Place::choose(None, &self.data_dir);
        let own = if self.place.is_config { Some(Text::of(&own_place)?) } else { None };
        let mut wanted: BTreeMap<String, Json> = BTreeMap::new();
        let of_preset = preset.map_or_else(Vec::new, |preset| self.changes(preset, &before));
        wanted.extend(of_preset.into_iter().filter(|c| c.reason.is_empty()).map(|c| (c.key, c.to)));
        wanted.extend(change.patch.values.clone());
        let (channels, after, wrong, fixed) = (Vec::new(), None, Vec::new(), false);
        let mut plan = Planned { before, target, own, wanted, channels, preset, after, wrong, fixed };
        for (key, given) in plan.wanted.clone() {
            if let Err(error) = plan.set(self, &key, &given) {
                plan.wrong.push(WrongSetting { key, why: error });
            }
        }
        plan.set_channels(change.patch);
        plan.set_own(change);
        plan.resolve();
        Ok(plan)
    }
}

impl Planned {
    /// Puts one value into the files; null takes it out.
    fn set(&mut self, desk: &Desk, key: &str, given: &Json) -> Result<(), String> {
        let known = known::find(key).ok_or_else(|| {
            let all: Vec<&str> = KNOWN.iter().filter(|k| k.taken != known::Taken::Shown).map(|k| k.key).collect();
            format!("`{key}` cannot be set here; these can: {}", all.join(", "))
        })?;
        if let Some(reason) = desk.fixed(&self.before.layers, known) {
            self.fixed = true;
            return Err(format!("`{key}`: {reason}"));
        }
        if let Some(own) = &mut self.own {
            own.new.unset(key, None)?;
        }
        if given.is_null() {
            let defaults = Table::try_from(Config::default()).map_err(|e| e.to_string())?;
            return self.target.new.unset(key, value(&defaults, key));
        }
        self.target.new.set(key, &known.taken(given)?)
    }

    fn set_channels(&mut self, patch: &SettingsPatch) {
        for channel in &patch.channels {
            let outcome = match &channel.set {
                None if self.target.new.drop_channel(&channel.name) => Ok("taken out"),
                None => Err(format!("there is no channel `{}` in the file", channel.name)),
                Some(fields) => secrets::fields(fields)
                    .and_then(|fields| self.target.new.put_channel(&channel.name, &fields))
                    .map(|()| "set"),
            };
            match outcome {
                Ok(done) => self.channels.push((channel.name.clone(), done)),
                Err(why) => self.wrong.push(WrongSetting { key: "notify.channels".to_owned(), why }),
            }
        }
    }

    /// What the page knows beside settings stands in `settings.toml` in any case.
    fn set_own(&mut self, change: &Change) {
        let mut own = self.before.file.own.clone();
        own.set_up |= change.set_up;
        if change.patch.preset.is_some() {
            own.preset_asked = true;
            own.preset = self.preset.map_or(own.preset, |preset| preset.name.to_owned());
        }
        let file = self.own.as_mut().unwrap_or(&mut self.target);
        if let Err(why) = own.put(&mut file.new) {
            self.wrong.push(WrongSetting { key: String::new(), why });
        }
    }

    /// Reads the files as they will be, and checks what values mean together.
    fn resolve(&mut self) {
        let layers = self.next_layers();
        let checked = layers.and_then(|layers| {
            let config = layers.resolve().map_err(|e| e.to_string())?;
            config.store.check().map_err(|e| e.to_string())?;
            config.capture.for_interface("any", 1).map_err(|e| e.to_string())?;
            Ok(config)
        });
        match checked {
            Ok(config) => self.after = Some(config),
            // What single values are told of is not told twice.
            Err(_) if !self.wrong.is_empty() => {}
            Err(why) => {
                let named = self.wanted.keys().find(|key| why.contains(key.as_str()) || why.contains(last(key)));
                let channels =
                    (!self.channels.is_empty() && why.contains("notify")).then(|| "notify.channels".to_owned());
                let key = channels.or_else(|| named.cloned()).unwrap_or_default();
                self.wrong.push(WrongSetting { key, why });
            }
        }
    }

    fn next_layers(&self) -> Result<Layers, String> {
        let own =
            |text: &Text| SettingsFile::parse(&text.new.text()).map(|file| file.values).map_err(|e| e.to_string());
        Ok(match &self.own {
            Some(text) => self.before.layers.with(Some(self.target.new.values()?), own(text)?),
            None => self.before.layers.with(None, own(&self.target)?),
        })
    }

    /// What it would do, in the words of the API.
    pub(super) fn preview(&self, desk: &Desk) -> Result<SettingsPreview, LiveError> {
        let (file, file_why) = desk.file();
        let mut text = difference_of(&file, &self.target.old, &self.target.new.text());
        if let Some(own) = &self.own {
            let name = desk.data_dir().join(file::NAME).display().to_string();
            text.push_str(&difference_of(&name, &own.old, &own.new.text()));
        }
        let changed = self.after.as_ref().map_or_else(BTreeSet::new, |after| self.before.config.changed_keys(after));
        let keys = |when: Applies| changed.iter().filter(|key| applies(key) == when).cloned().collect();
        Ok(SettingsPreview {
            file,
            file_why,
            difference: text,
            version: desk.version_now()?,
            at_once: keys(Applies::AtOnce),
            next_training: keys(Applies::NextTraining),
            next_start: keys(Applies::NextStart),
            wrong: self.wrong.clone(),
        })
    }

    /// The first thing that is wrong, as the API refuses it.
    pub(super) fn refuse_wrong(&self) -> Result<(), LiveError> {
        match self.wrong.first() {
            None => Ok(()),
            Some(wrong) if self.fixed => Err(LiveError::Conflict(wrong.why.clone())),
            Some(wrong) => Err(LiveError::Refused(wrong.why.clone())),
        }
    }

    /// Writes both files, or neither.
    pub(super) fn write(&self, desk: &Desk) -> Result<(), LiveError> {
        let failed = |e: std::io::Error| cannot(format!("{}: {e}", desk.place.path.display()));
        let target = self.target.changed();
        if let Some(new) = &target {
            desk.place.replace(&self.target.old, new).map_err(failed)?;
        }
        let own = self.own.as_ref().and_then(Text::changed);
        let Some(own) = own else { return Ok(()) };
        write_whole(&desk.data_dir().join(file::NAME), &own).map_err(|e| {
            let back = target.map_or(Ok(()), |new| desk.place.replace(&new, &self.target.old));
            let back = back.map_or_else(
                |e| format!(" and {} could not be put back: {e}", desk.place.path.display()),
                |()| String::new(),
            );
            cannot(format!("{}: {e}{back}", file::NAME))
        })
    }

    /// Lines of the audit log; of channels no value.
    pub(super) fn told(&self) -> Vec<(&'static str, String, String)> {
        let mut told = Vec::new();
        if let Some(preset) = self.preset {
            told.push(("preset", preset.title.to_owned(), format!("{} chosen", preset.title)));
        }
        let after = self.after.as_ref().and_then(|after| Table::try_from(after).ok()).unwrap_or_default();
        for key in self.wanted.keys() {
            let (from, to) = (json(value(&self.before.values, key)), json(value(&after, key)));
            if from != to {
                told.push(("setting", key.clone(), format!("from {from} to {to}")));
            }
        }
        let channel =
            |(name, done): &(String, &str)| ("setting", "notify.channels".to_owned(), format!("{name} {done}"));
        told.extend(self.channels.iter().map(channel));
        told
    }
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// What differs, without secrets.
fn difference_of(name: &str, old: &str, new: &str) -> String {
    difference::unified(name, &mask::masked(old, old), &mask::masked(new, old))
}
