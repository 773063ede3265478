//! Composes the rooms' settings into one tree. Owns the tree, its file's errors and what types cannot say; the settings themselves
//! live in the rooms they configure, and where each value comes from is `settings::layers`'.

use crate::cli::Common;
use crate::failure::{Context, Failure, Result};
use crate::settings::layers::Layers;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The shipped file with every setting, its default and its meaning; `config init` writes it, a test keeps it true.
pub const COMMENTED: &str = include_str!("../../../config/tripline.toml");

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Networks.
    pub networks: Networks,
    /// Live capture.
    pub capture: source::LiveSettings,
    /// Collectors of flow exports.
    pub collect: source::CollectSettings,
    /// Captures that others send by TCP.
    pub pcap: source::RemoteSettings,
    /// Logs that are read live.
    pub logs: source::LogSettings,
    /// Apache Kafka.
    pub kafka: crate::settings::kafka::KafkaSettings,
    /// Reading of flow exports.
    pub exports: decode::ExportConfig,
    /// Putting exported flows together.
    pub exported: flow::ExportedConfig,
    /// This machine's own sockets and counters.
    pub host: source::HostSettings,
    /// Decoder limits.
    pub decode: decode::DecodeConfig,
    /// Flow table.
    pub flow: flow::FlowConfig,
    /// Host windows.
    pub windows: flow::WindowConfig,
    /// Learning from live traffic.
    pub learn: evaluate::LearnConfig,
    /// Models.
    pub models: detect::EnsembleConfig,
    /// Packet level: which packets are judged, and when they become an alert.
    pub packets: evaluate::PacketConfig,
    /// Host level: when minutes of hosts become an alert.
    pub hosts: evaluate::HostConfig,
    /// Level of series: when the course of an interface or a busy host becomes an alert.
    pub series: evaluate::SeriesConfig,
    /// Behaviour detectors.
    pub behaviour: detect::behaviour::BehaviourConfig,
    /// Threat-intelligence lists.
    pub intel: detect::intel::IntelConfig,
    /// Incidents and the alert budget.
    pub alert: alert::AlertConfig,
    /// Embedded store and retention.
    pub store: store::StoreConfig,
    /// Logs beside the store.
    pub logging: store::csv_log::LoggingConfig,
    /// Dashboard and API.
    pub serve: serve::ServeConfig,
    /// Evidence packets.
    pub evidence: Evidence,
    /// Files handed over on the dashboard.
    pub uploads: crate::live::uploads::UploadSettings,
    /// Who is told of incidents outside the dashboard.
    pub notify: store::notify::NotifyConfig,
    /// The long history on a folder or an object store.
    pub archive: store::archive::ArchiveConfig,
    /// Active scanning.
    pub scan: scan::ScanConfig,
    /// A process that does a part of the work.
    pub roles: crate::live::roles::RoleSettings,
    /// Results kept in MongoDB.
    pub mongodb: store::mongo::MongoConfig,
    /// Countries of addresses.
    pub geoip: crate::countries::GeoIpSettings,
    /// Reports.
    pub reports: crate::report::ReportSettings,
}

/// Which networks are the user's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Networks {
    /// Prefixes that count as inside: direction, new devices, host pages.
    pub home: Vec<String>,
}

impl Default for Networks {
    fn default() -> Self {
        let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];
        Self { home: private.map(str::to_owned).to_vec() }
    }
}

/// How many packets are kept for the Packets page and for incidents.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// Memory for the newest packets of each worker, bytes.
    pub ring_bytes: usize,
    /// Bytes kept of each packet.
    pub snap_len: usize,
    /// Packets saved with one incident.
    pub packets_max: usize,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { ring_bytes: 16 << 20, snap_len: 512, packets_max: 2_000 }
    }
}

impl Config {
    /// Resolves the settings of one call: file, environment, `--set`.
    pub fn load(common: &Common) -> Result<Self> {
        Layers::read(common, None)?.resolve()
    }

