//! Alerts and verdicts in, incidents out. Owns which alerts belong to one story, when a story is over, and what a person
//! has said about it; severity, titles, budget and roll-up are their own files.

use crate::budget::{Budget, BudgetState};
use crate::config::AlertConfig;
use crate::domains::{DOMAINS_MAX, named};
use crate::identity::incident_id;
use crate::merge::{merge_detectors, merge_sorted, merge_why};
use crate::roll_up::RollUp;
use crate::severity::{Importances, severity, weighed};
use crate::suppress::Suppressions;
use crate::technique::techniques;
use record::{
    Alert, Counters, Evidence, FlowBrief, Importance, Incident, IncidentFeedback, IncidentStatus, IpAddr16, Kind, Note,
    Schema, Severity, Suppression, Timestamp, Verdict, timestamp::NS_PER_S,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod chain;
mod learned;
mod victims;

/// What makes alerts one story.
type Key = (Kind, String);

/// Identities of incidents that are over, kept so that none is given twice.
const RETIRED_MAX: usize = 16_384;

/// ATT&CK techniques named in an incident.
const TECHNIQUES_MAX: usize = 8;

/// One incident that can still grow.
struct Live {
    incident: Incident,
    proposed: Severity,
    /// Severity and title of this incident alone: without the steps that followed it, and the severity without what went before.
    own: (Severity, String),
    /// What was done to its source before.
    attacked: Option<victims::Attacked>,
    /// Evidence of learned detectors, for the budget's bar.
    strength: f64,
    /// Strength at which the budget is asked again.
    ask_at: f64,
    dirty: bool,
}

/// Where everything that came in went. `alerts_in = alerts_new + alerts_merged`; `verdicts_in = verdicts_quiet +
/// verdicts_attached + verdicts_in_incidents + verdicts_faded + verdicts_pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCounters {
    /// Alerts of exact detectors.
    pub alerts_in: u64,
    /// Alerts that began an incident.
    pub alerts_new: u64,
    /// Alerts that joined one.
    pub alerts_merged: u64,
    /// Verdicts.
    pub verdicts_in: u64,
    /// Verdicts too ordinary to count as evidence.
    pub verdicts_quiet: u64,
    /// Verdicts that support an exact incident.
    pub verdicts_attached: u64,
    /// Verdicts in incidents of their own.
    pub verdicts_in_incidents: u64,
    /// Weak evidence of hosts that went back to normal.
    pub verdicts_faded: u64,
    /// Weak evidence still being weighed.
    pub verdicts_pending: u64,
    /// Incidents begun.
    pub incidents: u64,
    /// Incidents of them held back by the budget when they began.
    pub incidents_over_budget: u64,
    /// Incidents let go because too many were live.
    pub incidents_let_go: u64,
    /// List entries that found no room in an incident.
    pub entries_dropped: u64,
    /// Hosts whose evidence was forgotten at the bound.
    pub hosts_evicted: u64,
}

/// The room's front door.
pub struct IncidentManager {
    config: AlertConfig,
    schema: Option<&'static Schema>,
    live: BTreeMap<Key, Live>,
    by_id: BTreeMap<String, Key>,
    by_host: BTreeMap<IpAddr16, BTreeSet<Key>>,
    learned: BTreeMap<IpAddr16, Key>,
    retired: BTreeSet<String>,
    retired_order: VecDeque<String>,
    changed: Vec<Key>,
    over: Vec<Incident>,
    budget: Budget,
    roll_up: RollUp,
    suppressions: Suppressions,
    importances: Importances,
    victims: victims::Victims,
    now: Timestamp,
    expired_s: i64,
    counters: AlertCounters,
}

