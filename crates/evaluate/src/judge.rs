//! Observations in, incidents out: host windows, behaviour detectors, feature vectors, the ensemble, the incident manager, in that
//! order. The live process and the file analysis use this same code. Owns the wiring of the judging rooms; knows no thread,
//! file or clock, so that a replayed file and the live run agree exactly.

// Flow records come boxed from the table: a box moves where a record would be copied, a kilobyte each time.
#![allow(clippy::vec_box)]

use crate::covered::Covered;
use crate::hosts::HostTable;
use crate::learn::Learner;
use crate::levels::{HostConfig, HostWatch, SeriesConfig, SeriesWatch};
use crate::packets::{FlowPackets, PacketWatch};
use crate::reservoir::Reservoir;
use crate::sampler::PacketConfig;
use crate::watch::ModelWatch;
use alert::{AlertConfig, BudgetState, IncidentManager};
use detect::behaviour::{BehaviourConfig, BehaviourSet};
use detect::{Ensemble, EnsembleConfig, Judgement};
use flow::{HostWindows, WindowConfig};
use record::{
    Alert, Counters, FlowBrief, FlowRecord, HostWindow, Incident, InterfaceSecond, Matrix, MemberScore, Observation,
    Prefix, Timestamp, Verdict,
};
use std::sync::Arc;

/// Flows at or below this p-value are explained, flagged or not: together they can make an incident, which owes reasons. An
/// explanation costs about 100 µs, so one flow in a hundred adds 1 µs to each.
const EXPLAINED_P_VALUE: f64 = 0.01;

/// Settings of everything that judges.
#[derive(Clone, Debug, Default)]
pub struct JudgeConfig {
    /// Host windows.
    pub windows: WindowConfig,
    /// Behaviour detectors.
    pub behaviour: BehaviourConfig,
    /// Models.
    pub models: EnsembleConfig,
    /// Packet level.
    pub packets: PacketConfig,
    /// Host level.
    pub hosts: HostConfig,
    /// Level of series.
    pub series: SeriesConfig,
    /// Incidents.
    pub alert: AlertConfig,
    /// Networks that count as inside.
    pub home: Vec<Prefix>,
}

/// A reported flow and what the models said, when they could.
pub struct JudgedFlow {
    /// The flow.
    pub record: Box<FlowRecord>,
    /// None while learning, and of flows that others measured: the models know the statistics of packets.
    pub verdict: Option<Verdict>,
    /// Name of its interface, where it came from another machine.
    pub in_iface: Option<Arc<str>>,
}

/// What one call brought.
#[derive(Default)]
pub struct Judged {
    /// Flows in the order of their end.
    pub flows: Vec<JudgedFlow>,
    /// Seconds of interfaces.
    pub seconds: Vec<InterfaceSecond>,
    /// Incidents that are new or changed.
    pub incidents: Vec<Incident>,
}

/// A reported flow, and what the packet level said of its packets.
pub struct MeasuredFlow {
    /// The flow.
    pub record: Box<FlowRecord>,
    /// Members of the packet level; empty where no packet was judged.
    pub members: Vec<MemberScore>,
}

/// What the exact half brought, to be judged and told elsewhere.
#[derive(Default)]
pub struct Measured {
    /// Flows in the order of their end.
    pub flows: Vec<MeasuredFlow>,
    /// What exact detectors and the levels beside flows said.
    pub alerts: Vec<Alert>,
    /// Seconds of interfaces.
    pub seconds: Vec<InterfaceSecond>,
    /// Host windows that closed.
    pub windows: Vec<HostWindow>,
}

/// What was measured and judged elsewhere, to be told here.
#[derive(Default)]
pub struct Told {
    /// Capture time at the end of it.
    pub now: Timestamp,
    /// What exact detectors said.
    pub alerts: Vec<Alert>,
    /// Flows with their verdicts.
    pub flows: Vec<JudgedFlow>,
    /// Seconds of interfaces.
    pub seconds: Vec<InterfaceSecond>,
    /// The input ended.
    pub last: bool,
}

/// The judging half of the pipeline.
pub struct Judge {
    windows: HostWindows,
    behaviours: BehaviourSet,
    ensemble: Option<Arc<Ensemble>>,
    incidents: IncidentManager,
    hosts: HostTable,
    covered: Covered,
    packets: PacketWatch,
    host_level: HostWatch,
    series_level: SeriesWatch,
    learner: Learner,
    /// For trainings after the first; None where models are not renewed.
    reservoir: Option<Reservoir>,
    /// How the models in place do; None where nobody asks.
    watch: Option<ModelWatch>,
    now: Timestamp,
    alerts: Vec<Alert>,
    closed_windows: Vec<HostWindow>,
    /// Windows that closed since the last `measure`; None where nobody asks for them.
    kept_windows: Option<Vec<HostWindow>>,
}

