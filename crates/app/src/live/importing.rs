//! Taking in a user's own model, for the command and for the API: the manifest's two ways of writing, what a row costs, the seat beside
//! the members, and where the model then stands, in words. Owns these steps; what a model says is `detect`'s.

use super::answers::Answers;
use super::artifact;
use super::judging::Judging;
use super::requests::Request;
use super::versions;
use super::worker::wall_clock;
use detect::guests::{CALIBRATION_ROWS_MIN, Guest};
use detect::imported::{FILE_BYTES_MAX, Imported, Manifest};
use detect::{DetectError, Ensemble, EnsembleConfig};
use record::Matrix;
use serve::shapes::{Models, VersionNote};
use serve::{LiveError, ModelUpload};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A model that takes longer for a row is muted, microseconds.
pub const COST_MAX_US: f64 = 50.0;
/// Rows whose scoring is timed.
const TIMED_ROWS: usize = 2_048;
/// Time after which the timing ends, however few rows were scored: a file may be made to be slow.
const TIMED_MAX: Duration = Duration::from_secs(1);
/// The smallest manifest, for errors.
pub const EXAMPLE: &str = "name = \"my_forest\" and meaning = \"lower_is_stranger\" (or higher_is_stranger, attack_probability, reconstruction)";

/// A manifest as text, JSON where the name says so, otherwise TOML.
///
/// # Errors
/// What is wrong with it, with its name.
pub fn manifest(name: &str, text: &str) -> Result<Manifest, String> {
    let json = name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("json"));
    let read = if json {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        toml::from_str(text).map_err(|error| error.to_string())
    };
    read.map_err(|error| format!("manifest {name}: {error}"))
}

/// Why a file of this size is not read; None when it is.
pub fn too_large(name: &str, bytes: u64) -> Option<String> {
    (bytes > FILE_BYTES_MAX as u64)
        .then(|| format!("{name}: {bytes} bytes; models of up to {FILE_BYTES_MAX} bytes are read"))
}

/// Microseconds that the model takes for a row, the better of two passes.
pub fn cost_us(model: &Imported, rows: Option<&Matrix>, columns: usize) -> f64 {
    let rows = rows.filter(|rows| rows.rows() > 0);
    let pass = || {
        let (begun, mut done) = (Instant::now(), 0_usize);
        while done < TIMED_ROWS && begun.elapsed() < TIMED_MAX {
            // Few at first: a slow model has told its cost before a large batch is under way.
            let count = done.clamp(1, 256);
            let mut batch = Matrix::with_capacity(count, columns);
            for row in done..done + count {
                match rows {
                    Some(rows) => batch.push(rows.row(row % rows.rows())),
                    None => batch.values.resize((row - done + 1) * columns, 1.0),
                }
            }
            std::hint::black_box(model.scores(&batch));
            done += count;
        }
        begun.elapsed().as_secs_f64() * 1e6 / done.max(1) as f64
    };
    pass().min(pass())
}

/// Gives the model its seat: muted where it costs too much, calibrated where there are benign rows enough, otherwise in shadow.
///
/// # Errors
/// A member has its name, there is no seat, or the rows do not fit.
pub fn seat(
    ensemble: &mut Ensemble,
    model: Imported,
    (cost_us, cost_max_us): (f64, f64),
    benign: Option<&Matrix>,
    config: &EnsembleConfig,
) -> Result<(), DetectError> {
    let name = model.name().to_owned();
    ensemble.invite(model)?;
    if cost_us > cost_max_us {
        ensemble.mute(&name, &format!("it takes {cost_us:.1} µs a row, {cost_max_us:.1} are allowed"));
    } else if let Some(benign) = benign {
        ensemble.calibrate_guests(benign, config)?;
    }
    Ok(())
}

/// Where it stands, for people.
pub fn standing(guest: &Guest) -> String {
    let info = guest.info();
    let beyond = info.false_positive_rate * 100.0;
    match (guest.muted(), guest.calibration_rows()) {
        (Some(why), _) => format!("muted: {why}"),
        (None, 0) => "in shadow: it is shown and does not vote until it is calibrated on benign input (the next training of `run`, or \
                      `tripline models import --calibrate`)"
            .to_owned(),
        (None, rows) if info.admitted => format!(
            "votes: {beyond:.2} % of held-out benign rows beyond its threshold {:.4}, calibrated on {rows}",
            info.threshold
        ),
        (None, _) => format!(
            "does not vote: {beyond:.2} % of held-out benign rows beyond its threshold, or the same answer for every row"
        ),
    }
}

