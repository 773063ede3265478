//! New models against the old ones. Owns the examination and the rule by which new models take their place: they leave benign
//! flows alone as they promise, still find what people called attacks, and find the built-in attack probes no less. Trains nothing.

use crate::probes::Probe;
use alert::RollUpConfig;
use detect::{Ensemble, Judgement};
use record::Matrix;

/// Fewest benign rows of an examination: with fewer, too many alerts could not be told from chance.
pub const JUDGE_ROWS_MIN: usize = 500;

/// Most evidence that one flow brings, decades.
const EVIDENCE_MAX: f64 = 6.0;
/// Share of the evidence for the built-in attacks that must be kept.
const EVIDENCE_KEPT: f64 = 0.8;

/// Flows of one incident that a person called an attack.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Incident.
    pub incident: String,
    /// Vectors of its flows.
    pub rows: Matrix,
}

/// What models are examined with; the same for all of them.
#[derive(Clone, Copy)]
pub struct Exam<'a> {
    /// Benign rows that none has learned from.
    pub benign: &'a Matrix,
    /// What people called attacks.
    pub pinned: &'a [Pinned],
    /// Built-in attacks.
    pub probes: &'a [Probe],
    /// When gathered evidence is an incident.
    pub roll_up: &'a RollUpConfig,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// Benign rows.
    pub benign: usize,
    /// Of these, flagged at the models' own threshold.
    pub flagged: usize,
    /// Pinned incidents.
    pub pinned: usize,
    /// Names of those found: their flows alone would make an incident.
    pub pinned_found: Vec<String>,
    /// Built-in attacks.
    pub probes: usize,
    /// Names of those found: their flows alone would make an incident.
    pub probes_found: Vec<&'static str>,
    /// Mean evidence of the attacks' flows, −log10 p, each attack with the same weight: moves before an attack is lost.
    pub probe_evidence: f64,
    /// The same of each attack.
    pub by_probe: Vec<(&'static str, f64)>,
}

fn judged(models: &Ensemble, rows: &Matrix) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    models.judge(rows, &mut judgements);
    judgements
}

/// Would these flows of one host make an incident? As `alert` decides it, in one moment.
fn makes_an_incident(judgements: &[Judgement], roll_up: &RollUpConfig) -> bool {
    let mut sum = 0.0_f64;
    judgements.iter().any(|j| {
        sum = (sum + (-j.p_value.max(1e-300).ln() - roll_up.drift).min(roll_up.step_max)).max(0.0);
        sum >= roll_up.threshold || j.p_value <= roll_up.single_p_value
    })
}

/// Examines models.
#[must_use]
pub fn examine(models: &Ensemble, exam: &Exam<'_>) -> Marks {
    let flagged = |rows: &Matrix| judged(models, rows).iter().filter(|j| j.anomalous).count();
    let mut marks = Marks { benign: exam.benign.rows(), flagged: flagged(exam.benign), ..Marks::default() };
    for pinned in exam.pinned {
        marks.pinned += 1;
        if makes_an_incident(&judged(models, &pinned.rows), exam.roll_up) {
            marks.pinned_found.push(pinned.incident.clone());
        }
    }
    for probe in exam.probes {
        let judgements = judged(models, &probe.rows);
        let decades: f64 = judgements.iter().map(|j| (-j.p_value.max(1e-12).log10()).min(EVIDENCE_MAX)).sum();
        marks.by_probe.push((probe.name, decades / judgements.len().max(1) as f64));
        if makes_an_incident(&judgements, exam.roll_up) {
            marks.probes_found.push(probe.name);
        }
    }
    marks.probes = exam.probes.len();
    marks.probe_evidence = marks.by_probe.iter().map(|(_, e)| e).sum::<f64>() / marks.probes.max(1) as f64;
    marks
}

/// Benign rows that may be flagged: what `alpha` promises, chance (three deviations) and one more.
#[must_use]
pub fn allowed(alpha: f64, rows: usize) -> f64 {
    let promised = alpha * rows as f64;
    promised + 3.0 * promised.sqrt() + 1.0
}

