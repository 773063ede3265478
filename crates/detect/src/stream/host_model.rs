//! The host level as one member: half-space trees learned from windows of hosts under a contamination guard, calibrated on
//! windows held out, with what is usual for each host by itself, reasons, and the bytes to keep it. Owns nothing of how
//! windows are gathered or when their evidence is an incident.

use super::half_space_trees::{HalfSpaceSettings, HalfSpaceTrees};
use crate::artifact::{Sections, assemble};
use crate::blob::{Reader, Writer};
use crate::calibrate::{Calibration, keeps_promise};
use crate::ensemble::Silence;
use crate::models::normalise;
use crate::{DetectError, MemberInfo};
use record::{FeatureKind, Matrix, Schema, Timestamp, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the member.
pub const MEMBER: &str = "half_space_trees";
/// Share of the learned windows, the strangest, that the second pass leaves out.
const TRIM: f64 = 0.02;
/// Of ten blocks of windows, so many are learned from; two calibrate, two check the calibration.
const FIT_OF_TEN: u64 = 6;
/// Windows of one block: neighbouring ones look alike, so they go to the same side.
const BLOCK: i64 = 5;
/// Windows held out that a host needs for a usual of its own.
const OWN_WINDOWS_MIN: usize = 4;
/// Hosts with a usual of their own.
const HOSTS_MAX: usize = 4_096;
/// Evidence, −ln p, that this share of a host's windows stay below is usual for it.
const USUAL_SHARE: f64 = 0.75;
/// Narrowest range of a column: a factor of two of what is counted, a tenth of a share.
const RANGE_MIN: [f32; 2] = [0.7, 0.1];
/// Reasons given at most.
const REASONS_MAX: usize = 5;
/// Weight of a column whose value lies within its usual range: it may take part, but not lead.
const NORMAL_WEIGHT: f32 = 0.05;
/// Windows beyond this p-value are not learned while judging.
const LEARN_P_VALUE_MIN: f64 = 0.01;

/// Windows to learn from.
pub struct HostLesson<'a> {
    /// One row a window, in order of time.
    pub rows: &'a Matrix,
    /// Number of each row's window in time, counted from anywhere.
    pub windows: &'a [i64],
    /// Its host, any number that tells hosts apart.
    pub hosts: &'a [u64],
    /// Fewest rows that teach anything.
    pub rows_min: usize,
    /// End of the newest window.
    pub until: Option<Timestamp>,
}

/// What it was learned from, and whether it may be heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct About {
    schema: String,
    fingerprint: u64,
    seed: u64,
    rows: u64,
    hosts: u64,
    until: Option<Timestamp>,
    member: MemberInfo,
}

/// A trained host level.
#[derive(Clone, Debug, PartialEq)]
pub struct HostModel {
    trees: HalfSpaceTrees,
    calibration: Calibration,
    /// 1 %, 50 % and 99 % of each column in what was learned from.
    ranges: Vec<[f32; 3]>,
    /// Widths of the ranges, never 0.
    widths: Vec<f32>,
    /// Usual evidence, −ln p, of hosts by their word.
    usual: BTreeMap<u64, f32>,
    about: About,
    /// Scores of the window under way.
    recent: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Fit,
    Calibrate,
    Check,
}

