//! How the models do, as the API shows it. Owns the words and the shapes; the counts are `evaluate`'s.

use super::retrain::Lessons;
use detect::guests::Guest;
use detect::{KnownInfo, MemberInfo, Silence};
use evaluate::Reservoir;
use evaluate::drift;
use evaluate::stability;
use evaluate::watch::{BIN_DECADES, MEMBER_P_VALUE, MemberWatch, ModelWatch};
use serve::shapes::{
    Agreement, Challenge, Drift, DriftChange, DriftPoint, DriftState, EnsembleLive, FeatureStability, ImportStanding,
    ModelEvent, ModelMember, ModelVersion, ScoreHistogram, Stability, StabilityState, TrainingData,
};

/// Flows before a rate is said.
const RATE_FLOWS_MIN: u64 = 100;
/// Flows before the drift is called steady.
const STEADY_FLOWS_MIN: u64 = 2_048;

/// Everything that the judge thread knows of the models, a second old at most.
#[derive(Clone, Debug, Default)]
pub struct ModelsLive {
    /// The combination.
    pub live: Option<EnsembleLive>,
    /// Each member's histogram and realised rate, by name.
    pub members: Vec<(String, ScoreHistogram, Option<f64>)>,
    /// Agreement.
    pub agreement: Option<Agreement>,
    /// Drift.
    pub drift: Option<Drift>,
    /// How far each feature has moved.
    pub stability: Option<Stability>,
    /// Reservoir.
    pub data: Option<TrainingData>,
    /// Kept versions.
    pub versions: Vec<ModelVersion>,
    /// The last challenge.
    pub challenge: Option<Challenge>,
    /// What happened.
    pub events: Vec<ModelEvent>,
}

impl ModelsLive {
    /// Adds what the members beside the ensemble said live: packets', hosts' and series'.
    pub fn beside(&mut self, spread: &[MemberWatch]) {
        let spoke = spread.iter().filter(|member| member.seen() > 0);
        let view = |m: &MemberWatch| (m.name.clone(), histogram(m, MEMBER_P_VALUE), rate(m.flagged, m.seen()));
        self.members.extend(spoke.map(view));
    }

    /// A member with what it said live, where it has said anything.
    pub fn with_scores(&self, mut member: ModelMember) -> ModelMember {
        if let Some((_, scores, rate)) = self.members.iter().find(|(name, ..)| *name == member.name) {
            (member.scores, member.realised_fpr) = (Some(scores.clone()), *rate);
        }
        member
    }

    /// Fills in what was seen on live flows.
    pub fn watched(&mut self, watch: &ModelWatch, alpha: f64) {
        let (flows, flows_outside) = watch.flows();
        self.drift = Some(drift_view(watch.drift()));
        self.stability = Some(stability_view(watch.stability()));
        self.live = Some(EnsembleLive {
            flows,
            flows_outside,
            flagged: watch.combined().flagged,
            nominal_fpr: alpha,
            realised_fpr: rate(watch.combined().flagged, flows_outside),
            scores: histogram(watch.combined(), alpha),
        });
        let members = watch.members();
        if members.is_empty() {
            return;
        }
        let view = |m: &MemberWatch| (m.name.clone(), histogram(m, MEMBER_P_VALUE), rate(m.flagged, flows_outside));
        self.members = members.iter().map(view).collect();
        let square = |of: fn(evaluate::watch::Pair) -> u64| -> Vec<Vec<u64>> {
            let row = |a: usize| (0..members.len()).map(|b| of(watch.pair(a, b))).collect();
            (0..members.len()).map(row).collect()
        };
        self.agreement = Some(Agreement {
            members: members.iter().map(|m| m.name.clone()).collect(),
            both: square(|pair| pair.both),
            either: square(|pair| pair.either),
        });
    }
}

fn rate(flagged: u64, flows: u64) -> Option<f64> {
    (flows >= RATE_FLOWS_MIN).then(|| flagged as f64 / flows as f64)
}

fn histogram(member: &MemberWatch, threshold_p: f64) -> ScoreHistogram {
    ScoreHistogram {
        bin_decades: BIN_DECADES,
        threshold_p,
        ordinary: member.ordinary.to_vec(),
        anomalous: member.anomalous.to_vec(),
    }
}

