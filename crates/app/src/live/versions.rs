//! Kept versions of the models: what is there, what each says of itself, and going back to one. Owns the note inside a models' file
//! and the order of the files; writing a new one is `artifact`'s.

use super::level_words::{self, LevelTold};
use super::{artifact, level_models, side_models};
use crate::failure::{Context, Failure, Result};
use detect::packet::PacketModel;
use detect::{DetectError, Ensemble, MemberInfo};
use serve::shapes::{ModelTrainedOn, ModelVersion, VersionNote};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the note in the artifact.
const NOTE: &str = "version";
/// Versions looked for; `models.versions_max` is at most as many.
const PLACES_MAX: u32 = 100;

/// Writes what a version says of itself into its models.
pub fn put_note(ensemble: &mut Ensemble, note: &VersionNote) {
    ensemble.attach(NOTE, serde_json::to_vec(note).unwrap_or_default());
}

/// What a version says of itself; empty where it says nothing.
pub fn note_of(ensemble: &Ensemble) -> VersionNote {
    let note = ensemble.attachment(NOTE).and_then(|bytes| serde_json::from_slice(bytes).ok());
    note.unwrap_or_default()
}

/// The artifact of `bytes` with what a version says of itself, whatever models it holds.
///
/// # Errors
/// The bytes are no artifact.
pub fn noted(bytes: &[u8], note: &VersionNote) -> std::result::Result<Vec<u8>, DetectError> {
    detect::artifact::attach(bytes, NOTE, serde_json::to_vec(note).unwrap_or_default())
}

/// `flow.model`, `flow.model.1` …; `place` 0 is the one in use.
fn path_of(dir: &Path, kind: &str, place: u32) -> PathBuf {
    let path = dir.join(artifact::file_name(kind));
    if place == 0 { path } else { path.with_extension(format!("model.{place}")) }
}

/// What models learned from, as the API shows it.
pub fn trained_on(ensemble: &Ensemble) -> ModelTrainedOn {
    let span = ensemble.span();
    ModelTrainedOn { flows: span.rows, packets: span.packets, from: span.from, until: span.until }
}

/// Every version of a kind in a folder, the one in use first. Files that cannot be used say why.
pub fn list(dir: &Path, kind: &str) -> Vec<ModelVersion> {
    let paths = (0..PLACES_MAX).map(|place| (place, path_of(dir, kind, place)));
    paths.filter(|(_, path)| path.is_file()).map(|(place, path)| kept(&path, kind, place).version).collect()
}

/// The number for the next version.
pub fn next_number(versions: &[ModelVersion]) -> u64 {
    versions.iter().map(|v| v.note.version).max().unwrap_or(0) + 1
}

/// One models' file with all that it says.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Kept {
    /// As the API shows it.
    #[serde(flatten)]
    pub version: ModelVersion,
    /// Feature schema; empty where it cannot be told.
    pub schema: String,
    /// Its columns.
    pub columns: usize,
    /// Members; empty for models that are no ensemble.
    pub members_told: Vec<MemberInfo>,
    /// What it learned and whether it is heard, in words; empty for ensembles, whose note says it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Names and sizes of the file's parts, bytes.
    pub parts: Vec<(String, u64)>,
}