    /// The same with what the dashboard set, kept in a data directory.
    pub fn load_in(common: &Common, data_dir: &Path) -> Result<Self> {
        Layers::read(common, Some(data_dir))?.resolve()
    }

    /// Checks what types cannot say.
    pub fn check(&self) -> Result<()> {
        self.home()?;
        self.intel.check().map_err(Failure::new)?;
        self.notify.check().map_err(Failure::new)?;
        self.archive.check().map_err(Failure::new)?;
        self.collect.addresses().plain()?;
        self.collect.allowed().plain()?;
        self.logging.csv.check().map_err(Failure::new)?;
        self.logs.check().plain()?;
        self.kafka.check()?;
        self.pcap.check().plain()?;
        self.uploads.check()?;
        self.scan.check().map_err(Failure::new)?;
        self.geoip.check()?;
        self.serve.check().map_err(Failure::new)?;
        self.roles.check().map_err(Failure::new)?;
        self.mongodb.check().map_err(Failure::new)?;
        let mails = self.notify.channels.iter().filter(|channel| channel.kind == "email");
        self.reports.check(&mails.map(|channel| channel.name.as_str()).collect::<Vec<_>>()).map_err(Failure::new)?;
        if self.evidence.snap_len < 64 {
            return Err(Failure::new("evidence.snap_len is below 64 bytes: headers would be cut; set 64 or more"));
        }
        for (name, value) in [("flows_max", self.flow.flows_max), ("flows_live_max", self.flow.flows_live_max)] {
            if value == 0 {
                return Err(Failure::new(format!("flow.{name} is 0: no flow could be kept; set 1 or more")));
            }
        }
        if !(self.alert.per_hour >= 0.0 && self.alert.per_hour.is_finite()) {
            let given = self.alert.per_hour;
            return Err(Failure::new(format!(
                "alert.per_hour is {given}: write how many incidents an hour, 0 or more"
            )));
        }
        Ok(())
    }

    /// Keys (`section.key`) whose values differ in `other`.
    pub fn changed_keys(&self, other: &Self) -> BTreeSet<String> {
        let flat = |config: &Self| {
            let mut flat = BTreeMap::new();
            leaves("", &Table::try_from(config).unwrap_or_default(), &mut |key, value| {
                flat.insert(key, value.clone());
            });
            flat
        };
        let (here, there) = (flat(self), flat(other));
        let mut changed: BTreeSet<String> =
            here.keys().chain(there.keys()).filter(|key| here.get(*key) != there.get(*key)).cloned().collect();
        // Secrets look all alike there.
        if self.notify.channels != other.notify.channels {
            changed.insert("notify.channels".to_owned());
        }
        if self.kafka.connection.sasl_password != other.kafka.connection.sasl_password {
            changed.insert("kafka.sasl_password".to_owned());
        }
        if (&self.archive.key_id, &self.archive.key) != (&other.archive.key_id, &other.archive.key) {
            changed.insert("archive.key".to_owned());
        }
        if self.mongodb.url != other.mongodb.url {
            changed.insert("mongodb.url".to_owned());
        }
        changed
    }

    /// These settings with the values that `other` has for `keys`.
    pub fn with(&self, other: &Self, keys: &BTreeSet<String>) -> Result<Self> {
        let mut table = Table::try_from(self).context("settings")?;
        let mut values = Vec::new();
        leaves("", &Table::try_from(other).context("settings")?, &mut |key, value| values.push((key, value.clone())));
        for (key, value) in values.into_iter().filter(|(key, _)| keys.contains(key)) {
            put(&mut table, &key, value).map_err(Failure::new)?;
        }
        let mut next: Self = table.try_into().context("settings")?;
        // Their secrets do not survive being written.
        let channels = if keys.contains("notify.channels") { &other.notify.channels } else { &self.notify.channels };
        next.notify.channels.clone_from(channels);
        let other_kafka = keys.contains("kafka.sasl_password");
        let kafka = if other_kafka { &other.kafka.connection } else { &self.kafka.connection };
        next.kafka.connection.sasl_password.clone_from(&kafka.sasl_password);
        // Taken over at a start alone.
        next.serve.oidc.client_secret.clone_from(&self.serve.oidc.client_secret);
        next.archive.clone_from(&self.archive);
        next.mongodb.url.clone_from(&if keys.contains("mongodb.url") { other } else { self }.mongodb.url);
        Ok(next)
    }

