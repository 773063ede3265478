//! The level of series as members: for each group of like series (interfaces, busy hosts) a forecaster that must beat the
//! seasonal baseline, calibrated on steps held out, what is usual for each series by itself, reasons, and the bytes to keep
//! them. Owns nothing of how steps are counted or when their evidence is an incident.

use super::forecast::{Forecaster, ForecasterReport, Surprise, Tracks, held_out_from};
use super::lstm_train::LstmSettings;
use crate::artifact::{Sections, assemble};
use crate::blob::{Reader, Writer};
use crate::calibrate::{Calibration, keeps_promise};
use crate::ensemble::Silence;
use crate::models::normalise;
use crate::{DetectError, MemberInfo};
use record::{Matrix, Schema, Timestamp, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the member.
pub const MEMBER: &str = "lstm";
/// Fewest steps held out, of all series together, that a calibration is made of.
const HELD_OUT_MIN: usize = 60;
/// Series with a usual of their own.
const SERIES_MAX: usize = 4_096;
/// Steps held out that a series needs for a usual of its own.
const OWN_STEPS_MIN: usize = 8;
/// Evidence, −ln p, that this share of a series' steps stay below is usual for it.
const USUAL_SHARE: f64 = 0.75;
/// Deviations around the forecast that are shown as expected.
const SHOWN_DEVIATIONS: f32 = 2.0;
/// Reasons given at most.
const REASONS_MAX: usize = 5;
/// Groups in a file at most.
const GROUPS_MAX: usize = 8;

/// Series of one group to learn from.
pub struct GroupLesson<'a> {
    /// The channels; its name is the group's.
    pub schema: &'a Schema,
    /// One matrix a series: rows are steps, columns channels.
    pub series: &'a [Matrix],
    /// A number for each that tells series apart.
    pub names: &'a [u64],
}

/// What a group was learned from, and whether it may be heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct About {
    schema: String,
    fingerprint: u64,
    series: u64,
    steps: u64,
    report: ForecasterReport,
    member: MemberInfo,
}

/// One group of series.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    forecaster: Forecaster,
    calibration: Calibration,
    usual: BTreeMap<u64, f32>,
    about: About,
}

/// What the whole was learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Learned {
    seed: u64,
    until: Option<Timestamp>,
    groups: Vec<About>,
}

/// A trained level of series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesModel {
    seed: u64,
    until: Option<Timestamp>,
    groups: Vec<Group>,
}

impl SeriesModel {
    /// Learns every group that has enough. `seasons` are those that the baseline tries, steps; `until` is the end of the newest
    /// step. The same lessons, settings and seed give the same model.
    ///
    /// # Errors
    /// Too few steps in every group; the error is that of the first.
    pub fn train(
        lessons: &[GroupLesson<'_>],
        seasons: &[usize],
        settings: &LstmSettings,
        seed: u64,
        until: Option<Timestamp>,
    ) -> Result<Self, DetectError> {
        let (mut groups, mut first, settings) = (Vec::new(), None, settings.within_bounds());
        for lesson in lessons {
            match Group::train(lesson, seasons, &settings, seed) {
                Ok(group) => groups.push(group),
                Err(error) => first = first.or(Some(error)),
            }
        }
        match first {
            Some(error) if groups.is_empty() => Err(error),
            _ => Ok(Self { seed, until, groups }),
        }
    }

    /// The group of these channels, when it had enough to learn from.
    #[must_use]
    pub fn group(&self, schema: &Schema) -> Option<&Group> {
        self.groups.iter().find(|group| group.about.schema == schema.name)
    }

    /// All groups.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// True when at least one group may raise alerts.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.groups.iter().any(|group| group.member().admitted)
    }