impl IncidentManager {
    /// Empty; time begins with the first alert or verdict.
    #[must_use]
    pub fn new(config: &AlertConfig) -> Self {
        Self {
            schema: None,
            live: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_host: BTreeMap::new(),
            learned: BTreeMap::new(),
            retired: BTreeSet::new(),
            retired_order: VecDeque::new(),
            changed: Vec::new(),
            over: Vec::new(),
            budget: Budget::new(config.per_hour),
            roll_up: RollUp::new(&config.roll_up, config.list_max),
            suppressions: Suppressions::default(),
            importances: Importances::new(),
            victims: victims::Victims::default(),
            now: Timestamp(i64::MIN),
            expired_s: i64::MIN,
            counters: AlertCounters::default(),
            config: config.clone(),
        }
    }

    /// Takes new settings while it runs: budget, idle times, roll-up and bounds. Incidents under way stay.
    pub fn reconfigure(&mut self, config: &AlertConfig) {
        self.budget.set_per_hour(config.per_hour);
        self.roll_up.reconfigure(&config.roll_up, config.list_max);
        self.config = config.clone();
    }

    /// Is this host part of an incident that can still grow, exact or learned? Those that a person called a false positive do not
    /// count: what is ordinary after all may be learned.
    #[must_use]
    pub fn involves(&self, host: IpAddr16) -> bool {
        let open = |key: &Key| self.live.get(key).is_some_and(|l| l.incident.status != IncidentStatus::FalsePositive);
        self.by_host.get(&host).is_some_and(|keys| keys.iter().any(open)) || self.learned.get(&host).is_some_and(open)
    }

    /// Gives titles the schema's phrases ("payload sent per packet") instead of column names.
    pub fn describe_features(&mut self, schema: &'static Schema) {
        self.schema = Some(schema);
    }

    /// Takes one alert; it begins an incident or joins one.
    // By value: an alert has one taker, and callers drain a list of them.
    #[allow(clippy::needless_pass_by_value)]
    pub fn alert(&mut self, alert: Alert) {
        self.advance(alert.ts);
        self.counters.alerts_in += 1;
        if alert.kind.is_learned()
            && let Some(key) = self.covering_alert(&alert)
        {
            self.counters.alerts_merged += 1;
            return self.support_alert(&key, &alert);
        }
        let story = if alert.story.is_empty() {
            alert.src.first().or(alert.dest.first()).map(ToString::to_string).unwrap_or_default()
        } else {
            alert.story.clone()
        };
        let key = (alert.kind, story);
        if self.live.get(&key).is_some_and(|l| l.incident.status == IncidentStatus::Closed) {
            self.retire(&key);
        }
        if self.live.contains_key(&key) {
            self.counters.alerts_merged += 1;
            self.grow(&key, &alert, 1);
        } else {
            self.counters.alerts_new += 1;
            self.begin(&key, &alert, 1);
        }
    }

    /// True when a verdict of this p-value counts as a sign: of the others neither members nor reasons are looked at.
    #[must_use]
    pub fn counts(&self, p_value: f64) -> bool {
        self.roll_up.lifts(RollUp::surprise(p_value))
    }

    /// Takes one verdict with its flow. Most say nothing; weak ones add up per host; strong or many make an incident, or
    /// support the exact incident that already covers the flow.
    pub fn verdict(&mut self, flow: &FlowBrief, verdict: &Verdict) {
        self.advance(verdict.ts);
        self.counters.verdicts_in += 1;
        let surprise = RollUp::surprise(verdict.p_value);
        if !self.roll_up.lifts(surprise) {
            self.counters.verdicts_quiet += 1;
            let _ = self.roll_up.take(flow, verdict);
            return;
        }
        if let Some(key) = self.covering(flow) {
            self.counters.verdicts_attached += 1;
            self.support(&key, flow, verdict);
            return;
        }
        let src = flow.src().addr;
        let known = self.learned.get(&src).cloned().filter(|k| self.live.contains_key(k));
        let gathered = match &known {
            Some(_) if verdict.anomalous => Some(self.roll_up.single(flow, verdict)),
            _ => self.roll_up.take(flow, verdict),
        };
        if let Some(gathered) = gathered {
            self.counters.verdicts_in_incidents += gathered.flow_count;
            self.learned_incident(src, known, &gathered, verdict.ts);
        }
    }

