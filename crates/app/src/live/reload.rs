//! SIGHUP, or a change on the dashboard: the settings are read again, what a running process can take over is handed to the threads that use it, and the log says
//! which keys were applied and which wait for a start. Owns which is which; what a setting does is its room's.

use super::judging::Reload;
use super::notify::Outbox;
use super::worker::MeterSettings;
use crate::cli::Common;
use crate::commands::analyze::judge_config;
use crate::config::Config;
use crate::failure::Result;
use crossbeam_channel::Sender;
use serve::shapes::Applies;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use store::Sqlite;

/// Keys (or their beginnings) that are taken over without a start.
const APPLIED: &[&str] = &[
    "alert.",
    "intel.",
    "behaviour.",
    "networks.home",
    "flow.idle_timeout_tcp_ms",
    "flow.idle_timeout_udp_ms",
    "flow.idle_timeout_icmp_ms",
    "flow.idle_timeout_other_ms",
    "flow.idle_timeout_unanswered_ms",
    "flow.active_timeout_ms",
    "flow.linger_ms",
    "flow.contact_timeout_ms",
    "flow.idle_threshold_ms",
    "learn.",
    "models.",
    "store.max_bytes",
    "store.flows_age_h",
    "store.incidents_age_days",
    "store.incidents_max",
    "store.hosts_age_days",
    "store.hosts_max",
    "store.scans_",
    "store.assets_",
    "store.asset_events_max",
    "store.series_",
    "evidence.packets_max",
    "notify.",
    "scan.",
    "reports.",
    "geoip.",
];
/// Of these, what only the next training looks at.
const NEXT_TRAINING: &[&str] = &["models.", "learn."];

/// The key to which a start adds the networks of the watched interfaces.
const HOME: &str = "networks.home";

/// From when on a change of this key holds.
pub fn applies(key: &str) -> Applies {
    match (begins(key, APPLIED), begins(key, NEXT_TRAINING)) {
        (false, _) => Applies::NextStart,
        (true, true) => Applies::NextTraining,
        (true, false) => Applies::AtOnce,
    }
}

/// Reads the settings of one call again.
pub struct Reloader {
    common: Common,
    /// Where what the dashboard set is kept.
    data_dir: PathBuf,
    /// What the process works with now.
    running: Mutex<Config>,
    /// Networks that the command adds to those of the file.
    home_added: Vec<String>,
    /// Keys that options of the command fix for this run (`-i`, `-F`, `--listen`, ...).
    fixed: BTreeSet<String>,
}

/// The threads that take settings over.
pub struct Takers {
    /// The judge.
    pub judge: Sender<Box<Reload>>,
    /// The capture workers.
    pub meters: Vec<Sender<MeterSettings>>,
    /// The keeper of threat-intelligence lists.
    pub lists: Sender<detect::intel::IntelConfig>,
    /// The store.
    pub store: Arc<Sqlite>,
    /// Notifications.
    pub outbox: Arc<Outbox>,
}

impl Reloader {
    /// `read` as it came from the file and the command line; `running` with what the command added.
    pub fn new(common: &Common, data_dir: &Path, read: &Config, running: &Config) -> Self {
        let added = running.networks.home.iter().filter(|net| !read.networks.home.contains(net)).cloned().collect();
        let fixed =
            read.changed_keys(running).into_iter().filter(|key| key != HOME && !key.starts_with("host.")).collect();
        let running = Mutex::new(running.clone());
        Self { common: common.clone(), data_dir: data_dir.to_path_buf(), running, home_added: added, fixed }
    }

    /// Does an option of the command fix this key for this run?
    pub fn is_fixed(&self, key: &str) -> bool {
        self.fixed.contains(key)
    }

    /// Keys of `found` whose values the process does not work with yet: they wait for a start.
    pub fn pending(&self, found: &Config) -> BTreeSet<String> {
        let mut found = found.clone();
        found.networks.home.extend(self.home_added.iter().cloned());
        let mut changed = self.running().changed_keys(&found);
        changed.retain(|key| !self.is_fixed(key));
        changed
    }

    /// Reads, compares, hands over, tells. A file that is not good changes nothing.
    pub fn reload(&self, takers: &Takers) {
        if let Err(failure) = self.take_over(takers) {
            tracing::error!("settings were not taken over, the old ones stay: {failure}");
        }
    }

    /// The same, with the failure for the caller.
    pub fn take_over(&self, takers: &Takers) -> Result<()> {
        self.read().and_then(|found| self.apply(&found, takers))
    }

