//! The packet level as one member: KitNET learned under a contamination guard, its scores calibrated for packets and for
//! what one host sends in one second, reasons, and the bytes to keep it. Knows nothing of sampling, pools or incidents.

use super::columns::{SCHEMA, column_name, column_unit, fingerprint};
use super::damped::COLUMNS;
use super::kitnet::{KitNet, KitNetSettings};
use crate::artifact::{Sections, assemble};
use crate::blob::{Reader, Writer};
use crate::calibrate::Calibration;
use crate::models::normalise;
use crate::random::Random;
use crate::{DetectError, MemberInfo, Silence};
use record::{Matrix, Timestamp, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of the member.
pub const MEMBER: &str = "kitnet";
/// Evidence of one packet, −log10 p, is cut here, so that one packet does not own its second.
const EVIDENCE_MAX: f64 = 6.0;
/// Reasons given at most.
const REASONS_MAX: usize = 5;
/// Share of the learned rows, the strangest, that the second pass leaves out.
const TRIM: f64 = 0.02;
/// Of ten blocks of seconds, so many are learned from; two calibrate packets, two calibrate seconds.
const FIT_OF_TEN: u64 = 6;
/// Seconds of one block: neighbouring seconds look alike, so they go to the same side.
const BLOCK_S: i64 = 8;
/// Seconds of hosts that a calibration needs.
const SECONDS_MIN: usize = 50;

/// Rows to learn from: log columns, with the second and the sender of each.
pub struct PacketLesson<'a> {
    /// One row a packet, [`COLUMNS`] columns, in order of time.
    pub rows: &'a Matrix,
    /// Its second since 1970.
    pub seconds: &'a [i64],
    /// Its sender, any number that tells senders apart.
    pub senders: &'a [u64],
    /// Fewest rows that teach anything.
    pub rows_min: usize,
}

/// What it was learned from, and whether it may be heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct About {
    schema: String,
    fingerprint: u64,
    seed: u64,
    rows: u64,
    until: Option<Timestamp>,
    member: MemberInfo,
}

/// A trained packet level.
pub struct PacketModel {
    net: KitNet,
    /// 1 % and 99 % of each column in what was learned from, logarithmic.
    ranges: Vec<[f32; 2]>,
    packets: Calibration,
    seconds: Calibration,
    about: About,
}

/// Which part a row belongs to: learn, calibrate packets, calibrate seconds.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Fit,
    Packets,
    Seconds,
}

impl PacketModel {
    /// Learns. The same rows and seed give the same model.
    ///
    /// # Errors
    /// Too few rows, too few seconds to hold some out, or rows of another width.
    pub fn train(lesson: &PacketLesson<'_>, seed: u64) -> Result<Self, DetectError> {
        let rows = lesson.rows;
        if rows.columns != COLUMNS {
            return Err(DetectError::Columns { schema: SCHEMA.to_owned(), expected: COLUMNS, found: rows.columns });
        }
        if rows.rows() < lesson.rows_min.max(100) {
            return Err(DetectError::TooFewRows { rows: rows.rows(), needed: lesson.rows_min.max(100) });
        }
        let parts = split(lesson.seconds);
        let of = |part: Part| (0..rows.rows()).filter(|row| parts[*row] == part).collect::<Vec<_>>();
        let (fit, first) = (of(Part::Fit), of(Part::Packets));
        if fit.len() < 50 || first.len() < 20 {
            return Err(DetectError::TooFewRows { rows: fit.len().min(first.len()), needed: 50 });
        }
        let net = guarded(rows, &fit, seed);
        let packets = Calibration::fit(net.scores(first.iter().map(|row| rows.row(*row))));
        let threshold = packets.quantile(0.99);
        let pooled = second_scores(lesson, &of(Part::Seconds), &net, &packets);
        if pooled.len() < SECONDS_MIN {
            return Err(DetectError::TooFewRows { rows: pooled.len(), needed: SECONDS_MIN });
        }
        let (above, all) = pooled.iter().fold((0, 0), |sum, second| (sum.0 + second.above, sum.1 + second.count));
        let rate = above as f64 / f64::from(all.max(1));
        let admitted = rate <= FALSE_POSITIVE_RATE_MAX;
        let member = MemberInfo {
            name: MEMBER.to_owned(),
            admitted,
            silence: (!admitted).then_some(Silence::Promise),
            false_positive_rate: rate,
            threshold,
            ranking: 0.0,
        };
        let about = About {
            schema: SCHEMA.to_owned(),
            fingerprint: fingerprint(),
            seed,
            rows: rows.rows() as u64,
            until: lesson.seconds.iter().max().map(|second| Timestamp::from_parts(*second, 0)),
            member,
        };
        let seconds = Calibration::fit(pooled.iter().map(SecondScore::mean).collect());
        Ok(Self { net, ranges: ranges(rows, &fit), packets, seconds, about })
    }

