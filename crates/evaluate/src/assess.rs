//! `evaluate`: models and labelled rows to the contract's figures, and the points that a report draws. Owns what is measured of whom;
//! the formulas are `metrics`'.

use crate::baselines::BaselineScores;
use crate::evaluation::{Chart, Evaluation, Metrics};
use crate::input::{Dataset, Input};
use crate::metrics::{Counts, Episode, Ranking, Units, delays, intervals, median};
use crate::rows::RowInfo;
use crate::tables::TablePlan;
use crate::teach::{Lesson, TeachError};
use crate::truth::{Truth, episodes};
use detect::{Ensemble, Judgement};
use record::{Matrix, Timestamp};
use std::collections::BTreeMap;

/// Rate of false positives that thresholds are set for, where nobody chose another.
const NOMINAL_FPR: f64 = 0.01;
/// Corners of a drawn curve at most.
const CORNERS: usize = 300;
/// False-positive rates at which the share of attacks caught is said.
const RATES: [(&str, f64); 2] = [("0.001", 0.001), ("0.01", 0.01)];

/// Settings of an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct AssessOptions {
    /// Rate of false positives that the thresholds are set for; None: what training chose where attacks were labelled, else 0.01.
    pub nominal_fpr: Option<f64>,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for AssessOptions {
    fn default() -> Self {
        Self { nominal_fpr: None, seed: 1 }
    }
}

/// What one judge says of all rows.
struct Opinion<'a> {
    scores: Vec<f64>,
    called: Vec<bool>,
    name: &'a str,
}

/// What all judges are measured against.
struct Ground {
    attacks: Vec<bool>,
    over: Vec<Option<Timestamp>>,
    hours: Option<f64>,
    episodes: Vec<Episode>,
    units: Units,
    nominal_fpr: f64,
    seed: u64,
}

impl Ground {
    /// All figures of one judge.
    fn measure(&self, opinion: &Opinion<'_>) -> (Metrics, Chart) {
        let ranking = Ranking::new(&opinion.scores, &self.attacks);
        let curve = ranking.curve();
        let counts = Counts::of(opinion.called.iter().copied(), &self.attacks);
        let [roc_auc_interval, pr_auc_interval] = intervals(&ranking, &self.units, self.seed);
        let delays = delays(&self.episodes, &opinion.called, &self.over);
        let rate = counts.false_positive_rate();
        let metrics = Metrics {
            roc_auc: curve.roc_auc(),
            pr_auc: curve.pr_auc(),
            eer: curve.equal_error_rate(),
            tpr_at_fpr: RATES.iter().map(|(name, rate)| ((*name).to_owned(), curve.caught_at(*rate))).collect(),
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            accuracy: counts.accuracy(),
            false_positive_rate: rate,
            realised_over_nominal_fpr: rate.map(|rate| rate / self.nominal_fpr),
            realised_over_nominal_interval: counts
                .false_positive_interval()
                .map(|ends| ends.map(|end| end / self.nominal_fpr)),
            false_alarms_per_hour: self.hours.map(|hours| counts.false_alarms as f64 / hours),
            episodes: self.episodes.len(),
            episodes_detected: delays.len(),
            time_to_detect_s: median(delays),
            roc_auc_interval,
            pr_auc_interval,
            admitted: None,
        };
        (metrics, Chart::new(opinion.name, &curve, &opinion.scores, &self.attacks, CORNERS))
    }
}

/// Judges the input's rows and counts. `models` as [`crate::teach::recall`] gives them.
///
/// # Errors
/// Rows that the models cannot read.
pub fn assess(
    input: &mut Input,
    (ensemble, plan, lesson): &(Ensemble, Option<TablePlan>, Lesson),
    options: &AssessOptions,
) -> Result<(Evaluation, Vec<Chart>), TeachError> {
    let data = input.dataset(plan.as_ref())?;
    let rows = data.info.len();
    let truth = data.truth.clone().unwrap_or_else(|| Truth::benign(rows));
    let mut judgements = Vec::new();
    ensemble.judge(&data.rows, &mut judgements);
    let nominal_fpr = options.nominal_fpr.or(lesson.decision).unwrap_or(NOMINAL_FPR);
    let ground = ground(input, &data, &truth, nominal_fpr, options.seed);
    let mut out = Evaluation::new(input, ensemble, lesson, &data, nominal_fpr);
    out.positives = ground.attacks.iter().filter(|attack| **attack).count();
    out.units.clone_from(&ground.units.name);
    warn_of_missing_kinds(&mut out, rows);
    let mut charts = Vec::new();
    let opinions = opinions(ensemble, &data.rows, &judgements, nominal_fpr);
    for (opinion, admitted) in &opinions {
        let (metrics, chart) = ground.measure(opinion);
        let metrics = Metrics { admitted: *admitted, ..metrics };
        charts.push(chart);
        if opinion.name == "ensemble" {
            out.ensemble = metrics;
        } else {
            out.members.insert(opinion.name.to_owned(), metrics);
        }
    }
    for baseline in lesson.baselines.judge(&data.info) {
        let (metrics, chart) = ground.measure(&opinion_of(&baseline));
        out.baselines.insert(baseline.name.to_owned(), metrics);
        charts.push(chart);
    }
    if let Some((whole, _)) = opinions.iter().find(|(opinion, _)| opinion.name == "ensemble") {
        out.by_kind = by_kind(whole, &ground, &truth, &data.info);
    }
    out.notes.append(&mut input.notes);
    Ok((out, charts))
}