    /// End of the newest step learned from.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The whole model as bytes, in the container of [`crate::artifact`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let groups = self.groups.iter().map(|group| group.about.clone()).collect();
        let learned = Learned { seed: self.seed, until: self.until, groups };
        let mut sections = vec![("about", serde_json::to_vec(&learned).unwrap_or_default())];
        let names: Vec<[String; 2]> = (0..self.groups.len()).map(section_names).collect();
        for (group, [forecaster, calibration]) in self.groups.iter().zip(&names) {
            let mut rest = Writer::default();
            group.calibration.save(&mut rest);
            rest.u32s(&group.usual.keys().flat_map(|name| [*name as u32, (*name >> 32) as u32]).collect::<Vec<_>>());
            rest.f32s(&group.usual.values().copied().collect::<Vec<_>>());
            sections.push((forecaster, group.forecaster.save()));
            sections.push((calibration, rest.bytes));
        }
        assemble(&sections)
    }

    /// Reads a model back; its groups must be among `schemas`.
    ///
    /// # Errors
    /// Not an artifact, cut, damaged, another format or other channels: each says which.
    pub fn from_bytes(bytes: &[u8], schemas: &[&Schema]) -> Result<Self, DetectError> {
        let sections = Sections::open(bytes)?;
        let learned: Learned = serde_json::from_slice(sections.get("about")?)
            .map_err(|error| DetectError::Damaged(format!("section about is not readable: {error}")))?;
        if learned.groups.is_empty() || learned.groups.len() > GROUPS_MAX {
            return Err(DetectError::Damaged(format!("{} groups of series", learned.groups.len())));
        }
        let load = |(at, about): (usize, About)| {
            let schema = schemas.iter().find(|schema| schema.name == about.schema);
            let fits = schema.filter(|schema| schema.fingerprint() == about.fingerprint);
            let Some(schema) = fits else {
                let known: Vec<String> = schemas.iter().map(|s| label(&s.name, s.fingerprint())).collect();
                let found = label(&about.schema, about.fingerprint);
                return Err(DetectError::SchemaMismatch { found, expected: known.join(" or ") });
            };
            let [forecaster, calibration] = section_names(at);
            Group::load(sections.get(&forecaster)?, sections.get(&calibration)?, schema.features.len(), about)
        };
        let groups = learned.groups.into_iter().enumerate().map(load).collect::<Result<_, _>>()?;
        Ok(Self { seed: learned.seed, until: learned.until, groups })
    }
}

fn label(name: &str, fingerprint: u64) -> String {
    format!("{name} ({fingerprint:016x})")
}

fn section_names(group: usize) -> [String; 2] {
    [format!("{MEMBER}.{group}"), format!("calibration.{group}")]
}

impl Group {
    fn train(
        lesson: &GroupLesson<'_>,
        seasons: &[usize],
        settings: &LstmSettings,
        seed: u64,
    ) -> Result<Self, DetectError> {
        // Series too short for one window before their held-out part teach nothing and calibrate nothing.
        let long = |series: &&Matrix| held_out_from(series.rows()) > settings.window_steps;
        let (series, names): (Vec<Matrix>, Vec<u64>) = lesson
            .series
            .iter()
            .zip(lesson.names)
            .filter(|(series, _)| long(series))
            .map(|(series, name)| (series.clone(), *name))
            .unzip();
        let held_out: usize = series.iter().map(|series| series.rows() - held_out_from(series.rows())).sum();
        if held_out < HELD_OUT_MIN {
            return Err(DetectError::TooFewRows { rows: held_out * 4, needed: HELD_OUT_MIN * 4 });
        }
        let (forecaster, report) = Forecaster::train(&series, seasons, seed, settings, &mut |_| {})?;
        let mut group = Self::untaught(lesson, forecaster, report);
        (group.about.series, group.about.steps) =
            (series.len() as u64, series.iter().map(|series| series.rows() as u64).sum());
        group.calibrate(&series, &names);
        Ok(group)
    }

    fn untaught(lesson: &GroupLesson<'_>, forecaster: Forecaster, report: ForecasterReport) -> Self {
        let member = MemberInfo {
            name: MEMBER.to_owned(),
            admitted: false,
            silence: Some(Silence::Promise),
            false_positive_rate: 1.0,
            threshold: 0.0,
            ranking: 0.0,
        };
        let about = About {
            schema: lesson.schema.name.to_string(),
            fingerprint: lesson.schema.fingerprint(),
            series: 0,
            steps: 0,
            report,
            member,
        };
        Self { forecaster, calibration: Calibration::fit(Vec::new()), usual: BTreeMap::new(), about }
    }

