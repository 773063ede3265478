//! Kept versions of the models: what is there, what each says of itself, and going back to one. Owns the note inside a models' file
//! and the order of the files; writing a new one is `artifact`'s.

use super::artifact;
use crate::failure::{Context, Failure, Result};
use detect::{Ensemble, MemberInfo};
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

/// `flow.model`, `flow.model.1` …; `place` 0 is the one in use.
fn path_of(dir: &Path, place: u32) -> PathBuf {
    let path = dir.join(artifact::FILE_NAME);
    if place == 0 { path } else { path.with_extension(format!("model.{place}")) }
}

/// What models learned from, as the API shows it.
pub fn trained_on(ensemble: &Ensemble) -> ModelTrainedOn {
    let span = ensemble.span();
    ModelTrainedOn { flows: span.rows, packets: span.packets, from: span.from, until: span.until }
}

/// Reads one kept file.
fn read(path: &Path) -> Result<Ensemble> {
    let bytes = fs::read(path).context(format!("models {}", path.display()))?;
    Ensemble::from_bytes(&bytes, features::flow_schema()).context(format!("models {}", path.display()))
}

/// Every version in a folder, the one in use first. Files that cannot be used say why.
pub fn list(dir: &Path) -> Vec<ModelVersion> {
    let mut found = Vec::new();
    for place in 0..PLACES_MAX {
        let path = path_of(dir, place);
        let Ok(about) = fs::metadata(&path) else { continue };
        let file = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let shown = ModelVersion { in_use: place == 0, file, bytes: about.len(), ..ModelVersion::default() };
        found.push(match read(&path) {
            Ok(ensemble) => ModelVersion {
                note: note_of(&ensemble),
                trained_on: Some(trained_on(&ensemble)),
                members: ensemble.members().len() as u64,
                ..shown
            },
            Err(why) => ModelVersion { error: Some(why.to_string()), ..shown },
        });
    }
    found
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
    Ok(files.into_iter().map(|(_, place, path)| kept(&path, place)).collect())
}

fn kept(path: &Path, place: u32) -> Kept {
    let file = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let version = ModelVersion { in_use: place == 0, file, ..ModelVersion::default() };
    let empty = Kept { version, schema: String::new(), columns: 0, members_told: Vec::new(), parts: Vec::new() };
    let place = format!("models {}", path.display());
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) => {
            return Kept { version: ModelVersion { error: Some(format!("{place}: {e}")), ..empty.version }, ..empty };
        }
    };
    let size = bytes.len() as u64;
    let parts = match detect::artifact::sections(&bytes) {
        Ok(parts) => parts,
        Err(e) => {
            let error = Some(format!("{place}: {e}"));
            return Kept { version: ModelVersion { bytes: size, error, ..empty.version }, ..empty };
        }
    };
    let version = ModelVersion { bytes: size, ..empty.version };
    let is_ensemble = parts.iter().any(|(name, _)| name == "encoder");
    let read =
        Ensemble::from_bytes(&bytes, features::flow_schema()).or_else(|_| Ensemble::from_bytes_as_stored(&bytes));
    match read {
        Ok(ensemble) => Kept {
            version: ModelVersion {
                note: note_of(&ensemble),
                trained_on: Some(trained_on(&ensemble)),
                members: ensemble.members().len() as u64,
                ..version
            },
            schema: ensemble.schema().name.to_string(),
            columns: ensemble.schema().features.len(),
            members_told: ensemble
                .members()
                .iter()
                .chain(ensemble.guests().iter().map(detect::guests::Guest::info))
                .cloned()
                .collect(),
            parts,
        },
        // Other kinds of models have other parts; their checksums are right.
        Err(_) if !is_ensemble => Kept { version, schema: String::new(), columns: 0, members_told: Vec::new(), parts },
        Err(e) => {
            let version = ModelVersion { error: Some(format!("{place}: {e}")), ..version };
            Kept { version, schema: String::new(), columns: 0, members_told: Vec::new(), parts }
        }
    }
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

