//! What models said, as a message and back.

use super::message::{Member, Verdict as VerdictMessage, Why as WhyMessage};
use crate::{KnownAttack, MemberScore, Timestamp, Verdict, Why};

impl Member {
    /// As it is sent.
    #[must_use]
    pub fn of(m: &MemberScore) -> Self {
        Self { name: m.name.clone(), score: m.score, p_value: m.p_value, admitted: m.admitted }
    }
    /// As it was.
    #[must_use]
    pub fn into_score(self) -> MemberScore {
        MemberScore { name: self.name, score: self.score, p_value: self.p_value, admitted: self.admitted }
    }
}

impl WhyMessage {
    pub(super) fn of(w: &Why) -> Self {
        Self {
            feature: w.feature.clone(),
            value: w.value,
            expected_low: w.expected[0],
            expected_high: w.expected[1],
            unit: w.unit.clone(),
            share: w.share,
        }
    }
    pub(super) fn into_why(self) -> Why {
        let expected = [self.expected_low, self.expected_high];
        Why { feature: self.feature, value: self.value, expected, unit: self.unit, share: self.share }
    }
}

impl VerdictMessage {
    /// As it is sent; of a flow that no model judges, a message that says so.
    #[must_use]
    pub fn of(verdict: Option<&Verdict>) -> Self {
        let Some(v) = verdict else { return Self::default() };
        let known = v.known.as_ref();
        Self {
            flow_id: v.flow_id,
            ts_ns: v.ts.0,
            score: v.score,
            p_value: v.p_value,
            novelty_p_value: v.novelty_p_value,
            anomalous: v.anomalous,
            members: v.members.iter().map(Member::of).collect(),
            why: v.why.iter().map(WhyMessage::of).collect(),
            known_kind: known.map_or(String::new(), |k| k.kind.clone()),
            known_probability: known.map_or(0.0, |k| k.probability),
            known_p_value: known.map_or(0.0, |k| k.p_value),
            judged: true,
        }
    }

    /// As it was; None where no model judged.
    #[must_use]
    pub fn into_verdict(self) -> Option<Verdict> {
        self.judged.then(|| Verdict {
            flow_id: self.flow_id,
            ts: Timestamp(self.ts_ns),
            score: self.score,
            p_value: self.p_value,
            novelty_p_value: self.novelty_p_value,
            known: (!self.known_kind.is_empty()).then_some(KnownAttack {
                kind: self.known_kind,
                probability: self.known_probability,
                p_value: self.known_p_value,
            }),
            anomalous: self.anomalous,
            members: self.members.into_iter().map(Member::into_score).collect(),
            why: self.why.into_iter().map(WhyMessage::into_why).collect(),
        })
    }
}