    /// The home networks, parsed.
    pub fn home(&self) -> Result<Vec<record::Prefix>> {
        let parse = |text: &String| {
            text.parse().map_err(|_| {
                Failure::new(format!(
                    "networks.home: `{text}` is not a network; write it as 192.168.0.0/16 or fd00::/8"
                ))
            })
        };
        self.networks.home.iter().map(parse).collect()
    }
}

/// Reads the file alone first, so that an error names its line and column.
pub fn read_file(path: &Path) -> Result<Table> {
    read_part(path, &[])
}

/// The same for a file that holds sections of its own beside the settings.
pub fn read_part(path: &Path, own: &[&str]) -> Result<Table> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let advice = match e.kind() {
            ErrorKind::NotFound => format!("`tripline config init -w {}` writes one", path.display()),
            ErrorKind::IsADirectory => "name the file in it".to_owned(),
            ErrorKind::InvalidData => "it must be TOML in UTF-8".to_owned(),
            _ => "check your right to read it".to_owned(),
        };
        Failure::new(format!("configuration {}: {e}; {advice}", path.display()))
    })?;
    let place = |e: &toml::de::Error| {
        let before = &text[..e.span().map_or(0, |s| s.start).min(text.len())];
        let column = before.rsplit('\n').next().map_or(0, str::len) + 1;
        format!(
            "configuration {}, line {}, column {column}: {}",
            path.display(),
            before.matches('\n').count() + 1,
            one_line(e.message())
        )
    };
    let known = |e| Failure::new(format!("{}; `tripline config show` lists the known keys", place(&e)));
    let whole: Table = toml::from_str(&text).map_err(|e| Failure::new(place(&e)))?;
    if own.is_empty() {
        toml::from_str::<Config>(&text).map_err(known)?;
    } else {
        let mut settings = whole.clone();
        settings.retain(|name, _| !own.contains(&name));
        settings.try_into::<Config>().map_err(known)?;
    }
    Ok(whole)
}

pub fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts one dotted key into the tree. The value is read as TOML where it is TOML, else as text.
pub fn overlay(table: &mut Table, path: &str, value: &str) -> std::result::Result<(), String> {
    let value = toml::from_str::<Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut t| t.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    put(table, path, value)
}

/// Every value that is no section, with its dotted key.
pub fn leaves(prefix: &str, table: &Table, visit: &mut dyn FnMut(String, &Value)) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => leaves(&key, inner, visit),
            value => visit(key, value),
        }
    }
}

pub fn put(table: &mut Table, path: &str, value: Value) -> std::result::Result<(), String> {
    let mut keys: Vec<&str> = path.split('.').collect();
    let last = keys.pop().filter(|k| !k.is_empty()).ok_or("the key is empty")?;
    let mut here = table;
    for key in keys {
        let entry = here.entry(key).or_insert_with(|| Value::Table(Table::new()));
        here = entry.as_table_mut().ok_or_else(|| format!("`{key}` is a value, not a section"))?;
    }
    here.insert(last.to_owned(), value);
    Ok(())
}

/// Where a network's own data is kept: `--data-dir`, or the platform's data directory.
pub fn data_dir(common: &Common) -> Result<PathBuf> {
    match &common.data_dir {
        Some(dir) => Ok(dir.clone()),
        None => platform_dir(),
    }
}