impl HostModel {
    /// Learns windows of `schema`. The same rows, settings and seed give the same model; `settings.window_rows` is the fewest
    /// windows between two references while it judges.
    ///
    /// # Errors
    /// Too few rows or windows to hold some out, or rows of another width.
    pub fn train(
        lesson: &HostLesson<'_>,
        schema: &Schema,
        settings: &HalfSpaceSettings,
        seed: u64,
    ) -> Result<Self, DetectError> {
        let (rows, columns) = (lesson.rows, schema.features.len());
        if rows.columns != columns {
            return Err(DetectError::Columns {
                schema: schema.name.to_string(),
                expected: columns,
                found: rows.columns,
            });
        }
        let parts = split(lesson.windows);
        let of = |part: Part| (0..rows.rows()).filter(|row| parts[*row] == part).collect::<Vec<_>>();
        let (fit, first, second) = (of(Part::Fit), of(Part::Calibrate), of(Part::Check));
        let needed = lesson.rows_min.max(50);
        if rows.rows() < needed || fit.len() < 30 || first.len() < 10 || second.len() < 10 {
            return Err(DetectError::TooFewRows { rows: rows.rows(), needed });
        }
        let mut model = Self::untaught(rows, &fit, schema, seed);
        model.teach(rows, &fit, settings, seed);
        // Learned once; what then looks strangest is left out, and all is learned anew.
        let mut order: Vec<(f32, usize)> = fit.iter().map(|row| (model.score(rows.row(*row)), *row)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.truncate(fit.len() - (fit.len() as f64 * TRIM) as usize);
        let kept: Vec<usize> = order.into_iter().map(|(_, row)| row).collect();
        model.teach(rows, &kept, settings, seed);
        model.calibrate(lesson, &first, &second);
        model.about.rows = rows.rows() as u64;
        model.about.until = lesson.until;
        model.about.hosts = lesson.hosts.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
        Ok(model)
    }

    fn untaught(rows: &Matrix, fit: &[usize], schema: &Schema, seed: u64) -> Self {
        let ranges = ranges(rows, fit);
        let width = |(range, feature): (&[f32; 3], &record::Feature)| {
            (range[2] - range[0]).max(RANGE_MIN[usize::from(feature.kind != FeatureKind::Log1p)])
        };
        let widths = ranges.iter().zip(schema.features.iter()).map(width).collect();
        let member = MemberInfo {
            name: MEMBER.to_owned(),
            admitted: false,
            silence: Some(Silence::Promise),
            false_positive_rate: 1.0,
            threshold: 1.0,
            ranking: 0.0,
        };
        let about = About {
            schema: schema.name.to_string(),
            fingerprint: schema.fingerprint(),
            seed,
            rows: 0,
            hosts: 0,
            until: None,
            member,
        };
        let trees = HalfSpaceTrees::new(1, seed, &HalfSpaceSettings { trees: 1, depth: 1, window_rows: 1 });
        let calibration = Calibration::fit(Vec::new());
        Self { trees, calibration, ranges, widths, usual: BTreeMap::new(), about, recent: Vec::new() }
    }

    /// New trees whose reference is made of all these rows.
    fn teach(&mut self, rows: &Matrix, order: &[usize], settings: &HalfSpaceSettings, seed: u64) {
        let window_rows = order.len() as u64;
        let mut trees = HalfSpaceTrees::new(rows.columns, seed, &HalfSpaceSettings { window_rows, ..settings.clone() });
        for row in order {
            trees.learn(&self.scaled(rows.row(*row)));
        }
        trees.refresh_every(settings.window_rows.max(window_rows));
        self.trees = trees;
    }

    fn calibrate(&mut self, lesson: &HostLesson<'_>, first: &[usize], second: &[usize]) {
        let scores = |model: &Self, part: &[usize]| -> Vec<f32> {
            part.iter().map(|row| model.score(lesson.rows.row(*row))).collect()
        };
        let (one, two) = (scores(self, first), scores(self, second));
        let threshold = Calibration::fit(one.clone()).quantile(0.99);
        let above = two.iter().filter(|score| **score > threshold).count();
        let rate = above as f64 / two.len().max(1) as f64;
        let kept = keeps_promise(above, two.len());
        self.calibration = Calibration::fit([one, two].concat());
        let member = &mut self.about.member;
        member.threshold = self.calibration.quantile(0.99);
        (member.false_positive_rate, member.admitted) = (rate, kept);
        member.silence = (!kept).then_some(Silence::Promise);
        let mut own: BTreeMap<u64, Vec<f32>> = BTreeMap::new();
        for row in first.iter().chain(second) {
            let evidence = -self.p_value(self.score(lesson.rows.row(*row))).ln() as f32;
            own.entry(lesson.hosts[*row]).or_default().push(evidence);
        }
        let enough = own.into_iter().filter(|(_, evidence)| evidence.len() >= OWN_WINDOWS_MIN);
        let usual = |(host, mut evidence): (u64, Vec<f32>)| {
            evidence.sort_by(f32::total_cmp);
            (host, evidence[((evidence.len() - 1) as f64 * USUAL_SHARE).round() as usize])
        };
        self.usual = enough.map(usual).take(HOSTS_MAX).collect();
    }

    /// Score of one window, higher is stranger.
    #[must_use]
    pub fn score(&self, row: &[f32]) -> f32 {
        self.trees.score(&self.scaled(row)).unwrap_or(0.0)
    }

    /// How often windows of benign hosts score at least `score`.
    #[must_use]
    pub fn p_value(&self, score: f32) -> f64 {
        self.calibration.p_value(score)
    }

    /// Evidence, −ln p, that three in four windows of this host stay below; 0 for a host that was not learned.
    #[must_use]
    pub fn usual(&self, host: u64) -> f64 {
        self.usual.get(&host).copied().map_or(0.0, f64::from)
    }

    /// Goes with the time: learns a judged window that was ordinary. After as many as it was learned from, these are the
    /// reference, and their scores its calibration.
    pub fn learn(&mut self, row: &[f32], score: f32, p_value: f64) {
        self.recent.push(score);
        if p_value >= LEARN_P_VALUE_MIN && self.trees.learn(&self.scaled(row)) {
            self.calibration = Calibration::fit(std::mem::take(&mut self.recent));
        }
    }

    /// As a member of the models, for people and the API.
    #[must_use]
    pub fn member(&self) -> &MemberInfo {
        &self.about.member
    }

    /// Windows and hosts learned from, and the newest window's end.
    #[must_use]
    pub fn span(&self) -> (u64, u64, Option<Timestamp>) {
        (self.about.rows, self.about.hosts, self.about.until)
    }

    /// The columns that make a window strange, strongest first: those whose usual value in their place would lower the score
    /// most. Columns within their usual range may take part but not lead.
    #[must_use]
    pub fn explain(&self, row: &[f32], schema: &Schema) -> Vec<Why> {
        let whole = self.score(row);
        let mut shares = vec![0.0; row.len()];
        let mut changed = row.to_vec();
        for column in 0..row.len() {
            let [low, middle, high] = self.ranges[column];
            changed[column] = middle;
            let beyond = (low - row[column]).max(row[column] - high).max(0.0) / self.widths[column];
            // A column far outside counts even where no tree halves it.
            let lower = (whole - self.score(&changed)).max(0.0) + 0.02 * beyond.min(5.0);
            shares[column] = lower * if beyond > 0.0 { 1.0 } else { NORMAL_WEIGHT };
            changed[column] = row[column];
        }
        normalise(&mut shares);
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
        let why = |column: usize| {
            let (feature, [low, _, high]) = (&schema.features[column], self.ranges[column]);
            Why {
                feature: feature.name.to_string(),
                value: feature.kind.shown(row[column]),
                expected: [feature.kind.shown(low), feature.kind.shown(high)],
                unit: feature.unit.to_string(),
                share: f64::from(shares[column]),
            }
        };
        order.into_iter().take(REASONS_MAX).filter(|column| shares[*column] > 0.0).map(why).collect()
    }

    /// Usual values within 0.25 and 0.75 of the trees' space, so that there is room beyond them.
    fn scaled(&self, row: &[f32]) -> Vec<f32> {
        let scaled = row.iter().zip(self.ranges.iter().zip(&self.widths));
        scaled.map(|(value, ([low, ..], width))| (0.25 + 0.5 * (value - low) / width).clamp(-1.0, 2.0)).collect()
    }

    /// The whole model as bytes, in the container of [`crate::artifact`]. What was learned since the last reference is not kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (mut trees, mut rest) = (Writer::default(), Writer::default());
        self.trees.save(&mut trees);
        self.calibration.save(&mut rest);
        rest.f32s(self.ranges.as_flattened());
        rest.f32s(&self.widths);
        rest.u32s(&self.usual.keys().flat_map(|host| [*host as u32, (*host >> 32) as u32]).collect::<Vec<_>>());
        rest.f32s(&self.usual.values().copied().collect::<Vec<_>>());
        let about = serde_json::to_vec(&self.about).unwrap_or_default();
        assemble(&[("about", about), (MEMBER, trees.bytes), ("calibration", rest.bytes)])
    }

