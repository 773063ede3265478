//! The judge thread: merges the workers' parcels by time, judges them, and hands the results to store, live stream and status.
//! Owns the order of these and the training's start; the judging itself is `evaluate::Judge`, as in a file analysis.

use super::evidence;
use super::feedback::Verdicts;
use super::lag::Lag;
use super::level_models::LevelTrainings;
use super::losses::Losses;
use super::memory::Memory;
use super::packet_ring::PacketRing;
use super::publish::Publisher;
use super::requests::{Change, Request};
use super::retrain::{Lessons, Retrain};
use super::series;
use super::side_models::SideModels;
use super::status::{ModelState, Scores, Status};
use super::training::Training;
use super::worker::{Parcel, wall_clock};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use evaluate::{Judge, Judged, JudgedFlow};
use record::observation::EXPORTED_INTERFACE;
use record::{FlowOrigin, HostRecord, Incident, IncidentStatus, InterfaceSecond, IpAddr16, Observation, Timestamp};
use serve::shapes::ModelVersion;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{FlowWrite, Sqlite, StoreBatch};

/// Parcels merged at once: what several workers sent in the same tenth of a second.
const PARCELS_MERGED_MAX: usize = 8;
/// How long the judge waits for a parcel before it lets time pass.
const WAIT: Duration = Duration::from_millis(100);
/// Evidence of one incident is written again at most this often.
const EVIDENCE_EVERY: Duration = Duration::from_secs(2);
/// Seconds held for slower workers; beyond it they are judged in parts.
const SECONDS_HELD_MAX: usize = 256;
/// Hosts handed to the store at once, and how often.
const HOSTS_AT_ONCE: usize = 2_048;
const HOSTS_EVERY: Duration = Duration::from_secs(1);
/// Rows waiting for the store with which no host is added.
const HOSTS_WAITING_MAX: u64 = 4_096;
/// Names of exporters kept at hand.
const EXPORTER_NAMES_MAX: usize = 1_024;
/// Incidents whose evidence is remembered as waiting.
const EVIDENCE_WAITING_MAX: usize = 256;

/// Settings that a running judge takes over.
pub struct Reload {
    /// Detectors, incidents, home networks.
    pub judge: evaluate::JudgeConfig,
    /// Learning.
    pub learn: evaluate::LearnConfig,
    /// Packets saved with one incident.
    pub evidence_packets_max: usize,
}

