//! What to ask a person today: the few incidents for which a verdict would teach most, because the models are of two minds about them.
//! Owns the choice and its words; a verdict is given and kept as any other.

use super::answers::Answers;
use super::judging::lock;
use super::worker::wall_clock;
use record::{Incident, IncidentStatus, Timestamp};
use serve::LiveError;
use serve::shapes::{Question, Questions};
use std::collections::BTreeSet;
use store::{ListQuery, Query, Read, TimeRange};

/// Asked for a day, answers of that day counted: more would not be read.
const A_DAY: u64 = 5;
/// Incidents not older than this are asked about, nanoseconds of capture time.
const SINCE_NS: i64 = 86_400 * 1_000_000_000;
/// Newest incidents that are looked at.
const LOOKED_AT_MAX: usize = 2_000;
/// Less doubt is not worth a question.
const DOUBT_MIN: f64 = 0.4;
/// p-value at which one detector by itself would flag.
const FLAGS_P_VALUE: f64 = 0.01;
/// Name of the vote among an incident's detectors.
const ENSEMBLE: &str = "ensemble";
const NS_PER_DAY: i64 = 86_400 * 1_000_000_000;

impl Answers {
    /// The questions of today, the one that teaches most first.
    pub(super) fn ask_people(&self) -> Result<Questions, LiveError> {
        let (alpha, now) = {
            let status = lock(&self.status);
            (status.ensemble.as_ref().map_or(0.0, |ensemble| ensemble.alpha()), status.now)
        };
        let midnight = Timestamp(wall_clock().0.div_euclid(NS_PER_DAY) * NS_PER_DAY);
        let answered =
            lock(&self.verdicts).all().filter(|said| said.feedback.is_some_and(|f| f.at >= midnight)).count() as u64;
        let left = usize::try_from(A_DAY.saturating_sub(answered)).unwrap_or(0);
        let mut items = if left == 0 { Vec::new() } else { ranked(self.lately(now)?, alpha) };
        items.truncate(left);
        Ok(Questions { per_day: A_DAY, answered_today: answered, items })
    }

    /// Incidents of the last day that nobody has judged, newest first.
    fn lately(&self, now: Timestamp) -> Result<Vec<Incident>, LiveError> {
        let unavailable = |error: String| LiveError::Unavailable(error);
        let filter = Query::parse("", store::query::INCIDENT_FIELDS).map_err(|e| unavailable(e.to_string()))?;
        let range = TimeRange { from: Some(now.plus_ns(-SINCE_NS)), to: None };
        let mut query = ListQuery { filter, range, limit: store::read::PAGE_ROWS_MAX, cursor: None };
        let (mut found, mut seen) = (Vec::new(), 0);
        loop {
            let page = self.reader.incidents(&query).map_err(|e| unavailable(e.to_string()))?;
            seen += page.items.len();
            found.extend(page.items.into_iter().filter(waits));
            query.cursor = page.next_cursor;
            if query.cursor.is_none() || seen >= LOOKED_AT_MAX {
                return Ok(found);
            }
        }
    }
}

/// A verdict on it teaches something, and there is none yet.
fn waits(incident: &Incident) -> bool {
    let open = matches!(incident.status, IncidentStatus::Open | IncidentStatus::Acknowledged);
    open && incident.feedback.is_none() && incident.suppressed_by.is_none() && !incident.flows.is_empty()
}

/// The most doubtful first, one of each kind and source.
fn ranked(incidents: Vec<Incident>, alpha: f64) -> Vec<Question> {
    let mut questions: Vec<Question> = incidents.into_iter().filter_map(|incident| question(incident, alpha)).collect();
    questions.sort_by(|a, b| b.doubt.total_cmp(&a.doubt).then_with(|| a.incident.id.cmp(&b.incident.id)));
    let mut asked = BTreeSet::new();
    questions.retain(|question| {
        let (kind, src) = (question.incident.kind.name(), question.incident.src.first().copied());
        asked.insert((kind, src))
    });
    questions
}

