//! Judging: two stages, one vote, one p-value. The vote is that of the member with most evidence (the smallest p-value: Tippett, 1931). The cheap members see every row. Only rows for which their evidence is
//! among the upper part of ordinary traffic go on to the costly ones, and the vote of all counts; the others are ranked
//! below, by the cheap evidence alone. The last calibration was made with the same rule, so that p stays honest.

use crate::Ensemble;
use crate::alike::alike;
use crate::calibrate::{Calibration, P_VALUE_MIN};
use crate::ensemble::{MEMBERS_MAX, MemberInfo};
use crate::labelled::Known;
use crate::models::{Detector, Stage};
use crate::training::score_all;
use record::{KnownAttack, Matrix, MemberScore};

/// Evidence of one member, −log10 p, beyond which it hardly grows any more: tails drawn out so far are no longer comparable, but the
/// farther of two far rows must stay the farther.
const EVIDENCE_MAX: f64 = 8.0;
/// p-value that is shown as score 1: score = −log10 p / 6, within 0 and 1.
const SCORE_DECADES: f64 = 6.0;
/// Rows judged together: scores of all members stay in the second-level cache.
const BATCH_ROWS: usize = 1024;
/// What a row that did not pass the gate is ranked by: its evidence below the most possible, so small that all stay below
/// zero, where the vote of all members begins, and near it, so that the calibration sees no gulf between the two.
const BELOW: f64 = 1e-3;
/// The known-attack channel among the members of a record.
const KNOWN_NAME: &str = "random_forest";

/// The verdict on one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// −log10(p) / 6 within 0 and 1: 0.67 is one in ten thousand, 1 is one in a million. For colours and sorting.
    pub score: f32,
    /// How often benign traffic is at least as strange: the novelty channel's p-value alone, or, where attacks are known,
    /// the harmonic mean of both channels' (see `joined`).
    pub p_value: f64,
    /// The novelty channel's own p-value: how often benign traffic looks at least as unusual to the members' vote.
    pub novelty: f64,
    /// What the known-attack channel says; none where nothing was labelled.
    pub known: Option<Known>,
    /// p ≤ alpha.
    pub anomalous: bool,
    /// What rows are ranked by: rises as the novelty channel's p-value falls, and goes on where that has reached its floor
    /// or stands on one of the calibration's steps. No probability; comparable within one ensemble only.
    pub statistic: f32,
    /// True when all members were asked; else only the cheap ones were, and found the row ordinary.
    pub asked_all: bool,
    /// Raw score and p-value of each member, in the order of [`Ensemble::members`]; 0 and 1 where it was not asked. See
    /// [`Ensemble::member_scores`].
    pub members: [(f32, f32); MEMBERS_MAX],
}

/// The votes on one row so far.
#[derive(Clone, Copy)]
pub(crate) struct Tally {
    /// That of the member with most; 0 before anybody voted.
    evidence: f64,
    members: [(f32, f32); MEMBERS_MAX],
}

impl Tally {
    const EMPTY: Self = Self { evidence: 0.0, members: [(0.0, 1.0); MEMBERS_MAX] };

    /// Takes one member's score and, where it may, its vote.
    pub(crate) fn hear(&mut self, seat: usize, score: f32, calibration: Option<&Calibration>, member: &MemberInfo) {
        let p_value = calibration.map_or(1.0, |calibration| calibration.p_value(score));
        self.members[seat] = (score, p_value as f32);
        if member.admitted {
            let evidence = || calibration.map_or(0.0, |calibration| calibration.evidence(score));
            self.evidence = self.evidence.max(bounded(evidence, p_value));
        }
    }
}

/// −log10 p, beyond `EVIDENCE_MAX` by its logarithm.
fn bounded(evidence: impl Fn() -> f64, p_value: f64) -> f64 {
    let plain = -p_value.log10();
    if plain <= EVIDENCE_MAX { plain } else { EVIDENCE_MAX + (1.0 + evidence() - EVIDENCE_MAX).log10() }
}

/// The harmonic mean of both channels' p-values (Wilson, PNAS 2019): at most twice the smaller one, as Bonferroni has it, and less where
/// both find a row strange.
#[must_use]
pub fn joined(novelty: f64, known: f64) -> f64 {
    2.0 / (1.0 / novelty.max(P_VALUE_MIN) + 1.0 / known.max(P_VALUE_MIN))
}

/// One model, and its first member's place.
type Seat<'a> = (&'a dyn Detector, usize);

impl Ensemble {
    /// Judges every row; `out` is replaced. Rows must have the schema's columns (others are judged as far as they go).
    /// Rows that are the same are judged once.
    pub fn judge(&self, rows: &Matrix, out: &mut Vec<Judgement>) {
        let Some(alike) = alike(rows) else { return self.judge_each(rows, out) };
        let mut distinct = Vec::new();
        self.judge_each(&alike.rows, &mut distinct);
        out.clear();
        out.extend(alike.places.iter().map(|place| distinct[*place as usize]));
    }