/// What the judge thread is made of.
pub struct Judging {
    /// The judge.
    pub judge: Judge,
    /// From the workers.
    pub parcels: Receiver<Parcel>,
    /// From the API.
    pub requests: Receiver<Request>,
    /// From SIGHUP.
    pub reloads: Receiver<Box<Reload>>,
    /// New threat-intelligence lists.
    pub indicators: Receiver<Arc<detect::intel::Indicators>>,
    /// How far behind the traffic judging is.
    pub lag: Lag,
    /// What the detectors remember over a restart.
    pub memory: Memory,
    /// This machine's sockets, for the owners of flows; None when it is not watched.
    pub host: Option<Arc<super::host_watch::HostShared>>,
    /// CSV logs; None when they are off, and when nothing is captured.
    pub log: Option<super::csv_logs::CsvLog>,
    /// History.
    pub store: Arc<Sqlite>,
    /// Live stream.
    pub publisher: Publisher,
    /// Shared numbers.
    pub status: Arc<Mutex<Status>>,
    /// Shared scores.
    pub scores: Arc<Mutex<Scores>>,
    /// Newest packets, for evidence.
    pub rings: Vec<Arc<Mutex<PacketRing>>>,
    /// Settings.
    pub settings: JudgingSettings,
    /// When models are renewed.
    pub retrain: Retrain,
    /// The models beside those of flows.
    pub side_models: SideModels,
    /// Those of hosts and series.
    pub levels: LevelTrainings,
    /// The training under way.
    pub training: Option<Training>,
    /// Kept versions of the models, the one in place first.
    pub versions: Vec<ModelVersion>,
    /// Who is told outside.
    pub notifier: super::notify::Notifier,
    /// What people said, shared with the API.
    pub verdicts: Arc<Mutex<Verdicts>>,
    /// What trainings learn from it.
    pub lessons: Lessons,
    /// A sensor's way to the detectors; None where flows are judged here or come judged.
    pub outward: Option<Box<dyn super::roles::Outward>>,
    /// Epochs from other machines that the store is still to be given.
    pub epochs: super::roles::TakenEpochs,
    /// Where incidents go beside the store.
    pub incident_topic: Option<super::roles::IncidentTopic>,
    /// Per-run state.
    pub run: RunState,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

/// Settings of the thread.
#[derive(Clone)]
pub struct JudgingSettings {
    /// Learning.
    pub learn: evaluate::LearnConfig,
    /// Models.
    pub models: detect::EnsembleConfig,
    /// Evidence.
    pub evidence: crate::config::Evidence,
    /// Where models are kept; None: nowhere.
    pub models_dir: Option<PathBuf>,
    /// True when the capture clock is the wall clock, so that time passes without packets.
    pub live: bool,
    /// True when flows are learned from.
    pub learns: bool,
    /// True when the charts show exported traffic: not beside captured traffic, which may be the same.
    pub charts_exports: bool,
    /// When gathered evidence is an incident.
    pub roll_up: alert::RollUpConfig,
}

/// What the thread remembers between two rounds.
#[derive(Default)]
pub struct RunState {
    evidence_waiting: BTreeMap<String, Incident>,
    evidence_written: BTreeMap<String, Instant>,
    seconds: Vec<Observation>,
    pub(super) open: BTreeSet<String>,
    flows_open_second: (u64, u64),
    interfaces: Vec<Arc<str>>,
    exporters: BTreeMap<IpAddr16, Arc<str>>,
    pub(super) workers_ended: BTreeSet<usize>,
    pub(super) failed_training: bool,
    pub(super) looked: Option<Instant>,
    hosts_told: Option<Instant>,
    /// The input has ended.
    last: bool,
}

impl Judging {
    /// Runs until every worker has ended its channel; then what is left is judged and written, and people and a training under way
    /// are served until the process stops.
    pub fn run(mut self) {
        loop {
            let (parcels, closed) = self.gather();
            self.apply_requests();
            self.apply_reloads();
            let mut judged = Judged::default();
            let waiting = self.parcels.len();
            let dues: Vec<_> = parcels.iter().map(|p| (p.worker, p.due, p.ended.is_some())).collect();
            self.take(parcels, &mut judged);
            self.deliver(judged);
            self.measure_lag(&dues);
            self.train();
            self.side_models.round(&mut self.judge, &self.status, &mut self.retrain, closed);
            self.levels.round(&mut self.judge, &self.status, &mut self.retrain, closed);
            self.save_evidence(closed);
            self.memory.save(self.judge.behaviours(), false);
            self.tell(waiting);
            if closed {
                break;
            }
        }
        let mut judged = Judged::default();
        if self.outward.is_some() {
            self.measure_end(&mut judged);
        } else {
            self.judge.finish(&mut judged);
        }
        self.run.last = true;
        self.deliver(judged);
        self.save_evidence(true);
        self.memory.save(self.judge.behaviours(), true);
        if let Err(error) = self.store.flush() {
            tracing::error!("store: {error}");
        }
        self.after_the_input();
        if let Some(outward) = &mut self.outward {
            outward.close();
        }
    }

    /// A replayed file has ended, its dashboard has not: incidents are looked at, and the models of its flows are still to come.
    fn after_the_input(&mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            self.apply_requests();
            self.apply_reloads();
            self.train();
            self.side_models.round(&mut self.judge, &self.status, &mut self.retrain, true);
            self.levels.round(&mut self.judge, &self.status, &mut self.retrain, true);
            self.tell(0);
            std::thread::sleep(WAIT);
        }
    }

    /// After judging: how long ago was the newest judged packet of each source there?
    fn measure_lag(&mut self, dues: &[(usize, Instant, bool)]) {
        let now = Instant::now();
        for (worker, due, ended) in dues {
            self.lag.judged(*worker, *due, *ended, now);
        }
        self.lag.look(now);
    }

    fn apply_reloads(&mut self) {
        while let Ok(indicators) = self.indicators.try_recv() {
            self.judge.behaviours().set_indicators(indicators);
        }
        while let Ok(reload) = self.reloads.try_recv() {
            let Reload { judge, learn, evidence_packets_max } = *reload;
            self.judge.reconfigure(&judge);
            self.judge.learner().reconfigure(learn);
            self.settings.learn = learn;
            self.settings.roll_up = judge.alert.roll_up;
            self.settings.models = judge.models;
            self.lessons.said.weight = learn.false_positive_weight;
            self.settings.evidence.packets_max = evidence_packets_max;
        }
    }