    /// Capture time has reached `now`: quiet incidents are over.
    pub fn advance(&mut self, now: Timestamp) {
        if now <= self.now {
            return;
        }
        self.now = now;
        self.budget.advance(now);
        if now.seconds() == self.expired_s {
            return;
        }
        self.expired_s = now.seconds();
        let over: Vec<Key> = self
            .live
            .iter()
            .filter(|(k, l)| now.since(l.incident.last_seen) > self.idle_ns(k.0))
            .map(|(k, _)| k.clone())
            .collect();
        for key in over {
            self.retire(&key);
        }
    }

    /// Incidents that are new or changed since the last call, in the order in which they changed.
    pub fn drain(&mut self) -> Vec<Incident> {
        let mut out = std::mem::take(&mut self.over);
        for incident in &mut out {
            self.suppressions.apply(incident);
        }
        for key in std::mem::take(&mut self.changed) {
            if let Some(live) = self.live.get_mut(&key)
                && live.dirty
            {
                live.dirty = false;
                self.suppressions.apply(&mut live.incident);
                out.push(live.incident.clone());
            }
        }
        out
    }

    /// The budget, for the summary.
    #[must_use]
    pub fn budget(&self) -> BudgetState {
        self.budget.state()
    }

    /// A person moved an incident. None when it can no longer grow (the store still has it).
    pub fn set_status(&mut self, id: &str, status: IncidentStatus) -> Option<Incident> {
        if status == IncidentStatus::FalsePositive {
            self.victims.forget(id);
        }
        let live = self.live.get_mut(self.by_id.get(id)?)?;
        live.incident.status = status;
        Some(live.incident.clone())
    }

    /// A person wrote a note. None as for `set_status`.
    pub fn add_note(&mut self, id: &str, note: Note) -> Option<Incident> {
        let live = self.live.get_mut(self.by_id.get(id)?)?;
        live.incident.notes.push(note);
        Some(live.incident.clone())
    }

    /// A person judged the detection, or took that back. None as for `set_status`.
    pub fn set_feedback(&mut self, id: &str, feedback: Option<IncidentFeedback>) -> Option<Incident> {
        let live = self.live.get_mut(self.by_id.get(id)?)?;
        live.incident.feedback = feedback;
        Some(live.incident.clone())
    }

    /// A suppression hides the incident, or hides it no more. None as for `set_status`.
    pub fn set_suppressed(&mut self, id: &str, by: Option<u64>, status: IncidentStatus) -> Option<Incident> {
        let live = self.live.get_mut(self.by_id.get(id)?)?;
        live.incident.suppressed_by = by;
        live.incident.status = status;
        Some(live.incident.clone())
    }

    /// Puts these suppressions in force in place of those before. Incidents that can still grow and are covered, or are covered no
    /// more, come with the next `drain`.
    pub fn set_suppressions(&mut self, suppressions: Vec<Suppression>) {
        self.suppressions.set(suppressions);
        let changed: Vec<Key> = self
            .live
            .iter_mut()
            .filter_map(|(key, live)| self.suppressions.apply(&mut live.incident).then(|| key.clone()))
            .collect();
        for key in changed {
            self.mark(&key);
        }
    }

    /// How much hosts matter, as people said, in place of what they said before: it changes the severity of incidents that begin or grow
    /// from now on.
    pub fn set_importances(&mut self, importances: BTreeMap<IpAddr16, Importance>) {
        self.importances = importances;
    }

    /// The packets of an incident were saved.
    pub fn set_evidence(&mut self, id: &str, pcap: bool) -> Option<Incident> {
        let live = self.live.get_mut(self.by_id.get(id)?)?;
        live.incident.evidence.pcap |= pcap;
        Some(live.incident.clone())
    }

    /// Incidents that can still grow, in order of kind and story.
    pub fn live(&self) -> impl Iterator<Item = &Incident> {
        self.live.values().map(|l| &l.incident)
    }