impl Judge {
    /// A judge without models; `learner` collects what it sees until `install`.
    pub fn new(config: &JudgeConfig, learner: Learner) -> Self {
        Self {
            windows: HostWindows::new(config.windows.clone()),
            behaviours: BehaviourSet::new(&behaviour(config)),
            ensemble: None,
            incidents: incident_manager(&config.alert),
            hosts: HostTable::new(config.home.clone()),
            covered: Covered::default(),
            packets: PacketWatch::new(&config.packets),
            host_level: HostWatch::new(&config.hosts, config.home.clone()),
            series_level: SeriesWatch::new(&config.series, config.home.clone()),
            learner,
            reservoir: None,
            watch: None,
            now: Timestamp(i64::MIN),
            alerts: Vec::new(),
            closed_windows: Vec::new(),
            kept_windows: None,
        }
    }

    /// Takes new settings while it runs: exact detectors, incidents, home networks. Host windows keep theirs, models theirs until
    /// the next training.
    pub fn reconfigure(&mut self, config: &JudgeConfig) {
        self.behaviours.reconfigure(&behaviour(config));
        self.incidents.reconfigure(&config.alert);
        self.hosts.set_home(config.home.clone());
        self.host_level.set_home(config.home.clone());
        self.series_level.set_home(config.home.clone());
    }

    /// The exact detectors, for what they remember over a restart.
    pub fn behaviours(&mut self) -> &mut BehaviourSet {
        &mut self.behaviours
    }

    /// Puts trained models in place; flows from now on are judged.
    pub fn install(&mut self, ensemble: Arc<Ensemble>) {
        self.ensemble = Some(ensemble);
        if let Some(watch) = &mut self.watch {
            *watch = self.ensemble.as_deref().map_or_else(ModelWatch::default, ModelWatch::of);
        }
    }

    /// The models in place.
    pub fn ensemble(&self) -> Option<&Arc<Ensemble>> {
        self.ensemble.as_ref()
    }

    /// The packet level.
    pub fn packets(&mut self) -> &mut PacketWatch {
        &mut self.packets
    }

    /// The host level.
    pub fn host_level(&mut self) -> &mut HostWatch {
        &mut self.host_level
    }

    /// The level of series.
    pub fn series_level(&mut self) -> &mut SeriesWatch {
        &mut self.series_level
    }

    /// What the models may learn from.
    pub fn learner(&mut self) -> &mut Learner {
        &mut self.learner
    }

    /// Keeps judged flows and packets for later trainings from now on.
    pub fn keep_reservoir(&mut self, reservoir: Reservoir) {
        self.reservoir = Some(reservoir);
        self.packets.keep_reservoir();
    }

    /// What later trainings may learn from.
    pub fn reservoir(&self) -> Option<&Reservoir> {
        self.reservoir.as_ref()
    }

    /// What later trainings may learn from, for what people said of it.
    pub fn reservoir_mut(&mut self) -> Option<&mut Reservoir> {
        self.reservoir.as_mut()
    }

    /// Counts from now on how the models in place do.
    pub fn keep_watch(&mut self) {
        self.watch = Some(self.ensemble.as_deref().map_or_else(ModelWatch::default, ModelWatch::of));
    }

    /// How the models in place do.
    pub fn watch(&mut self) -> Option<&mut ModelWatch> {
        self.watch.as_mut()
    }

    /// Hosts seen.
    pub fn hosts(&mut self) -> &mut HostTable {
        &mut self.hosts
    }

    /// The incident manager, for a person's changes.
    pub fn incidents(&mut self) -> &mut IncidentManager {
        &mut self.incidents
    }

    /// The alert budget's state.
    pub fn budget(&self) -> BudgetState {
        self.incidents.budget()
    }

    /// Capture time of the newest observation.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Bounded tables' losses by reason.
    pub fn drops(&self) -> Counters {
        let mut counters = self.behaviours.counters();
        counters.add("hosts_evicted", self.hosts.evicted());
        counters.merge(&self.windows.counters());
        counters.merge(&self.packets.drops());
        counters.merge(&self.host_level.drops());
        counters.merge(&self.series_level.drops());
        counters
    }