    /// Score of one row of log columns, higher is stranger.
    #[must_use]
    pub fn score(&self, row: &[f32; COLUMNS]) -> f32 {
        self.net.score(row)
    }

    /// The same of many rows, faster.
    #[must_use]
    pub fn scores(&self, rows: &[[f32; COLUMNS]]) -> Vec<f32> {
        self.net.scores(rows.iter().map(<[f32; COLUMNS]>::as_slice))
    }

    /// How often benign packets score at least `score`.
    #[must_use]
    pub fn p_value(&self, score: f32) -> f64 {
        self.packets.p_value(score)
    }

    /// How often what one benign host sends in one second is at least as strange as this mean of evidence.
    #[must_use]
    pub fn second_p_value(&self, mean_evidence: f32) -> f64 {
        self.seconds.p_value(mean_evidence)
    }

    /// As a member of the models, for people and the API.
    #[must_use]
    pub fn member(&self) -> &MemberInfo {
        &self.about.member
    }

    /// Rows learned from and the newest of them.
    #[must_use]
    pub fn span(&self) -> (u64, Option<Timestamp>) {
        (self.about.rows, self.about.until)
    }

    /// The columns that make a row strange, strongest first, with what was usual. Columns within their usual range may take
    /// part but not lead.
    #[must_use]
    pub fn explain(&self, row: &[f32; COLUMNS]) -> Vec<Why> {
        let mut shares = self.net.shares(row);
        for (column, share) in shares.iter_mut().enumerate() {
            let [low, high] = self.ranges[column];
            *share *= if (low..=high).contains(&row[column]) { 0.05 } else { 1.0 };
        }
        normalise(&mut shares);
        let mut order: Vec<usize> = (0..COLUMNS).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
        let shown = |value: f32| f64::from(value).exp_m1().max(0.0);
        let why = |column: usize| Why {
            feature: column_name(column),
            value: shown(row[column]),
            expected: self.ranges[column].map(shown),
            unit: column_unit(column).to_owned(),
            share: f64::from(shares[column]),
        };
        order.into_iter().take(REASONS_MAX).filter(|column| shares[*column] > 0.0).map(why).collect()
    }

    /// The whole model as bytes, in the container of [`crate::artifact`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (mut net, mut rest) = (Writer::default(), Writer::default());
        self.net.save(&mut net);
        self.packets.save(&mut rest);
        self.seconds.save(&mut rest);
        rest.f32s(self.ranges.as_flattened());
        let about = serde_json::to_vec(&self.about).unwrap_or_default();
        assemble(&[("about", about), ("kitnet", net.bytes), ("calibration", rest.bytes)])
    }

    /// Reads a model back.
    ///
    /// # Errors
    /// Not an artifact, cut, damaged, another format or other columns: each says which.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DetectError> {
        let sections = Sections::open(bytes)?;
        let about: About = serde_json::from_slice(sections.get("about")?)
            .map_err(|error| DetectError::Damaged(format!("section about is not readable: {error}")))?;
        if about.schema != SCHEMA || about.fingerprint != fingerprint() {
            let label = |name: &str, fingerprint: u64| format!("{name} ({fingerprint:016x})");
            let found = label(&about.schema, about.fingerprint);
            return Err(DetectError::SchemaMismatch { found, expected: label(SCHEMA, fingerprint()) });
        }
        let net = KitNet::load(&mut Reader::new(sections.get("kitnet")?), COLUMNS)?;
        let mut reader = Reader::new(sections.get("calibration")?);
        let (packets, seconds) = (Calibration::load(&mut reader)?, Calibration::load(&mut reader)?);
        let ranges = reader.f32s_of(2 * COLUMNS, "ranges")?;
        let ranges = ranges.chunks_exact(2).map(|range| [range[0], range[1]]).collect();
        Ok(Self { net, ranges, packets, seconds, about })
    }
}