/// How far detectors and vote disagree, and how near the vote is to its threshold, each 0 to 1. None where the models did not speak or there is
/// little doubt.
fn question(incident: Incident, alpha: f64) -> Option<Question> {
    let vote = incident.detectors.iter().find(|detector| detector.name == ENSEMBLE)?.p_value;
    let voices = &incident.detectors;
    let flagged = voices.iter().filter(|voice| voice.p_value <= FLAGS_P_VALUE).count();
    let share = flagged as f64 / voices.len().max(1) as f64;
    let disagreement = 1.0 - (2.0 * share - 1.0).abs();
    let decades = (vote.max(1e-300).log10() - alpha.max(1e-300).log10()).abs();
    let doubt = f64::midpoint(disagreement, 1.0 / (1.0 + decades));
    let of = voices.len();
    let (vote, alpha) = (digits(vote), digits(alpha));
    let text =
        format!("{flagged} of {of} detectors flag it, the vote counted; the vote's p is {vote}, its threshold {alpha}");
    (doubt >= DOUBT_MIN).then_some(Question { incident, doubt, text })
}

/// Two significant digits, as people read them.
fn digits(p_value: f64) -> String {
    if p_value < 1e-4 {
        return format!("{p_value:.0e}");
    }
    let places = (1.0 - p_value.log10().floor()).clamp(1.0, 6.0) as usize;
    let text = format!("{p_value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::{DetectorScore, Evidence, IpAddr16, Kind, Severity};

    fn incident(id: &str, host: u8, p_values: &[(&str, f64)]) -> Incident {
        let detector =
            |(name, p_value): &(&str, f64)| DetectorScore { name: (*name).to_owned(), score: 1.0, p_value: *p_value };
        Incident {
            id: id.to_owned(),
            kind: Kind::AnomalousFlow,
            title: id.to_owned(),
            severity: Severity::Low,
            score: 0.5,
            first_seen: Timestamp(0),
            last_seen: Timestamp(0),
            raised: Timestamp(0),
            src: vec![IpAddr16::v4([192, 0, 2, host])],
            dest: Vec::new(),
            dest_port: Vec::new(),
            alerts: 1,
            attack: Vec::new(),
            status: IncidentStatus::Open,
            why: Vec::new(),
            detectors: p_values.iter().map(detector).collect(),
            flows: vec![1],
            evidence: Evidence::default(),
            advice: String::new(),
            over_budget: false,
            notes: Vec::new(),
            feedback: None,
            suppressed_by: None,
            domains: Vec::new(),
            part_of: None,
            timeline: Vec::new(),
        }
    }

    #[test]
    fn the_most_doubtful_comes_first_and_no_host_is_asked_about_twice() {
        let sure = incident("sure", 1, &[("a", 1e-9), ("b", 1e-9), ("ensemble", 1e-9)]);
        let near = incident("near", 2, &[("a", 1e-9), ("b", 1e-3), ("ensemble", 1e-4)]);
        let split = incident("split", 3, &[("a", 1e-3), ("b", 0.5), ("ensemble", 1e-4)]);
        let again = incident("again", 3, &[("a", 1e-3), ("b", 0.5), ("ensemble", 1e-5)]);
        let exact = incident("exact", 4, &[("port_scan", 1e-5)]);
        let questions = ranked(vec![sure, near, again, split, exact], 1e-4);
        let order: Vec<&str> = questions.iter().map(|question| question.incident.id.as_str()).collect();
        assert_eq!(order, ["split", "near"], "{questions:?}");
        assert!((questions[0].doubt - 5.0 / 6.0).abs() < 1e-9, "{questions:?}");
        assert!(questions[0].text.starts_with("2 of 3 detectors flag it"), "{}", questions[0].text);
    }

    #[test]
    fn p_values_have_two_digits() {
        let told: Vec<String> = [0.031, 0.001, 0.0039, 0.5, 1.0, 3.2e-7].map(digits).to_vec();
        assert_eq!(told, ["0.031", "0.001", "0.0039", "0.5", "1", "3e-7"]);
    }

    #[test]
    fn what_is_judged_hidden_closed_or_teaches_nothing_is_not_asked() {
        let open = incident("x", 1, &[]);
        assert!(waits(&open));
        assert!(!waits(&Incident { status: IncidentStatus::Closed, ..open.clone() }));
        assert!(!waits(&Incident { suppressed_by: Some(1), ..open.clone() }));
        assert!(!waits(&Incident { flows: Vec::new(), ..open }));
    }
}