    /// Takes one sorted epoch and judges it; used live, and on files once the models are there.
    pub fn observe(&mut self, epoch: &mut Vec<Observation>, out: &mut Judged) {
        let mut flows = Vec::new();
        self.exact(epoch, &mut flows, out);
        self.tell_alerts();
        self.packets.settle(|host| self.incidents.involves(host));
        let told = take_told(&mut flows);
        let (rows, verdicts) = self.judge(&flows);
        self.deliver(flows, &rows, verdicts, out);
        out.flows.extend(told.into_iter().map(|record| JudgedFlow { record, verdict: None, in_iface: None }));
    }

    /// Takes one epoch as past: detectors, hosts and learner know it afterwards, and nobody is told of it.
    pub fn warm(&mut self, epoch: &mut Vec<Observation>) {
        let mut flows = Vec::new();
        self.exact(epoch, &mut flows, &mut Judged::default());
        self.alerts.clear();
        self.series_level.interrupt();
        drop(take_told(&mut flows));
        for flow in &flows {
            self.learner.learn(flow);
            if let Some(reservoir) = &mut self.reservoir {
                // The past is given as ordinary.
                reservoir.offer(flow, 1.0, false);
            }
        }
    }

    /// The exact half of `observe`, for a process that measures only: what is learned of flows, and incidents, are others'. The incident
    /// manager here hears the exact alerts, so that the packet level knows whom not to learn from.
    pub fn measure(&mut self, epoch: &mut Vec<Observation>) -> Measured {
        let (mut flows, mut out) = (Vec::new(), Judged::default());
        self.kept_windows = Some(self.kept_windows.take().unwrap_or_default());
        self.exact(epoch, &mut flows, &mut out);
        let measured = |record: Box<FlowRecord>| {
            let members = self.packets.take_flow(&record.key).map_or_else(Vec::new, |pool| pool.members().to_vec());
            MeasuredFlow { record, members }
        };
        let flows = flows.into_iter().map(measured).collect();
        self.measured(flows, out.seconds)
    }

    /// The exact half of `advance`.
    pub fn measure_time(&mut self, now: Timestamp) -> Measured {
        self.now = self.now.max(now);
        self.tick();
        self.measured(Vec::new(), Vec::new())
    }

    fn measured(&mut self, flows: Vec<MeasuredFlow>, seconds: Vec<InterfaceSecond>) -> Measured {
        let alerts = self.alerts.clone();
        self.tell_alerts();
        self.packets.settle(|host| self.incidents.involves(host));
        self.incidents.advance(self.now);
        drop(self.incidents.drain());
        let windows = self.kept_windows.as_mut().map(std::mem::take).unwrap_or_default();
        Measured { flows, alerts, seconds, windows }
    }

    /// The end of the input, measured.
    pub fn measure_end(&mut self) -> Measured {
        self.behaviours.finish(&mut self.alerts);
        self.packets.advance(Timestamp(i64::MAX), &mut self.alerts);
        self.measure_time(self.now)
    }

    /// What `measure` brought elsewhere, with the verdicts that models elsewhere gave it: incidents, learner and caller get it as from `observe`.
    pub fn tell(&mut self, told: Told, out: &mut Judged) {
        for record in told.flows.iter().map(|flow| &flow.record) {
            self.now = self.now.max(record.end);
        }
        self.now = self.now.max(told.now);
        self.alerts.extend(told.alerts);
        self.tell_alerts();
        out.seconds.extend(told.seconds);
        let (judged, rest): (Vec<_>, Vec<_>) =
            told.flows.into_iter().partition(|flow| flow.record.origin.has_packet_statistics());
        let rows = if self.watch.is_some() {
            vectors(judged.iter().map(|flow| flow.record.as_ref()))
        } else {
            Matrix::default()
        };
        for (place, flow) in judged.into_iter().enumerate() {
            self.deliver_one(flow, &rows, place, out);
        }
        self.incidents.advance(self.now);
        out.incidents.append(&mut self.incidents.drain());
        out.flows.extend(rest);
    }

    fn tell_alerts(&mut self) {
        for alert in std::mem::take(&mut self.alerts) {
            self.covered.alert(&alert);
            self.incidents.alert(alert);
        }
    }