fn ground(input: &Input, data: &Dataset, truth: &Truth, nominal_fpr: f64, seed: u64) -> Ground {
    let hosts: Vec<Option<u64>> = data.info.iter().map(|row| row.source.map(|party| party.id)).collect();
    let hours = data.span().map(|(first, last)| last.since(first) as f64 / 3.6e12).filter(|hours| *hours > 0.0);
    Ground {
        attacks: truth.attacks(),
        over: data.info.iter().map(|row| row.end.or(row.start)).collect(),
        hours,
        episodes: episodes(input.events.as_deref(), truth, &data.info),
        units: Units::choose(&hosts),
        nominal_fpr,
        seed,
    }
}

/// The members, the known-attack channel, both channels' p-values joined. The threshold is on the p-value that calibration in training
/// gave, never on the rows judged here.
fn opinions<'a>(
    ensemble: &'a Ensemble,
    rows: &Matrix,
    judgements: &[Judgement],
    nominal: f64,
) -> Vec<(Opinion<'a>, Option<bool>)> {
    let mut out = Vec::new();
    // Every member about every row: what judging spares the costly ones would look like a rank of its own.
    for (member, said) in ensemble.ask_all(rows) {
        let scores = said.iter().map(|(score, _)| f64::from(*score)).collect();
        let called = said.iter().map(|(_, p_value)| *p_value <= nominal).collect();
        out.push((Opinion { scores, called, name: &member.name }, Some(member.admitted)));
    }
    let by = |p_value: fn(&Judgement) -> f64, name| Opinion {
        // Rows of one p-value, such as its floor, are told apart by what the vote ranks by; never rows of different ones.
        scores: judgements.iter().map(|j| -p_value(j).log10() + 1e-7 * f64::from(j.statistic)).collect(),
        called: judgements.iter().map(|j| p_value(j) <= nominal).collect(),
        name,
    };
    if ensemble.known().is_some() {
        let probability = |j: &Judgement| j.known.map_or(0.0, |known| f64::from(known.probability));
        let forest = by(|j| j.known.map_or(1.0, |known| known.p_value), "random_forest");
        out.push((Opinion { scores: judgements.iter().map(probability).collect(), ..forest }, None));
        out.push((by(|j| j.novelty, "novelty"), None));
    }
    out.push((by(|j| j.p_value, "ensemble"), None));
    out
}

fn opinion_of(baseline: &BaselineScores) -> Opinion<'_> {
    Opinion {
        scores: baseline.scores.clone(),
        called: baseline.scores.iter().map(|score| *score > baseline.threshold).collect(),
        name: baseline.name,
    }
}

/// The ensemble against each kind of attack alone: its rows and all benign ones.
fn by_kind(whole: &Opinion<'_>, ground: &Ground, truth: &Truth, info: &[RowInfo]) -> BTreeMap<String, Metrics> {
    let mut out = BTreeMap::new();
    for (kind, name) in truth.kinds.iter().enumerate().skip(1) {
        let wanted = |row: &usize| truth.of_row[*row] == Some(0) || truth.of_row[*row] == Some(kind as u8);
        let rows: Vec<usize> = (0..info.len()).filter(wanted).collect();
        let attacks: Vec<bool> = rows.iter().map(|row| truth.of_row[*row] != Some(0)).collect();
        if !attacks.contains(&true) {
            continue;
        }
        let hosts: Vec<Option<u64>> = rows.iter().map(|row| info[*row].source.map(|party| party.id)).collect();
        let place = |row: &usize| rows.binary_search(row).ok();
        let of_kind = ground
            .episodes
            .iter()
            .filter(|episode| episode.rows.iter().any(|row| truth.of_row[*row] == Some(kind as u8)));
        let of_kind = of_kind
            .map(|episode| Episode { start: episode.start, rows: episode.rows.iter().filter_map(place).collect() });
        let part = Ground {
            over: rows.iter().map(|row| ground.over[*row]).collect(),
            hours: ground.hours,
            episodes: of_kind.collect(),
            units: Units::choose(&hosts),
            nominal_fpr: ground.nominal_fpr,
            seed: ground.seed,
            attacks,
        };
        let opinion = Opinion {
            scores: rows.iter().map(|row| whole.scores[*row]).collect(),
            called: rows.iter().map(|row| whole.called[*row]).collect(),
            name: whole.name,
        };
        out.insert(name.clone(), part.measure(&opinion).0);
    }
    out
}

fn warn_of_missing_kinds(out: &mut Evaluation, rows: usize) {
    if out.positives == 0 {
        out.notes.push("no row is an attack: only false alarms can be counted, every other figure is null".to_owned());
    } else if out.positives == rows {
        out.notes.push("every row is an attack: only the share that was called can be counted, areas and rates of false alarms are null".to_owned());
    }
}