    fn judge_each(&self, rows: &Matrix, out: &mut Vec<Judgement>) {
        out.clear();
        out.reserve(rows.rows());
        let mut work = Work::new(rows.columns, BATCH_ROWS.min(rows.rows()));
        for part in rows.values.chunks(BATCH_ROWS * rows.columns.max(1)) {
            work.batch.values.clear();
            work.batch.values.extend_from_slice(part);
            self.encoder.encode(&mut work.batch.values);
            self.judge_batch(part, &mut work, out);
        }
    }

    /// `raw`: the batch's rows before they were encoded.
    fn judge_batch(&self, raw: &[f32], work: &mut Work, out: &mut Vec<Judgement>) {
        let Work { batch, passed, places, scores, tallies, known } = work;
        tallies.clear();
        tallies.resize(batch.rows(), Tally::EMPTY);
        places.clear();
        places.extend(0..batch.rows());
        for seat in self.seats(Stage::Every) {
            self.ask(seat, batch, places, scores, tallies);
        }
        places.retain(|row| self.passes(&tallies[*row]));
        passed.values.clear();
        passed.values.extend(places.iter().flat_map(|row| batch.row(*row)));
        for seat in self.seats(Stage::Strange) {
            self.ask(seat, passed, places, scores, tallies);
        }
        if !self.guests.is_empty() && !places.is_empty() {
            let row = |row: &usize| &raw[row * batch.columns..][..batch.columns];
            passed.values.clear();
            passed.values.extend(places.iter().flat_map(row));
            self.ask_guests(passed, places, tallies);
        }
        known.clear();
        if let Some(channel) = &self.known {
            channel.judge(batch, known);
        }
        let mut places = places.iter().copied().peekable();
        for (row, tally) in tallies.iter().enumerate() {
            let asked_all = places.next_if_eq(&row).is_some();
            out.push(self.judgement(tally, asked_all, known.get(row).copied()));
        }
    }

    /// What every member, and every guest that is not muted, says of every row, whatever the gate: scores and p-values (1 in shadow).
    /// For evaluation; judging asks the costly ones about fewer rows.
    #[must_use]
    pub fn ask_all(&self, rows: &Matrix) -> Vec<(&MemberInfo, Vec<(f32, f64)>)> {
        let mut encoded = rows.clone();
        self.encoder.encode(&mut encoded.values);
        let scores = score_all(&self.models, &encoded);
        let of_member = |(place, info)| {
            let calibration = &self.calibrations[place];
            let said = scores.iter().skip(place).step_by(self.members.len().max(1));
            (info, said.map(|score| (*score, calibration.p_value(*score))).collect())
        };
        let guests = self.guests.iter().filter(|guest| guest.muted.is_none()).map(|guest| {
            let p_value = |score| guest.calibration.as_ref().map_or(1.0, |calibration| calibration.p_value(score));
            (&guest.info, guest.model.scores(rows).into_iter().map(|score| (score, p_value(score))).collect())
        });
        self.members.iter().enumerate().map(of_member).chain(guests).collect()
    }

