//! What the models in place do on live traffic: how their scores are spread, how often they flag what is in no incident, how far
//! they agree, and whether traffic has drifted away from them. Owns the counts, bounded and cheap; begins anew with new models.

use crate::drift::Drift;
use crate::stability::Stability;
use detect::Ensemble;
use record::Verdict;

/// Bins of a histogram.
pub const BINS: usize = 24;
/// Width of a bin, decades of p-value: the last one holds p ≤ 10^−5.75.
pub const BIN_DECADES: f64 = 0.25;
/// p-value at which a member by itself would flag a flow.
pub const MEMBER_P_VALUE: f64 = 0.01;
/// Members compared.
const MEMBERS_MAX: usize = 16;

/// One member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberWatch {
    /// Name.
    pub name: String,
    /// Flows by −log10 of the member's p-value, those that the ensemble finds ordinary.
    pub ordinary: [u64; BINS],
    /// The same of those that it finds anomalous.
    pub anomalous: [u64; BINS],
    /// Flows in no incident at or below `MEMBER_P_VALUE`.
    pub flagged: u64,
}

impl MemberWatch {
    /// One word of a member that judges by itself, beside the ensemble: packets, minutes of hosts, steps of series. Beyond
    /// `MEMBER_P_VALUE` it is anomalous, and flagged.
    pub fn see(&mut self, p_value: f64) {
        let strange = p_value <= MEMBER_P_VALUE;
        let bins = if strange { &mut self.anomalous } else { &mut self.ordinary };
        bins[bin(p_value)] += 1;
        self.flagged += u64::from(strange);
    }

    /// Words in the histogram.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.ordinary.iter().chain(&self.anomalous).sum()
    }
}

/// How two members agree: flows in no incident that both would flag, and that at least one would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// Both.
    pub both: u64,
    /// At least one.
    pub either: u64,
}

/// The watch.
#[derive(Clone, Debug, Default)]
pub struct ModelWatch {
    members: Vec<MemberWatch>,
    /// Row-major, `MEMBERS_MAX` a row; empty before the first flow.
    pairs: Vec<Pair>,
    combined: MemberWatch,
    flows: u64,
    flows_outside: u64,
    drift: Drift,
    stability: Stability,
}

/// −log10 p to its bin.
fn bin(p_value: f64) -> usize {
    let decades = if p_value.is_finite() { -p_value.clamp(1e-12, 1.0).log10() } else { 0.0 };
    ((decades / BIN_DECADES) as usize).min(BINS - 1)
}

impl ModelWatch {
    /// Nothing seen yet of these models.
    #[must_use]
    pub fn of(ensemble: &Ensemble) -> Self {
        Self { stability: Stability::of(ensemble), ..Self::default() }
    }

    /// Takes one verdict on a row, as `observe`, and the row.
    pub fn observe_row(&mut self, verdict: &Verdict, row: &[f32], in_incident: bool) {
        self.observe(verdict, in_incident);
        if !in_incident {
            self.stability.observe(verdict.ts, row);
        }
    }

    /// Takes one verdict; `in_incident`: one of the flow's hosts is part of an open incident.
    pub fn observe(&mut self, verdict: &Verdict, in_incident: bool) {
        self.flows += 1;
        self.flows_outside += u64::from(!in_incident);
        self.pairs.resize(MEMBERS_MAX * MEMBERS_MAX, Pair::default());
        let mut flagged = [false; MEMBERS_MAX];
        for score in &verdict.members {
            let Some(place) = self.place_of(&score.name) else { continue };
            let member = &mut self.members[place];
            let bins = if verdict.anomalous { &mut member.anomalous } else { &mut member.ordinary };
            bins[bin(score.p_value)] += 1;
            flagged[place] = score.p_value <= MEMBER_P_VALUE;
            member.flagged += u64::from(flagged[place] && !in_incident);
        }
        let bins = if verdict.anomalous { &mut self.combined.anomalous } else { &mut self.combined.ordinary };
        bins[bin(verdict.p_value)] += 1;
        // A flood's flows are all alike and all flagged: they would say nothing but "agreed".
        if !in_incident && flagged.iter().any(|f| *f) {
            for (place, pair) in self.pairs.iter_mut().enumerate() {
                let (a, b) = (flagged[place / MEMBERS_MAX], flagged[place % MEMBERS_MAX]);
                pair.both += u64::from(a && b);
                pair.either += u64::from(a || b);
            }
        }
        if !in_incident {
            self.combined.flagged += u64::from(verdict.anomalous);
            self.drift.observe(verdict.ts, verdict.novelty_p_value);
        }
    }

    /// A member's place, a new one at its first word: not every member is asked about every flow.
    fn place_of(&mut self, name: &str) -> Option<usize> {
        let known = self.members.iter().position(|member| member.name == name);
        if known.is_some() || self.members.len() == MEMBERS_MAX {
            return known;
        }
        self.members.push(MemberWatch { name: name.to_owned(), ..MemberWatch::default() });
        Some(self.members.len() - 1)
    }