    /// On the held-out steps: the threshold of their first half is checked on the second, then both calibrate.
    fn calibrate(&mut self, series: &[Matrix], names: &[u64]) {
        let (mut first, mut second, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for (series, name) in series.iter().zip(names) {
            let surprises = self.forecaster.follow_held_out(series);
            let scores: Vec<f32> = surprises.iter().map(|surprise| surprise.score).collect();
            let (one, two) = scores.split_at(scores.len() / 2);
            first.extend_from_slice(one);
            second.extend_from_slice(two);
            own.push((*name, scores));
        }
        let threshold = Calibration::fit(first.clone()).quantile(0.99);
        let above = second.iter().filter(|score| **score > threshold).count();
        let (rate, kept) = (above as f64 / second.len().max(1) as f64, keeps_promise(above, second.len()));
        first.append(&mut second);
        self.calibration = Calibration::fit(first);
        let member = &mut self.about.member;
        member.threshold = self.calibration.quantile(0.99);
        (member.false_positive_rate, member.admitted) = (rate, kept && self.about.report.admitted);
        member.silence = match (self.about.report.admitted, kept) {
            (false, _) => Some(Silence::Baseline),
            (true, false) => Some(Silence::Promise),
            (true, true) => None,
        };
        for (name, scores) in own.into_iter().filter(|(_, scores)| scores.len() >= OWN_STEPS_MIN).take(SERIES_MAX) {
            let mut evidence: Vec<f32> = scores.iter().map(|score| -self.p_value(*score).ln() as f32).collect();
            evidence.sort_by(f32::total_cmp);
            self.usual.insert(name, evidence[((evidence.len() - 1) as f64 * USUAL_SHARE).round() as usize]);
        }
    }

    fn load(forecaster: &[u8], rest: &[u8], channels: usize, about: About) -> Result<Self, DetectError> {
        let forecaster = Forecaster::load(forecaster, channels)?;
        let mut reader = Reader::new(rest);
        let calibration = Calibration::load(&mut reader)?;
        let words = reader.u32s()?;
        let values = reader.f32s_of(words.len() / 2, "usual evidence")?;
        if values.len() > SERIES_MAX {
            return Err(DetectError::Damaged(format!("{} series", values.len())));
        }
        let names = words.chunks_exact(2).map(|word| u64::from(word[0]) | u64::from(word[1]) << 32);
        Ok(Self { forecaster, calibration, usual: names.zip(values).collect(), about })
    }

    /// Name of its channels' schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.schema
    }

    /// As a member of the models, for people and the API.
    #[must_use]
    pub fn member(&self) -> &MemberInfo {
        &self.about.member
    }

    /// How it compares with the baselines.
    #[must_use]
    pub fn report(&self) -> &ForecasterReport {
        &self.about.report
    }

    /// Series and steps learned from.
    #[must_use]
    pub fn span(&self) -> (u64, u64) {
        (self.about.series, self.about.steps)
    }

    /// What follows series and forecasts them.
    #[must_use]
    pub fn forecaster(&self) -> &Forecaster {
        &self.forecaster
    }

    /// How often benign steps are as surprising.
    #[must_use]
    pub fn p_value(&self, score: f32) -> f64 {
        self.calibration.p_value(score)
    }

    /// Evidence, −ln p, that three in four steps of this series stay below; 0 for one that was not learned.
    #[must_use]
    pub fn usual(&self, name: u64) -> f64 {
        self.usual.get(&name).copied().map_or(0.0, f64::from)
    }

    /// One step of every series against its forecast.
    #[must_use]
    pub fn judge(&self, tracks: &Tracks, rows: &[f32]) -> Vec<Surprise> {
        self.forecaster.judge(tracks, rows)
    }