    /// The models of one stage, with their members' places.
    fn seats(&self, stage: Stage) -> impl Iterator<Item = Seat<'_>> {
        let seat = |next: &mut usize, model| {
            let model: &dyn Detector = Box::as_ref(model);
            let first = *next;
            *next += model.members().len();
            Some((model, first))
        };
        self.models.iter().scan(0, seat).filter(move |(model, _)| model.stage() == stage)
    }

    /// Adds a model's votes on `rows`, whose tallies stand at `places`.
    fn ask(
        &self,
        (model, first): Seat<'_>,
        rows: &Matrix,
        places: &[usize],
        scores: &mut Vec<f32>,
        tallies: &mut [Tally],
    ) {
        model.score(rows, scores);
        for (scores, place) in scores.chunks_exact(model.members().len()).zip(places) {
            self.add(&mut tallies[*place], first, scores);
        }
    }

    fn add(&self, tally: &mut Tally, first: usize, scores: &[f32]) {
        for (place, score) in (first..).zip(scores) {
            tally.hear(place, *score, Some(&self.calibrations[place]), &self.members[place]);
        }
    }

    fn passes(&self, tally: &Tally) -> bool {
        self.gate.is_none_or(|gate| tally.evidence as f32 >= gate)
    }

    /// What rows are ranked by: the most evidence of all, or below zero that of the cheap members.
    fn statistic(tally: &Tally, asked_all: bool) -> f32 {
        (if asked_all { tally.evidence } else { (tally.evidence - EVIDENCE_MAX - 1.0) * BELOW }) as f32
    }

    fn judgement(&self, tally: &Tally, asked_all: bool, known: Option<Known>) -> Judgement {
        let statistic = Self::statistic(tally, asked_all);
        let novelty = self.combined.p_value(statistic);
        let p_value = known.map_or(novelty, |known| joined(novelty, known.p_value));
        let score = (-p_value.log10() / SCORE_DECADES).clamp(0.0, 1.0) as f32;
        let (anomalous, members) = (p_value <= self.alpha, tally.members);
        Judgement { score, p_value, novelty, known, anomalous, statistic, asked_all, members }
    }

    /// Tallies of rows whose scores by all members are there: those of the cheap members, row after row.
    fn cheap_tallies<'a>(&'a self, scores: &'a [f32]) -> impl Iterator<Item = (&'a [f32], Tally)> {
        scores.chunks_exact(self.members.len().max(1)).map(|scores| {
            let mut tally = Tally::EMPTY;
            for (model, first) in self.seats(Stage::Every) {
                self.add(&mut tally, first, &scores[first..first + model.members().len()]);
            }
            (scores, tally)
        })
    }

    /// The statistic of rows from all members' scores, as `judge` would have it; `rows` are these rows, not encoded, where
    /// guests are to be asked too.
    pub(crate) fn statistics(&self, scores: &[f32], rows: Option<&Matrix>) -> Vec<f32> {
        let of_row = |(scores, mut tally): (&[f32], Tally)| {
            let asked_all = self.passes(&tally);
            for (model, first) in self.seats(Stage::Strange).filter(|_| asked_all) {
                self.add(&mut tally, first, &scores[first..first + model.members().len()]);
            }
            (tally, asked_all)
        };
        let (mut tallies, asked): (Vec<Tally>, Vec<bool>) = self.cheap_tallies(scores).map(of_row).unzip();
        if let Some(rows) = rows.filter(|_| !self.guests.is_empty()) {
            let places: Vec<usize> = (0..tallies.len()).filter(|row| asked[*row]).collect();
            let mut passed = Matrix::with_capacity(places.len(), rows.columns);
            for row in &places {
                passed.push(rows.row(*row));
            }
            self.ask_guests(&passed, &places, &mut tallies);
        }
        tallies.iter().zip(asked).map(|(tally, asked_all)| Self::statistic(tally, asked_all)).collect()
    }

    /// The cheap evidence that `fraction` of ordinary rows reach; none where all members are to be asked about all rows,
    /// or no cheap member votes.
    pub(crate) fn gate_at(&self, scores: &[f32], fraction: f64) -> Option<f32> {
        let mut cheap: Vec<f32> = self.cheap_tallies(scores).map(|(_, tally)| tally.evidence as f32).collect();
        let votes =
            |(model, first): Seat<'_>| self.members[first..][..model.members().len()].iter().any(|m| m.admitted);
        if fraction >= 1.0 || cheap.is_empty() || !self.seats(Stage::Every).any(votes) {
            return None;
        }
        cheap.sort_by(f32::total_cmp);
        let place = (cheap.len() as f64 * (1.0 - fraction)) as usize;
        Some(cheap[place.min(cheap.len() - 1)])
    }

    /// A judgement's members by name, as records and the API show them, those that were asked; the known-attack channel comes last, with its
    /// probability for a score. It is not `admitted` to the vote: it speaks beside it.
    #[must_use]
    pub fn member_scores(&self, judgement: &Judgement) -> Vec<MemberScore> {
        let asked = self.models.iter().flat_map(|model| {
            let asked = judgement.asked_all || model.stage() == Stage::Every;
            model.members().iter().map(move |_| asked)
        });
        let guests = self.guests.iter().map(|guest| judgement.asked_all && guest.muted.is_none());
        let infos = self.members.iter().chain(self.guests.iter().map(|guest| &guest.info));
        let members = infos.zip(&judgement.members).zip(asked.chain(guests)).filter(|(_, asked)| *asked);
        let members = members.map(|((info, (score, p_value)), _)| MemberScore {
            name: info.name.clone(),
            score: *score,
            p_value: f64::from(*p_value),
            admitted: info.admitted,
        });
        let known = judgement.known.map(|known| MemberScore {
            name: KNOWN_NAME.to_owned(),
            score: known.probability,
            p_value: known.p_value,
            admitted: false,
        });
        members.chain(known).collect()
    }

    /// Both channels of a judgement, as records hold them; none where there is no known-attack channel.
    #[must_use]
    pub fn known_attack(&self, judgement: &Judgement) -> Option<KnownAttack> {
        let (known, info) = (judgement.known?, self.known()?);
        Some(KnownAttack {
            kind: info.kinds.get(usize::from(known.kind)).cloned().unwrap_or_default(),
            probability: known.probability,
            p_value: known.p_value,
        })
    }
}

/// What judging a batch needs, kept from one to the next.
struct Work {
    batch: Matrix,
    passed: Matrix,
    places: Vec<usize>,
    scores: Vec<f32>,
    tallies: Vec<Tally>,
    known: Vec<Known>,
}

impl Work {
    fn new(columns: usize, rows: usize) -> Self {
        Self {
            batch: Matrix::with_capacity(rows, columns),
            passed: Matrix::with_capacity(rows, columns),
            places: Vec::with_capacity(rows),
            scores: Vec::new(),
            tallies: Vec::with_capacity(rows),
            known: Vec::new(),
        }
    }
}