/// Every models' file of a folder, of all kinds: `flow.model`, `packet.model` … with their earlier versions.
///
/// # Errors
/// The folder cannot be read.
pub fn all(dir: &Path) -> std::io::Result<Vec<Kept>> {
    let mut files: Vec<(String, u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let Some((kind, rest)) = name.split_once(".model") else { continue };
        let place = if rest.is_empty() { Some(0) } else { rest.strip_prefix('.').and_then(|n| n.parse().ok()) };
        if let Some(place) = place.filter(|_| !kind.is_empty() && path.is_file()) {
            files.push((kind.to_owned(), place, path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(kind, place, path)| kept(&path, &kind, place)).collect())
}

/// What models say of what they learned and who judges.
#[derive(Default)]
struct Told {
    trained_on: Option<ModelTrainedOn>,
    schema: String,
    columns: usize,
    members: Vec<MemberInfo>,
    /// What it learned and whether it is heard, in words.
    words: Vec<String>,
}

/// Reads models whole, so that a file that is listed without an error can be used.
type Reader = fn(&[u8]) -> std::result::Result<Told, DetectError>;

/// The registry: a kind of models is one line. Files of other kinds are checked by their checksums alone.
const READERS: &[(&str, Reader)] = &[
    (artifact::FLOW, flow),
    (side_models::PACKET, packet),
    (level_models::HOST, host),
    (level_models::SERIES, series),
];

fn flow(bytes: &[u8]) -> std::result::Result<Told, DetectError> {
    let ensemble =
        Ensemble::from_bytes(bytes, features::flow_schema()).or_else(|_| Ensemble::from_bytes_as_stored(bytes))?;
    Ok(Told {
        trained_on: Some(trained_on(&ensemble)),
        schema: ensemble.schema().name.to_string(),
        columns: ensemble.schema().features.len(),
        members: ensemble
            .members()
            .iter()
            .chain(ensemble.guests().iter().map(detect::guests::Guest::info))
            .cloned()
            .collect(),
        words: Vec::new(),
    })
}

fn packet(bytes: &[u8]) -> std::result::Result<Told, DetectError> {
    let model = PacketModel::from_bytes(bytes)?;
    let (packets, until) = model.span();
    Ok(Told {
        trained_on: Some(ModelTrainedOn { flows: 0, packets, from: None, until }),
        schema: detect::packet::SCHEMA.to_owned(),
        columns: detect::packet::COLUMNS,
        members: vec![model.member().clone()],
        words: Vec::new(),
    })
}

fn host(bytes: &[u8]) -> std::result::Result<Told, DetectError> {
    level_words::told_of_hosts(bytes).map(Told::from)
}

fn series(bytes: &[u8]) -> std::result::Result<Told, DetectError> {
    level_words::told_of_series(bytes).map(Told::from)
}

impl From<LevelTold> for Told {
    fn from(told: LevelTold) -> Self {
        let LevelTold { schema, columns, members, words } = told;
        Self { trained_on: None, schema, columns, members, words }
    }
}

fn kept(path: &Path, kind: &str, place: u32) -> Kept {
    let file = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let version = ModelVersion { kind: kind.to_owned(), in_use: place == 0, file, ..ModelVersion::default() };
    let mut found = Kept {
        version,
        schema: String::new(),
        columns: 0,
        members_told: Vec::new(),
        words: Vec::new(),
        parts: Vec::new(),
    };
    if let Err(why) = look(path, kind, &mut found) {
        found.version.error = Some(why.to_string());
    }
    found
}

fn look(path: &Path, kind: &str, found: &mut Kept) -> Result<()> {
    let place = format!("models {}", path.display());
    let bytes = fs::read(path).context(&place)?;
    found.version.bytes = bytes.len() as u64;
    found.parts = detect::artifact::sections(&bytes).context(&place)?;
    let note = detect::artifact::attachment(&bytes, NOTE).context(&place)?;
    found.version.note = note.and_then(|note| serde_json::from_slice(&note).ok()).unwrap_or_default();
    let Some((_, read)) = READERS.iter().find(|(name, _)| *name == kind) else { return Ok(()) };
    let told = read(&bytes).context(&place)?;
    found.version.trained_on = told.trained_on;
    found.version.members = told.members.len() as u64;
    (found.schema, found.columns, found.members_told) = (told.schema, told.columns, told.members);
    found.words = told.words;
    Ok(())
}

/// Why a version could not be put in place.
#[derive(Debug)]
pub enum NoReturn {
    /// It is not among the kept ones.
    NotKept(String),
    /// It is there, and it cannot be.
    Refused(String),
}

impl std::fmt::Display for NoReturn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::NotKept(why) | Self::Refused(why)) = self;
        f.write_str(why)
    }
}

/// The folder to go back in, unless `busy` with a training whose result would take the place at once.
pub fn folder(busy: bool, kept_in: Option<&Path>) -> std::result::Result<&Path, NoReturn> {
    if busy {
        return Err(NoReturn::Refused("a training is under way; wait until it has ended".to_owned()));
    }
    kept_in.ok_or_else(|| NoReturn::NotKept("models are not kept here".to_owned()))
}