/// Reservoir and feedback, for the API.
pub fn data(kept: &Reservoir, lessons: &Lessons) -> TrainingData {
    let ((rows, held_out), (hours, hosts), (from, until, _)) = (kept.rows(), kept.strata(), kept.span());
    TrainingData {
        rows: rows as u64,
        rows_max: kept.rows_max() as u64,
        rows_held_out: held_out as u64,
        hours: hours as u64,
        hosts: hosts as u64,
        from,
        until,
        said_benign: lessons.said.benign.rows() as u64,
        pinned: lessons.pinned.len() as u64,
        pinned_rows: lessons.pinned.iter().map(|p| p.rows.rows() as u64).sum(),
    }
}

fn drift_view(seen: &drift::Drift) -> Drift {
    let changes: Vec<DriftChange> =
        seen.changes().map(|c| DriftChange { ts: c.ts, before: c.before, after: c.after }).collect();
    let (state, text) = match changes.last() {
        Some(change) => {
            let how = if change.after < change.before { "stranger" } else { "more ordinary" };
            let times =
                if changes.len() > 1 { format!(", the last of {} changes", changes.len()) } else { String::new() };
            let text = format!(
                "Traffic has become {how} to the models: mean p-value {:.2} before, {:.2} after{times}",
                change.before, change.after
            );
            (DriftState::Drifted, text)
        }
        None if seen.flows() < STEADY_FLOWS_MIN => {
            let text = format!("{} of {STEADY_FLOWS_MIN} flows seen that are needed to say", seen.flows());
            (DriftState::Waiting, text)
        }
        None => (DriftState::Steady, "Traffic is what the models learned".to_owned()),
    };
    Drift {
        state,
        text,
        mean: seen.mean(),
        expected_mean: 0.5,
        window_flows: seen.window_flows(),
        flows: seen.flows(),
        changes,
        history: seen.history().iter().map(|p| DriftPoint { ts: p.ts, mean: p.mean(), flows: p.flows }).collect(),
    }
}

fn stability_view(seen: &stability::Stability) -> Stability {
    let state = |psi: f64| match psi {
        psi if psi >= stability::SHIFTED => StabilityState::Shifted,
        psi if psi >= stability::MODERATE => StabilityState::Moderate,
        _ => StabilityState::Stable,
    };
    let indices = seen.indices();
    let named = features::flow_schema().features.iter().zip(&indices);
    let mut told: Vec<FeatureStability> = named
        .map(|(feature, psi)| FeatureStability { feature: feature.name.to_string(), psi: *psi, state: state(*psi) })
        .collect();
    told.sort_by(|a, b| b.psi.total_cmp(&a.psi).then_with(|| a.feature.cmp(&b.feature)));
    let count = |state: StabilityState| told.iter().filter(|feature| feature.state == state).count();
    let (shifted, moderate) = (count(StabilityState::Shifted), count(StabilityState::Moderate));
    let text = match (seen.rows_learned(), told.len()) {
        (None, _) => "These models do not say how what they learned was spread; the next training's will".to_owned(),
        (_, 0) => format!("{} of {} flows seen that are needed to say", seen.rows(), stability::ROWS_MIN),
        (_, all) => format!("{shifted} of {all} features have shifted, {moderate} moderately"),
    };
    Stability {
        state: told.first().map_or(StabilityState::Waiting, |farthest| farthest.state),
        text,
        flows: seen.rows(),
        flows_learned: seen.rows_learned().unwrap_or(0),
        moderate: stability::MODERATE,
        shifted: stability::SHIFTED,
        mean: (!indices.is_empty()).then(|| indices.iter().sum::<f64>() / indices.len() as f64),
        features: told,
    }
}

/// What a member looks at, by its name; empty where this program does not know it.
fn looks_at(name: &str) -> &'static str {
    match name {
        "isolation_forest" => "How few random cuts set a flow apart from all others",
        "local_outlier_factor" => "How empty it is around a flow, compared with where its neighbours live",
        "nearest_neighbour" | "nearest_neighbours" | "knn_distance" => {
            "How far away the most similar learned flows are"
        }
        "autoencoder" => "How badly a flow can be rebuilt from a short summary of it",
        "loda" => "How rare a flow is along many random directions",
        "random_forest" => "Which labelled attack a flow resembles",
        "kitnet" => "Each packet against the recent past of its hosts and pair",
        "lstm" => "Counters of interfaces and busy hosts against their forecast",
        "half_space_trees" => "What a host does in a window against the windows before",
        _ => "",
    }
}