/// May the challenger take the place of the models before it? `control` is the same recipe on older rows: where it still finds
/// what the challenger misses, the newest rows have made it blind.
///
/// # Errors
/// Why not, in words.
pub fn decide(challenger: &Marks, present: &Marks, control: Option<&Marks>, alpha: f64) -> Result<String, String> {
    if challenger.benign < JUDGE_ROWS_MIN {
        let rows = challenger.benign;
        return Err(format!("{rows} held-out flows are too few to judge it, {JUDGE_ROWS_MIN} are needed"));
    }
    let most = allowed(alpha, challenger.benign);
    let (flagged, rows) = (challenger.flagged, challenger.benign);
    if flagged as f64 > most {
        return Err(format!("{flagged} of {rows} held-out benign flows flagged, {most:.1} allowed"));
    }
    for (marks, name) in [(Some(present), "the models in place"), (control, "the control")] {
        let Some(marks) = marks else { continue };
        if let Some(missed) = marks.pinned_found.iter().find(|id| !challenger.pinned_found.contains(id)) {
            return Err(format!("incident {missed}, which was called an attack, is missed; {name} find it"));
        }
        if let Some(why) = blinder(challenger, marks, name) {
            return Err(why);
        }
    }
    let (found, probes) = (challenger.probes_found.len(), challenger.probes);
    Ok(format!(
        "{flagged} of {rows} held-out benign flows flagged ({most:.1} allowed), {found} of {probes} built-in attacks found"
    ))
}

/// Does the challenger see less of the built-in attacks? An attack on the border may fall to either side while the evidence for all
/// of them stays; evidence that falls by a fifth is a loss even while all are still found.
pub(crate) fn blinder(challenger: &Marks, marks: &Marks, name: &str) -> Option<String> {
    let (evidence, before) = (challenger.probe_evidence, marks.probe_evidence);
    let words = format!("evidence for the built-in attacks is {evidence:.2} decades, {before:.2} with {name}");
    if evidence < before * EVIDENCE_KEPT {
        return Some(words);
    }
    let lost = marks.probes_found.iter().find(|probe| !challenger.probes_found.contains(probe));
    let fewer = challenger.probes_found.len() < marks.probes_found.len() && evidence < before;
    lost.filter(|_| fewer).map(|lost| format!("the built-in attack {lost} is missed, and {words}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn marks(flagged: usize, pinned_found: &[&str], probes_found: &[&'static str], evidence: f64) -> Marks {
        Marks {
            benign: 2_000,
            flagged,
            pinned: 2,
            pinned_found: pinned_found.iter().map(|id| (*id).to_owned()).collect(),
            probes: 3,
            probes_found: probes_found.to_vec(),
            probe_evidence: evidence,
            by_probe: Vec::new(),
        }
    }

    #[test]
    fn promotion_asks_for_quiet_memory_and_eyes() {
        let present = marks(2, &["a"], &["scan", "flood"], 2.0);
        let may = |challenger: &Marks| decide(challenger, &present, None, 1e-3);
        assert!(may(&marks(3, &["a"], &["scan", "flood"], 1.9)).is_ok());
        assert!(may(&marks(3, &["a", "b"], &["scan"], 2.1)).is_ok(), "one on the border while the evidence stays");
        assert!(may(&marks(30, &["a"], &["scan", "flood"], 9.0)).unwrap_err().contains("benign flows flagged"));
        assert!(may(&marks(0, &["b"], &["scan", "flood"], 9.0)).unwrap_err().contains("incident a"));
        assert!(may(&marks(0, &["a"], &["scan"], 1.9)).unwrap_err().contains("attack flood is missed"));
        assert!(may(&marks(0, &["a"], &["scan", "flood"], 1.5)).unwrap_err().contains("1.50 decades"));
        let few = Marks { benign: 100, ..marks(0, &["a"], &["scan", "flood"], 2.0) };
        assert!(may(&few).unwrap_err().contains("too few"));
    }

    #[test]
    fn a_control_that_sees_more_speaks_against_the_newest_rows() {
        let (present, challenger) = (marks(2, &[], &[], 0.5), marks(2, &[], &[], 0.6));
        assert!(decide(&challenger, &present, None, 1e-3).is_ok());
        let why = decide(&challenger, &present, Some(&marks(2, &[], &["scan"], 2.0)), 1e-3).unwrap_err();
        assert!(why.contains("with the control"), "{why}");
    }
}