    /// Waits for a parcel, then takes those that are there as well.
    fn gather(&mut self) -> (Vec<Parcel>, bool) {
        let mut parcels = Vec::new();
        match self.parcels.recv_timeout(WAIT) {
            Ok(parcel) => parcels.push(parcel),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return (parcels, true),
        }
        // Parcels of one worker are in order as they are: each is a round, so that rounds do not depend on how busy the machine is.
        let most = if lock(&self.status).sources.len() > 1 { PARCELS_MERGED_MAX } else { 1 };
        while parcels.len() < most {
            let Ok(parcel) = self.parcels.try_recv() else { break };
            parcels.push(parcel);
        }
        (parcels, false)
    }

    fn take(&mut self, mut parcels: Vec<Parcel>, judged: &mut Judged) {
        let mut epoch = Vec::new();
        self.take_elsewhere(&mut parcels, judged);
        let mut now = if self.settings.live { wall_clock() } else { Timestamp(i64::MIN) };
        {
            let mut status = lock(&self.status);
            for mut parcel in parcels {
                epoch.append(&mut parcel.observations);
                if parcel.now.0 > 0 {
                    now = now.max(parcel.now);
                }
                if let Some(ended) = &parcel.ended {
                    self.run.workers_ended.insert(parcel.worker);
                    tracing::info!(
                        "source {}: {ended}",
                        status.sources.get(parcel.worker).map_or("", |s| s.name.as_str())
                    );
                }
                if let Some(source) = status.sources.get_mut(parcel.worker) {
                    source.clock = Some(parcel.now).filter(|t| t.0 > 0).or(source.clock);
                    source.log = parcel.log.or(source.log.take());
                    source.meter = parcel.meter;
                    source.stats = parcel.source.unwrap_or_else(|| std::mem::take(&mut source.stats));
                    if source.take_peers_name() {
                        self.run.interfaces.clear();
                    }
                    source.ended = parcel.ended.or(source.ended.take());
                }
            }
        }
        self.hold_seconds(&mut epoch);
        evaluate::replay::sort(&mut epoch);
        if self.outward.is_some() {
            self.measure(&mut epoch, now, judged);
            return;
        }
        self.judge.observe(&mut epoch, judged);
        if now > self.judge.now() {
            self.judge.advance(now, judged);
        }
    }

    /// Holds back seconds that a slower worker still has a part of, so that a flood spread over the workers counts as one.
    fn hold_seconds(&mut self, epoch: &mut Vec<Observation>) {
        let (seconds, rest) = std::mem::take(epoch).into_iter().partition(|o| matches!(o, Observation::Second(_)));
        *epoch = rest;
        self.run.seconds.extend(seconds);
        let status = lock(&self.status);
        let slowest =
            status.sources.iter().filter(|s| s.ended.is_none()).map(|s| s.clock.unwrap_or(Timestamp(i64::MIN))).min();
        let slowest = slowest.unwrap_or(Timestamp(i64::MAX));
        let full = self.run.seconds.len() > SECONDS_HELD_MAX;
        let (due, held) = std::mem::take(&mut self.run.seconds).into_iter().partition(|o| full || o.ts() < slowest);
        self.run.seconds = held;
        epoch.extend::<Vec<Observation>>(due);
    }

