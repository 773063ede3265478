//! The first start: what there is to choose from, what the answers do, and a new start of the program where they need one. Owns when the
//! page asks by itself; how settings are changed is the desk's.

use super::desk::{Change, Desk, Standing};
use super::judging::lock;
use super::status::Status;
use crate::config::Config;
use crate::failure::Failure;
use crate::settings::known::find;
use record::{IpAddr16, Prefix};
use serde_json::json;
use serve::LiveError;
use serve::shapes::{Mode, SettingsPatch, SettingsPreview, Setup, SetupGiven, SetupInterface, SetupPreview};
use source::{HostCounters, InterfaceInfo};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time between two looks at the interfaces' counters.
const LOOK: Duration = Duration::from_millis(300);
/// Settings that are the answers: where one is in a file, nothing is asked.
const ANSWERS: [&str; 5] =
    ["capture.interfaces", "networks.home", "notify.channels", "alert.per_hour", "collect.listen"];

/// `serve::SetupKeeper` of the running process.
pub struct FirstStart {
    /// Settings.
    pub desk: Arc<Desk>,
    /// What is watched.
    pub status: Arc<Mutex<Status>>,
}

/// Would a new start go on where this one ended? A replay would begin anew.
pub fn can_restart(mode: Mode) -> bool {
    matches!(mode, Mode::Live | Mode::Host)
}

/// Does the page ask by itself: this network's own watch, and nobody decided anything yet?
pub fn asks(desk: &Desk, mode: Mode) -> bool {
    can_restart(mode) && desk.standing().is_ok_and(|standing| undecided(&standing))
}

fn undecided(standing: &Standing) -> bool {
    let own = &standing.file.own;
    if standing.config.kafka.connection.is_set() {
        // A part of a larger whole, whose settings somebody has written.
        return false;
    }
    !own.set_up
        && !own.preset_asked
        && standing.file.values.is_empty()
        && ANSWERS.iter().all(|key| !standing.layers.in_files(key))
}

/// Becomes the same program with the same options; comes back only when that cannot be.
pub fn start_anew() -> Failure {
    tracing::info!("starting anew");
    let program = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let error = std::process::Command::new(program).args(std::env::args_os().skip(1)).exec();
    Failure::new(format!("the new start: {error}; start it by hand"))
}

fn cannot(error: impl std::fmt::Display) -> LiveError {
    LiveError::Unavailable(error.to_string())
}

impl serve::SetupKeeper for FirstStart {
    fn view(&self) -> Result<Setup, LiveError> {
        let standing = self.desk.standing()?;
        let (mode, watched) = {
            let status = lock(&self.status);
            (status.mode, status.sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>())
        };
        let found = source::interfaces().map_err(cannot)?;
        let (file, file_why) = self.desk.file();
        let fixed = |key| find(key).and_then(|known| self.desk.fixed(&standing.layers, known)).unwrap_or_default();
        Ok(Setup {
            needed: can_restart(mode) && undecided(&standing),
            user_needed: false,
            interfaces: look(&found, &watched)?,
            chosen: standing.config.capture.interfaces.clone(),
            interfaces_fixed: fixed("capture.interfaces"),
            rights_command: if source::may_capture() { String::new() } else { crate::rights::setcap_command() },
            home: standing.config.networks.home.clone(),
            home_fixed: fixed("networks.home"),
            suggested: suggested(&standing.config, &found),
            presets: self.desk.presets_of(&standing),
            preset: Some(standing.file.own.preset.clone()).filter(|preset| !preset.is_empty()),
            channels: standing.config.notify.channels.iter().map(|channel| channel.name.clone()).collect(),
            file,
            file_why,
            version: self.desk.version_now()?,
            pending: self.desk.pending(&standing.config),
            can_restart: can_restart(mode),
        })
    }

    fn preview(&self, given: &SetupGiven) -> Result<SetupPreview, LiveError> {
        let patch = patch_of(given);
        let settings = self.desk.preview_change(&Change { patch: &patch, set_up: true })?;
        Ok(SetupPreview { words: words(given, &settings), settings })
    }

    fn apply(&self, given: &SetupGiven) -> Result<Setup, LiveError> {
        let patch = if given.skip { SettingsPatch::default() } else { patch_of(given) };
        self.desk.make(&Change { patch: &patch, set_up: true })?;
        self.view()
    }

    fn restart(&self) -> Result<(), LiveError> {
        if !can_restart(lock(&self.status).mode) {
            return Err(LiveError::Conflict(
                "made-up and replayed traffic would begin anew; end it and start it by hand".to_owned(),
            ));
        }
        self.desk.ask_restart();
        Ok(())
    }
}

/// The answers as a change of settings.
fn patch_of(given: &SetupGiven) -> SettingsPatch {
    let mut values = BTreeMap::new();
    if let Some(interfaces) = &given.interfaces {
        values.insert("capture.interfaces".to_owned(), json!(interfaces));
    }
    if let Some(home) = &given.home {
        values.insert("networks.home".to_owned(), json!(home));
    }
    SettingsPatch {
        values,
        preset: given.preset.clone(),
        channels: given.channel.clone().into_iter().collect(),
        version: given.version.clone(),
    }
}