    /// Reads a model of `schema` back.
    ///
    /// # Errors
    /// Not an artifact, cut, damaged, another format or other columns: each says which.
    pub fn from_bytes(bytes: &[u8], schema: &Schema) -> Result<Self, DetectError> {
        let sections = Sections::open(bytes)?;
        let about: About = serde_json::from_slice(sections.get("about")?)
            .map_err(|error| DetectError::Damaged(format!("section about is not readable: {error}")))?;
        if about.schema != schema.name || about.fingerprint != schema.fingerprint() {
            let label = |name: &str, fingerprint: u64| format!("{name} ({fingerprint:016x})");
            return Err(DetectError::SchemaMismatch {
                found: label(&about.schema, about.fingerprint),
                expected: label(&schema.name, schema.fingerprint()),
            });
        }
        let columns = schema.features.len();
        let trees = HalfSpaceTrees::load(&mut Reader::new(sections.get(MEMBER)?), columns)?;
        let mut reader = Reader::new(sections.get("calibration")?);
        let calibration = Calibration::load(&mut reader)?;
        let ranges = reader.f32s_of(3 * columns, "ranges")?;
        let ranges = ranges.chunks_exact(3).map(|range| [range[0], range[1], range[2]]).collect();
        let widths = reader.f32s_of(columns, "widths")?;
        let words = reader.u32s()?;
        let values = reader.f32s_of(words.len() / 2, "usual evidence")?;
        if widths.iter().any(|width| *width <= 0.0) || values.len() > HOSTS_MAX {
            return Err(DetectError::Damaged("ranges or hosts are impossible".to_owned()));
        }
        let hosts = words.chunks_exact(2).map(|word| u64::from(word[0]) | u64::from(word[1]) << 32);
        let usual = hosts.zip(values).collect();
        Ok(Self { trees, calibration, ranges, widths, usual, about, recent: Vec::new() })
    }
}