    /// The exact half only: windows, behaviour detectors, hosts. Alerts stay inside until `take_alerts` or `observe`.
    pub(crate) fn exact(&mut self, epoch: &mut Vec<Observation>, flows: &mut Vec<Box<FlowRecord>>, out: &mut Judged) {
        for observation in epoch.drain(..) {
            self.now = self.now.max(observation.ts());
            if let Observation::Packet(sample) = &observation {
                self.packets.observe(sample, &mut self.alerts);
                continue;
            }
            self.hosts.observe(&observation);
            self.windows.observe(&observation);
            self.behaviours.observe(&observation, &mut self.alerts);
            match observation {
                Observation::Flow(flow) => flows.push(flow),
                Observation::Second(second) => {
                    self.series_level.second(&second, &mut self.alerts);
                    out.seconds.push(*second);
                }
                _ => {}
            }
        }
        self.tick();
    }

    fn tick(&mut self) {
        // Before the first observation there is no time: a detector that learns would take the beginning of all times for its start.
        if self.now == Timestamp(i64::MIN) {
            return;
        }
        self.closed_windows.clear();
        self.windows.advance(self.now, &mut self.closed_windows);
        for window in &self.closed_windows {
            self.behaviours.window(window, &mut self.alerts);
        }
        if let Some(kept) = &mut self.kept_windows {
            kept.extend(self.closed_windows.iter().cloned());
        }
        self.host_level.observe(&self.closed_windows, &mut self.alerts);
        self.series_level.windows(&self.closed_windows, &mut self.alerts);
        self.behaviours.advance(self.now, &mut self.alerts);
    }

    /// Tells the time when nothing happens, so that quiet incidents close.
    pub fn advance(&mut self, now: Timestamp, out: &mut Judged) {
        self.now = self.now.max(now);
        self.tick();
        self.tell_alerts();
        self.incidents.advance(self.now);
        out.incidents.append(&mut self.incidents.drain());
    }

    /// The input ended: pending stories are told.
    pub fn finish(&mut self, out: &mut Judged) {
        self.behaviours.finish(&mut self.alerts);
        self.packets.advance(Timestamp(i64::MAX), &mut self.alerts);
        self.advance(self.now, out);
    }

    /// The models, for keeping.
    pub(crate) fn into_ensemble(self) -> Option<Arc<Ensemble>> {
        self.ensemble
    }

    /// Alerts raised by `exact` and not yet handed on.
    pub(crate) fn take_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts)
    }

    /// Scores flows in one batch, with their vectors; empty while there are no models.
    fn judge(&mut self, flows: &[Box<FlowRecord>]) -> (Matrix, Vec<Verdict>) {
        if self.ensemble.is_none() {
            return (Matrix::default(), Vec::new());
        }
        let rows = vectors(flows.iter().map(AsRef::as_ref));
        let judgements = self.judgements(&rows);
        let pooled: Vec<_> = flows.iter().map(|flow| self.packets.take_flow(&flow.key)).collect();
        let verdict = |(index, flow): (usize, &FlowRecord)| {
            self.verdict(&flow.brief(), rows.row(index), &judgements[index], pooled[index], true)
        };
        let verdicts = flows.iter().map(AsRef::as_ref).enumerate().map(verdict).collect();
        (rows, verdicts)
    }

    /// One judgement a row; empty while there are no models.
    pub(crate) fn judgements(&self, rows: &Matrix) -> Vec<Judgement> {
        let mut judgements = Vec::new();
        if let Some(ensemble) = &self.ensemble {
            ensemble.judge(rows, &mut judgements);
        }
        judgements
    }

    /// What is said of a flow, with reasons where it is strange enough; `in_full`: and with what each member said.
    pub(crate) fn verdict(
        &self,
        flow: &FlowBrief,
        row: &[f32],
        judgement: &Judgement,
        packets: Option<FlowPackets>,
        in_full: bool,
    ) -> Verdict {
        let mut members = Vec::new();
        if in_full {
            members.extend(self.ensemble.iter().flat_map(|ensemble| ensemble.member_scores(judgement)));
            members.extend(packets.into_iter().flat_map(|packets| packets.members()));
        }
        verdict_of(self.ensemble.as_deref(), flow, row, judgement, members)
    }

    /// Hands flows and verdicts to incidents, learner and caller.
    fn deliver(&mut self, flows: Vec<Box<FlowRecord>>, rows: &Matrix, verdicts: Vec<Verdict>, out: &mut Judged) {
        let mut verdicts = verdicts.into_iter();
        for (place, record) in flows.into_iter().enumerate() {
            let verdict = verdicts.next();
            self.deliver_one(JudgedFlow { record, verdict, in_iface: None }, rows, place, out);
        }
        self.incidents.advance(self.now);
        out.incidents.append(&mut self.incidents.drain());
    }

    fn deliver_one(&mut self, mut flow: JudgedFlow, rows: &Matrix, place: usize, out: &mut Judged) {
        match &mut flow.verdict {
            Some(verdict) => {
                let record = &flow.record;
                self.incidents.verdict(&record.brief(), verdict);
                let (src, dest) = (record.src().addr, record.dest().addr);
                let in_incident = self.incidents.involves(src) || self.incidents.involves(dest);
                if let Some(reservoir) = &mut self.reservoir {
                    reservoir.offer(record, verdict.p_value, in_incident);
                }
                if let Some(watch) = &mut self.watch {
                    watch.observe_row(verdict, rows.row(place), in_incident);
                }
                if let Some(score) = self.covered.score(record) {
                    verdict.anomalous = true;
                    verdict.score = verdict.score.max(score);
                }
            }
            None => self.learner.learn(&flow.record),
        }
        out.flows.push(flow);
    }
}