/// What the answers will do, a sentence a line.
fn words(given: &SetupGiven, settings: &SettingsPreview) -> Vec<String> {
    let mut words = Vec::new();
    match given.interfaces.as_deref() {
        Some([]) => words.push("The interface with the default route is watched.".to_owned()),
        Some(names) => {
            words.push(format!("{} {} watched.", names.join(", "), if names.len() == 1 { "is" } else { "are" }));
        }
        None => {}
    }
    if let Some(home) = &given.home {
        words.push(format!("Your own networks are {}; everything else is outside.", home.join(", ")));
    }
    if let Some(preset) = given.preset.as_deref().and_then(crate::settings::presets::find) {
        words.push(format!("{}: {}", preset.title, preset.text));
    }
    match &given.channel {
        Some(channel) => words.push(format!(
            "Incidents are sent through “{}”. The page stays the place where all of them are.",
            channel.name
        )),
        None => words.push("Nobody is told outside of this page.".to_owned()),
    }
    if settings.next_start.is_empty() {
        words.push("All of it holds at once.".to_owned());
    } else {
        words.push(format!(
            "{} needs a new start of the program; the rest holds at once.",
            settings.next_start.join(", ")
        ));
    }
    words
}

/// The interfaces with what the kernel counts there within a part of a second.
fn look(found: &[InterfaceInfo], watched: &[String]) -> Result<Vec<SetupInterface>, LiveError> {
    let before = source::host_counters().map_err(cannot)?;
    std::thread::sleep(LOOK);
    let after = source::host_counters().map_err(cannot)?;
    let seconds = LOOK.as_secs_f64();
    let sums = |all: &[HostCounters], name: &str| {
        let counters = all.iter().find(|counters| counters.interface == name);
        counters.map_or((0, 0), |c| (c.rx_packets + c.tx_packets, c.rx_bytes + c.tx_bytes))
    };
    let interface = |info: &InterfaceInfo| {
        let ((packets, bytes), (now_packets, now_bytes)) = (sums(&before, &info.name), sums(&after, &info.name));
        SetupInterface {
            name: info.name.clone(),
            up: info.up,
            default_route: info.default_route,
            loopback: info.loopback,
            can_capture: info.can_capture,
            watched: watched.contains(&info.name),
            addresses: info.addresses.iter().map(|(ip, length)| format!("{ip}/{length}")).collect(),
            speed_mbps: info.speed_mbps,
            packets_per_s: now_packets.saturating_sub(packets) as f64 / seconds,
            bits_per_s: now_bytes.saturating_sub(bytes) as f64 * 8.0 / seconds,
        }
    };
    Ok(found.iter().map(interface).collect())
}

/// Networks of interfaces that no home network holds.
fn suggested(config: &Config, found: &[InterfaceInfo]) -> Vec<String> {
    let home = config.home().unwrap_or_default();
    let mut networks = Vec::new();
    for (ip, length) in found.iter().filter(|info| info.up && !info.loopback).flat_map(|info| &info.addresses) {
        let ip = IpAddr16::from(*ip);
        if home.iter().any(|prefix| prefix.contains(ip)) {
            continue;
        }
        let network = Prefix::new(ip, *length).map(|prefix| format!("{}/{}", prefix.addr(), prefix.length()));
        networks.extend(network.filter(|network| !networks.contains(network)));
    }
    networks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn networks_outside_of_home_are_suggested_once() {
        let info = |name: &str, addresses: &[(&str, u8)]| InterfaceInfo {
            name: name.to_owned(),
            addresses: addresses.iter().map(|(ip, length)| (ip.parse().unwrap(), *length)).collect(),
            up: true,
            loopback: name == "lo",
            index: 1,
            mac: record::MacAddr::default(),
            mtu_bytes: 1_500,
            speed_mbps: None,
            default_route: false,
            can_capture: true,
        };
        let found = [
            info("lo", &[("127.0.0.1", 8)]),
            info("eth0", &[("192.168.1.5", 24), ("203.0.113.9", 24), ("203.0.113.10", 24), ("2001:db8::5", 64)]),
        ];
        assert_eq!(suggested(&Config::default(), &found), ["203.0.113.0/24", "2001:db8::/64"]);
    }

    #[test]
    fn answers_are_told_in_words_and_become_settings() {
        let given = SetupGiven {
            interfaces: Some(vec!["eth0".to_owned()]),
            home: Some(vec!["10.0.0.0/8".to_owned()]),
            preset: Some("home".to_owned()),
            ..SetupGiven::default()
        };
        let patch = patch_of(&given);
        assert_eq!(patch.values["capture.interfaces"], json!(["eth0"]));
        let settings =
            SettingsPreview { next_start: vec!["capture.interfaces".to_owned()], ..SettingsPreview::default() };
        let text = words(&given, &settings).join("\n");
        for part in ["eth0 is watched", "10.0.0.0/8", "Home: ", "Nobody is told", "needs a new start"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