    /// Results to store, stream and status.
    fn deliver(&mut self, mut judged: Judged) {
        let mut batch = StoreBatch::default();
        if let Some(host) = &self.host {
            host.name_owners(&mut judged.flows);
        }
        if let Some(log) = &self.log {
            judged.flows.iter().for_each(|flow| log.connection(store::csv_log::connection_of_flow(&flow.record)));
        }
        self.remember_scores(&judged.flows);
        for flow in &judged.flows {
            self.run.flows_open_second.0 += 1;
            self.run.flows_open_second.1 += u64::from(flow.verdict.as_ref().is_some_and(|v| v.anomalous));
        }
        let charts_exports = self.settings.charts_exports;
        let charted = |second: &InterfaceSecond| charts_exports || second.interface != EXPORTED_INTERFACE;
        let seconds = series::merge(judged.seconds.into_iter().filter(charted).collect());
        for second in &seconds {
            let dropped = Losses::of(&lock(&self.status).drops()).packets.total();
            let (flows, anomalous) = std::mem::take(&mut self.run.flows_open_second);
            series::points(second, flows, anomalous, dropped, &mut batch.series);
            lock(&self.status).second = series::state(second, flows, anomalous);
        }
        self.publisher.flows(&judged.flows);
        for incident in judged.incidents {
            if self.run.evidence_waiting.len() < EVIDENCE_WAITING_MAX {
                self.run.evidence_waiting.insert(incident.id.clone(), incident.clone());
            }
            self.count_open(&incident);
            self.publisher.incident(&incident);
            self.notifier.offer(&incident);
            if let Some(topic) = &self.incident_topic {
                topic(&incident);
            }
            batch.incidents.push(incident);
        }
        batch.hosts = self.changed_hosts();
        if let Some(outward) = &self.outward {
            outward.hosts(&batch.hosts);
        }
        self.epochs.add_to(&mut batch);
        let flows_open = judged.flows.len() as u64;
        let anomalous = judged.flows.iter().filter(|f| f.verdict.as_ref().is_some_and(|v| v.anomalous)).count() as u64;
        batch.flows = judged.flows.into_iter().map(|flow| self.flow_write(flow)).collect();
        {
            let mut status = lock(&self.status);
            status.flows += flows_open;
            status.flows_anomalous += anomalous;
        }
        match self.store.write(batch) {
            Ok(()) => self.epochs.acknowledge(),
            Err(error) => tracing::error!("store: {error}"),
        }
    }

    /// Once a second a bounded number: with very many busy hosts each row is written less often, and flows have the store's time.
    fn changed_hosts(&mut self) -> Vec<HostRecord> {
        let due = self.run.hosts_told.is_none_or(|told| told.elapsed() >= HOSTS_EVERY);
        let most = if self.run.last { usize::MAX } else { HOSTS_AT_ONCE };
        // A store that is behind gets none: the hand-over would wait for it, and hosts can wait better than judging.
        let behind = || self.store.counters().waiting_other > HOSTS_WAITING_MAX;
        if !self.run.last && (!due || behind()) {
            return Vec::new();
        }
        self.run.hosts_told = Some(Instant::now());
        self.judge.hosts().drain_changed(most)
    }

    /// Keeps the number of open incidents true without asking the store.
    fn count_open(&mut self, incident: &Incident) {
        let open = incident.status == IncidentStatus::Open && !incident.over_budget && incident.part_of.is_none();
        let changed = if open { self.run.open.insert(incident.id.clone()) } else { self.run.open.remove(&incident.id) };
        if changed {
            let mut status = lock(&self.status);
            status.incidents_open =
                if open { status.incidents_open + 1 } else { status.incidents_open.saturating_sub(1) };
        }
    }

    fn flow_write(&mut self, flow: JudgedFlow) -> FlowWrite {
        let record = flow.record;
        let community_id = flow::community_id_of(&record);
        let in_iface = match (flow.in_iface, record.origin) {
            (Some(name), _) => name,
            (None, FlowOrigin::Export { exporter, .. }) => self.exporter_name(exporter),
            (None, FlowOrigin::Packets | FlowOrigin::Log) => self.interface_name(usize::from(record.interface)),
        };
        FlowWrite { record, verdict: flow.verdict, community_id, in_iface }
    }

    pub(super) fn interface_name(&mut self, index: usize) -> Arc<str> {
        if self.run.interfaces.is_empty() {
            self.run.interfaces = lock(&self.status).sources.iter().map(|s| Arc::from(s.name.as_str())).collect();
        }
        self.run.interfaces.get(index).or(self.run.interfaces.first()).cloned().unwrap_or_else(|| Arc::from(""))
    }

    /// An exporter's address in place of an interface.
    pub(super) fn exporter_name(&mut self, exporter: IpAddr16) -> Arc<str> {
        if self.run.exporters.len() >= EXPORTER_NAMES_MAX {
            self.run.exporters.clear();
        }
        let name = self.run.exporters.entry(exporter).or_insert_with(|| Arc::from(exporter.to_string()));
        Arc::clone(name)
    }