/// Puts a kept version in place; those that were newer move one place back, none is lost. A crash in between leaves models in place.
pub fn roll_back(dir: &Path, version: u64) -> std::result::Result<Ensemble, NoReturn> {
    let versions = list(dir);
    let known = || {
        let numbers: Vec<String> = versions.iter().map(|v| v.note.version.to_string()).collect();
        if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
    };
    let Some(wanted) = versions.iter().find(|v| v.note.version == version) else {
        return Err(NoReturn::NotKept(format!("version {version} is not kept; kept are {}", known())));
    };
    if wanted.in_use {
        return Err(NoReturn::Refused(format!("version {version} is in place already")));
    }
    let path = dir.join(&wanted.file);
    let refused = |why: Failure| NoReturn::Refused(why.to_string());
    let ensemble = read(&path).map_err(refused)?;
    let place = (1..PLACES_MAX).find(|place| path_of(dir, *place) == path).unwrap_or(1);
    let moved = || -> std::io::Result<()> {
        let part = dir.join(artifact::PART_NAME);
        fs::rename(&path, &part)?;
        artifact::move_back(&path_of(dir, 0), place)?;
        fs::rename(&part, path_of(dir, 0))
    };
    moved().context(format!("models {}", path.display())).map_err(refused)?;
    Ok(ensemble)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use detect::EnsembleConfig;
    use record::Matrix;

    /// Small models that differ by their seed.
    fn models(version: u64) -> Ensemble {
        let columns = features::flow_schema().features.len();
        let mut rows = Matrix::with_capacity(600, columns);
        let mut state = version;
        for _ in 0..600 {
            let row: Vec<f32> = (0..columns)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 40) as f32 / (1_u64 << 24) as f32
                })
                .collect();
            rows.push(&row);
        }
        let config =
            EnsembleConfig { trees: 5, autoencoder_epochs: 1, reference_rows: 64, ..EnsembleConfig::default() };
        let (mut ensemble, _) = Ensemble::train(features::flow_schema(), &rows, version, &config, &mut |_| {}).unwrap();
        let note = VersionNote { version, reason: "asked".to_owned(), ..VersionNote::default() };
        put_note(&mut ensemble, &note);
        ensemble
    }

    fn numbers(dir: &Path) -> Vec<u64> {
        list(dir).iter().map(|v| v.note.version).collect()
    }

    #[test]
    fn versions_say_what_they_are_and_one_can_go_back_without_losing_any() {
        let dir = tempfile::tempdir().unwrap();
        assert!(list(dir.path()).is_empty());
        for version in 1..=4 {
            artifact::save(dir.path(), &models(version), 3).unwrap();
        }
        assert_eq!(numbers(dir.path()), [4, 3, 2]);
        assert_eq!(next_number(&list(dir.path())), 5);
        let oldest = fs::read(dir.path().join("flow.model.2")).unwrap();
        assert_eq!(note_of(&roll_back(dir.path(), 2).unwrap()).version, 2);
        assert_eq!(numbers(dir.path()), [2, 4, 3]);
        assert_eq!(fs::read(dir.path().join("flow.model")).unwrap(), oldest, "the very same bytes");
        assert!(list(dir.path())[0].in_use && list(dir.path())[1..].iter().all(|v| !v.in_use));
        assert_eq!(note_of(&roll_back(dir.path(), 4).unwrap()).version, 4);
        assert_eq!(numbers(dir.path()), [4, 2, 3]);
        assert!(matches!(roll_back(dir.path(), 4), Err(NoReturn::Refused(why)) if why.contains("already")));
        assert!(matches!(roll_back(dir.path(), 9), Err(NoReturn::NotKept(why)) if why.contains("4, 2, 3")));
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
        let listed = list(dir.path());
        assert!(listed[0].error.is_none() && listed[1].error.as_ref().unwrap().contains("flow.model.1"));
        assert!(roll_back(dir.path(), 1).is_err());
        assert_eq!(numbers(dir.path())[0], 2, "the models in place stay");
    }
}