    /// The channels that are farthest from their forecast, farthest first, with the range that was expected at this step.
    #[must_use]
    pub fn explain(&self, tracks: &Tracks, series: usize, row: &[f32], schema: &Schema) -> Vec<Why> {
        let expected = self.forecaster.expected(tracks, series);
        let far = |(value, (mean, deviation)): (&f32, &(f32, f32))| ((value - mean) / deviation).powi(2).min(1e6);
        let mut shares: Vec<f32> = row.iter().zip(&expected).map(far).collect();
        normalise(&mut shares);
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
        let why = |channel: usize| {
            let (feature, (mean, deviation)) = (&schema.features[channel], expected[channel]);
            let shown = |deviations: f32| feature.kind.shown(mean + deviations * deviation);
            Why {
                feature: feature.name.to_string(),
                value: feature.kind.shown(row[channel]),
                expected: [shown(-SHOWN_DEVIATIONS), shown(SHOWN_DEVIATIONS)],
                unit: feature.unit.to_string(),
                share: f64::from(shares[channel]),
            }
        };
        order.into_iter().take(REASONS_MAX).filter(|channel| shares[*channel] > 0.0).map(why).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::random::Random;
    use record::{Feature, FeatureKind};

    static COLUMNS: [Feature; 2] = [
        Feature::fixed("bytes", "bytes", FeatureKind::Log1p, "bytes"),
        Feature::fixed("packets", "packets", FeatureKind::Log1p, "packets"),
    ];
    static TIDES: Schema = Schema::fixed("tides/1", &COLUMNS);
    static OTHER: Schema = Schema::fixed("tides/2", &COLUMNS);

    /// A tide, and half of it a little later.
    fn tide(steps: usize, seed: u64) -> Matrix {
        let mut random = Random::new(seed, 3);
        let mut series = Matrix::with_capacity(steps, 2);
        for step in 0..steps {
            let phase = step as f32 * 0.35 + seed as f32;
            series.push(&[10.0 + phase.sin() + random.normal() * 0.1, 5.0 + (phase - 0.3).sin() * 0.5]);
        }
        series
    }

    fn settings() -> LstmSettings {
        LstmSettings { hidden: 16, window_steps: 24, batch: 16, train_steps: 200, learning_rate: 0.01 }
    }

    fn trained() -> SeriesModel {
        let series: Vec<Matrix> = (0..4).map(|seed| tide(200, seed)).collect();
        let lesson = GroupLesson { schema: &TIDES, series: &series, names: &[0, 1, 2, 3] };
        SeriesModel::train(&[lesson], &[6, 60], &settings(), 1, Some(Timestamp(1_000_000_000))).unwrap()
    }

    #[test]
    fn a_forecaster_that_beats_the_baselines_is_heard_and_a_break_has_its_reason() {
        let model = trained();
        let group = model.group(&TIDES).unwrap();
        assert!(group.member().admitted && group.report().loss < group.report().loss_season, "{:?}", group.about);
        assert_eq!((group.span(), model.groups().len()), ((4, 800), 1));
        let later = tide(120, 2);
        let mut tracks = group.forecaster().tracks(1);
        (0..120).for_each(|step| group.forecaster().advance(&mut tracks, later.row(step)));
        let strange = [14.0, later.row(119)[1]];
        assert!(group.p_value(group.judge(&tracks, &strange)[0].score) < 1e-3);
        let why = &group.explain(&tracks, 0, &strange, &TIDES)[0];
        assert_eq!((why.feature.as_str(), why.unit.as_str()), ("bytes", "bytes"));
        assert!(why.value > 1e6 && why.expected[1] < 2e5 && why.expected[0] < why.expected[1], "{why:?}");
        assert!(group.usual(2) > 0.5 && group.usual(77) == 0.0);
    }

    #[test]
    fn a_saved_model_answers_the_same_and_another_schema_or_a_cut_is_refused() {
        let model = trained();
        let bytes = model.to_bytes();
        assert_eq!(SeriesModel::from_bytes(&bytes, &[&OTHER, &TIDES]).unwrap(), model);
        let other = SeriesModel::from_bytes(&bytes, &[&OTHER]).err().unwrap();
        assert!(matches!(other, DetectError::SchemaMismatch { .. }), "{other}");
        for cut in (0..bytes.len()).step_by(997) {
            assert!(SeriesModel::from_bytes(&bytes[..cut], &[&TIDES]).is_err(), "{cut}");
        }
    }

    #[test]
    fn too_little_teaches_nothing_and_short_series_are_left_out() {
        let short = [tide(40, 1), tide(20, 2)];
        let lesson = GroupLesson { schema: &TIDES, series: &short, names: &[0, 1] };
        let error = SeriesModel::train(&[lesson], &[6], &settings(), 1, None).err().unwrap();
        assert!(matches!(error, DetectError::TooFewRows { rows: 40, needed: 240 }), "{error}");
        let mixed = [tide(300, 1), tide(20, 2)];
        let lesson = GroupLesson { schema: &TIDES, series: &mixed, names: &[0, 1] };
        let model = SeriesModel::train(&[lesson], &[6], &settings(), 1, None).unwrap();
        assert_eq!(model.groups()[0].span(), (1, 300));
    }
}