/// A member of the flow ensemble as the API shows it, with what was seen of it on live flows.
pub fn member(info: &MemberInfo, live: &ModelsLive) -> ModelMember {
    let per_cent = info.false_positive_rate * 100.0;
    let shown = ModelMember {
        name: info.name.clone(),
        kind: "flow".to_owned(),
        looks_at: looks_at(&info.name).to_owned(),
        admitted: info.admitted,
        why: match info.silence {
            None if info.ranking > 0.0 => format!(
                "Flags {per_cent:.1} % of held-out flows where it promises 1 %, ranks {:.0} % of forged flows above a true one",
                info.ranking * 100.0
            ),
            None | Some(Silence::Shadow | Silence::Baseline) => {
                format!("Flags {per_cent:.1} % of held-out flows where it promises 1 %")
            }
            Some(Silence::Unasked) => {
                "Shown beside the vote: it looks at what another member looks at, or others were named".to_owned()
            }
            Some(Silence::Promise) => {
                format!(
                    "Flags {per_cent:.1} % of held-out flows where it promises 1 %: its word cannot be trusted here"
                )
            }
            Some(Silence::Ranking) => format!(
                "Ranks only {:.0} % of forged flows above a true one, much fewer than the best member",
                info.ranking * 100.0
            ),
        },
        weight: if info.admitted { 1.0 } else { 0.0 },
        held_out_fpr: Some(info.false_positive_rate),
        threshold: Some(f64::from(info.threshold)),
        nominal_fpr: Some(MEMBER_P_VALUE),
        realised_fpr: None,
        scores: None,
        weight_bytes: 0,
        imported: None,
    };
    live.with_scores(shown)
}

/// A user's own model.
pub fn guest(guest: &Guest, live: &ModelsLive) -> ModelMember {
    let shown = member(guest.info(), live);
    let why = match (guest.muted(), guest.calibration_rows()) {
        (Some(why), _) => format!("Muted: {why}"),
        (None, 0) => "In shadow: it is shown and does not vote until the next training calibrates it".to_owned(),
        _ => shown.why.clone(),
    };
    let in_shadow = guest.calibration_rows() == 0;
    let standing = match (guest.muted(), in_shadow, shown.admitted) {
        (Some(_), ..) => ImportStanding::Muted,
        (None, true, _) => ImportStanding::Shadow,
        (None, false, true) => ImportStanding::Votes,
        (None, false, false) => ImportStanding::NoVote,
    };
    ModelMember {
        imported: Some(standing),
        looks_at: "Your own model, imported from an ONNX file".to_owned(),
        why,
        held_out_fpr: shown.held_out_fpr.filter(|_| !in_shadow),
        threshold: shown.threshold.filter(|_| !in_shadow),
        weight_bytes: guest.model().bytes().len() as u64,
        ..shown
    }
}

/// The channel that knows attacks which people named, beside the vote.
pub fn known_channel(known: &KnownInfo) -> ModelMember {
    let attacks: usize = known.rows.iter().skip(1).sum();
    let kinds: Vec<String> = known.kinds.iter().skip(1).map(|kind| kind.replace('_', " ")).collect();
    let (found, flagged) = (known.true_positive_rate * 100.0, known.false_positive_rate * 100.0);
    ModelMember {
        name: "random_forest".to_owned(),
        kind: "flow".to_owned(),
        looks_at: looks_at("random_forest").to_owned(),
        admitted: true,
        why: format!(
            "Beside the vote: knows {attacks} flows ({}); its trees find {found:.0} % of those they have not seen, and flag {flagged:.1} % of benign ones",
            kinds.join(", ")
        ),
        held_out_fpr: Some(known.false_positive_rate),
        ..ModelMember::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_member_beside_the_ensemble_said_live_stands_beside_it() {
        let mut said = MemberWatch { name: "lstm_hosts".to_owned(), ..MemberWatch::default() };
        let shown = |name: &str, said: &MemberWatch| {
            let mut live = ModelsLive::default();
            live.beside(std::slice::from_ref(said));
            live.with_scores(ModelMember { name: name.to_owned(), ..ModelMember::default() })
        };
        assert!(shown("lstm_hosts", &said).scores.is_none(), "nothing judged yet");
        for at in 0..200 {
            said.see(if at % 50 == 0 { 1e-4 } else { 0.5 });
        }
        let member = shown("lstm_hosts", &said);
        let scores = member.scores.unwrap();
        assert_eq!(member.realised_fpr, Some(4.0 / 200.0));
        assert_eq!((scores.ordinary.iter().sum::<u64>(), scores.anomalous[16]), (196, 4));
        assert!(shown("lstm_interfaces", &said).scores.is_none(), "another member's");
    }
}