/// Blocks of windows in turn; where there are few, single windows. In turn rather than by chance, so that a short capture has
/// all parts.
fn split(windows: &[i64]) -> Vec<Part> {
    let (first, last) = (windows.iter().min().copied().unwrap_or(0), windows.iter().max().copied().unwrap_or(0));
    let block = if last - first >= 20 * BLOCK { BLOCK } else { 1 };
    let part = |window: i64| {
        let place = (window - first).div_euclid(block) as u64;
        match place.wrapping_mul(7) % 10 {
            n if n < FIT_OF_TEN => Part::Fit,
            n if n < FIT_OF_TEN + 2 => Part::Calibrate,
            _ => Part::Check,
        }
    };
    windows.iter().map(|window| part(*window)).collect()
}

fn ranges(rows: &Matrix, fit: &[usize]) -> Vec<[f32; 3]> {
    let mut values: Vec<f32> = Vec::with_capacity(fit.len());
    let mut of_column = |column: usize| {
        values.clear();
        values.extend(fit.iter().map(|row| rows.row(*row)[column]));
        values.sort_by(f32::total_cmp);
        [0.01, 0.5, 0.99].map(|share| values[((values.len() - 1) as f64 * share).round() as usize])
    };
    (0..rows.columns).map(&mut of_column).collect()
}

#[cfg(test)]
#[path = "host_model_test.rs"]
mod tests;