/// What models say of a flow, with reasons where it is strange enough.
fn verdict_of(
    ensemble: Option<&Ensemble>,
    flow: &FlowBrief,
    row: &[f32],
    judgement: &Judgement,
    members: Vec<MemberScore>,
) -> Verdict {
    let explained = judgement.anomalous || judgement.p_value <= EXPLAINED_P_VALUE;
    Verdict {
        flow_id: flow.flow_id,
        ts: flow.end,
        score: judgement.score,
        p_value: judgement.p_value,
        novelty_p_value: judgement.novelty,
        known: ensemble.and_then(|ensemble| ensemble.known_attack(judgement)),
        anomalous: judgement.anomalous,
        why: ensemble.filter(|_| explained).map_or_else(Vec::new, |ensemble| ensemble.explain(row)),
        members,
    }
}

/// What models say of flows that were measured elsewhere, as a judge that has these models would say it: it depends on the flow and
/// on nothing before it, so any process can say it, and say it again. None of flows that others measured.
pub fn score(ensemble: &Ensemble, flows: &[MeasuredFlow]) -> Vec<Option<Verdict>> {
    let judged = || flows.iter().filter(|flow| flow.record.origin.has_packet_statistics());
    let rows = vectors(judged().map(|flow| flow.record.as_ref()));
    let mut judgements = Vec::new();
    ensemble.judge(&rows, &mut judgements);
    let mut place = 0;
    let mut verdict = |flow: &MeasuredFlow| {
        if !flow.record.origin.has_packet_statistics() {
            return None;
        }
        let mut members: Vec<_> = ensemble.member_scores(&judgements[place]).into_iter().collect();
        members.extend(flow.members.iter().cloned());
        let verdict = verdict_of(Some(ensemble), &flow.record.brief(), rows.row(place), &judgements[place], members);
        place += 1;
        Some(verdict)
    };
    flows.iter().map(&mut verdict).collect()
}

/// Takes the flows that others measured out: no model judges or learns them (docs/decisions/0009).
pub(crate) fn take_told(flows: &mut Vec<Box<FlowRecord>>) -> Vec<Box<FlowRecord>> {
    if flows.iter().all(|flow| flow.origin.has_packet_statistics()) {
        return Vec::new();
    }
    let (measured, told) = std::mem::take(flows).into_iter().partition(|flow| flow.origin.has_packet_statistics());
    *flows = measured;
    told
}

/// An incident manager that speaks of features in their own phrases.
fn incident_manager(config: &AlertConfig) -> IncidentManager {
    let mut manager = IncidentManager::new(config);
    manager.describe_features(features::flow_schema());
    manager
}

/// The behaviour detectors' settings with the home networks in their form.
fn behaviour(config: &JudgeConfig) -> BehaviourConfig {
    BehaviourConfig { home: config.home.clone(), ..config.behaviour.clone() }
}

/// Feature vectors of many flows, one row each.
pub fn vectors<'a>(flows: impl Iterator<Item = &'a FlowRecord>) -> Matrix {
    let columns = features::flow_schema().features.len();
    let mut rows = Matrix::with_capacity(flows.size_hint().0, columns);
    let mut row = Vec::with_capacity(columns);
    for flow in flows {
        row.clear();
        features::flow_vector(flow, &mut row);
        rows.push(&row);
    }
    rows
}