    /// The members, in the order in which they first spoke.
    #[must_use]
    pub fn members(&self) -> &[MemberWatch] {
        &self.members
    }

    /// The combination; `flagged` counts flows in no incident at or below the ensemble's own threshold.
    #[must_use]
    pub fn combined(&self) -> &MemberWatch {
        &self.combined
    }

    /// How members `a` and `b` agree.
    #[must_use]
    pub fn pair(&self, a: usize, b: usize) -> Pair {
        let place = if b < MEMBERS_MAX { a.saturating_mul(MEMBERS_MAX).saturating_add(b) } else { usize::MAX };
        self.pairs.get(place).copied().unwrap_or_default()
    }

    /// Flows judged, and those of them in no incident.
    #[must_use]
    pub fn flows(&self) -> (u64, u64) {
        (self.flows, self.flows_outside)
    }

    /// Drift.
    #[must_use]
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// How far each feature has moved from what was learned.
    #[must_use]
    pub fn stability(&self) -> &Stability {
        &self.stability
    }

    /// The newest change of scores, or of features, that no training has answered yet.
    #[must_use]
    pub fn unanswered(&self) -> Option<crate::drift::Change> {
        self.drift.unanswered().or_else(|| self.stability.drift().unanswered())
    }

    /// A training has begun because of it.
    pub fn answer(&mut self) {
        self.drift.answer();
        self.stability.drift_mut().answer();
    }

    /// Drift, to answer it.
    pub fn drift_mut(&mut self) -> &mut Drift {
        &mut self.drift
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{MemberScore, Timestamp};

    fn verdict(names: &[&str], p_values: &[f64], p_value: f64) -> Verdict {
        let member = |(name, p): (&&str, &f64)| MemberScore {
            name: (*name).to_owned(),
            score: 1.0,
            p_value: *p,
            admitted: true,
        };
        Verdict {
            flow_id: 1,
            ts: Timestamp(0),
            score: 0.5,
            p_value,
            novelty_p_value: p_value,
            known: None,
            anomalous: p_value <= 1e-3,
            members: names.iter().zip(p_values).map(member).collect(),
            why: Vec::new(),
        }
    }

    #[test]
    fn counts_add_up_and_agreement_is_of_what_is_flagged() {
        let mut watch = ModelWatch::default();
        watch.observe(&verdict(&["a", "b"], &[0.5, 0.5], 0.5), false);
        watch.observe(&verdict(&["a", "b"], &[0.009, 0.5], 0.02), false);
        watch.observe(&verdict(&["a", "b"], &[0.0009, 0.00009], 1e-5), false);
        watch.observe(&verdict(&["a", "b"], &[1e-9, f64::NAN], 1e-9), true);
        assert_eq!(watch.flows(), (4, 3));
        let (a, b) = (&watch.members()[0], &watch.members()[1]);
        assert_eq!(a.ordinary.iter().sum::<u64>() + a.anomalous.iter().sum::<u64>(), 4);
        assert_eq!((a.ordinary[1], a.ordinary[8], a.anomalous[12], a.anomalous[BINS - 1]), (1, 1, 1, 1));
        assert_eq!((a.flagged, b.flagged), (2, 1), "what is in an incident is no false positive");
        assert_eq!(watch.pair(0, 1), Pair { both: 1, either: 2 });
        assert_eq!(watch.pair(1, 0), watch.pair(0, 1));
        assert_eq!(watch.pair(0, 0), Pair { both: 2, either: 2 });
        assert_eq!(watch.combined().flagged, 1);
        assert_eq!(watch.drift().flows(), 3);
    }

    #[test]
    fn members_that_are_not_asked_about_every_flow_keep_their_counts() {
        let mut watch = ModelWatch::default();
        watch.observe(&verdict(&["a", "c"], &[0.5, 0.5], 0.5), false);
        watch.observe(&verdict(&["a", "b", "c"], &[0.001, 0.001, 0.5], 0.5), false);
        watch.observe(&verdict(&["a", "c"], &[0.5, 0.001], 0.5), false);
        assert_eq!((watch.flows().0, watch.drift().flows()), (3, 3), "another set of members is no other model");
        let names: Vec<&str> = watch.members().iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["a", "c", "b"]);
        let counts: Vec<u64> = watch.members().iter().map(|member| member.ordinary.iter().sum()).collect();
        assert_eq!(counts, [3, 3, 1]);
        assert_eq!((watch.pair(0, 2), watch.pair(0, 1)), (Pair { both: 1, either: 1 }, Pair { both: 0, either: 2 }));
        assert_eq!(watch.pair(7, 700), Pair::default());
        for number in 0..40 {
            watch.observe(&verdict(&[&format!("m{number}")], &[0.001], 0.5), false);
        }
        assert_eq!(watch.members().len(), MEMBERS_MAX);
    }
}