    /// What the process works with now.
    pub fn running(&self) -> Config {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The options of the call.
    pub fn common(&self) -> &Common {
        &self.common
    }

    fn read(&self) -> Result<Config> {
        let mut found = Config::load_in(&self.common, &self.data_dir)?;
        found.networks.home.extend(self.home_added.iter().cloned());
        // A bound that cannot hold is the store's to refuse, before anything is applied.
        found.store.check().map_err(|e| crate::failure::Failure::new(e.to_string()))?;
        Ok(found)
    }

    fn apply(&self, found: &Config, takers: &Takers) -> Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = running.changed_keys(found);
        changed.retain(|key| !self.is_fixed(key));
        let (now, later): (BTreeSet<String>, BTreeSet<String>) =
            changed.into_iter().partition(|key| begins(key, APPLIED));
        if !now.is_empty() {
            let next = running.with(found, &now)?;
            takers.take(&next)?;
            *running = next;
        }
        drop(running);
        tell(&now, &later);
        Ok(())
    }
}

impl Takers {
    fn take(&self, config: &Config) -> Result<()> {
        let judge = Reload {
            judge: judge_config(config)?,
            learn: config.learn,
            evidence_packets_max: config.evidence.packets_max,
        };
        let meter = MeterSettings { flow: config.flow.clone(), home: config.home()? };
        self.store.set_retention(&config.store);
        self.outbox.reconfigure(config.notify.clone());
        // A thread that has ended needs no settings.
        let _ = self.judge.send(Box::new(judge));
        let _ = self.lists.send(config.intel.clone());
        for worker in &self.meters {
            let _ = worker.send(meter.clone());
        }
        Ok(())
    }
}

fn begins(key: &str, list: &[&str]) -> bool {
    list.iter().any(|known| key.starts_with(known))
}

fn tell(now: &BTreeSet<String>, later: &BTreeSet<String>) {
    let list = |keys: Vec<&String>| keys.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let (training, at_once): (Vec<_>, Vec<_>) = now.iter().partition(|key| begins(key, NEXT_TRAINING));
    if now.is_empty() && later.is_empty() {
        tracing::info!("settings read again: nothing changed");
    }
    if !at_once.is_empty() {
        tracing::info!("settings applied: {}", list(at_once));
    }
    if !training.is_empty() {
        tracing::info!("settings applied from the next training on: {}", list(training));
    }
    if !later.is_empty() {
        tracing::warn!("settings changed that need a new start: {}", list(later.iter().collect()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_applied_key_is_a_setting() {
        let mut all = BTreeSet::new();
        // Two trees that differ in everything name every key.
        let text = crate::config::COMMENTED;
        let table: toml::Table = toml::from_str(text).unwrap();
        crate::config::leaves("", &table, &mut |key, _| {
            all.insert(key);
        });
        for known in APPLIED {
            assert!(all.iter().any(|key| key.starts_with(known)), "{known} is no setting");
        }
        let holds = ["alert.per_hour", "models.retrain_every_h", "serve.listen", "capture.ring_bytes"].map(applies);
        assert_eq!(holds, [Applies::AtOnce, Applies::NextTraining, Applies::NextStart, Applies::NextStart]);
    }

    #[test]
    fn what_options_fix_is_neither_applied_nor_waited_for() {
        let read = Config::default();
        let mut running = read.clone();
        running.capture.interfaces = vec!["eth7".to_owned()];
        running.networks.home.push("192.0.2.0/24".to_owned());
        let common = <crate::cli::Cli as clap::Parser>::parse_from(["tripline", "demo"]).common;
        let reloader = Reloader::new(&common, Path::new("/nowhere"), &read, &running);
        assert!(reloader.is_fixed("capture.interfaces") && !reloader.is_fixed("networks.home"));
        let mut found = read;
        assert!(reloader.pending(&found).is_empty());
        (found.capture.interfaces, found.capture.snap_len) = (vec!["eth1".to_owned()], 99);
        assert_eq!(reloader.pending(&found).into_iter().collect::<Vec<_>>(), ["capture.snap_len"]);
    }

    #[test]
    fn only_what_is_applied_becomes_the_running_settings() {
        let running = Config::default();
        let mut found = running.clone();
        found.alert.per_hour = 9.0;
        found.evidence.snap_len = 99;
        found.behaviour.flood.syn_per_s = 5_000;
        let changed = running.changed_keys(&found);
        assert_eq!(
            changed.iter().map(String::as_str).collect::<Vec<_>>(),
            ["alert.per_hour", "behaviour.flood.syn_per_s", "evidence.snap_len"]
        );
        let now = changed.into_iter().filter(|key| begins(key, APPLIED)).collect();
        let next = running.with(&found, &now).unwrap();
        assert_eq!((next.alert.per_hour, next.behaviour.flood.syn_per_s, next.evidence.snap_len), (9.0, 5_000, 512));
    }
}
