//! What people set: hosts' importance, rules of suppression, settings with where each comes from, presets.

use crate::shapes::SuppressionView;
use record::{Importance, SuppressionRule, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use store::AuditEntry;
use utoipa::ToSchema;

/// Body of `PATCH /hosts/{ip}`; at least one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostPatch {
    /// How much it matters.
    pub importance: Option<Importance>,
    /// Its name among people, at most 128 bytes; empty takes it away.
    pub label: Option<String>,
    /// What there is to know of it, at most 4096 bytes; empty takes it away.
    pub note: Option<String>,
}

/// Body of `POST /suppressions` and `POST /suppressions/preview`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleGiven {
    /// What it covers.
    pub rule: SuppressionRule,
    /// Why, 1 to 500 bytes; not needed for a preview.
    #[serde(default)]
    pub reason: String,
    /// It ends then; null: when it is taken back.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// What a rule would hide.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RulePreview {
    /// The rule in words.
    pub text: String,
    /// Stored incidents, open or acknowledged, that would leave the inbox.
    pub incidents: u64,
    /// Alerts in them.
    pub alerts: u64,
    /// The newest of them, at most 5.
    pub examples: Vec<RuleExample>,
}

/// One incident that a rule would hide.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RuleExample {
    /// Identity.
    pub id: String,
    /// Title.
    pub title: String,
}

/// Answer of `POST /suppressions`: the suppression in force, with how many stored incidents it hid.
pub type RuleAdded = SuppressionView;

/// Where a value comes from, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// Nobody set it.
    #[default]
    Default,
    /// The configuration file.
    File,
    /// This page, kept as `settings.toml` in the data directory.
    Dashboard,
    /// An environment variable.
    Environment,
    /// `--set`.
    CommandLine,
}

/// What kind of value a setting has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingKind {
    /// A number.
    #[default]
    Number,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
    /// A list of names out of `choices`.
    Names,
    /// A line of text.
    Text,
    /// A list of lines.
    List,
    /// One of `choices`.
    Choice,
}

/// From when on a changed value holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// At once.
    #[default]
    AtOnce,
    /// From the next training of the models on.
    NextTraining,
    /// From the next start of the program on.
    NextStart,
}

/// One setting.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SettingItem {
    /// Its key in the configuration file (`alert.per_hour`).
    pub key: String,
    /// `budget`, `notifications`, `detection`, `retention`, `network`, `scanning`, `reports`.
    pub group: String,
    /// Its name for people.
    pub label: String,
    /// What it does.
    pub text: String,
    /// Unit for people; empty: none.
    pub unit: String,
    /// Kind of its value.
    pub kind: SettingKind,
    /// Value in force, or that will be with the next start.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Value when nobody sets it.
    #[schema(value_type = Value)]
    pub default: Value,
    /// Smallest value taken.
    pub min: Option<f64>,
    /// Largest value taken.
    pub max: Option<f64>,
    /// Names that a list may hold.
    pub choices: Vec<String>,
    /// Where the value comes from.
    pub source: SettingSource,
    /// The same in words ("in tripline.toml").
    pub source_text: String,
    /// Can it be changed here?
    pub changeable: bool,
    /// Why not; empty when it can.
    pub reason: String,
    /// From when on a change holds.
    pub applies: Applies,
    /// The value is written and waits for the next start.
    pub pending: bool,
}

/// Answer of `GET /settings` and `PATCH /settings`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// Settings, group by group.
    pub items: Vec<SettingItem>,
    /// The file that this page writes: the configuration file, or `settings.toml` of the data directory.
    pub file: String,
    /// Why it is not the configuration file; empty when it is.
    pub file_why: String,
    /// What the file says now, as a fingerprint: given back with a change, that nothing is written over what was changed by hand since.
    pub version: String,
    /// Can `POST /setup/restart` start the program anew?
    pub can_restart: bool,
    /// The configuration file given with `-c`; empty: none.
    pub config_file: String,
    /// Where history is kept.
    pub data_dir: String,
    /// The preset chosen last; null: none was.
    pub preset: Option<String>,
    /// Was the question for a preset answered, if only by closing it?
    pub preset_asked: bool,
    /// What was changed by hand, newest first, at most 50.
    pub changes: Vec<AuditEntry>,
}

/// Body of `PATCH /settings`; at least one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsPatch {
    /// New values by key; null takes back what was set here.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub values: BTreeMap<String, Value>,
    /// A preset by name: its values are set with the same call. `none` answers the question without setting anything.
    pub preset: Option<String>,
    /// Notification channels that are added, changed or taken out.
    pub channels: Vec<ChannelPatch>,
    /// `version` of the settings that the change was made from; absent: those that the program read last.
    pub version: Option<String>,
}

/// One channel's change.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelPatch {
    /// Name.
    pub name: String,
    /// Fields as in the file (`kind`, `severity_min`, `webhook`, ...): those that are given are written, others stay. Null: it is taken out.
    /// Secrets can be written and are never answered.
    #[schema(value_type = Option<Value>)]
    pub set: Option<Value>,
}

/// Answer of `POST /settings/preview`: what `PATCH /settings` with the same body would do. Nothing is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsPreview {
    /// The file that would be written.
    pub file: String,
    /// Why it is not the configuration file; empty when it is.
    pub file_why: String,
    /// Its unified difference, without secrets; empty: nothing would change.
    pub difference: String,
    /// Its fingerprint now, to be given with the change.
    pub version: String,
    /// Keys that hold at once.
    pub at_once: Vec<String>,
    /// Keys that hold from the next training on.
    pub next_training: Vec<String>,
    /// Keys that hold from the next start on.
    pub next_start: Vec<String>,
    /// What is wrong; empty: it can be done.
    pub wrong: Vec<WrongSetting>,
}

/// One value that cannot be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrongSetting {
    /// Its key; empty when it cannot be said.
    pub key: String,
    /// Why, and what is taken.
    pub why: String,
}

/// One change that a preset makes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PresetChange {
    /// Key.
    pub key: String,
    /// The setting's name for people.
    pub label: String,
    /// Value now.
    #[schema(value_type = Value)]
    pub from: Value,
    /// Value with the preset.
    #[schema(value_type = Value)]
    pub to: Value,
    /// Why this one would stay as it is; empty when it would be changed.
    pub reason: String,
}

/// A named group of settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Preset {
    /// `home`, `office`, `server_farm`, `industrial`.
    pub name: String,
    /// For people.
    pub title: String,
    /// For which network it is, and what it does, in a sentence.
    pub text: String,
    /// What it would change now; empty: everything is as it says.
    pub changes: Vec<PresetChange>,
}

/// Answer of `GET /presets`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Presets {
    /// In the order of the page.
    pub items: Vec<Preset>,
}
