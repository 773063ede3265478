//! The lane of the learned detectors: a verdict supports the exact incident that already tells of its flow, or its host's
//! gathered evidence becomes or joins an incident under the budget.

use super::{IncidentManager, Key};
use crate::merge::{merge_detectors, merge_sorted};
use crate::roll_up::Gathered;
use crate::title::learned_title;
use record::{
    Alert, DetectorScore, FlowBrief, Incident, IncidentStatus, IpAddr16, Kind, Severity, Timestamp, Verdict, Why,
    timestamp::NS_PER_S,
};

/// A flow this long before an exact incident's first evidence still belongs to it.
const LEAD_NS: i64 = 60 * NS_PER_S;
/// A flow this long after an exact incident's last evidence still belongs to it.
const TAIL_NS: i64 = 300 * NS_PER_S;

impl IncidentManager {
    /// The exact incident that already tells of this flow.
    pub(super) fn covering(&self, flow: &FlowBrief) -> Option<Key> {
        if self.by_host.is_empty() {
            return None;
        }
        let (src, dest) = (flow.src(), flow.dest());
        let candidates = [src.addr, dest.addr].into_iter().filter_map(|ip| self.by_host.get(&ip)).flatten();
        let max = self.config.list_max;
        candidates
            .filter(|key| {
                let Some(incident) = self.live.get(*key).map(|l| &l.incident) else { return false };
                let in_time = flow.end >= incident.first_seen.plus_ns(-LEAD_NS)
                    && flow.start <= incident.last_seen.plus_ns(TAIL_NS);
                in_time && same_hosts(incident, src.addr, dest.addr, max) && same_port(incident, dest.port, max)
            })
            .min()
            .cloned()
    }

    /// The exact incident that already tells of a learned alert's host: it is its source or its target, in its time.
    pub(super) fn covering_alert(&self, alert: &Alert) -> Option<Key> {
        let hosts = alert.src.iter().chain(&alert.dest);
        let candidates = hosts.filter_map(|ip| self.by_host.get(ip)).flatten();
        let tells = |key: &&Key| {
            let Some(incident) = self.live.get(*key).map(|live| &live.incident) else { return false };
            let in_time = alert.ts >= incident.first_seen.plus_ns(-LEAD_NS)
                && alert.first_seen <= incident.last_seen.plus_ns(TAIL_NS);
            let names =
                |ip: &IpAddr16| incident.src.binary_search(ip).is_ok() || incident.dest.binary_search(ip).is_ok();
            in_time && alert.src.iter().any(names)
        };
        candidates.filter(tells).min().cloned()
    }

    /// A learned alert joins an exact incident as a second opinion.
    pub(super) fn support_alert(&mut self, key: &Key, alert: &Alert) {
        let Some(live) = self.live.get_mut(key) else { return };
        merge_detectors(&mut live.incident.detectors, &alert.detectors);
        self.mark(key);
    }

    /// A learned verdict joins an exact incident as a second opinion.
    pub(super) fn support(&mut self, key: &Key, flow: &FlowBrief, verdict: &Verdict) {
        let Some(live) = self.live.get_mut(key) else { return };
        let ensemble =
            DetectorScore { name: "ensemble".to_owned(), score: f64::from(verdict.score), p_value: verdict.p_value };
        merge_detectors(&mut live.incident.detectors, &[ensemble]);
        self.counters.entries_dropped += merge_sorted(&mut live.incident.flows, &[flow.flow_id], self.config.list_max);
        self.mark(key);
    }

    pub(super) fn learned_incident(&mut self, src: IpAddr16, known: Option<Key>, gathered: &Gathered, ts: Timestamp) {
        let kind = known.as_ref().map_or(gathered.kind(), |k| k.0);
        let mut detectors = gathered.detectors.clone();
        merge_detectors(
            &mut detectors,
            &[DetectorScore {
                name: "ensemble".to_owned(),
                score: f64::from(gathered.score),
                p_value: gathered.p_value,
            }],
        );
        let alert = Alert {
            ts,
            first_seen: gathered.first.min(ts),
            kind,
            detector: "ensemble",
            src: vec![src],
            dest: gathered.dest.clone(),
            dest_port: gathered.dest_port.clone(),
            score: gathered.score,
            severity: Severity::Low,
            title: learned_title(Some(src), &gathered.dest, gathered.flow_count, &gathered.why(), self.schema),
            why: reasons(gathered),
            detectors,
            flows: gathered.flows.clone(),
            packets: gathered.packets,
            story: src.to_string(),
            attack: Vec::new(),
        };
        let key = known.filter(|k| self.live.get(k).is_some_and(|l| l.incident.status != IncidentStatus::Closed));
        if let Some(key) = key {
            self.grow(&key, &alert, gathered.flow_count);
            self.after_growth(&key, gathered.strength, ts);
        } else {
            let key = (kind, alert.story.clone());
            self.retire(&key);
            self.learned.insert(src, key.clone());
            self.begin_learned(&key, &alert, gathered);
        }
    }

    fn begin_learned(&mut self, key: &Key, alert: &Alert, gathered: &Gathered) {
        self.begin(key, alert, gathered.flow_count);
        let Some(live) = self.live.get_mut(key) else { return };
        live.strength = gathered.strength;
        live.ask_at = gathered.strength * 2.0;
    }

    /// A learned incident has grown: its title covers all of it, and a held-back one may ask the budget again.
    fn after_growth(&mut self, key: &Key, strength: f64, ts: Timestamp) {
        let Some(live) = self.live.get_mut(key) else { return };
        live.strength += strength;
        let incident = &mut live.incident;
        incident.title =
            learned_title(incident.src.first().copied(), &incident.dest, incident.alerts, &incident.why, self.schema);
        if incident.over_budget && live.strength >= live.ask_at {
            live.ask_at = live.strength * 2.0;
            incident.over_budget = !self.budget.ask(ts, live.strength, true);
        }
    }
}

/// The features that led; where no single flow was strange enough to be explained, the number of flows that add up.
fn reasons(gathered: &Gathered) -> Vec<Why> {
    let named = gathered.why();
    if !named.is_empty() {
        return named;
    }
    let flows = gathered.flow_count as f64;
    vec![Why {
        feature: "unusual_flows".to_owned(),
        value: flows,
        expected: [0.0, 1.0],
        unit: "flows".to_owned(),
        share: 1.0,
    }]
}

fn same_hosts(incident: &Incident, src: IpAddr16, dest: IpAddr16, max: usize) -> bool {
    let holds = |list: &[IpAddr16], ip: IpAddr16| list.binary_search(&ip).is_ok();
    let about = |a: IpAddr16, b: IpAddr16| {
        holds(&incident.src, a) && (incident.dest.is_empty() || incident.dest.len() >= max || holds(&incident.dest, b))
    };
    match incident.kind {
        Kind::Flood => holds(&incident.dest, dest),
        _ => about(src, dest) || about(dest, src),
    }
}

fn same_port(incident: &Incident, port: u16, max: usize) -> bool {
    let any = matches!(incident.kind, Kind::PortScan | Kind::Flood | Kind::ArpSpoof) || incident.dest_port.is_empty();
    any || incident.dest_port.len() >= max || incident.dest_port.binary_search(&port).is_ok()
}