/// Makes the ensemble a version of its own, so that one can go back to the models without the guest.
pub fn put_note(ensemble: &mut Ensemble, version: u64, name: &str) {
    let before = versions::note_of(ensemble);
    let note = VersionNote {
        version,
        made: Some(wall_clock()),
        reason: "import".to_owned(),
        text: format!("{name} was imported beside the models of version {}", before.version),
        marks: None,
        ..before
    };
    versions::put_note(ensemble, &note);
}

/// What an import begins from: the models in place, and benign rows that they have not learned from.
pub struct Ground {
    present: Arc<Ensemble>,
    benign: Option<Matrix>,
    config: EnsembleConfig,
    version: u64,
}

/// Models with a new guest, made of those that were in place.
pub struct Importing {
    present: Arc<Ensemble>,
    ensemble: Ensemble,
    text: String,
}

impl Judging {
    /// The ground for an import; why not, in words.
    pub(super) fn ground(&self) -> Result<Ground, String> {
        self.may_import()?;
        let present = self
            .judge
            .ensemble()
            .cloned()
            .ok_or("there are no models yet that it could join; wait until they have learned")?;
        let material = self.judge.reservoir().map(|kept| kept.material(&self.lessons.said).calibrate);
        Ok(Ground {
            present,
            benign: material.filter(|rows| rows.rows() >= CALIBRATION_ROWS_MIN),
            config: self.settings.models.clone(),
            version: versions::next_number(&self.versions),
        })
    }

    fn may_import(&self) -> Result<(), String> {
        if self.training.is_some() {
            return Err("a training is under way; import when it has ended".to_owned());
        }
        Ok(())
    }

    /// Puts the models with the guest in place and keeps them.
    pub(super) fn import(&mut self, importing: Importing) -> Result<(), String> {
        self.may_import()?;
        let Importing { present, ensemble, text } = importing;
        if !self.judge.ensemble().is_some_and(|now| Arc::ptr_eq(now, &present)) {
            return Err("other models took their place meanwhile; import again".to_owned());
        }
        if let Some(dir) = &self.settings.models_dir {
            artifact::save(dir, &ensemble, self.settings.models.versions_max).map_err(|error| error.to_string())?;
        }
        self.put_in_place(Arc::new(ensemble));
        self.retrain.log("imported", text);
        self.look(true);
        self.save_log();
        Ok(())
    }
}

impl Answers {
    /// Reads, tries, times and calibrates here, away from the judge, which only puts the result in place.
    pub(super) fn take_in(&self, upload: &ModelUpload) -> Result<Models, LiveError> {
        if let Some(why) = too_large(&upload.onnx_name, upload.onnx.len() as u64) {
            return Err(LiveError::TooLarge(why));
        }
        let manifest = manifest(&upload.manifest_name, &upload.manifest)
            .map_err(|why| LiveError::Refused(format!("{why}; write at least {EXAMPLE}")))?;
        let Ground { present, benign, config, version } = self.ask(Request::Ground)?.map_err(LiveError::Conflict)?;
        let refused = |error: DetectError| LiveError::Refused(format!("{}: {error}", upload.onnx_name));
        let model = Imported::read(&upload.onnx, manifest, present.schema()).map_err(refused)?;
        let cost = cost_us(&model, benign.as_ref(), present.schema().features.len());
        let name = model.name().to_owned();
        let mut ensemble = Ensemble::from_bytes(&present.to_bytes(), present.schema()).map_err(refused)?;
        seat(&mut ensemble, model, (cost, COST_MAX_US), benign.as_ref(), &config).map_err(refused)?;
        put_note(&mut ensemble, version, &name);
        let told = ensemble.guests().iter().find(|guest| guest.model().name() == name).map(standing);
        let text = format!(
            "{name} was imported from {}, {cost:.1} µs a row, as version {version}: {}",
            upload.onnx_name,
            told.unwrap_or_default()
        );
        let importing = Box::new(Importing { present, ensemble, text });
        self.ask(|reply| Request::Import(importing, reply))?.map_err(LiveError::Conflict)?;
        Ok(serve::Live::models(self))
    }
}