    /// Where everything went.
    #[must_use]
    pub fn counters(&self) -> AlertCounters {
        AlertCounters {
            verdicts_pending: self.roll_up.pending_flows(),
            verdicts_faded: self.roll_up.faded_flows,
            hosts_evicted: self.roll_up.evicted,
            ..self.counters
        }
    }

    /// Drops by reason, for the health strip.
    #[must_use]
    pub fn drops(&self) -> Counters {
        let counters = self.counters();
        let mut drops = Counters::default();
        drops.add("incidents_let_go", counters.incidents_let_go);
        drops.add("incident_entries_dropped", counters.entries_dropped);
        drops.add("hosts_evicted", counters.hosts_evicted);
        drops.add("victims_forgotten", self.victims.forgotten());
        drops
    }

    /// Entries held, for the memory bound.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.live.len() + self.roll_up.hosts() + self.retired.len()
    }

    fn idle_ns(&self, kind: Kind) -> i64 {
        let seconds = match kind {
            Kind::Beacon => self.config.slow_idle_s,
            kind if kind.is_learned() => self.config.learned_idle_s,
            _ => self.config.idle_s,
        };
        i64::from(seconds) * NS_PER_S
    }

    fn begin(&mut self, key: &Key, alert: &Alert, alerts: u64) {
        self.make_room();
        let root = self.story_root(alert);
        let mut first_seen = alert.first_seen.min(alert.ts);
        let mut id = incident_id(key.0, &key.1, first_seen);
        if self.retired.contains(&id) || self.by_id.contains_key(&id) {
            // The story went on after its incident was over: what follows is a new one.
            first_seen = alert.ts;
            id = incident_id(key.0, &key.1, first_seen);
        }
        let incident = Incident {
            id: id.clone(),
            kind: alert.kind,
            title: String::new(),
            severity: alert.severity,
            score: 0.0,
            first_seen,
            last_seen: first_seen,
            raised: alert.ts,
            src: Vec::new(),
            dest: Vec::new(),
            dest_port: Vec::new(),
            alerts: 0,
            attack: if alert.attack.is_empty() { owned(techniques(alert.kind)) } else { Vec::new() },
            status: IncidentStatus::Open,
            why: Vec::new(),
            detectors: Vec::new(),
            flows: Vec::new(),
            evidence: Evidence::default(),
            advice: crate::advice(alert.kind).to_owned(),
            over_budget: false,
            notes: Vec::new(),
            feedback: None,
            suppressed_by: None,
            domains: Vec::new(),
            part_of: None,
            timeline: Vec::new(),
        };
        let live = Live {
            incident,
            proposed: alert.severity,
            own: (alert.severity, String::new()),
            attacked: self.victims.earlier(alert),
            strength: 0.0,
            ask_at: 0.0,
            dirty: false,
        };
        self.live.insert(key.clone(), live);
        self.by_id.insert(id, key.clone());
        self.counters.incidents += 1;
        self.grow(key, alert, alerts);
        self.enter_lane(key, alert);
        if let Some(root) = root {
            self.join(key, &root);
        }
    }

    /// Learned kinds ask the budget; exact kinds have their own lane.
    fn enter_lane(&mut self, key: &Key, alert: &Alert) {
        let Some(live) = self.live.get_mut(key) else { return };
        if self.suppressions.covering(&live.incident).is_some() {
            // What nobody is told of takes nothing from the budget.
            return;
        }
        if !key.0.is_learned() {
            self.budget.note_exact(alert.ts);
            return;
        }
        live.strength = live.strength.max(f64::from(alert.score));
        let announced = self.budget.ask(alert.ts, live.strength, false);
        live.incident.over_budget = !announced;
        live.ask_at = live.strength * 2.0;
        self.counters.incidents_over_budget += u64::from(!announced);
    }

    fn grow(&mut self, key: &Key, alert: &Alert, alerts: u64) {
        let max = self.config.list_max;
        let Some(live) = self.live.get_mut(key) else { return };
        let incident = &mut live.incident;
        incident.alerts += alerts;
        incident.last_seen = incident.last_seen.max(alert.ts);
        incident.score = incident.score.max(f64::from(alert.score));
        if !alert.title.is_empty() {
            incident.title.clone_from(&alert.title);
        }
        let dropped = merge_sorted(&mut incident.src, &alert.src, max)
            + merge_sorted(&mut incident.dest, &alert.dest, max)
            + merge_sorted(&mut incident.dest_port, &alert.dest_port, max)
            + merge_sorted(&mut incident.flows, &alert.flows, max);
        self.counters.entries_dropped += dropped;
        for technique in owned(&alert.attack) {
            if incident.attack.len() < TECHNIQUES_MAX && !incident.attack.contains(&technique) {
                incident.attack.push(technique);
            }
        }
        merge_why(&mut incident.why, &alert.why);
        merge_detectors(&mut incident.detectors, &alert.detectors);
        // Exact detectors count their story so far; learned alerts count what is new.
        incident.evidence.packets = if key.0.is_learned() {
            incident.evidence.packets + alert.packets
        } else {
            incident.evidence.packets.max(alert.packets)
        };
        live.proposed = live.proposed.max(alert.severity);
        self.counters.entries_dropped += merge_sorted(&mut incident.domains, &named(alert), DOMAINS_MAX);
        let severity = weighed(severity(incident, live.proposed), incident, &self.importances);
        live.tell_the_past(alert);
        live.own = (severity, live.incident.title.clone());
        live.incident.severity = live.weighed_by_the_past(severity);
        self.victims.note(alert, &live.incident, self.config.victim_s);
        let hosts: Vec<IpAddr16> = match key.0 {
            Kind::Flood => alert.dest.clone(),
            _ => alert.src.clone(),
        };
        self.mark(key);
        self.tell_story(key);
        if covers_flows(key.0) {
            for host in hosts {
                self.by_host.entry(host).or_default().insert(key.clone());
            }
        }
    }

    fn mark(&mut self, key: &Key) {
        if let Some(live) = self.live.get_mut(key)
            && !live.dirty
        {
            live.dirty = true;
            self.changed.push(key.clone());
        }
    }

    /// The incident is over: it can no longer grow, and its identity is not given again.
    fn retire(&mut self, key: &Key) {
        let Some(live) = self.live.remove(key) else { return };
        let incident = live.incident;
        self.by_id.remove(&incident.id);
        for host in incident.src.iter().chain(&incident.dest) {
            if let Some(keys) = self.by_host.get_mut(host) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_host.remove(host);
                }
            }
            if self.learned.get(host) == Some(key) {
                self.learned.remove(host);
            }
        }
        if self.retired.insert(incident.id.clone()) {
            self.retired_order.push_back(incident.id.clone());
        }
        if self.retired_order.len() > RETIRED_MAX
            && let Some(oldest) = self.retired_order.pop_front()
        {
            self.retired.remove(&oldest);
        }
        if live.dirty {
            self.over.push(incident);
        }
    }

    fn make_room(&mut self) {
        while self.live.len() >= self.config.live_max.max(1) {
            let quietest =
                self.live.iter().min_by_key(|(k, l)| (l.incident.last_seen, (*k).clone())).map(|(k, _)| k.clone());
            let Some(key) = quietest else { return };
            self.counters.incidents_let_go += 1;
            self.retire(&key);
        }
    }
}

/// Names as an incident carries them.
fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// True for kinds whose incidents are about particular flows, so that a strange flow can belong to them.
fn covers_flows(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PortScan
            | Kind::HostSweep
            | Kind::BruteForce
            | Kind::Flood
            | Kind::DnsTunnel
            | Kind::Dga
            | Kind::Beacon
            | Kind::ArpSpoof
            | Kind::Exfiltration
            | Kind::LateralMovement
    )
}

#[cfg(test)]
mod tests;