    fn remember_scores(&self, flows: &[JudgedFlow]) {
        let mut scores = lock(&self.scores);
        for flow in flows {
            if let Some(verdict) = &flow.verdict {
                scores.put(flow.record.key, verdict.score);
            }
        }
    }

    /// A person moved an incident or wrote a note.
    pub(super) fn change(&mut self, change: Change) {
        let Change { id, what, reply } = change;
        let manager = self.judge.incidents();
        let mut changed = None;
        if let Some(status) = what.status {
            changed = manager.set_status(&id, status).or(changed);
        }
        if let Some(note) = what.note.clone() {
            changed = manager.add_note(&id, note).or(changed);
        }
        let batch = StoreBatch { changes: vec![(id, what)], ..StoreBatch::default() };
        if let Err(error) = self.store.write(batch).and_then(|()| self.store.flush()) {
            tracing::error!("store: {error}");
        }
        if let Some(incident) = &changed {
            self.count_open(incident);
            self.publisher.incident(incident);
        }
        // Whoever asked may have hung up.
        let _ = reply.send(changed);
    }

    /// Writes the packets of incidents that are new or grew; at the end all that wait.
    fn save_evidence(&mut self, all: bool) {
        let due: Vec<String> = self
            .run
            .evidence_waiting
            .keys()
            .filter(|id| all || self.run.evidence_written.get(*id).is_none_or(|t| t.elapsed() >= EVIDENCE_EVERY))
            .cloned()
            .collect();
        for id in due {
            let Some(incident) = self.run.evidence_waiting.remove(&id) else { continue };
            self.run.evidence_written.insert(id, Instant::now());
            if let Some(incident) = self.write_evidence(&incident) {
                self.publisher.incident(&incident);
                let batch = StoreBatch { incidents: vec![incident], ..StoreBatch::default() };
                if let Err(error) = self.store.write(batch) {
                    tracing::error!("store: {error}");
                }
            }
        }
        self.run.evidence_written.retain(|_, written| written.elapsed() < EVIDENCE_EVERY * 30);
    }

    fn write_evidence(&mut self, incident: &Incident) -> Option<Incident> {
        let settings = self.settings.evidence;
        let packets = evidence::packets(&self.rings, incident, settings.packets_max);
        if packets.is_empty() {
            return None;
        }
        let file = evidence::pcapng(&packets, settings.snap_len, &evidence::comment(incident, packets.len())).ok()?;
        if let Err(error) = self.store.evidence().save(&incident.id, |out| out.write_all(&file)) {
            tracing::warn!("evidence of incident {}: {error}", incident.id);
            return None;
        }
        let known = incident.evidence.pcap;
        self.judge.incidents().set_evidence(&incident.id, true).filter(|_| !known)
    }

    fn tell(&mut self, waiting: usize) {
        let now = self.judge.now();
        let model = match (&self.training, self.judge.ensemble()) {
            (_, Some(_)) => ModelState::Ready,
            (Some(training), None) => ModelState::Training(training.progress()),
            _ if !self.settings.learns => ModelState::Off,
            _ => ModelState::Learning(self.judge.learner().progress(now)),
        };
        let (budget, drops, hosts) = (self.judge.budget(), self.judge.drops(), self.judge.hosts().distinct());
        let store = self.store.counters();
        let looked = Instant::now();
        let lag_ms = self.lag.worst_ms(looked);
        let notifications = self.notifier.health();
        let outward = self.outward.as_mut().map(|outward| (outward.look(), outward.flows_dropped()));
        self.look(false);
        let mut status = lock(&self.status);
        if let Some((words, dropped)) = outward {
            status.roles = words;
            status.flows_not_handed_on = dropped;
        }
        if !self.run.failed_training {
            status.model = model;
        }
        status.now = now.max(Timestamp(0));
        status.budget = budget;
        status.judge_drops = drops;
        status.hosts = hosts;
        status.queue = waiting;
        for (number, source) in status.sources.iter_mut().enumerate() {
            source.look(looked, wall_clock(), self.lag.of(number, looked));
        }
        status.lag_ms = lag_ms;
        status.notifications = notifications;
        status.store = store;
        drop(status);
        self.publisher.round();
    }
}

/// A lock that a panicked thread left is still good: every write under it is one assignment.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