/// Where the data of made-up or replayed traffic is kept, so that it never mixes with a network's own: `--data-dir` as given, or
/// a folder of this name in the platform's data directory.
pub fn data_dir_apart(common: &Common, name: &str) -> Result<PathBuf> {
    match &common.data_dir {
        Some(dir) => Ok(dir.clone()),
        None => Ok(platform_dir()?.join(name)),
    }
}

/// By the XDG base directory specification, which does not take relative paths.
fn platform_dir() -> Result<PathBuf> {
    std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".local/share")))
        .map(|dir| dir.join("tripline"))
        .ok_or_else(|| {
            Failure::new("no home directory is known for this user; say where to keep data with --data-dir DIR")
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn resolve(text: &str, environment: &[(&str, &str)], set: &[&str]) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("t.toml");
        std::fs::write(&file, text).unwrap();
        let environment: Vec<_> =
            environment.iter().map(|(k, v)| ("E".to_owned(), (*k).to_owned(), (*v).to_owned())).collect();
        let set: Vec<String> = set.iter().map(|s| (*s).to_owned()).collect();
        Layers::new(Some(&file), None, environment, set)?.resolve()
    }

    #[test]
    fn the_command_line_wins_over_environment_and_file() {
        let file = "[evidence]\nsnap_len = 100\n";
        assert_eq!(resolve(file, &[], &[]).unwrap().evidence.snap_len, 100);
        assert_eq!(resolve(file, &[("evidence.snap_len", "200")], &[]).unwrap().evidence.snap_len, 200);
        assert_eq!(
            resolve(file, &[("evidence.snap_len", "200")], &["evidence.snap_len=300"]).unwrap().evidence.snap_len,
            300
        );
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_known_ones() {
        let error = resolve("[evidence]\nsnap_lenn = 1\n", &[], &[]).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("snap_lenn") && error.contains("snap_len"), "{error}");
        let error = resolve("", &[], &["evidence.nothing=1"]).unwrap_err().to_string();
        assert!(error.contains("nothing"), "{error}");
        assert!(resolve("", &[], &["networks.home=[\"10.0.0.0/99\"]"]).is_err());
    }

    #[test]
    fn the_commented_file_holds_every_setting_with_its_default() {
        let commented: Table = toml::from_str(COMMENTED).unwrap();
        let defaults = Table::try_from(Config::default()).unwrap();
        assert_eq!(commented, defaults, "config/tripline.toml and the defaults differ");
        for line in COMMENTED.lines().filter(|l| l.contains(" = ") && !l.starts_with('#')) {
            assert!(line.contains('#') || previous_is_comment(line), "`{line}` has no comment");
        }
    }

    fn previous_is_comment(line: &str) -> bool {
        let lines: Vec<&str> = COMMENTED.lines().collect();
        let at = lines.iter().position(|l| *l == line).unwrap();
        at > 0 && lines[at - 1].starts_with('#')
    }

    /// Damaged settings are refused with a line, or taken; never a panic. A small generator of its own: no dependency for it.
    #[test]
    fn damaged_files_are_refused_with_their_place() {
        let mut state = 1_u64;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit.max(1)
        };
        let (mut good, mut bad) = (0, 0);
        for _ in 0..300 {
            let mut text: Vec<char> = COMMENTED.chars().collect();
            for _ in 0..3 {
                let at = below(text.len());
                match below(3) {
                    0 => text[at] = ['"', '[', '=', '-', '9', '\n', 'é', '.'][below(8)],
                    1 => drop(text.drain(at..(at + below(30)).min(text.len()))),
                    _ => text.insert(at, ['"', ']', '=', '-', '0', '\n', '#', 'e'][below(8)]),
                }
            }
            match resolve(&text.into_iter().collect::<String>(), &[], &[]) {
                Ok(_) => good += 1,
                Err(failure) => {
                    bad += 1;
                    let line = failure.to_string();
                    assert!(line.len() < 1_500 && !line.contains('\n'), "{line}");
                }
            }
        }
        assert!(good > 10 && bad > 10, "{good} taken, {bad} refused");
    }
}
