//! The first start: what there is to choose from, what was chosen, what that does.

use super::{ChannelPatch, Preset, SettingsPreview};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer of `GET /setup`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Setup {
    /// Nothing is decided yet: the page asks by itself.
    pub needed: bool,
    /// There is nobody yet who could log in: `POST /setup/user` makes the first user.
    pub user_needed: bool,
    /// Interfaces, the default route's first.
    pub interfaces: Vec<SetupInterface>,
    /// Interfaces as they are set; empty: the one with the default route.
    pub chosen: Vec<String>,
    /// Why the interface cannot be chosen here; empty when it can.
    pub interfaces_fixed: String,
    /// The command that grants the right to capture; empty: it is there.
    pub rights_command: String,
    /// Home networks as they are set.
    pub home: Vec<String>,
    /// Why they cannot be set here; empty when they can.
    pub home_fixed: String,
    /// Networks of the interfaces that are not inside the home networks.
    pub suggested: Vec<String>,
    /// Kinds of places.
    pub presets: Vec<Preset>,
    /// The one that was chosen.
    pub preset: Option<String>,
    /// Names of the notification channels that are set.
    pub channels: Vec<String>,
    /// The file that the answers are written to.
    pub file: String,
    /// Why it is not the configuration file; empty when it is.
    pub file_why: String,
    /// Its fingerprint, to be given with the answers.
    pub version: String,
    /// Keys whose written values wait for the next start.
    pub pending: Vec<String>,
    /// Can `POST /setup/restart` start the program anew?
    pub can_restart: bool,
}

/// One interface with what passes there now.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SetupInterface {
    /// Name.
    pub name: String,
    /// Is it up?
    pub up: bool,
    /// Does the default route lead there?
    pub default_route: bool,
    /// Is it this machine's own loop?
    pub loopback: bool,
    /// Could it be captured from now?
    pub can_capture: bool,
    /// Is it watched now?
    pub watched: bool,
    /// Addresses with their networks' lengths.
    pub addresses: Vec<String>,
    /// Speed of the link, Mbit/s, when it is known.
    pub speed_mbps: Option<u32>,
    /// Packets a second, both directions, as the kernel counts them.
    pub packets_per_s: f64,
    /// Bits a second, both directions.
    pub bits_per_s: f64,
}

/// Body of `POST /setup` and `POST /setup/preview`; what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SetupGiven {
    /// Interfaces; empty: the one with the default route.
    pub interfaces: Option<Vec<String>>,
    /// Home networks.
    pub home: Option<Vec<String>>,
    /// Kind of place.
    pub preset: Option<String>,
    /// Where alerts are sent.
    pub channel: Option<ChannelPatch>,
    /// `version` of the answer of `GET /setup` or of the preview.
    pub version: Option<String>,
    /// The questions are put off; nothing else is done.
    pub skip: bool,
}

/// Answer of `POST /setup/preview`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SetupPreview {
    /// What it will do, a sentence a line.
    pub words: Vec<String>,
    /// The file's difference, and what holds when.
    pub settings: SettingsPreview,
}