/// Puts a kept version in place, read by `read` before anything moves; those that were newer move one place back, none is lost. A
/// crash in between leaves models in place.
pub fn roll_back<T>(
    dir: &Path,
    kind: &str,
    version: u64,
    read: impl FnOnce(&[u8]) -> std::result::Result<T, DetectError>,
) -> std::result::Result<T, NoReturn> {
    let versions = list(dir, kind);
    let known = || {
        let numbers: Vec<String> = versions.iter().map(|v| v.note.version.to_string()).collect();
        if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
    };
    let Some(wanted) = versions.iter().find(|v| v.note.version == version) else {
        return Err(NoReturn::NotKept(format!(
            "version {version} of the {kind} models is not kept; kept are {}",
            known()
        )));
    };
    if wanted.in_use {
        return Err(NoReturn::Refused(format!("version {version} of the {kind} models is in place already")));
    }
    let path = dir.join(&wanted.file);
    let refused = |why: Failure| NoReturn::Refused(why.to_string());
    let place_of_file = format!("models {}", path.display());
    let bytes = fs::read(&path).context(&place_of_file).map_err(refused)?;
    let models = read(&bytes).context(&place_of_file).map_err(refused)?;
    let place = (1..PLACES_MAX).find(|place| path_of(dir, kind, *place) == path).unwrap_or(1);
    let moved = || -> std::io::Result<()> {
        let part = dir.join(artifact::part_name(kind));
        fs::rename(&path, &part)?;
        artifact::move_back(&path_of(dir, kind, 0), place)?;
        fs::rename(&part, path_of(dir, kind, 0))
    };
    moved().context(&place_of_file).map_err(refused)?;
    Ok(models)
}

/// Puts a kept version of any kind in place, for a command.
pub fn roll_back_any(dir: &Path, kind: &str, version: u64) -> std::result::Result<(), NoReturn> {
    let Some((_, read)) = READERS.iter().find(|(name, _)| *name == kind) else {
        let kinds: Vec<&str> = READERS.iter().map(|(name, _)| *name).collect();
        return Err(NoReturn::NotKept(format!("there are no {kind} models; kinds are {}", kinds.join(", "))));
    };
    roll_back(dir, kind, version, read).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::noise;
    use super::*;
    use detect::EnsembleConfig;

    /// Small models that differ by their seed.
    fn models(version: u64) -> Ensemble {
        let rows = noise::rows(version, 600, features::flow_schema().features.len());
        let config =
            EnsembleConfig { trees: 5, autoencoder_epochs: 1, reference_rows: 64, ..EnsembleConfig::default() };
        let (mut ensemble, _) = Ensemble::train(features::flow_schema(), &rows, version, &config, &mut |_| {}).unwrap();
        let note = VersionNote { version, reason: "asked".to_owned(), ..VersionNote::default() };
        put_note(&mut ensemble, &note);
        ensemble
    }

    fn back(dir: &Path, version: u64) -> std::result::Result<Ensemble, NoReturn> {
        roll_back(dir, artifact::FLOW, version, |bytes| Ensemble::from_bytes(bytes, features::flow_schema()))
    }

    fn numbers(dir: &Path) -> Vec<u64> {
        list(dir, artifact::FLOW).iter().map(|v| v.note.version).collect()
    }

    #[test]
    fn versions_say_what_they_are_and_one_can_go_back_without_losing_any() {
        let dir = tempfile::tempdir().unwrap();
        assert!(list(dir.path(), artifact::FLOW).is_empty());
        for version in 1..=4 {
            artifact::save(dir.path(), &models(version), 3).unwrap();
        }
        assert_eq!(numbers(dir.path()), [4, 3, 2]);
        assert_eq!(next_number(&list(dir.path(), artifact::FLOW)), 5);
        let oldest = fs::read(dir.path().join("flow.model.2")).unwrap();
        assert_eq!(note_of(&back(dir.path(), 2).unwrap()).version, 2);
        assert_eq!(numbers(dir.path()), [2, 4, 3]);
        assert_eq!(fs::read(dir.path().join("flow.model")).unwrap(), oldest, "the very same bytes");
        assert!(
            list(dir.path(), artifact::FLOW)[0].in_use
                && list(dir.path(), artifact::FLOW)[1..].iter().all(|v| !v.in_use)
        );
        assert_eq!(note_of(&back(dir.path(), 4).unwrap()).version, 4);
        assert_eq!(numbers(dir.path()), [4, 2, 3]);
        assert!(matches!(back(dir.path(), 4), Err(NoReturn::Refused(why)) if why.contains("already")));
        assert!(matches!(back(dir.path(), 9), Err(NoReturn::NotKept(why)) if why.contains("4, 2, 3")));
    }

    #[test]
    fn a_damaged_version_says_so_and_is_not_gone_back_to() {
        let dir = tempfile::tempdir().unwrap();
        for version in 1..=2 {
            artifact::save(dir.path(), &models(version), 3).unwrap();
        }
        let path = dir.path().join("flow.model.1");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        fs::write(&path, bytes).unwrap();
        let listed = list(dir.path(), artifact::FLOW);
        assert!(listed[0].error.is_none() && listed[1].error.as_ref().unwrap().contains("flow.model.1"));
        assert!(back(dir.path(), 1).is_err());
        assert_eq!(numbers(dir.path())[0], 2, "the models in place stay");
    }
}
