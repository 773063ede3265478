//! Users' own models beside the members: shown in shadow until they are calibrated on benign rows, voting when they keep
//! their promised rate of false positives, muted when they cost too much. They are asked in the second stage, about the
//! rows that the cheap members find among the stranger ones. Owns their seats; what a model says is `imported`'s.

use crate::blob::{Reader, Writer};
use crate::calibrate::Calibration;
use crate::ensemble::{MEMBERS_MAX, MemberInfo, Silence};
use crate::imported::{Imported, Manifest};
use crate::training::exceeding_max;
use crate::vote::Tally;
use crate::{DetectError, Ensemble, EnsembleConfig};
use record::{Matrix, Schema};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Benign rows that a calibration needs.
pub const CALIBRATION_ROWS_MIN: usize = 500;

/// A user's model and what is known of it.
#[derive(Clone, Debug)]
pub struct Guest {
    pub(crate) model: Arc<Imported>,
    pub(crate) info: MemberInfo,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) muted: Option<String>,
}

/// A guest as an artifact's readable section has it.
#[derive(Serialize, Deserialize)]
struct Kept {
    manifest: Manifest,
    member: MemberInfo,
    #[serde(default)]
    muted: Option<String>,
}

impl Guest {
    /// The model.
    #[must_use]
    pub fn model(&self) -> &Imported {
        &self.model
    }
    /// Name, vote, threshold and rate of false positives; the last two are 0 in shadow.
    #[must_use]
    pub fn info(&self) -> &MemberInfo {
        &self.info
    }
    /// Benign rows that it was calibrated on; 0 in shadow.
    #[must_use]
    pub fn calibration_rows(&self) -> usize {
        self.calibration.as_ref().map_or(0, Calibration::rows)
    }
    /// Why it is not asked.
    #[must_use]
    pub fn muted(&self) -> Option<&str> {
        self.muted.as_deref()
    }

    fn in_shadow(model: Arc<Imported>) -> Self {
        let name = model.name().to_owned();
        let silence = Some(Silence::Shadow);
        let info =
            MemberInfo { name, admitted: false, silence, false_positive_rate: 0.0, threshold: 0.0, ranking: 0.0 };
        Self { model, info, calibration: None, muted: None }
    }

    /// Calibrates on every other row, judges the promise on the rest.
    fn calibrate(&mut self, rows: &Matrix, rate_max: f64) {
        let scores = self.model.scores(rows);
        let half = |odd: usize| scores.iter().skip(odd).step_by(2).copied().collect::<Vec<f32>>();
        let calibration = Calibration::fit(half(0));
        let (threshold, rest) = (calibration.quantile(0.99), half(1));
        let exceeding = rest.iter().filter(|score| **score > threshold).count();
        self.info.threshold = threshold;
        self.info.false_positive_rate = exceeding as f64 / rest.len().max(1) as f64;
        // A model that says the same of every row knows nothing.
        let says_something = scores.iter().any(|score| (score - scores[0]).abs() > f32::EPSILON);
        self.info.admitted = says_something && exceeding <= exceeding_max(rest.len(), rate_max);
        self.info.silence = (!self.info.admitted).then_some(Silence::Promise);
        self.calibration = Some(calibration);
    }
}

impl Ensemble {
    /// Users' own models.
    #[must_use]
    pub fn guests(&self) -> &[Guest] {
        &self.guests
    }

    /// Takes a model in, in shadow; one of the same name leaves.
    ///
    /// # Errors
    /// A member has the name, or there is no seat left.
    pub fn invite(&mut self, model: Imported) -> Result<(), DetectError> {
        let refused = |why: String| DetectError::Import { name: model.name().to_owned(), why };
        if self.members.iter().any(|member| member.name == model.name()) {
            return Err(refused("a member of the ensemble has this name".to_owned()));
        }
        let others = self.guests.iter().filter(|guest| guest.model.name() != model.name()).count();
        let seats = MEMBERS_MAX - self.members.len();
        if others >= seats {
            let names: Vec<&str> = self.guests.iter().map(|guest| guest.model.name()).collect();
            return Err(refused(format!("{seats} imported models are the most; there are {}", names.join(", "))));
        }
        self.guests.retain(|guest| guest.model.name() != model.name());
        self.guests.push(Guest::in_shadow(Arc::new(model)));
        Ok(())
    }

    /// Lets a model go; false when it is not there. The last calibration is the caller's to renew.
    pub fn dismiss(&mut self, name: &str) -> bool {
        let before = self.guests.len();
        self.guests.retain(|guest| guest.model.name() != name);
        self.guests.len() < before
    }