/// Highest false-positive rate on held-out packets, at the 1 % threshold, of a member that is heard. Packets of one second
/// look alike, so chance moves the rate far more than it does that of flows.
const FALSE_POSITIVE_RATE_MAX: f64 = 0.03;

/// What one host sent in one second.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecondScore {
    sum: f64,
    count: u32,
    above: u32,
}

impl SecondScore {
    /// Adds a packet by its p-value.
    pub fn add(&mut self, p_value: f64) {
        self.sum += (-p_value.log10()).min(EVIDENCE_MAX);
        self.count += 1;
    }

    /// Mean of −log10 p.
    #[must_use]
    pub fn mean(&self) -> f32 {
        (self.sum / f64::from(self.count.max(1))) as f32
    }

    /// Packets added.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// Blocks of seconds by their hash; where the capture is too short for blocks, single seconds.
fn split(seconds: &[i64]) -> Vec<Part> {
    let (first, last) = (seconds.iter().min().copied().unwrap_or(0), seconds.iter().max().copied().unwrap_or(0));
    let block_s = if last - first >= 20 * BLOCK_S { BLOCK_S } else { 1 };
    let part = |second: i64| {
        let place = (second.div_euclid(block_s) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        match place % 10 {
            n if n < FIT_OF_TEN => Part::Fit,
            n if n < FIT_OF_TEN + 2 => Part::Packets,
            _ => Part::Seconds,
        }
    };
    seconds.iter().map(|second| part(*second)).collect()
}

/// Learns once, leaves out the rows that then look strangest, and learns anew.
fn guarded(rows: &Matrix, fit: &[usize], seed: u64) -> KitNet {
    let first = learned(rows, fit, seed);
    let scores = first.scores(fit.iter().map(|row| rows.row(*row)));
    let mut order: Vec<(f32, usize)> = scores.into_iter().zip(fit.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.truncate(fit.len() - (fit.len() as f64 * TRIM) as usize);
    let mut kept: Vec<usize> = order.into_iter().map(|(_, row)| row).collect();
    kept.sort_unstable();
    learned(rows, &kept, seed)
}

fn learned(rows: &Matrix, order: &[usize], seed: u64) -> KitNet {
    let map_rows = (order.len() / 4).clamp(1, 5_000) as u64;
    let settings = KitNetSettings { map_rows, train_rows: u64::MAX / 2, ..KitNetSettings::default() };
    let mut net = KitNet::new(COLUMNS, seed, settings);
    // In random order: a net that learned in the order of time would know the end best, and call the beginning strange.
    let shuffled = Random::new(seed, 0x8c).sample(order.len(), order.len());
    for place in shuffled[..map_rows as usize].iter().chain(&shuffled) {
        net.process(rows.row(order[*place]));
    }
    net.freeze();
    net
}

fn ranges(rows: &Matrix, fit: &[usize]) -> Vec<[f32; 2]> {
    let mut values: Vec<f32> = Vec::with_capacity(fit.len());
    let mut of_column = |column: usize| {
        values.clear();
        values.extend(fit.iter().map(|row| rows.row(*row)[column]));
        values.sort_by(f32::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        [at(0.01), at(0.99)]
    };
    (0..COLUMNS).map(&mut of_column).collect()
}

/// Held-out rows by sender and second.
fn second_scores(lesson: &PacketLesson<'_>, rows: &[usize], net: &KitNet, packets: &Calibration) -> Vec<SecondScore> {
    let threshold = packets.quantile(0.99);
    let mut seconds: BTreeMap<(i64, u64), SecondScore> = BTreeMap::new();
    let scores = net.scores(rows.iter().map(|row| lesson.rows.row(*row)));
    for (row, score) in rows.iter().zip(scores) {
        let second = seconds.entry((lesson.seconds[*row], lesson.senders[*row])).or_default();
        second.add(packets.p_value(score));
        second.above += u32::from(score > threshold);
    }
    seconds.into_values().collect()
}

#[cfg(test)]
#[path = "model_test.rs"]
mod tests;