    /// Asks a model no more, for a reason that is shown.
    pub fn mute(&mut self, name: &str, why: &str) {
        for guest in self.guests.iter_mut().filter(|guest| guest.model.name() == name) {
            guest.muted = Some(why.to_owned());
            guest.info.admitted = false;
            guest.info.silence = Some(Silence::Shadow);
        }
    }

    /// Takes over another ensemble's guests, in shadow again: what they say now is to be calibrated on newer rows.
    pub fn take_guests_of(&mut self, other: &Self) {
        let fits = |guest: &&Guest| self.members.iter().all(|member| member.name != guest.model.name());
        let seats = MEMBERS_MAX - self.members.len();
        let taken = other.guests.iter().filter(fits).take(seats).map(|guest| {
            let mut own = Guest::in_shadow(Arc::clone(&guest.model));
            own.muted.clone_from(&guest.muted);
            own
        });
        self.guests = taken.collect();
    }

    /// Calibrates the guests on benign rows, lets those vote that keep their promise, and fits the last calibration anew.
    ///
    /// # Errors
    /// Rows of another width, or fewer than [`CALIBRATION_ROWS_MIN`].
    pub fn calibrate_guests(&mut self, rows: &Matrix, config: &EnsembleConfig) -> Result<(), DetectError> {
        if rows.rows() < CALIBRATION_ROWS_MIN {
            return Err(DetectError::TooFewRows { rows: rows.rows(), needed: CALIBRATION_ROWS_MIN });
        }
        for guest in self.guests.iter_mut().filter(|guest| guest.muted.is_none()) {
            guest.calibrate(rows, config.admission_false_positive_rate_max);
        }
        self.recalibrate(rows)
    }

    /// Asks the guests about `rows` (not encoded), whose tallies stand at `places`.
    pub(crate) fn ask_guests(&self, rows: &Matrix, places: &[usize], tallies: &mut [Tally]) {
        for (seat, guest) in (self.members.len()..).zip(&self.guests) {
            if guest.muted.is_some() {
                continue;
            }
            for (score, place) in guest.model.scores(rows).into_iter().zip(places) {
                tallies[*place].hear(seat, score, guest.calibration.as_ref(), &guest.info);
            }
        }
    }

    /// The artifact's sections of the guests.
    pub(crate) fn guest_sections(&self) -> Vec<(String, Vec<u8>)> {
        let mut sections = Vec::new();
        for (number, guest) in self.guests.iter().enumerate() {
            let kept = Kept {
                manifest: guest.model.manifest().clone(),
                member: guest.info.clone(),
                muted: guest.muted.clone(),
            };
            sections.push((format!("guest.{number}"), serde_json::to_vec(&kept).unwrap_or_default()));
            sections.push((format!("guest.{number}.onnx"), guest.model.bytes().to_vec()));
            if let Some(calibration) = &guest.calibration {
                let mut writer = Writer::default();
                calibration.save(&mut writer);
                sections.push((format!("guest.{number}.calibration"), writer.bytes));
            }
        }
        sections
    }
}

/// Guests from an artifact's sections.
pub(crate) fn load<'a>(
    section: impl Fn(&str) -> Option<&'a [u8]>,
    schema: &Schema,
    seats: usize,
) -> Result<Vec<Guest>, DetectError> {
    let mut guests = Vec::new();
    while let Some(bytes) = section(&format!("guest.{}", guests.len())) {
        let number = guests.len();
        if number >= seats {
            return Err(DetectError::Damaged("it has more imported models than seats".to_owned()));
        }
        let damaged = |what: String| DetectError::Damaged(format!("imported model {number}: {what}"));
        let Kept { manifest, member, muted } =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        let onnx = section(&format!("guest.{number}.onnx")).ok_or_else(|| damaged("its file is missing".to_owned()))?;
        let model = Imported::read(onnx, manifest, schema).map_err(|error| damaged(error.to_string()))?;
        let calibration = section(&format!("guest.{number}.calibration"));
        let calibration = calibration.map(|bytes| Calibration::load(&mut Reader::new(bytes))).transpose()?;
        let admitted = member.admitted && calibration.is_some() && muted.is_none();
        let info = MemberInfo { name: model.name().to_owned(), admitted, ..member };
        guests.push(Guest { model: Arc::new(model), info, calibration, muted });
    }
    Ok(guests)
}
